"""Loading transcript files: what is accepted as it is, and what is said about everything else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.jsonlines import MAX_LINE_BYTES
from sim.model_faults import ModelFaultKind
from sim.problems import MalformedInput
from sim.transcripts import FAULT_KINDS, FaultTarget, Say, load_transcripts
from sim.twilio.faults import FaultKind

HEADER = (
    '{"type":"transcript","version":1,"id":"uno","now":"2026-01-12T10:00:00-06:00","world":"estetica-lupita",'
    '"people":{"ana":{"role":"customer","phone":"+525512345678"},"lupita":{"role":"owner"}}}'
)
HOLA = '{"type":"say","by":"ana","text":"hola"}'

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes lines to a file and gives its path."""

    def write_lines(*lines: str | bytes, name: str = "x.jsonl", end: bytes = b"\n") -> Path:
        path = tmp_path / name
        path.write_bytes(end.join(line if isinstance(line, bytes) else line.encode() for line in lines) + end)
        return path

    return write_lines


def list_problems(*paths: Path) -> list[str]:
    """What loading these says, without the folder."""
    with pytest.raises(MalformedInput) as caught:
        load_transcripts(paths)
    return [str(problem).replace(f"{paths[0].parent}/", "") for problem in caught.value.problems]


def change(line: str, **fields: object) -> str:
    """A line with other fields."""
    return json.dumps(json.loads(line) | fields, ensure_ascii=False)


class Wrong(NamedTuple):
    """A line after the header and a `hola`, and what must be said about it."""

    id: str
    line: str
    said: str


