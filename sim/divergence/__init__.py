"""Where a recorded line no longer fits what the system has just done, found by named rules and without a model.

The driver asks `PolicyWatch` before each line of a free replay. `moments` says what was recorded and what happened
instead, `words` reads lines and questions, `rules` judges. Nothing here replays, scores or decides how to go on.
"""

from sim.divergence.after import AfterDivergence, say_plainly
from sim.divergence.moments import Details, Moment, Now, Then, list_details, read_then
from sim.divergence.rules import NOT_SHOWN, RULES, Misfit, find_misfit
from sim.divergence.watch import PolicyWatch

__all__ = [
    "NOT_SHOWN",
    "RULES",
    "AfterDivergence",
    "Details",
    "Misfit",
    "Moment",
    "Now",
    "PolicyWatch",
    "Then",
    "find_misfit",
    "list_details",
    "read_then",
    "say_plainly",
]
