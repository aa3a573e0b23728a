"""Recorded customers talk to the offline model: it always answers, in Spanish, and hands nobody over."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from runtime.domain.spanish.reply_checks import find_format_problems, looks_spanish
from tests.sim.offline_salon import Salon, Services

CLINIC: Services = {
    "Medicina General": ("30 min", "$500", ("Dra. Mora", "Dr. León")),
    "Odontología Básica": ("45 min", "$600", ("Dra. Pardo",)),
}
BARBERS: Services = {
    "Corte Tradicional": ("30 min", "$300", ("Saúl", "Brandon")),
    "Afeitado Tradicional": ("30 min", "$270", ("Saúl", "Brandon")),
    "Arreglo de Barba": ("30 min", "$200", ("Brandon",)),
}


class Turn(msgspec.Struct):
    """A recorded turn."""

    role: str
    text: str | None = None


class Recording(msgspec.Struct):
    """A recorded conversation."""

    id: str
    turns: list[Turn]


@pytest.mark.slow
@pytest.mark.replay
@pytest.mark.parametrize(
    ("file", "services", "count"),
    [
        ("sesiones_citas_es/sesiones.jsonl", CLINIC, 600),
        ("conversaciones_barberia_es/conversaciones.jsonl", BARBERS, 15),
    ],
    ids=["clinic", "barbers"],
)
async def test_recorded_customers_are_answered(file: str, services: Services, count: int, shared_data: Path) -> None:
    """No exception, no handoff that was not asked for, and every answer passes the checks on replies."""
    recordings = msgspec.json.Decoder(Recording).decode_lines((shared_data / "." / file).read_bytes())
    answered, problems, handoffs = 0, [], []

    for recording in recordings:
        salon = Salon(services=services)
        for turn in recording.turns:
            if turn.role != "customer":
                continue
            reply = await salon.say(turn.text or "")
            answered += 1
            if find_format_problems(reply.text) or not looks_spanish(reply.text) or not reply.text:
                problems.append((recording.id, turn.text, reply.text))
            if "handoff_to_human" in reply.names:
                handoffs.append((recording.id, turn.text))

    assert answered >= count
    assert problems == []
    assert handoffs == []
