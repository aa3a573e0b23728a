"""Races between attempts at one thing: every order of their steps, and many of them at once."""
