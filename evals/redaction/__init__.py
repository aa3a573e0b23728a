"""Redaction: consistent stand-ins for everything in an export that says who somebody is, and a check for leaks.

`make_redactor` is given everything that is known and every text of the export; the same value gets the same stand-in of
the same shape throughout. Stand-ins follow from a secret salt, and cannot be recomputed without it. Nothing here
reads a database or writes a file.
"""

from __future__ import annotations

from evals.redaction.leaks import LeakSearch, find_leaks
from evals.redaction.redactor import Redactor, make_redactor
from evals.redaction.words import Known

__all__ = ["Known", "LeakSearch", "Redactor", "find_leaks", "make_redactor"]
