"""Parlo's production runtime: from an accepted WhatsApp message to a delivered answer."""
