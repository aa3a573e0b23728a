"""What the importers of corpora share: rows of turns in, transcripts out, faults with their line.

A corpus row holds turns of a customer, an assistant and its tools. The customer's turns become what is
said in a replay; the rest becomes history that a forced replay is given and no score is taken of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from sim.fields import decode_value
from sim.jsonlines import read_json_lines
from sim.problems import MalformedInput, Problem
from sim.transcripts.checking import check_conversation
from sim.transcripts.structs import PARLO, End, Event, Header, Person, PersonRole, RecordedTool, Said, Say, Transcript
from sim.worlds import load_world

CUSTOMER = "cliente"
"""The key of the one person an imported conversation has."""

BURST_GAP_S = 1.0
"""Between two messages a customer sent without an answer in between, where the corpus has no times."""

NO_HANDOFF = End(handoffs=())
"""The one thing that is known to hold about the corpora: nobody in them asks for a person."""


class RecordedTurn(msgspec.Struct, frozen=True):
    """One turn of a corpus row. What a turn must have depends on its role; `check_turns` says what lacks."""

    role: Literal["customer", "assistant", "tool"]
    text: str | None = None
    options: tuple[str, ...] = ()
    title: str | None = None
    t: float | None = None
    name: str | None = None
    request: str | None = None
    arguments: dict[str, object] | list[object] | None = None
    outcome: str | None = None
    result: object = None
    results: object = None


class RecordedRow(msgspec.Struct, frozen=True):
    """A row of a corpus: fields that every one of them has. Those of one corpus are in a subclass."""

    id: str
    source: str
    lang: str
    turns: tuple[RecordedTurn, ...]


R = TypeVar("R", bound=RecordedRow)


def import_rows(path: Path, kind: type[R], compose: Callable[[R, int], Header]) -> list[Transcript]:
    """A transcript for each row of a corpus file, in order.

    Args:
        path: The JSON Lines file.
        kind: What a row should be.
        compose: Makes the header from a row and its line number.

    Raises:
        MalformedInput: A row cannot be used, an id stands twice, or there is no row.
    """
    problems: list[Problem] = []
    transcripts: list[Transcript] = []
    seen: dict[str, int] = {}
    for item in read_json_lines(path):
        if isinstance(item, Problem):
            problems.append(item)
            continue
        row = decode_value(item.value, kind)
        if isinstance(row, list):
            problems += [Problem(str(path), item.number, f"row.{fault.path}", fault.message) for fault in row]
            continue
        faults = list(check_turns(row.turns))
        if row.id in seen:
            faults.append(("id", f"{row.id!r} stands in line {seen[row.id]} already"))
        seen.setdefault(row.id, item.number)
        try:
            header = compose(row, item.number)
        except ValueError as error:
            faults.append(("", str(error)))
        problems += [Problem(str(path), item.number, f"row.{at}".rstrip("."), message) for at, message in faults]
        if not faults:
            transcript = _assemble(header, make_events(row.turns), str(path), item.number)
            problems += check_conversation(transcript)
            transcripts.append(transcript)
    if not problems and not transcripts:
        problems.append(Problem(str(path), message="no row is in this file"))
    if problems:
        raise MalformedInput(problems)
    return transcripts


def check_turns(turns: Iterable[RecordedTurn]) -> Iterator[tuple[str, str]]:
    """What the turns of a row lack: `(path, message)`."""
    has_customer = False
    for index, turn in enumerate(turns):
        has_customer = has_customer or turn.role == "customer"
        if turn.role == "customer" and turn.text is None:
            yield f"turns[{index}].text", "missing: a customer's turn has a text"
        if turn.role == "assistant" and not (turn.text is not None or turn.title or turn.options):
            yield f"turns[{index}].text", "missing: an assistant's turn has a text, a title or options"
        if turn.role == "tool" and not turn.name:
            yield f"turns[{index}].name", "missing: a tool's turn has a name"
    if not has_customer:
        yield "turns", "no customer says anything"


def make_events(turns: Iterable[RecordedTurn]) -> tuple[Event, ...]:
    """The turns as events, in order, with the one expectation that is known to hold.

    A customer's turn that follows another without an answer in between is a burst: it comes
    `BURST_GAP_S` later, or at its recorded second.
    """
    events: list[Event] = []
    at = 0.0
    previous = ""
    for turn in turns:
        at = max(at, turn.t or 0.0)
        when = at if turn.t is not None else None
        if turn.role == "customer":
            gap = BURST_GAP_S if previous == "customer" and when is None else None
            events.append(Say(by=CUSTOMER, text=turn.text or "", at=when, gap=gap))
        elif turn.role == "assistant":
            events.append(Said(by=PARLO, to=CUSTOMER, text=_spell_bubble(turn), at=when))
        else:
            events.append(_record_tool(turn, when))
        previous = turn.role
    return (*events, NO_HANDOFF)


def make_customer(number: int, name: str | None = None) -> dict[str, Person]:
    """The one person of an imported conversation, with an invented phone that its line number makes unique."""
    return {CUSTOMER: Person(role=PersonRole.CUSTOMER, name=name, phone=invent_phone(number))}


def invent_phone(number: int) -> str:
    """A number of a range used only here: corpora carry none, and a person needs one to write from."""
    return f"+52559{number % 10_000_000:07d}"


def _spell_bubble(turn: RecordedTurn) -> str:
    """An assistant's bubble as text: offered choices become lines, as a phone would show them."""
    parts = [part for part in (turn.text, turn.title) if part]
    return "\n".join(parts + [f"- {option}" for option in turn.options])


def _record_tool(turn: RecordedTurn, at: float | None) -> RecordedTool:
    named: dict[str, object] = {}
    if isinstance(turn.arguments, dict):
        named |= turn.arguments
    elif turn.arguments is not None:
        named["constraints"] = turn.arguments
    if turn.request is not None:
        named["request"] = turn.request
    result = turn.result if turn.result is not None else turn.results
    return RecordedTool(name=turn.name or "", arguments=named, outcome=turn.outcome, result=result, at=at)


def _assemble(header: Header, events: tuple[Event, ...], file: str, line: int) -> Transcript:
    """The transcript; its lines are all the row's, so that a later fault names the row."""
    world = header.world if not isinstance(header.world, str) else load_world(header.world)
    return Transcript(
        header=header, events=events, world=world, file=file, line=line, event_lines=(line,) * len(events)
    )
