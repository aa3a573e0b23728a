"""Postgres one statement at a time: lock waits are parked in virtual time, and a replay is the same every time."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from runtime.domain.errors import Unavailable
from runtime.store.database import Database
from sim.driver import Mode, replay
from sim.record import ConversationRecord, encode_record
from sim.stage import Scene, Stage
from sim.stepwise import Killed
from sim.transcripts import load_transcripts
from sim.worlds import load_world
from tests.runtime.staging import NOW, on_stage

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "transcripts"
RENAME = text("update people set profile_name = coalesce(profile_name, '') || :mark")
READ = text("select distinct profile_name from people")


async def open_scene(stage: Stage) -> Scene:
    """The seed business on a Monday morning."""
    return await stage.set_scene(load_world("estetica-lupita"), NOW, 1)


async def read_names(database: Database) -> list[str | None]:
    """What is written on everybody."""
    async with database.platform() as uow:
        return list((await uow.run(READ)).scalars())


def test_whoever_waits_for_a_lock_is_parked_until_the_holder_lets_go(database_url: str) -> None:
    """A row is held across a virtual pause: the rival waits it out, others run meanwhile, nobody hangs."""

    async def play(stage: Stage) -> tuple[list[tuple[str, float]], list[str | None]]:
        scene = await open_scene(stage)
        clock, log = scene.clock, list[tuple[str, float]]()

        def note(what: str) -> None:
            log.append((what, round(clock.elapsed_s, 2)))

        async def hold() -> None:
            async with stage.database.platform() as uow:
                await uow.run(RENAME, {"mark": "a"})
                note("held")
                await clock.sleep(0.1)
                await uow.commit()
                note("let go")

        async def wait() -> None:
            await clock.sleep(0.01)
            async with stage.database.platform() as uow:
                note("asked")
                await uow.run(RENAME, {"mark": "b"})
                note("got it")
                await uow.commit()

        async def look() -> None:
            await clock.sleep(0.05)
            assert await read_names(stage.database) == [None]
            note("looked")

        await asyncio.gather(hold(), wait(), look())
        return log, await read_names(stage.database)

    log, names = on_stage(database_url, play)

    assert log[:4] == [("held", 0.0), ("asked", 0.01), ("looked", 0.05), ("let go", 0.1)]
    assert log[4][0] == "got it" and 0.1 <= log[4][1] <= 0.12
    assert names == ["ab"]


def test_statements_run_in_the_order_of_the_simulation(database_url: str) -> None:
    """Ten tasks write at once: each statement is driven to its end, so they write in the order they were started."""

    async def play(stage: Stage) -> list[str | None]:
        await open_scene(stage)

        async def write(mark: str) -> None:
            async with stage.database.single() as uow:
                await uow.run(RENAME, {"mark": mark})

        await asyncio.gather(*(write(mark) for mark in "0123456789"))
        return await read_names(stage.database)

    assert on_stage(database_url, play) == ["0123456789"]


def test_two_that_one_commit_would_wake_do_not_race(database_url: str) -> None:
    """The second who wants a row that is being changed is refused, or asks again where nobody can notice."""

    async def play(stage: Stage) -> tuple[list[str], list[str | None]]:
        clock = (await open_scene(stage)).clock

        async def change(mark: str, after_s: float, hold_s: float = 0.0) -> str:
            await clock.sleep(after_s)
            try:
                async with stage.database.platform() as uow:
                    await uow.run(RENAME, {"mark": mark})
                    await clock.sleep(hold_s)
                    await uow.commit()
            except Unavailable:
                return f"{mark} is refused"
            return f"{mark} went on"

        async def change_at_once(mark: str, after_s: float) -> str:
            await clock.sleep(after_s)
            async with stage.database.single() as uow:
                await uow.run(RENAME, {"mark": mark})
            return f"{mark} went on"

        told = await asyncio.gather(
            change("a", 0.0, 1.0), change("b", 0.1, 1.0), change_at_once("c", 0.2), change("d", 0.3)
        )
        return list(told), await read_names(stage.database)

    told, names = on_stage(database_url, play)

    assert told == ["a went on", "b went on", "c went on", "d is refused"]
    assert [str(name)[-3:] for name in names] == ["abc"]


def test_a_deadlock_is_resolved_by_the_server_and_not_waited_for(database_url: str) -> None:
    """Two who hold what the other wants: one is refused and the other goes on."""

    async def play(stage: Stage) -> list[str]:
        scene = await open_scene(stage)

        async def swap(first: str, second: str) -> str:
            lock = text("select id from services where name = :name for update")
            async with stage.database.platform() as uow:
                await uow.run(lock, {"name": first})
                await scene.clock.sleep(1)
                try:
                    await uow.run(lock, {"name": second})
                except (DBAPIError, Unavailable) as error:
                    return f"refused: {type(error.__cause__ or error).__name__}"
                return "went on"

        return list(await asyncio.gather(swap("Gelish", "Mechas"), swap("Mechas", "Gelish")))

    outcomes = on_stage(database_url, play)

    assert sorted(outcome.split(":")[0] for outcome in outcomes) == ["refused", "went on"]


def test_a_database_that_is_switched_off_is_unavailable_until_its_moment(database_url: str) -> None:
    """Connections and statements fail alike, also one in the middle of a transaction, and then all is well again."""

    async def play(stage: Stage) -> list[str]:
        scene = await open_scene(stage)
        from_now = 30.0
        outcomes = []
        with pytest.raises(Unavailable):
            async with stage.database.platform() as uow:
                await uow.run(RENAME, {"mark": "lost"})
                stage.switch.take_down(scene.clock, scene.clock.now() + timedelta(seconds=from_now))
                await uow.commit()
        for _ in range(4):
            try:
                outcomes.append(str(await read_names(stage.database)))
            except Unavailable:
                outcomes.append("down")
            await scene.clock.sleep(from_now / 2)
        return outcomes

    assert on_stage(database_url, play) == ["down", "down", "[None]", "[None]"]


def test_a_killed_process_leaves_nothing_half_done_and_does_nothing_more(database_url: str) -> None:
    """At the chosen round trip everything of its own is rolled back; a new process connects as if nothing had been."""

    async def play(stage: Stage) -> list[str | None]:
        await open_scene(stage)
        stage.switch.kill_before = stage.switch.round_trips + 3
        with pytest.raises(Killed):
            async with stage.database.platform() as uow:
                for _ in range(10):
                    await uow.run(RENAME, {"mark": "x"})
        with pytest.raises(Killed):
            await read_names(stage.database)
        stage.switch.bring_back()
        return await read_names(stage.database)

    assert on_stage(database_url, play) == [None]


# One conversation, twice ---------------------------------------------------------------------------------------


def without_real_time(record: ConversationRecord) -> bytes:
    """A record as it is stored, but for how long the machine took."""
    return encode_record(msgspec.structs.replace(record, wall_s=0.0))


@pytest.mark.parametrize(
    "name",
    [
        "reservar/todo-en-uno",
        "dos-a-la-vez/la-misma-hora",
        "relevo/6-en-la-fila",
        "fallas/twilio-respuesta-perdida",
    ],
)
def test_a_replay_repeated_is_the_same_to_the_byte(database_url: str, name: str) -> None:
    """Every id, moment, tool call and row: only the wall clock differs."""
    (transcript,) = load_transcripts([FIXTURES / f"{name}.jsonl"])

    async def play(stage: Stage) -> list[ConversationRecord]:
        return [await replay(stage, transcript, seed=7) for _ in range(2)]

    first, again = on_stage(database_url, play)

    assert first.failure is None
    assert len(first.events) > 5
    assert without_real_time(first) == without_real_time(again)


def test_a_replay_does_not_depend_on_what_was_replayed_before(database_url: str) -> None:
    """Alone or after another conversation, on one stage or on its own, forced as well as free."""
    one, other = load_transcripts([FIXTURES / "reservar/todo-en-uno.jsonl", FIXTURES / "cancelar/una.jsonl"])

    async def alone(stage: Stage) -> list[ConversationRecord]:
        return [await replay(stage, one, mode=mode, seed=3) for mode in Mode]

    async def after_another(stage: Stage) -> list[ConversationRecord]:
        await replay(stage, other, seed=3)
        return [await replay(stage, one, mode=mode, seed=3) for mode in reversed(Mode)][::-1]

    first, again = on_stage(database_url, alone), on_stage(database_url, after_another)

    assert [without_real_time(record) for record in first] == [without_real_time(record) for record in again]


def test_another_seed_gives_other_ids(database_url: str) -> None:
    """The seed is not ignored."""
    (transcript,) = load_transcripts([FIXTURES / "reservar/todo-en-uno.jsonl"])

    async def play(stage: Stage) -> list[ConversationRecord]:
        return [await replay(stage, transcript, seed=seed) for seed in (1, 2)]

    first, other = on_stage(database_url, play)

    assert first.seed != other.seed
    assert without_real_time(first) != without_real_time(other)
