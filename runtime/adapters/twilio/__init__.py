"""Twilio behind our ports: `messenger` sends and looks up, `media` fetches files, `templates` registers templates.

`signature` verifies webhooks; `http` and `download` are how the others reach Twilio.

Nothing is re-exported: the web process verifies signatures without paying for the whole SDK.
"""
