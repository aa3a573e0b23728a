"""How handoffs went, in rows and in few figures."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from evals.cli import run as run_program
from runtime.domain.enums import HandoffEnd, HandoffOrigin, HandoffState
from runtime.store.database import Database
from runtime.store.handoff_metrics import HandoffMetrics, measure_handoffs, summarize
from tests.runtime.flows.desk import Desk
from tests.runtime.twins import NOW, run


async def _measure(database: Database) -> list[HandoffMetrics]:
    async with database.platform() as uow:
        return await measure_handoffs(uow, since=NOW)


async def _play(database: Database) -> Desk:
    """Ana is answered after two minutes and done after twelve; Beto is asked for and waits."""
    desk = await Desk.open(database, "Ana", "Beto", "Carla")
    await desk.ask("Ana")
    desk.set(2)
    await desk.take("Lupita", "Ana")
    await desk.say("Lupita", "Ana", "hola")
    desk.set(12)
    await desk.end("Ana")
    await desk.ask("Beto")
    await desk.ask("Carla")
    return desk


async def test_a_handoff_is_a_row_of_figures(database: Database) -> None:
    """Waits are counted from the request, the talk from being taken, and who waits has a place."""
    await _play(database)

    found = {each.customer: each for each in await _measure(database)}

    ana, beto = found["Ana"], found["Beto"]
    assert (ana.state, ana.origin, ana.end_reason) == (HandoffState.ENDED, HandoffOrigin.CUSTOMER, HandoffEnd.HUMAN)
    assert (ana.wait_s, ana.first_answer_s, ana.duration_s) == (120.0, 120.0, 600.0)
    assert (ana.human, ana.asked, ana.reopened, ana.from_human, ana.failed) == ("Lupita", 1, 0, 1, 0)
    assert (beto.state, beto.wait_s, beto.duration_s, beto.place) == (HandoffState.OFFERED, None, None, None)


async def test_many_are_a_few_figures(database: Database) -> None:
    """Medians over what has happened, and how each ended."""
    await _play(database)

    summary = summarize(await _measure(database))

    assert (summary.handoffs, summary.open, summary.taken) == (3, 2, 1)
    assert (summary.wait_p50_s, summary.first_answer_p90_s, summary.duration_p50_s) == (120.0, 120.0, 600.0)
    assert summary.ended_by == {"human": 1}
    assert summarize([]).wait_p50_s is None


async def test_the_program_shows_figures_and_nobodys_name(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`parlo handoffs` looks back from the real clock, so the handoffs are moved to this minute."""
    await _play(database)
    await run(database, "update handoffs set requested_at = current_timestamp where ended_at is not null")
    monkeypatch.setenv("DATABASE_URL", database_url)

    # the program opens a loop of its own
    code = await asyncio.to_thread(run_program, ["handoffs", "--json"])

    shown = capsys.readouterr().out
    answer = msgspec.json.decode(shown)
    assert code == 0 and answer["summary"]["handoffs"] == 1
    assert answer["handoffs"][0]["end_reason"] == "human"
    assert '"Ana"' not in shown and '"Lupita"' not in shown
