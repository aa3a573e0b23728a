"""Deterministic conversations: step(state, event) gives state and effects."""
