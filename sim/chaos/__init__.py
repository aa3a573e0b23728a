"""Chaos with [real processes](proof.md#chaos-with-real-processes): killed, stopped and cut off while people write."""
