"""Measurements beside other makers' tools; their packages, the group `peers`, have an environment of their own."""
