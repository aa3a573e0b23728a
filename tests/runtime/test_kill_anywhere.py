"""A worker is killed at every single round trip of a turn: nothing is lost, nothing happens twice."""

from __future__ import annotations

import msgspec
import pytest

from sim.stage import Stage
from sim.stepwise import Killed
from tests.runtime.staging import ANA, LUPITA, Salon, on_stage

BEYOND_THE_LEASE_S = 120.0


class Ending(msgspec.Struct, frozen=True):
    """How the world looks when everything has come to rest."""

    replies: list[str]
    notices: list[str]
    appointments: int
    inbox: list[tuple[str, int]]
    open_turns: int
    tasks: int


async def _book_up_to_the_yes(stage: Stage) -> Salon:
    salon = await Salon.open(stage)
    await salon.say(ANA, "hola, soy Ana López, quiero un corte de dama mañana a las 5 con Karla")
    assert "¿La agendo?" in salon.heard(ANA)[-1]
    await salon.post(ANA, "sí")
    await salon.scene.clock.sleep(2)
    return salon


async def _look(salon: Salon, before: int) -> Ending:
    inbox = await salon.rows("select state::text, count(*)::int from inbox group by 1 order by 1")
    return Ending(
        replies=salon.heard(ANA)[before:],
        notices=salon.heard(LUPITA),
        appointments=await salon.count(
            "select count(*) from appointments a join customers c on c.organization_id = a.organization_id"
            " and c.id = a.customer_id where c.name = 'Ana López'"
        ),
        inbox=[(row[0], row[1]) for row in inbox],
        open_turns=await salon.count("select count(*) from turns where state = 'running'"),
        tasks=await salon.count("select count(*) from tasks"),
    )


async def _play(stage: Stage, *, at: int | None, answer_lost: bool) -> tuple[Ending, int]:
    """Play the booking, killing the worker at its `at`-th round trip; the ending and the trips of a whole turn."""
    salon = await _book_up_to_the_yes(stage)
    before = len(salon.heard(ANA))
    switch = stage.switch
    start = switch.round_trips
    if at is not None and answer_lost:
        switch.kill_after = start + at
    elif at is not None:
        switch.kill_before = start + at
    killed = False
    try:
        await salon.run_turn(ANA)
        await salon.scheduler.settle()
    except Killed:
        killed = True
        await stage.restart()
    trips = switch.round_trips - start
    assert killed == (at is not None)
    await salon.wait(BEYOND_THE_LEASE_S)
    return await _look(salon, before), trips


# a killed process closes nothing, and Python tells so when it collects what is left of it
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
@pytest.mark.parametrize("answer_lost", [False, True], ids=["before the server hears of it", "answer lost"])
def test_a_worker_killed_at_any_round_trip_of_a_booking_loses_and_doubles_nothing(
    database_url: str, answer_lost: bool
) -> None:
    """The killed turn is resumed from its journal: one appointment, one answer, one notice, no task."""

    async def play(stage: Stage) -> None:
        whole, trips = await _play(stage, at=None, answer_lost=answer_lost)
        assert whole.appointments == 1
        assert len(whole.replies) == 1
        assert len(whole.notices) == 1
        assert trips > 20

        for at in range(1, trips + 1):
            ending, _ = await _play(stage, at=at, answer_lost=answer_lost)

            assert ending == whole, f"killed at round trip {at} of {trips}"

    on_stage(database_url, play, kills=True)
