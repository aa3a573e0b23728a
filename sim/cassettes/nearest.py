"""What a miss says: the recorded request that is most like the one asked, and where the two first differ.

`playing` asks when a replay goes another way than the recording. Requests are compared as they are written, so that
nothing hidden is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

MOST_SHOWN = 90
"""Characters of each side of a difference."""


class Difference(msgspec.Struct, frozen=True):
    """Where two requests first differ. `agreed` counts the parts before, so that the nearest is the one with most."""

    agreed: int
    where: str
    recorded: str
    asked: str


def explain_miss(asked: bytes, recorded: Sequence[bytes], played: Sequence[int]) -> str:
    """One sentence or two about a request that no cassette answers.

    Args:
        asked: The body that was asked, as it would be written.
        recorded: The bodies there are, in order.
        played: How often each has been answered.
    """
    if not recorded:
        return "the cassette holds no request at all"
    for position, body in enumerate(recorded):
        if _same(body, asked):
            times = sum(_same(each, asked) for each in recorded)
            return f"request {position + 1} was recorded {times} times and is asked once more"
    differences = [_compare(_read(body), _read(asked)) for body in recorded]
    # of equally near ones, what comes next in the conversation is what was meant
    best = max(range(len(recorded)), key=lambda at: (differences[at].agreed, played[at] == 0, -at))
    found = differences[best]
    return (
        f"nearest is request {best + 1} of {len(recorded)}, which first differs in {found.where}: "
        f"recorded {found.recorded}, asked {found.asked}"
    )


def _same(one: bytes, other: bytes) -> bool:
    return bool(_read(one) == _read(other))


def _read(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body.decode(errors="replace")


def _compare(recorded: Any, asked: Any) -> Difference:
    if not isinstance(recorded, dict) or not isinstance(asked, dict):
        return Difference(0, "the body", _show(recorded), _show(asked))
    agreed = 0
    if recorded.get("model") != asked.get("model"):
        return Difference(0, "the model", _show(recorded.get("model")), _show(asked.get("model")))
    theirs, ours = _list(recorded.get("messages")), _list(asked.get("messages"))
    found: Difference | None = None
    for position in range(max(len(theirs), len(ours))):
        one = theirs[position] if position < len(theirs) else None
        other = ours[position] if position < len(ours) else None
        if one == other:
            agreed += 10
        elif found is None:
            found = _compare_messages(position + 1, one, other, agreed)
    if found is None:
        name = next((each for each in sorted({*recorded, *asked}) if recorded.get(each) != asked.get(each)), "nothing")
        found = Difference(agreed, f"`{name}`", _show(recorded.get(name)), _show(asked.get(name)))
    return msgspec.structs.replace(found, agreed=agreed + (len(theirs) == len(ours)))


def _compare_messages(number: int, recorded: Any, asked: Any, agreed: int) -> Difference:
    either = recorded if recorded is not None else asked
    role = either.get("role", "?") if isinstance(either, dict) else "?"
    where = f"message {number} ({role})"
    if not isinstance(recorded, dict) or not isinstance(asked, dict):
        return Difference(agreed, where, _show(recorded), _show(asked))
    name = next((each for each in ("role", "content") if recorded.get(each) != asked.get(each)), None)
    if name is None:
        name = next(each for each in sorted({*recorded, *asked}) if recorded.get(each) != asked.get(each))
        where = f"{where}, {name}"
    one, other = recorded.get(name), asked.get(name)
    if isinstance(one, str) and isinstance(other, str):
        line, one, other = _first_line(one, other)
        where = f"{where}, line {line}" if line else where
    return Difference(agreed, where, _show(one), _show(other))


def _first_line(one: str, other: str) -> tuple[int, str | None, str | None]:
    """The first line in which two texts differ, counted from 1; 0 for texts of one line."""
    theirs, ours = one.split("\n"), other.split("\n")
    if len(theirs) == len(ours) == 1:
        return 0, one, other
    for position in range(max(len(theirs), len(ours))):
        left = theirs[position] if position < len(theirs) else None
        right = ours[position] if position < len(ours) else None
        if left != right:
            return position + 1, left, right
    return 0, one, other


def _show(value: Any) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"«{text[: MOST_SHOWN - 1]}…»" if len(text) > MOST_SHOWN else f"«{text}»"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
