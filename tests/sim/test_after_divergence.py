"""Whole replays in which a recorded line no longer fits: marked, and gone on from as was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from sim.divergence import AfterDivergence
from sim.driver import Mode, replay
from sim.record import ConversationRecord, EventKind, decode_records, encode_record
from sim.stage import Stage
from sim.transcripts import Transcript, load_transcripts
from tests.runtime.staging import on_stage

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "transcripts"
HEADER = (
    '{"type":"transcript","version":1,"id":"caso","now":"2026-01-12T10:00:00-06:00","world":"estetica-lupita","people":'
    '{"valeria":{"role":"customer","name":"Valeria Castillo","phone":"+522221230020"},"lupita":{"role":"owner"}}}'
)


def read_transcript(folder: Path, *lines: str) -> Transcript:
    file = folder / "caso.jsonl"
    file.write_text("\n".join((HEADER, *lines)) + "\n", encoding="utf-8")
    return load_transcripts([file])[0]


def play(
    database_url: str, transcript: Transcript, after: AfterDivergence = AfterDivergence.RECORDED
) -> ConversationRecord:
    async def on(stage: Stage) -> ConversationRecord:
        return await replay(stage, transcript, mode=Mode.FREE, seed=1, after=after)

    return on_stage(database_url, on)


def list_said(record: ConversationRecord) -> Sequence[str]:
    return [event.text or "" for event in record.events if event.kind is EventKind.SAY]


@pytest.mark.replay
def test_a_tap_on_a_button_that_was_never_shown_is_a_divergence_and_no_failure(
    database_url: str, tmp_path: Path
) -> None:
    """She writes what stood on it; the record says from where on she is off-policy, and keeps it when stored."""
    transcript = read_transcript(
        tmp_path,
        '{"type":"say","by":"valeria","text":"hola, cuánto cuesta el gelish?"}',
        '{"type":"say","by":"valeria","button":{"text":"Ver horarios"}}',
    )

    record = play(database_url, transcript)

    assert record.failure is None
    found = record.diverged_at
    assert found is not None
    assert (found.turn, found.person, found.rule, found.went_on) == (2, "valeria", "not-shown", "recorded")
    assert found.reason == "they tap 'Ver horarios', and were never shown it"
    assert list_said(record) == ["hola, cuánto cuesta el gelish?", "Ver horarios"]
    off = [event for event in record.events if record.is_off_policy(event)]
    assert off[0].text == "Ver horarios"
    assert any(event.kind is EventKind.SEND for event in off)
    assert next(iter(decode_records(encode_record(record).splitlines()))) == record


@pytest.mark.replay
def test_nothing_is_marked_where_the_system_does_what_was_recorded(database_url: str) -> None:
    """And such a replay is the same however it would have gone on."""
    transcript = load_transcripts([FIXTURES / "reservar" / "simple.jsonl"])[0]

    records = [play(database_url, transcript, after) for after in AfterDivergence]

    assert [record.diverged_at for record in records] == [None, None, None]
    assert len({tuple(list_said(record)) for record in records}) == 1
    assert all(record.events == records[0].events for record in records)


@pytest.mark.replay
def test_a_conversation_that_stops_asks_for_nothing_that_was_not_reached(database_url: str) -> None:
    """Production's prompt moves an appointment at once, and the recorded customer agrees to it afterwards."""
    transcript = load_transcripts([FIXTURES / "mover" / "al-jueves.jsonl"])[0]

    gone_on, stopped = (
        play(database_url, transcript, after) for after in (AfterDivergence.RECORDED, AfterDivergence.STOP)
    )

    assert gone_on.diverged_at is not None
    assert stopped.diverged_at is not None
    assert (gone_on.diverged_at.turn, gone_on.diverged_at.rule) == (2, "nothing-asked")
    assert (len(list_said(gone_on)), len(list_said(stopped))) == (2, 1)
    assert [each.kind for each in gone_on.expectations] == ["expect", "expect", "end"]
    assert [each.kind for each in stopped.expectations] == ["expect"]
    assert stopped.final.appointments == gone_on.final.appointments


@pytest.mark.replay
def test_a_simulated_customer_carries_on_and_what_was_to_be_left_still_counts(
    database_url: str, tmp_path: Path
) -> None:
    """The recorded Valeria taps a button of a version that is gone; the simulated one gets the same appointment."""
    transcript = read_transcript(
        tmp_path,
        '{"type":"say","by":"valeria","text":"hola, quiero un corte de dama mañana a las 4 de la tarde"}',
        '{"type":"say","by":"valeria","button":{"text":"Confirmar"}}',
        '{"type":"expect","route":"5","tools":[{"name":"book_appointment","ok":true}]}',
        '{"type":"end","appointments":[{"customer":"valeria","service":"Corte de dama","staff":"Lupita",'
        '"starts_at":"2026-01-13T16:00"}],"inbox":{"done":2}}',
    )

    record = play(database_url, transcript, AfterDivergence.SIMULATED)

    assert record.diverged_at is not None
    assert (record.diverged_at.rule, record.diverged_at.went_on) == ("not-shown", "simulated")
    assert list_said(record)[1:] == ["si", "gracias"], "she writes without accents, as before"
    assert record.customer_fault is None
    assert [(each.kind, each.spec.get("inbox")) for each in record.expectations] == [("end", None)]
    assert [(each.service, each.starts_at_local) for each in record.final.appointments] == [
        ("Corte de dama", "2026-01-13T16:00")
    ]


@pytest.mark.replay
def test_where_nobody_can_carry_on_the_conversation_stops(database_url: str, tmp_path: Path) -> None:
    """An owner's recorded line was for another conversation; the record says how it went on."""
    transcript = read_transcript(
        tmp_path,
        '{"type":"say","by":"valeria","text":"hola"}',
        '{"type":"say","by":"valeria","button":{"text":"Confirmar"}}',
        '{"type":"say","by":"lupita","text":"qué citas hay hoy?"}',
    )

    record = play(database_url, transcript, AfterDivergence.SIMULATED)

    assert record.diverged_at is not None
    assert record.diverged_at.went_on == "stop"
    assert list_said(record) == ["hola"]
