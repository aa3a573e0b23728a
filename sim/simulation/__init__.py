"""Deterministic simulation with faults: production's runtime as several processes, on one seed and a real Postgres.

`play` runs one seed in two phases, faults on and faults off; `invariants` says whether what then stands in the
database, and what the provider was given, keeps every promise. `runs` plays many. Nothing here is hooked into the
runtime: what may fail are its ports, its connections and its processes.
"""
