"""The workbench's statistics: pure functions on numbers, for whoever compares two versions or gates a change.

They read no file, no database and no clock; chance is a `random.Random` that the caller seeds. What a figure answers,
what it assumes and which test shows it: `docs/statistics.md`.
"""
