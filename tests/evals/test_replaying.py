"""Whole suites through the production runtime: our own fixtures, public recordings, and both ways to replay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from evals.replaying import Replayed, ReplayPlan, play_here, replay_suite
from evals.run_directory import RunReader, RunState
from evals.whole_path import Field, race_for_a_slot
from sim.driver import Mode
from sim.importers import ImportFormat, import_file
from sim.record import ConversationRecord, EventKind, fingerprint
from sim.theatre import Trial
from sim.transcripts import Transcript, load_transcripts

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "transcripts"

RECORDED = """\
{"type":"transcript","version":1,"id":"grabada","now":"2026-01-12T10:00:00-06:00","world":"estetica-lupita",\
"people":{"ana":{"role":"customer","name":"Ana López","phone":"+525512345678"}}}
{"type":"say","by":"ana","text":"hola, quiero un gelish"}
{"type":"said","by":"parlo","to":"ana","text":"¡Claro! ¿Qué día y a qué hora te gustaría venir?"}
{"type":"say","by":"ana","text":"mañana a las 5 de la tarde, soy Ana López"}
{"type":"expect","route":"5","tools_any_order":[{"name":"update_customer_info"},{"name":"check_availability","ok":true,"arguments":{"service":"Gelish"}}]}
{"type":"said","by":"parlo","to":"ana","text":"Te confirmo: martes 13 de enero, 5:00 PM. ¿La agendo?"}
{"type":"say","by":"ana","text":"cuánto cuesta?"}
{"type":"expect","route":"5","tools":[],"reply":{"to":"ana","contains":["$280"]}}
"""


def _replay(
    server_url: str, directory: Path, transcripts: list[Transcript], *, mode: Mode = Mode.FREE, seed: int = 0
) -> Replayed:
    plan = ReplayPlan(
        suite="test",
        transcripts=transcripts,
        server_url=server_url,
        created="2026-01-12T10:00:00+00:00",
        mode=mode,
        seed=seed,
        jobs=1,
        directory=directory,
    )
    return replay_suite(plan)


def _explain(replayed: Replayed) -> str:
    return "\n".join(str(each) for each in replayed.summary.worst)


@pytest.mark.replay
def test_every_fixture_meets_every_expectation(server_url: str, tmp_path: Path) -> None:
    """What `demo` shows a newcomer holds: all expectations met, no rule broken, nothing lost."""
    transcripts = load_transcripts([FIXTURES])

    replayed = _replay(server_url, tmp_path / "run", transcripts)

    summary = replayed.summary
    assert summary.good, _explain(replayed)
    assert summary.conversations == len(transcripts) >= 60
    assert summary.final == summary.messages_in
    assert summary.expectations_met == summary.expectations_total > 1000
    assert replayed.report.stat().st_size > 100_000


@pytest.mark.replay
@pytest.mark.parametrize(
    ("kind", "file", "count"),
    [
        (ImportFormat.SESIONES, "sesiones_citas_es/sesiones.jsonl", 121),
        (ImportFormat.BARBERIA, "conversaciones_barberia_es/conversaciones.jsonl", 8),
    ],
)
def test_recorded_conversations_of_strangers_run_to_the_end(
    shared_data: Path, server_url: str, tmp_path: Path, kind: ImportFormat, file: str, count: int
) -> None:
    """One route and one end for each message, no handoff, every answer in Spanish and in our format."""
    transcripts = import_file(kind, shared_data / file)

    replayed = _replay(server_url, tmp_path / "run", transcripts)

    summary = replayed.summary
    assert (summary.conversations, summary.failed, summary.violations, summary.handoffs) == (count, 0, 0, 0), _explain(
        replayed
    )
    assert summary.final == summary.messages_in == sum(summary.routes.values())


def test_a_forced_replay_makes_each_decision_after_the_recorded_history(server_url: str, tmp_path: Path) -> None:
    """The recorded answers are in place, so one turn's mistake cannot spoil the next one's score."""
    file = tmp_path / "grabada.jsonl"
    file.write_text(RECORDED, encoding="utf-8")

    replayed = _replay(server_url, tmp_path / "run", load_transcripts([file]), mode=Mode.FORCED)

    assert replayed.summary.good, _explain(replayed)
    assert replayed.summary.messages_in == 3
    assert replayed.summary.expectations_met == replayed.summary.expectations_total > 0


def test_the_same_seed_gives_the_same_record_to_the_byte(server_url: str, tmp_path: Path) -> None:
    """Time, ids and chance come from the seed alone."""
    transcripts = load_transcripts([FIXTURES / "dos-a-la-vez", FIXTURES / "fallas"])

    runs = [_replay(server_url, tmp_path / str(number), transcripts, seed=7) for number in range(2)]

    first, second = ([fingerprint(record) for record in RunReader(run.directory).records()] for run in runs)
    assert first == second


def test_an_interrupted_run_keeps_what_was_finished(server_url: str, tmp_path: Path) -> None:
    """Ctrl-C in the middle: the conversations before it are saved, scored and reported."""
    transcripts = load_transcripts([FIXTURES / "preguntar"])[:3]

    plan = ReplayPlan(
        suite="test",
        transcripts=transcripts,
        server_url=server_url,
        created="2026-01-12T10:00:00+00:00",
        jobs=1,
        directory=tmp_path / "run",
    )

    @contextmanager
    def cut_off(plan: ReplayPlan, trials: Sequence[Trial]) -> Iterator[Iterator[ConversationRecord]]:
        with play_here(plan, trials) as records:
            yield (stop() if number == 2 else record for number, record in enumerate(records))

    def stop() -> NoReturn:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay_suite(plan, cut_off)

    reader = RunReader(tmp_path / "run")
    assert reader.info.state is RunState.INTERRUPTED
    assert len(list(reader.records())) == 2
    assert (tmp_path / "run" / "report.html").exists()


def test_a_hundred_rivals_for_one_slot_make_one_booking_and_ninety_nine_polite_answers(server_url: str) -> None:
    """The database decides, the code turns its refusal into other times; nobody is left without an answer."""
    told: list[str] = []

    races = race_for_a_slot(server_url, Field(rivals=100, rounds=2), seed=3, tell=told.append)

    assert [race.fair for race in races] == [True, True]
    assert told


def test_every_message_of_a_replay_has_a_route_event(server_url: str, tmp_path: Path) -> None:
    """The record tells each inbound message's route once."""
    transcripts = load_transcripts([FIXTURES / "rafagas"])

    replayed = _replay(server_url, tmp_path / "run", transcripts)

    for record in RunReader(replayed.directory).records():
        said = {str(event.data["sid"]) for event in record.events if event.kind is EventKind.SAY}
        routed = [str(event.data["sid"]) for event in record.events if event.kind is EventKind.ROUTE]
        assert sorted(routed) == sorted(said)
