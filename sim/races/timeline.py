"""A story of a race as lines for people: who took which step when, each attempt in a column of its own."""

from __future__ import annotations

import re

from sim.races.figures import Story

_WIDTH = 30
_WORDS = (
    (r"^select c\.fence", "lock the conversation"),
    (r"^select exists \(select from handoffs", "look at the conversation"),
    (r"^select staff_id, spot_id, starts_at", "look at the calendar"),
    (r"^select not exists \( select from appointments", "look at the slot again"),
    (r"from staff .* for no key update", "lock person and chair"),
    (r"pg_advisory_xact_lock", "lock the calendar's key"),
    (r"pg_try_advisory_xact_lock", "try the conversation's key"),
    (r"^select id, cast\(xmin", "read the versions"),
    (r"^update (staff|spots)", "advance the version"),
    (r"^insert into appointments", "write the appointment"),
    (r"^update appointments", "move the appointment"),
    (r"^update conversations set .*attempts", "claim the conversation"),
    (r"\bopened as \(", "open or resume the turn"),
    (r"^insert into steps", "journal a step"),
    (r"^insert into messages", "remember the words"),
    (r"\bclosed as \(", "finish the turn"),
    (r"\binto outbox\b", "queue the answer"),
    (r"\bborn as \(", "find the person"),
    (r"\bupdate outbox\b", "send the answer"),
    (r"\binto flows\b", "note the flow"),
    (r"\binto inbox\b", "accept a message"),
    (r"\bupdate conversations\b", "give the conversation back"),
    (r"\bfrom steps\b", "read the journal"),
    (r"\bfrom messages\b", "read the history"),
)


def name_statement(statement: str) -> str:
    """A statement in a few words."""
    found = (words for pattern, words in _WORDS if re.search(pattern, statement, re.IGNORECASE))
    return next(found, statement[:_WIDTH])


def draw_story(story: Story) -> list[str]:
    """The story, a line for each step; who waits for a lock, and whom a step frees, is said beside it."""
    ways = story.scenario.split(" + ")
    heads = [f"{chr(ord('A') + number)} ({way})" for number, way in enumerate(ways)]
    lines = [f"{story.scenario}: {', '.join(story.anomalies)}", "   " + "".join(f"{head:{_WIDTH}}" for head in heads)]
    for position, step in enumerate(story.steps, 1):
        cell = name_statement(step.statement) + (" … waits" if step.waits else "")
        freed = "".join(f"  frees {chr(ord('A') + number)}" for number in step.woke)
        lines.append(f"{position:2} {' ' * (_WIDTH * step.attempt)}{cell}{freed}".rstrip())
    return [*lines, f"   {'; '.join(story.outcomes)}"]
