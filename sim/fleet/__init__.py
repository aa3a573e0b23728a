"""Replays spread over a fleet of worker processes: shards as rows of a database of their own, offered by the broker."""
