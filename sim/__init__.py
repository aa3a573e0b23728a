"""Replays and simulates the production runtime: virtual clock, transcripts, offline model, emulated Twilio."""