WRONG = [
    Wrong("text for a number", change(HOLA, at="foo"), 'event.at: expected number ≥ 0, got "foo"'),
    Wrong("negative gap", change(HOLA, gap=-1), "event.gap: expected number ≥ 0, got -1"),
    Wrong("true is no number", change(HOLA, gap=True), "event.gap: expected number ≥ 0, got true"),
    Wrong("unknown person", change(HOLA, by="anna"), "event.by: nobody is called 'anna' (people: ana, lupita)"),
    Wrong("at and gap", change(HOLA, at=1, gap=1), "event.gap: give at or gap, not both"),
    Wrong(
        "two signatures", change(HOLA, tamper=True, unsigned=True), "event.unsigned: give tamper or unsigned, not both"
    ),
    Wrong(
        "no such recipient",
        change(HOLA, to="mars"),
        'event.to: expected business, central or a number such as +525512345678, got "mars"',
    ),
    Wrong(
        "nested field", change(HOLA, media=[{"url": "x"}]), "event.media[0].content_type: missing: a name is required"
    ),
    Wrong(
        "latitude",
        change(HOLA, location={"latitude": 91, "longitude": 0}),
        "event.location.latitude: expected number ≥ -90 and ≤ 90, got 91",
    ),
    Wrong("no type", '{"by":"ana"}', "event.type: missing (known: transcript, say"),
    Wrong("unknown type", '{"type":"sing"}', "event.type: unknown type 'sing' (known: transcript, say"),
    Wrong("type is a list", '{"type":["say"]}', "event.type: unknown type ['say']"),
    Wrong(
        "unknown route",
        '{"type":"expect","route":"6"}',
        "event.route: expected one of 1, 1b, 2a, 2b, 3, 4, 4h, 5, 5h, x-unknown-number, x-suspended, x-opted-out, "
        'x-unsupported, got "6"',
    ),
    Wrong("unknown tool", '{"type":"expect","tools":[{"name":"fly"}]}', "event.tools[0].name: no tool is called 'fly'"),
    Wrong("reply to nobody", '{"type":"expect","reply":{"to":"eva"}}', "event.reply.to: nobody is called 'eva'"),
    Wrong(
        "second reply",
        '{"type":"expect","reply":[{"to":"ana"},{"to":"eva"}]}',
        "event.reply[1].to: nobody is called 'eva'",
    ),
    Wrong("silence of nobody", '{"type":"expect","no_reply":["eva"]}', "event.no_reply[0]: nobody is called 'eva'"),
    Wrong("nothing expected", '{"type":"expect"}', "event.type: expects nothing"),
    Wrong(
        "both tool lists",
        '{"type":"expect","tools":[],"tools_any_order":[]}',
        "event.tools_any_order: give tools or tools_any_order, not both",
    ),
    Wrong("clock without time", '{"type":"clock"}', "event.for: give one of at and for"),
    Wrong("callback status", '{"type":"callback","to":"ana","status":"eaten"}', "event.status: expected one of queued"),
    Wrong(
        "fault kind",
        '{"type":"fault","target":"model","kind":"sad","times":1}',
        "event.kind: model cannot fail with 'sad'",
    ),
    Wrong(
        "fault without end", '{"type":"fault","target":"model","kind":"down"}', "event.for: give one of for and times"
    ),
    Wrong(
        "no such service",
        '{"type":"end","appointments":[{"customer":"ana","service":"Lunch","staff":"Lupita","starts_at":"2026-01-13T16:00"}]}',
        "event.appointments[0].service: the world has no service 'Lunch'",
    ),
    Wrong(
        "no such staff",
        '{"type":"end","appointments":[{"customer":"ana","service":"Gelish","staff":"Pepe","starts_at":"2026-01-13T16:00"}]}',
        "event.appointments[0].staff: the world has no staff 'Pepe' (known: Lupita",
    ),
    Wrong(
        "no such day",
        '{"type":"end","appointments":[{"customer":"ana","service":"Gelish","staff":"Karla","starts_at":"2026-02-30T16:00"}]}',
        "event.appointments[0].starts_at: day is out of range for month",
    ),
    Wrong(
        "no local time",
        '{"type":"end","appointments":[{"customer":"ana","service":"Gelish","staff":"Karla","starts_at":"mañana"}]}',
        "event.appointments[0].starts_at: expected a local date and time such as 2026-01-13T16:00",
    ),
    Wrong(
        "status",
        '{"type":"end","handoffs":[{"customer":"ana","status":"open"}]}',
        "event.handoffs[0].status: expected one",
    ),
    Wrong("task kind", '{"type":"end","tasks":["nap"]}', "event.tasks[0]: expected one of dead_letter"),
    Wrong(
        "inbox state",
        '{"type":"end","inbox":{"eaten":1}}',
        "event.inbox.eaten: not a key here: expected one of accepted, done",
    ),
    Wrong("broken JSON", '{"type":"say"', "not JSON: Expecting ',' delimiter at position 14"),
    Wrong("no object", "[1]", "expected an object in braces"),
    Wrong("NaN", '{"type":"say","by":"ana","at":NaN}', "not JSON: NaN is not a number"),
    Wrong("key twice", '{"type":"say","by":"ana","by":"ana"}', "not usable: the key 'by' stands twice in one object"),
    Wrong("half a pair", '{"type":"say","by":"ana","text":"\\ud83d"}', "not JSON: "),
    Wrong("nested too deeply", '{"a":' + "[" * 100_000, "nested too deeply"),
]


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.id)
def test_a_wrong_line_is_named_with_file_line_and_field(write: Write, case: Wrong) -> None:
    """The message begins with the file, the line, and the field where one is meant."""
    path = write(HEADER, HOLA, case.line)

    problems = list_problems(path)

    assert [problem for problem in problems if problem.startswith(f"x.jsonl:3: {case.said}")] == problems[:1]


def test_all_faults_of_all_files_are_said_at_once(write: Write) -> None:
    """Two wrong fields of one line, another line and another file come together, in order."""
    first = write(HEADER, change(HOLA, at="x", txt="y"), '{"type":"sing"}', name="a.jsonl")
    second = write(HOLA, name="b.jsonl")

    problems = list_problems(first, second)

    assert [problem.split(": ")[0:2] for problem in problems] == [
        ["a.jsonl:2", "event.at"],
        ["a.jsonl:2", "event.txt"],
        ["a.jsonl:3", "event.type"],
        ["b.jsonl:1", "event.type"],
    ]


def test_an_unknown_field_is_answered_with_the_known_ones(write: Write) -> None:
    """A typing error is told apart at a glance."""
    path = write(HEADER, change(HOLA, txt="hola"))

    assert list_problems(path)[0].startswith("x.jsonl:2: event.txt: unknown field (known: by, to, text, at, gap, media")


def test_a_wrong_header_names_each_of_its_fields(write: Write) -> None:
    """Version, id, moment, world and people have their own words."""
    header = change(HEADER, id="a b", now="2026-01-12T10:00:00", world=7, people={"Ana": {"role": "queen"}})

    problems = list_problems(write(header, HOLA))

    assert [problem.split(": ")[1] for problem in problems] == [
        "transcript.id",
        "transcript.now",
        "transcript.people.Ana",
        "transcript.people.Ana.role",
        "transcript.world",
    ]


