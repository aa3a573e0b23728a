"""One conversation of a run, ready to be drawn: lanes, verdicts, final rows, and the words it is found by.

`runs` asks for it, and `comparisons` for final rows. Nothing is decided in the templates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
from markupsafe import Markup

from evals.reading import Reading
from evals.report.environment import render
from evals.report.packing import Entry
from evals.report.text import SHOWN_AT_ALL, mark_up, shorten
from evals.report.timeline import Lane, Row, Timeline, show_time
from evals.verdicts import Outcome, Verdict, VerdictKind, outcome_of
from sim.record import ConversationRecord, FinalRows


class ShownVerdict(msgspec.Struct, frozen=True):
    """A verdict in a conversation's list; `event` and `time` where it points at the timeline."""

    scorer: str
    reason: Markup
    event: int | None
    time: str


class ShownTable(msgspec.Struct, frozen=True):
    """Final rows of one kind."""

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


class ShownConversation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the templates draw of one conversation. `number` makes its anchors unique."""

    number: int
    id: str
    title: str
    tags: Sequence[str]
    outcome: Outcome
    failure: str | None
    messages: int
    met_count: int
    expected_count: int
    violations: int
    broken: Sequence[ShownVerdict]
    met: Sequence[ShownVerdict]
    reason: str
    diverged: bool
    lanes: Sequence[Lane]
    rows: Iterator[Row]
    tables: Sequence[ShownTable]
    facts: Sequence[tuple[str, str]]


def make_entry(number: int, record: ConversationRecord, verdicts: Sequence[Verdict]) -> Entry:
    """The conversation's place in the list, and what unfolds there."""
    shown = show_conversation(number, record, verdicts)
    failed = shown.outcome is not Outcome.PASSED
    flags = [str(shown.outcome), *["failed"] * failed, *["violation"] * bool(shown.violations)]
    return Entry(
        id=record.key,
        flags=[*flags, *["diverged"] * shown.diverged],
        tags=record.tags,
        scorers=sorted({v.scorer for v in verdicts if v.broken or v.kind is VerdictKind.INFRASTRUCTURE}),
        words=list_words(record, verdicts),
        row=render("run_row.html.j2", c=shown),
        detail=render("run_detail.html.j2", c=shown),
    )


def show_conversation(number: int, record: ConversationRecord, verdicts: Sequence[Verdict]) -> ShownConversation:
    """One conversation, ready to be drawn; its rows are made when they are asked for."""
    reading = Reading(record)
    timeline = Timeline(reading, verdicts)
    expected = [v for v in verdicts if v.kind is VerdictKind.EXPECTATION and v.value is not None]
    broken = [v for v in verdicts if v.broken or v.kind is VerdictKind.INFRASTRUCTURE]
    worst = next((v for v in broken if v.violation), broken[0] if broken else None)
    return ShownConversation(
        number=number,
        id=record.key,
        title=shorten(record.title or record.id, 200),
        tags=[shorten(tag, 60) for tag in record.tags],
        outcome=outcome_of(verdicts),
        failure=record.failure,
        messages=len(reading.messages),
        met_count=sum(v.met for v in expected),
        expected_count=len(expected),
        violations=sum(v.violation for v in verdicts),
        broken=[_show_verdict(record, v) for v in sorted(broken, key=lambda v: not v.violation)],
        met=[_show_verdict(record, v) for v in verdicts if v.met],
        reason=shorten(f"{worst.scorer}: {worst.reason}", 220) if worst else "",
        diverged=timeline.diverged is not None,
        lanes=timeline.lanes,
        rows=timeline.rows(),
        tables=list_tables(record.final, reading.name_of),
        facts=list_facts(record),
    )


def list_words(record: ConversationRecord, verdicts: Sequence[Verdict]) -> str:
    """What is searched: who it is about, all that was said, and what was found wrong."""
    said = (event.text[:SHOWN_AT_ALL] for event in record.events if event.text)
    tools = {str(event.data["name"]) for event in record.events if "name" in event.data}
    wrong = (f"{v.scorer} {v.reason}" for v in verdicts if not v.met)
    return "\n".join((record.id, record.title, *record.tags, *said, *sorted(tools), *wrong))


def _show_verdict(record: ConversationRecord, verdict: Verdict) -> ShownVerdict:
    at = verdict.event
    time = show_time(record.events[at].t) if at is not None and 0 <= at < len(record.events) else ""
    return ShownVerdict(verdict.scorer, mark_up(verdict.reason[:600]), at if time else None, time)


def list_tables(final: FinalRows, name: Callable[[str], str]) -> list[ShownTable]:
    """The final rows that there are; `name` makes a person's name of their key."""
    tables = [
        ShownTable(
            "Appointments",
            ("Customer", "Service", "With", "Starts", "Status"),
            [
                (name(a.customer), a.service, name(a.staff), a.starts_at_local.replace("T", " "), a.status)
                for a in final.appointments
            ],
        ),
        ShownTable(
            "Handoffs",
            ("Customer", "Person", "Status", "End"),
            [(name(h.customer), name(h.human) or "–", h.status, h.end_reason or "–") for h in final.handoffs],
        ),
        ShownTable("Tasks", ("Kind", "About"), [(t.kind, t.about or "–") for t in final.tasks]),
        ShownTable("Customers", ("Person", "Known as"), [(c.person, c.name or "–") for c in final.customers]),
        ShownTable("Inbox", ("State", "Messages"), [(s, str(n)) for s, n in sorted(final.inbox.items())]),
    ]
    return [table for table in tables if table.rows]


def list_facts(record: ConversationRecord) -> list[tuple[str, str]]:
    """How the conversation was run, for its last line."""
    facts: Iterable[tuple[str, str]] = (
        ("starts", record.started_at),
        ("mode", record.mode),
        ("model", record.model),
        ("seed", str(record.seed)),
        ("source", record.file or record.source),
        ("took", f"{record.wall_s * 1000:.0f} ms"),
    )
    return [(name, value) for name, value in facts if value]
