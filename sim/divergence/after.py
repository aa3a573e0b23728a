"""How a replay goes on once a recorded line no longer fits."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from sim.transcripts import Say


class AfterDivergence(StrEnum):
    """What is said after a divergence.

    Attributes:
        STOP: Nothing: the conversation ends there.
        RECORDED: The recorded lines all the same. Everything that was expected is still asked for.
        SIMULATED: What a simulated customer says who wants what the recorded one wanted.
    """

    STOP = "stop"
    RECORDED = "recorded"
    SIMULATED = "simulated"


def say_plainly(line: Say) -> Say:
    """A line whose button or quoted message is not there: the same words, written."""
    text = line.text or (line.button.text if line.button else "")
    return msgspec.structs.replace(line, text=text, button=None, quote=None)