def test_another_version_is_refused_by_its_number(write: Write) -> None:
    """A file of a later program says so instead of failing on what it does not know."""
    path = write(change(HEADER, version=2, mood="blue"), HOLA)

    assert list_problems(path) == [
        "x.jsonl:1: transcript.version: version 2 cannot be read; this program reads version 1"
    ]


def test_an_unknown_world_is_answered_with_the_known_ones(write: Write) -> None:
    """The header's line is named, and so are the worlds there are."""
    (problem,) = list_problems(write(change(HEADER, world="marte"), HOLA))

    assert problem.startswith("x.jsonl:1: transcript.world: ")
    assert "no world is called 'marte'" in problem
    assert "estetica-lupita" in problem


def test_people_without_address_are_refused(write: Write) -> None:
    """A customer needs a phone; staff needs one or a key of the world's staff."""
    header = change(HEADER, people={"ana": {"role": "customer"}, "eva": {"role": "owner"}, "parlo": {"role": "owner"}})

    problems = list_problems(write(header, HOLA))

    assert any(
        p.startswith("x.jsonl:1: transcript.people.ana.phone: missing: a customer needs a phone") for p in problems
    )
    assert any(p.startswith("x.jsonl:1: transcript.people.eva: no member of staff") for p in problems)
    assert any(p.startswith("x.jsonl:1: transcript.people.parlo: parlo is the system") for p in problems)


def test_an_id_can_be_used_once_over_all_files(write: Write) -> None:
    """The second use names the first."""
    first = write(HEADER, HOLA, name="a.jsonl")
    second = write(HEADER, HOLA, name="b.jsonl")

    (problem,) = list_problems(first, second)

    assert problem.startswith("b.jsonl:1: transcript.id: 'uno' is taken by ")
    assert problem.endswith("a.jsonl:1")


def test_an_expectation_needs_somebody_who_acted_before(write: Write) -> None:
    """An expect ahead of the first say is about nothing."""
    path = write(HEADER, '{"type":"expect","route":"5"}', HOLA)

    assert list_problems(path) == ["x.jsonl:2: event.type: expect before anybody has said anything"]


def test_an_unreadable_line_makes_no_second_fault(write: Write) -> None:
    """Where a line could not be read, no rule about the sequence blames what follows it."""
    path = write(HEADER, "{", '{"type":"expect","route":"5"}')

    assert len(list_problems(path)) == 1


def test_time_never_runs_backwards(write: Write) -> None:
    """An `at` before an earlier one is a fault."""
    path = write(HEADER, change(HOLA, at=9), change(HOLA, at=3))

    assert list_problems(path) == ["x.jsonl:3: event.at: 3 is before the event ahead of it, at 9"]


def test_the_end_is_the_last_line(write: Write) -> None:
    """Nothing of the same conversation follows it."""
    path = write(HEADER, '{"type":"end","tasks":0}', HOLA)

    assert list_problems(path) == ["x.jsonl:2: event.type: end must be the last line of its conversation"]


def test_a_conversation_without_events_is_refused(write: Write) -> None:
    """A header alone is a fault of the header."""
    assert list_problems(write(HEADER)) == ["x.jsonl:1: transcript.id: the conversation has no events"]


def test_bytes_that_are_no_text_are_named_by_position(write: Write) -> None:
    """Bad UTF-8 and NUL bytes have their line and place."""
    latin = HOLA.replace("hola", "mañana").encode("latin-1")
    path = write(HEADER, latin, HOLA.replace("hola", "ho\0la"))

    assert list_problems(path) == [
        "x.jsonl:2: not UTF-8: byte 0xf1 at position 36",
        "x.jsonl:3: a NUL byte at position 36; write it as \\u0000",
    ]


def test_a_huge_line_is_refused_and_the_next_one_read(write: Write) -> None:
    """A line beyond the limit costs its own problem and not the file's line numbers."""
    path = write(HEADER, HOLA.replace("hola", "h" * MAX_LINE_BYTES), change(HOLA, by="eva"))

    problems = list_problems(path)

    assert problems[0].startswith("x.jsonl:2: the line has 4,194,3")
    assert problems[1].startswith("x.jsonl:3: event.by")


