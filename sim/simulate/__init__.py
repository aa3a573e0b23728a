"""The Simulate page of `parlo up`: phones in the browser, what became of each message, and a clock that can be moved.

`sim.up` serves it on loopback beside the Twilio emulator, in the same process; production has no part of it. People's
messages go through the emulator to the real webhook, signed. The page reads the database and never writes to it.
"""
