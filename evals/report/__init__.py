"""The HTML report of a run: one self-contained file that needs no server, no network and no script to be read.

`parlo replay` and `parlo report` call `write_report`. It reads the run directory only, so a report
can be made again at any time, and of an interrupted run too.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import jinja2
import msgspec
from markupsafe import Markup

from evals.reading import Reading
from evals.report.text import mark_up, shorten, spell_out
from evals.report.timeline import Lane, Row, Timeline, show_time
from evals.run_directory import REPORT_FILE, RunReader, write_lines
from evals.scoreboard import ROUTE_NAMES
from evals.statistics.rates import Rate
from evals.verdicts import Outcome, Verdict, VerdictKind, outcome_of
from sim.record import ConversationRecord

CONVERSATIONS_SHOWN = 1200
_HERE = Path(__file__).parent


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
    """Everything the template draws of one conversation. `number` makes its anchors unique."""

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
    lanes: Sequence[Lane]
    rows: Iterator[Row]
    tables: Sequence[ShownTable]
    facts: Sequence[tuple[str, str]]


def write_report(run_dir: Path, *, limit: int = CONVERSATIONS_SHOWN) -> Path:
    """Write `report.html` into a run's directory and return its path.

    Worst conversations come first; past `limit` the rest (passed ones, as a rule) is only counted.
    """
    reader = RunReader(run_dir)
    verdicts = reader.verdicts()
    records = {record.id: record for record in reader.records()}
    order = rank(list(records), verdicts)
    shown = order[:limit]
    style, script = (_HERE / "report.css").read_text("utf-8"), (_HERE / "report.js").read_text("utf-8")
    page = make_environment().get_template("report.html.j2")
    summary = reader.summarize()
    chunks = page.generate(
        info=reader.info,
        summary=summary,
        routes=sorted(summary.routes.items(), key=lambda item: (-item[1], item[0])),
        most_routed=max(summary.routes.values(), default=1),
        conversations=(show_conversation(n, records[i], verdicts.get(i, [])) for n, i in enumerate(shown)),
        shown=len(shown),
        left_out=len(order) - len(shown),
        all_tags=sorted({tag for i in shown for tag in records[i].tags}),
        style=Markup(style),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    path = run_dir / REPORT_FILE
    write_lines(path, chunks)
    return path


def make_environment() -> jinja2.Environment:
    """The template engine: everything is escaped, a missing name is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=spell_out,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = mark_up
    environment.filters["percent"] = show_percent
    environment.filters["interval"] = show_bounds
    environment.globals["route_names"] = ROUTE_NAMES
    return environment


def rank(ids: Sequence[str], verdicts: Mapping[str, Sequence[Verdict]]) -> list[str]:
    """Conversations that did not run, then broken ones by how much is broken, then passed ones as they ran."""

    def badness(identifier: str) -> tuple[int, int, int]:
        found = verdicts.get(identifier, [])
        outcome = outcome_of(found)
        place = {Outcome.NOT_RUN: 0, Outcome.BROKEN: 1, Outcome.PASSED: 2}[outcome]
        return place, -sum(v.violation for v in found), -sum(v.broken for v in found)

    return sorted(ids, key=badness)


def show_percent(rate: Rate) -> str:
    """A share as "98.1 %", or a dash where nothing was counted."""
    return "–" if rate.share is None else f"{rate.share * 100:.1f} %".replace("100.0", "100")


def show_bounds(rate: Rate) -> str:
    """An interval as "96.3–99.0"."""
    return f"{rate.low * 100:.1f}–{rate.high * 100:.1f}".replace("100.0", "100")


def show_conversation(number: int, record: ConversationRecord, verdicts: Sequence[Verdict]) -> ShownConversation:
    """One conversation, ready to be drawn; its rows are made when they are asked for."""
    reading = Reading(record)
    timeline = Timeline(reading, verdicts)
    expected = [v for v in verdicts if v.kind is VerdictKind.EXPECTATION and v.value is not None]
    broken = [v for v in verdicts if v.broken or v.kind is VerdictKind.INFRASTRUCTURE]
    worst = next((v for v in broken if v.violation), broken[0] if broken else None)
    return ShownConversation(
        number=number,
        id=record.id,
        title=record.title or record.id,
        tags=record.tags,
        outcome=outcome_of(verdicts),
        failure=record.failure,
        messages=len(reading.messages),
        met_count=sum(v.met for v in expected),
        expected_count=len(expected),
        violations=sum(v.violation for v in verdicts),
        broken=[_show_verdict(record, v) for v in sorted(broken, key=lambda v: not v.violation)],
        met=[_show_verdict(record, v) for v in verdicts if v.met],
        reason=shorten(f"{worst.scorer}: {worst.reason}", 220) if worst else "",
        lanes=timeline.lanes,
        rows=timeline.rows(),
        tables=list_tables(reading),
        facts=list_facts(record),
    )


def _show_verdict(record: ConversationRecord, verdict: Verdict) -> ShownVerdict:
    at = verdict.event
    time = show_time(record.events[at].t) if at is not None and 0 <= at < len(record.events) else ""
    return ShownVerdict(verdict.scorer, mark_up(verdict.reason[:600]), at if time else None, time)


def list_tables(reading: Reading) -> list[ShownTable]:
    """The final rows that there are, people by name."""
    final, name = reading.record.final, reading.name_of
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
