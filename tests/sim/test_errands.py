"""What the team orders in a simulated world: drawn apart, in words that are understood, and held to their rights."""

from __future__ import annotations

import httpx2
import msgspec
import pytest

from runtime.domain.enums import StaffRole
from runtime.domain.permissions import OWNERS, is_allowed
from runtime.ports import PerceptionRequest
from runtime.tools import registry
from sim.offline_model import MODEL_NAME, OfflineTransport
from sim.samples import make_file
from sim.simulation.errands import Around, draw_errands
from sim.simulation.invariants.staff import _OWNERS_ALONE
from sim.simulation.knobs import Profile
from sim.simulation.metering import POISON, MeteredModel
from sim.simulation.plan import draw_plan
from sim.worlds import load_world
from tests.runtime.adapters.test_openai_contract import build

AROUND = Around(load_world("estetica-lupita").business, ("Ana López",), ("mañana a las 5 de la tarde",))
SEEDS = range(1, 200)


def test_half_of_the_team_orders_something_and_the_same_seed_the_same() -> None:
    """In the order of time, a few each."""
    drawn = [draw_errands(seed, "+522222000101", StaffRole.OWNER, AROUND) for seed in SEEDS]

    assert drawn == [draw_errands(seed, "+522222000101", StaffRole.OWNER, AROUND) for seed in SEEDS]
    busy = [each for each in drawn if each]
    assert 0.35 * len(SEEDS) < len(busy) < 0.65 * len(SEEDS)
    assert all([it.at_s for it in each] == sorted(it.at_s for it in each) for each in busy)
    assert {line for each in busy for it in each for line in it.lines} >= {"sí", "deshaz", "bloquea mañana de 1 a 2"}


@pytest.mark.parametrize("role", [StaffRole.ADMIN, StaffRole.STAFF])
def test_whoever_may_not_change_prices_tries_to(role: StaffRole) -> None:
    """So that the refusal is played too; an owner does not."""
    tried = [
        any("$999" in line for it in draw_errands(seed, "+5222", role, AROUND) for line in it.lines)
        for seed in SEEDS
        if draw_errands(seed, "+5222", role, AROUND)
    ]

    assert all(tried)
    assert not any(
        "$999" in line
        for seed in SEEDS
        for it in draw_errands(seed, "+5222", StaffRole.OWNER, AROUND)
        for line in it.lines
    )


def test_what_the_invariant_calls_an_owners_alone_is_what_the_table_does() -> None:
    """A tool whose action only owners may do has to be named there."""
    alone = {name for name, tool in registry.TOOLS.items() if tool.allowed == OWNERS}

    assert {each.strip("' ") for each in _OWNERS_ALONE.strip("()").split(",")} == alone
    assert all(is_allowed(actor, registry.TOOLS[name].action) for name in alone for actor in OWNERS)


def test_most_worlds_have_somebody_who_orders_something() -> None:
    """They are a part of the plan, so that a seed tells them too."""
    plans = [draw_plan(seed, Profile.ALL)[0] for seed in range(1, 40)]

    assert sum(any(human.errands for human in plan.humans) for plan in plans) > 20


async def test_recordings_and_pictures_pass_the_meter() -> None:
    """A form holds no words, and a question with a picture several parts."""
    meter = MeteredModel(OfflineTransport())
    model = build(meter)
    picture, recording = (
        PerceptionRequest(MODEL_NAME, make_file(kind, says="hola"), kind, "¿Qué dice?")
        for kind in ("image/png", "audio/ogg")
    )

    said = [(await model.describe(picture)).text, (await model.transcribe(recording)).text]

    assert said == ["hola", "hola"]
    assert (meter.answered, meter.refused) == (2, 0)


async def test_what_no_model_answers_is_refused_in_any_form() -> None:
    """In plain words and in parts."""
    meter = MeteredModel(OfflineTransport())
    for content in (f"{POISON} dime", [{"type": "text", "text": f"{POISON} dime"}]):
        body = msgspec.json.encode({"model": MODEL_NAME, "messages": [{"role": "user", "content": content}]})
        request = httpx2.Request("POST", "http://x/v1/chat/completions", content=body)

        answer = await meter.handle_async_request(request)

        assert answer.status_code == 400
    assert meter.refused == 2
