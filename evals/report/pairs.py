"""One conversation in two runs, ready to be drawn: turn beside turn, final rows before and after.

`comparisons` asks for it. What is the same, fixed or broken was decided by `evals.comparing`; here it gets its words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import zip_longest

import msgspec
from markupsafe import Markup

from evals.comparing.alignment import Change, ConversationPair, TurnPair
from evals.comparing.turns import Call, Reply, Turn
from evals.report.conversations import list_tables
from evals.report.environment import render
from evals.report.packing import Entry
from evals.report.text import SHOWN_AT_ALL, ShownText, shorten, show_text
from evals.report.wording import mark_changes, mark_whole

BEFORE, NOW = "before", "now"


class ShownDoing(msgspec.Struct, frozen=True):
    """A thing Parlo did: `kind` is route, call, handoff or reply; `changed` where the other run did not do the same."""

    kind: str
    head: str
    text: Markup
    outcome: str = ""
    changed: bool = False


class ShownFault(msgspec.Struct, frozen=True):
    """What a scorer found wrong; `sign` says whether it is new, gone or still there."""

    sign: str
    scorer: str
    reason: str


class ShownTurn(msgspec.Struct, frozen=True, kw_only=True):
    """A turn in both runs; `said` None for what belongs to no message. `diverged` at the first that differs."""

    number: int
    by: str
    said: ShownText | None
    change: Change
    before: Sequence[ShownDoing]
    now: Sequence[ShownDoing]
    faults: Sequence[ShownFault]
    diverged: bool


class ShownDifference(msgspec.Struct, frozen=True):
    """Final rows of one kind: each with its sign, − only before, + only now, = in both."""

    name: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str]]]


class ShownPair(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the templates draw of one conversation in two runs."""

    number: int
    id: str
    title: str
    tags: Sequence[str]
    change: Change
    must_pass: bool
    outcomes: tuple[str, str]
    reason: str
    different: int
    turns: Sequence[ShownTurn]
    tables: Sequence[ShownDifference]


def make_pair_entry(number: int, pair: ConversationPair, *, must_pass: bool) -> Entry:
    """The conversation's place in the list, and what unfolds there."""
    shown = show_pair(number, pair, must_pass=must_pass)
    turned = {str(turn.change) for turn in pair.turns}
    return Entry(
        id=pair.id,
        flags=[str(pair.change), *sorted(f"turn-{each}" for each in turned), *["must-pass"] * must_pass],
        tags=pair.tags,
        scorers=sorted({fault.scorer for turn in pair.turns for fault in (*turn.gained, *turn.lost)}),
        words="\n".join(_list_words(pair)),
        row=render("comparison_row.html.j2", c=shown),
        detail=render("comparison_detail.html.j2", c=shown),
    )


def show_pair(number: int, pair: ConversationPair, *, must_pass: bool) -> ShownPair:
    """One conversation in both runs, ready to be drawn."""
    faults = [fault for turn in pair.turns for fault in (turn.lost if pair.change is Change.FIXED else turn.gained)]
    return ShownPair(
        number=number,
        id=pair.id,
        title=shorten(pair.title or pair.id, 200),
        tags=[shorten(tag, 60) for tag in pair.tags],
        change=pair.change,
        must_pass=must_pass,
        outcomes=(str(pair.first), str(pair.second)),
        reason=shorten(f"{faults[0].scorer}: {faults[0].reason}", 220) if faults else "",
        different=sum(turn.change is not Change.SAME for turn in pair.turns),
        turns=[
            _show_turn(turn, pair, diverged=turn.number == pair.diverged_at and turn is not pair.turns[-1])
            for turn in pair.turns
            if turn.number or turn.change is not Change.SAME
        ],
        tables=compare_tables(pair),
    )


def compare_tables(pair: ConversationPair) -> list[ShownDifference]:
    """The final rows of both runs, those that are only in one of them first."""
    before, now = (
        {table.name: table for table in list_tables(final, lambda key: name_person(pair, key))} for final in pair.finals
    )
    found: list[ShownDifference] = []
    for name in dict.fromkeys((*before, *now)):
        columns = (before.get(name) or now[name]).columns
        old, new = (Counter(tuple(row) for row in (side[name].rows if name in side else ())) for side in (before, now))
        signed = (("−", old - new), ("+", new - old), ("=", old & new))
        rows = [(sign, row) for sign, counted in signed for row in counted.elements()]
        found.append(ShownDifference(name, columns, rows))
    return found


