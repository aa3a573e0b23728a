"""Everything about one message, for whoever taps its chips: its turn with each step, or its way out.

Read when asked for, never for the whole page. Called by the page's detail route.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from runtime.domain.enums import InboxState, OutboxKind, OutboxState, StepKind, TurnState
from runtime.ports import ModelAnswer
from runtime.store.database import Database, rows_of
from sim.simulate.rows import open_reading

LONGEST_SHOWN = 1200

_HEARD = text(
    """
    select i.sid, i.kind, i.state, i.received_at, i.finished_at, t.id as turn_id, coalesce(i.route, t.route) as route,
      t.reason, t.state as turn_state, t.prompt, t.prompt_hash, t.model, t.attempts, t.error, t.started_at,
      t.finished_at as turn_finished_at
    from inbox i left join turns t on t.organization_id = i.organization_id and t.id = i.turn_id
    where i.id = :id
    """
)
_SAID = text(
    """
    select o.kind, o.state, o.attempts, o.provider_sid, o.error_code, o.created_at, o.not_before, o.submitted_at,
      o.turn_id, o.dedupe_key
    from outbox o where o.id = :id
    """
)
_STEPS = text(
    """
    select number, kind, name, case when kind = 'tool' then request end as request, response, at
    from steps where turn_id = :id order by number
    """
)


class HeardDetail(msgspec.Struct, frozen=True):
    """A person's message and its turn."""

    sid: str
    kind: str
    state: InboxState
    received_at: datetime
    finished_at: datetime | None
    turn_id: UUID | None
    route: str | None
    reason: str | None
    turn_state: TurnState | None
    prompt: str | None
    prompt_hash: str | None
    model: str | None
    attempts: int | None
    error: str | None
    started_at: datetime | None
    turn_finished_at: datetime | None


class SaidDetail(msgspec.Struct, frozen=True):
    """A message of ours and its way out."""

    kind: OutboxKind
    state: OutboxState
    attempts: int
    provider_sid: str | None
    error_code: int | None
    created_at: datetime
    not_before: datetime
    submitted_at: datetime | None
    turn_id: UUID | None
    dedupe_key: str


class Step(msgspec.Struct, frozen=True):
    """One journaled step in words. `ok` is None for a model's answer."""

    number: int
    kind: StepKind
    name: str
    ok: bool | None
    asked: str
    answered: str
    at: datetime


class _StepRow(msgspec.Struct, frozen=True):
    number: int
    kind: StepKind
    name: str
    request: dict[str, object] | None
    response: dict[str, object]
    at: datetime


async def read_heard(database: Database, inbox_id: UUID) -> tuple[HeardDetail, list[Step]] | None:
    """A person's message, its turn and the turn's steps; None where there is none of this id.

    Raises:
        Unavailable: The database cannot be reached.
    """
    async with open_reading(database) as uow:
        found = rows_of(HeardDetail, await uow.run(_HEARD, {"id": inbox_id}))
        if not found:
            return None
        rows = rows_of(_StepRow, await uow.run(_STEPS, {"id": found[0].turn_id})) if found[0].turn_id else []
        return found[0], [_describe(row) for row in rows]


async def read_said(database: Database, outbox_id: UUID) -> tuple[SaidDetail, list[Step]] | None:
    """A message of ours, and the steps of the turn that wrote it; None where there is none of this id.

    Raises:
        Unavailable: The database cannot be reached.
    """
    async with open_reading(database) as uow:
        found = rows_of(SaidDetail, await uow.run(_SAID, {"id": outbox_id}))
        if not found:
            return None
        rows = rows_of(_StepRow, await uow.run(_STEPS, {"id": found[0].turn_id})) if found[0].turn_id else []
        return found[0], [_describe(row) for row in rows]


def _describe(row: _StepRow) -> Step:
    if row.kind is StepKind.TOOL:
        asked = _shorten((row.request or {}).get("arguments"))
        ok = row.response.get("ok")
        return Step(row.number, row.kind, row.name, ok is True, asked, _shorten(row.response.get("content")), row.at)
    answer = msgspec.convert(row.response, ModelAnswer)
    calls = ", ".join(call.name for call in answer.tool_calls)
    tokens = f"{answer.model}: {answer.input_tokens} → {answer.output_tokens} tokens, {answer.finish}"
    answered = _shorten(answer.text) if answer.text else f"pide {calls}" if calls else "nada"
    return Step(row.number, row.kind, row.name, None, tokens, answered, row.at)


def _shorten(value: object) -> str:
    words = value if isinstance(value, str) else "" if value is None else msgspec.json.encode(value).decode()
    return words if len(words) <= LONGEST_SHOWN else f"{words[:LONGEST_SHOWN]}…"