def test_a_byte_order_mark_crlf_and_blank_lines_are_accepted(write: Write) -> None:
    """A file saved on Windows loads as it is, with its own line numbers."""
    path = write(b"\xef\xbb\xbf" + HEADER.encode(), "", HOLA, "  ", end=b"\r\n")

    (transcript,) = load_transcripts([path])

    assert transcript.events == (Say(by="ana", text="hola"),)
    assert (transcript.line, transcript.event_lines) == (1, (3,))


def test_several_conversations_stand_in_one_file(write: Write) -> None:
    """Each header begins the next one."""
    path = write(HEADER, HOLA, change(HEADER, id="dos"), HOLA, HOLA)

    assert [(t.id, len(t.events), t.line) for t in load_transcripts([path])] == [("uno", 1, 1), ("dos", 2, 3)]


def test_a_directory_stands_for_its_files_in_order(write: Write, tmp_path: Path) -> None:
    """Folders are searched through, sorted by name."""
    (tmp_path / "b").mkdir()
    write(change(HEADER, id="dos"), HOLA, name="b/z.jsonl")
    write(HEADER, HOLA, name="a.jsonl")

    assert [t.id for t in load_transcripts([tmp_path])] == ["uno", "dos"]


def test_nothing_to_load_is_a_fault(write: Write, tmp_path: Path) -> None:
    """A missing file, an empty file, an empty directory and no path at all are not silently nothing."""
    (tmp_path / "empty").mkdir()

    assert list_problems(tmp_path / "no.jsonl") == ["no.jsonl: cannot be read: No such file or directory"]
    assert list_problems(write("")) == ["x.jsonl: no conversation is in this file"]
    assert list_problems(tmp_path / "empty") == ["empty: no *.jsonl file is in this directory"]
    with pytest.raises(MalformedInput, match="no file was given"):
        load_transcripts([])


def test_a_world_may_stand_in_the_header(write: Write) -> None:
    """An inline world is checked like a file."""
    world = {
        "name": "mini",
        "central": "+525500000000",
        "organizations": [{"key": "a", "name": "A", "channel": "+525500000001"}],
    }
    people = {"ana": {"role": "customer", "phone": "+525512345678"}}
    good = write(change(HEADER, world=world, people=people), HOLA, name="good.jsonl")
    world["organizations"] = [{"key": "a", "name": "A", "timezone": "Mars/Olympus"}]
    bad = write(change(HEADER, world=world, people=people), HOLA, name="bad.jsonl")

    assert load_transcripts([good])[0].world.business.name == "A"
    (problem,) = list_problems(bad)
    assert "bad.jsonl:1: transcript.world: " in problem
    assert "organizations[0].timezone: no time zone is called 'Mars/Olympus'" in problem


def test_the_faults_a_file_may_ask_for_are_those_that_can_be_made() -> None:
    """Names in files and kinds in the simulated parts do not drift apart; a Twilio error code is a kind too."""
    assert FAULT_KINDS[FaultTarget.MODEL] == tuple(ModelFaultKind)
    assert FAULT_KINDS[FaultTarget.TWILIO] == tuple(FaultKind)


@given(st.lists(st.one_of(st.binary(max_size=60), st.sampled_from([HEADER.encode(), HOLA.encode()])), max_size=6))
def test_whatever_is_in_a_file_it_loads_or_says_why(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    """No bytes make the loader raise anything but its own error."""
    path = tmp_path_factory.mktemp("any") / "any.jsonl"
    path.write_bytes(b"\n".join(lines))

    try:
        loaded = load_transcripts([path])
    except MalformedInput as error:
        assert all(problem.file == str(path) and problem.message for problem in error.problems)
    else:
        assert loaded


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    ["type", "by", "to", "text", "at", "gap", "media", "location", "list", "fields", "reply", "tools", "route", "tasks"]
)


@given(st.sampled_from(["say", "expect", "end", "callback", "fault", "clock"]), st.dictionaries(FIELDS, JSON_VALUES))
def test_any_object_as_a_line_loads_or_says_why(
    tmp_path_factory: pytest.TempPathFactory, kind: str, fields: dict[str, object]
) -> None:
    """Fields of every JSON type are either right or named; nothing else is raised."""
    path = tmp_path_factory.mktemp("any") / "any.jsonl"
    line = json.dumps({"type": kind} | fields)
    path.write_text(f"{HEADER}\n{HOLA}\n{line}\n", encoding="utf-8", errors="surrogatepass")

    try:
        loaded = load_transcripts([path])
    except MalformedInput as error:
        assert all(problem.line in (1, 3) for problem in error.problems)
    else:
        assert len(loaded[0].events) == 2
