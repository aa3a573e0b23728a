"""Twilio behind our ports: `messenger` sends and looks up, `signature` verifies webhooks, `http` reaches the API.

Nothing is re-exported: the web process verifies signatures without paying for the whole SDK.
"""
