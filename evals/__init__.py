"""Scores replays, compares them, and renders reports."""