def name_person(pair: ConversationPair, key: str) -> str:
    """A person's name, or the key itself."""
    person = pair.people.get(key)
    return person.name if person is not None and person.name else key


def _show_turn(turn: TurnPair, pair: ConversationPair, *, diverged: bool) -> ShownTurn:
    before, now = _show_doings(turn.first, turn.second, pair)
    known = {fault.scorer for fault in turn.gained}
    still = [fault for fault in turn.second.faults if fault.scorer not in known]
    signed = ((("new", turn.gained)), ("gone", turn.lost), ("still", still))
    return ShownTurn(
        number=turn.number,
        by=name_person(pair, turn.first.by),
        said=show_text(turn.first.said) if turn.number else None,
        change=turn.change,
        before=before,
        now=now,
        faults=[ShownFault(sign, fault.scorer, fault.reason) for sign, faults in signed for fault in faults],
        diverged=diverged,
    )


def _show_doings(first: Turn, second: Turn, pair: ConversationPair) -> tuple[list[ShownDoing], list[ShownDoing]]:
    """What both runs did in a turn, in the order route, calls, handoff, replies; like things beside like things."""
    found: tuple[list[ShownDoing], list[ShownDoing]] = [], []
    _pair_up(found, "route", [(each, "") for each in first.routes], [(each, "") for each in second.routes])
    _pair_up(found, "call", _list_calls(first.calls), _list_calls(second.calls))
    _pair_up(found, "handoff", [("", each) for each in first.handoffs], [("", each) for each in second.handoffs])
    _pair_up(found, "reply", _list_replies(first.replies, pair), _list_replies(second.replies, pair))
    return found


_Doing = tuple[str, str] | tuple[str, str, str]


def _pair_up(
    found: tuple[list[ShownDoing], list[ShownDoing]], kind: str, first: Sequence[_Doing], second: Sequence[_Doing]
) -> None:
    """Of things with one head (a tool, a recipient) the first is compared with the first, and so on."""
    for head in dict.fromkeys(each[0] for each in (*first, *second)):
        old, new = ([each for each in side if each[0] == head] for side in (first, second))
        for one, other in zip_longest(old, new):
            for side, shown in zip(found, _compare_doing(kind, head, one, other), strict=True):
                side.extend(shown)


def _compare_doing(
    kind: str, head: str, one: _Doing | None, other: _Doing | None
) -> tuple[list[ShownDoing], list[ShownDoing]]:
    if one is None or other is None:
        there, tag = (one, "del") if one is not None else (other, "ins")
        assert there is not None
        shown = [ShownDoing(kind, head, mark_whole(there[1], tag), "".join(there[2:]), changed=True)]
        return (shown, []) if one is not None else ([], shown)
    before, now = mark_changes(one[1], other[1])
    return (
        [ShownDoing(kind, head, before, "".join(one[2:]), changed=one != other)],
        [ShownDoing(kind, head, now, "".join(other[2:]), changed=one != other)],
    )


def _list_calls(calls: Iterable[Call]) -> list[_Doing]:
    return [(call.name, call.arguments, call.outcome) for call in calls]


def _list_replies(replies: Iterable[Reply], pair: ConversationPair) -> list[_Doing]:
    return [(name_person(pair, reply.to), reply.text, ", ".join(reply.files)) for reply in replies]


def _list_words(pair: ConversationPair) -> Iterable[str]:
    yield from (pair.id, pair.title, *pair.tags)
    for turn in pair.turns:
        yield turn.first.said[:SHOWN_AT_ALL]
        for side in (turn.first, turn.second):
            yield from (reply.text[:SHOWN_AT_ALL] for reply in side.replies)
            yield from (call.name for call in side.calls)
            yield from (f"{fault.scorer} {fault.reason}" for fault in side.faults)
