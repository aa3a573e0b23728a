"""The record of a replay is stored and read back without loss, whatever people wrote."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.record import (
    ConversationRecord,
    ErrorData,
    Event,
    EventData,
    EventKind,
    Expectation,
    FinalAppointment,
    FinalRows,
    FinalTask,
    HandoffData,
    Person,
    RouteData,
    SayData,
    SendData,
    SendOrigin,
    TaskData,
    ToolData,
    decode_records,
    encode_record,
    fingerprint,
    make_event,
)


def build_record(identifier: str = "reserva-simple", *, text: str = "hola", wall_s: float = 0.25) -> ConversationRecord:
    """A small record with one event of several kinds."""
    return ConversationRecord(
        id=identifier,
        title="Ana reserva un corte",
        tags=["book"],
        started_at="2026-01-12T10:00:00-06:00",
        people={"ana": Person(role="customer", name="Ana"), "lupita": Person(role="owner")},
        events=[
            make_event(0.0, "ana", SayData(sid="SM1"), text),
            make_event(0.1, "twilio", RouteData(sid="SM1", case="5", reason="anyone else")),
            make_event(0.2, "parlo", ToolData(name="book_appointment", arguments={"b": 1, "a": 2}, result={"z": [1]})),
            make_event(0.3, "parlo", SendData(to="ana", outbox="01", origin=SendOrigin.REPLY), "¡Listo!"),
            make_event(0.4, "parlo", TaskData(task="dead_letter")),
        ],
        final=FinalRows(
            appointments=[
                FinalAppointment(customer="ana", service="Corte", staff="Lupita", starts_at_local="2026-01-13T16:00")
            ],
            tasks=[FinalTask(kind="dead_letter")],
            inbox={"done": 1},
        ),
        expectations=[Expectation(kind="expect", spec={"type": "expect", "route": "5"}, first=0, stop=4)],
        wall_s=wall_s,
        seed=7,
    )


def test_a_record_comes_back_equal_from_its_lines() -> None:
    """Encoding and decoding lose nothing."""
    record = build_record()

    decoded = list(decode_records(encode_record(record).splitlines()))

    assert decoded == [record]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200))
def test_any_text_a_person_can_write_survives_on_one_line(text: str) -> None:
    """Line separators, NUL and emoji inside a message never break the line format."""
    record = build_record(text=text)

    lines = encode_record(record).rstrip(b"\n").split(b"\n")

    assert len(lines) == 7
    assert next(decode_records(lines)).events[0].text == text


def test_equal_records_have_equal_bytes_whatever_the_order_of_their_keys() -> None:
    """Dictionary order is not part of a record."""
    one = build_record()
    other = msgspec.structs.replace(one, people=dict(reversed(one.people.items())), tags=list(one.tags))

    assert encode_record(one) == encode_record(other)


def test_a_fingerprint_ignores_real_time_and_nothing_else() -> None:
    """Two replays of one seed are compared without their wall time."""
    base = fingerprint(build_record(wall_s=0.1))

    assert fingerprint(build_record(wall_s=9.9)) == base
    assert fingerprint(build_record(text="otra cosa")) != base


def test_every_cut_of_the_lines_leaves_the_finished_records_readable() -> None:
    """A kill at any byte loses at most the conversation being written."""
    first, second = encode_record(build_record("uno")), encode_record(build_record("dos", text="ñandú 💇"))

    for cut in range(len(second)):
        found = [record.id for record in decode_records((first + second[:cut]).split(b"\n"))]
        expected = ["uno"] if cut < len(second) - 1 else ["uno", "dos"]

        assert found == expected


def test_a_block_cut_off_in_the_middle_does_not_swallow_the_next() -> None:
    """A resumed run appends after a torn block, and both neighbours are read."""
    torn = encode_record(build_record("roto"))[:300]
    whole = encode_record(build_record("entero"))

    found = [record.id for record in decode_records((torn + b"\n" + whole).split(b"\n"))]

    assert found == ["entero"]


@pytest.mark.parametrize(
    "data",
    [
        SayData(sid="SM1", media=[{"content_type": "audio/ogg"}], list_reply={"id": "1", "title": "Corte"}),
        ToolData(name="check_availability", arguments="{not json", ok=False),
        HandoffData(status="active", customer="ana", human="lupita"),
        TaskData(task="dead_letter"),
        ErrorData(where="driver"),
    ],
    ids=lambda data: str(data.kind),
)
def test_typed_data_is_read_back_from_an_event(data: EventData) -> None:
    """What `make_event` stored, `Event.read` returns."""
    event = make_event(1.23456789, "parlo", data)

    assert event.read(type(data)) == data
    assert event.kind is data.kind
    assert event.t == 1.234568


def test_the_contract_names_of_the_keys_hold() -> None:
    """The stored keys are the documented ones, not the Python names."""
    appointment = FinalAppointment(customer="ana", service="Corte", staff="Karla", starts_at_local="2026-01-13T16:00")

    assert make_event(0, "parlo", TaskData(task="dead_letter")).data == {"kind": "dead_letter"}
    assert msgspec.to_builtins(appointment)["starts_at"] == "2026-01-13T16:00"
    assert Event(t=0, lane="ana", kind=EventKind.SAY, data={"sid": "S", "unknown": 1}).read(SayData).sid == "S"
