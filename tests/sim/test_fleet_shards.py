"""Shards as rows: who may take one up, and what becomes of those whose worker died."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runtime.settings import Settings
from sim.fleet.shards import LEASE, MOST_TRIES, Place, Shelf, Staging, Work, parse_name
from sim.record import ConversationRecord
from sim.stage import SETTINGS
from sim.theatre import Trial
from sim.transcripts import load_transcripts

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "transcripts"
NOW = datetime(2026, 1, 12, 16, 0, tzinfo=UTC)
LATER = NOW + LEASE + timedelta(seconds=1)


@pytest.fixture
def shelf(server_url: str, request: pytest.FixtureRequest) -> Iterator[Shelf]:
    with Shelf(server_url) as opened:
        yield opened
        opened.drop_run(request.node.name)


@pytest.fixture
def run_id(request: pytest.FixtureRequest) -> str:
    return str(request.node.name)


def _work(settings: Settings = SETTINGS) -> Work:
    transcripts = load_transcripts([FIXTURES / "preguntar"])[:2]
    return Work(
        trials=tuple(Trial(transcript=each, seed=7) for each in transcripts), staging=Staging(settings=settings)
    )


def test_a_shard_comes_out_as_it_went_in_and_is_in_one_hand_at_a_time(shelf: Shelf, run_id: str) -> None:
    shelf.give_out(run_id, [_work()], NOW)

    first = shelf.take_up(Place(run_id, 0), NOW)
    second = shelf.take_up(Place(run_id, 0), NOW)

    assert first is not None
    assert first.work == _work()
    assert second is None


def test_a_shard_whose_worker_went_silent_is_idle_again_and_no_longer_that_workers(shelf: Shelf, run_id: str) -> None:
    shelf.give_out(run_id, [_work()], NOW)
    taken = shelf.take_up(Place(run_id, 0), NOW)
    assert taken is not None

    held = shelf.list_idle(run_id, NOW + LEASE / 2)
    let = shelf.list_idle(run_id, LATER)
    again = shelf.take_up(Place(run_id, 0), LATER)

    assert (held, let) == ([], [0])
    assert again is not None
    assert again.tries == 2
    assert not shelf.hold_on(Place(run_id, 0), taken.tries, LATER)
    assert shelf.hold_on(Place(run_id, 0), again.tries, LATER)


def test_who_gives_a_shard_back_has_used_up_no_try(shelf: Shelf, run_id: str) -> None:
    shelf.give_out(run_id, [_work()], NOW)
    taken = shelf.take_up(Place(run_id, 0), NOW)
    assert taken is not None

    shelf.let_go(Place(run_id, 0), taken.tries)

    again = shelf.take_up(Place(run_id, 0), NOW)
    assert again is not None
    assert again.tries == 1


def test_records_come_back_whole_and_the_first_ones_stay(shelf: Shelf, run_id: str) -> None:
    shelf.give_out(run_id, [_work(), _work()], NOW)
    records = [ConversationRecord(id="hola"), ConversationRecord(id="adiós", title="línea\u2028rara\x85y más")]

    shelf.put_down(Place(run_id, 1), records)
    shelf.put_down(Place(run_id, 1), [])

    assert shelf.fetch(Place(run_id, 0)) is None
    assert shelf.fetch(Place(run_id, 1)) == records


def test_a_shard_on_which_every_worker_dies_is_given_up_with_the_reason(shelf: Shelf, run_id: str) -> None:
    shelf.give_out(run_id, [_work(), _work()], NOW)
    now = NOW
    for _ in range(MOST_TRIES):
        taken = shelf.take_up(Place(run_id, 0), now)
        failed = shelf.take_up(Place(run_id, 1), now)
        assert taken is not None
        assert failed is not None
        assert shelf.explain_given_up(Place(run_id, 0), now) is None
        now += LEASE + timedelta(seconds=1)
        shelf.fail(Place(run_id, 1), failed.tries, "Broken: no prompt customer@9", now)

    assert shelf.list_idle(run_id, now) == []
    assert shelf.explain_given_up(Place(run_id, 0), now) == "3 workers died over its shard"
    assert shelf.explain_given_up(Place(run_id, 1), now) == "Broken: no prompt customer@9"


def test_a_name_says_which_shard_of_which_run() -> None:
    place = Place("2026-01-12T10:00 una corrida", 12)

    assert parse_name(str(place)) == place
