"""An emulator of Twilio's messaging API: `emulator` is the thing itself, `transport` and `server` the ways in.

`inbound` and `signing` make the webhooks it sends, `faults` what may go wrong.
"""
