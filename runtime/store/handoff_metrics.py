"""How handoffs went, as rows: how long customers waited, for how long they talked, and how it ended.

Read by `parlo handoffs`, which hides who and why, and by the simulate page. No message of anybody's is read, and
nothing is changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import text

from runtime.domain.enums import HandoffEnd, HandoffOrigin, HandoffState
from runtime.domain.handoff import Step, Times, plan
from runtime.domain.ids import HandoffId, OrganizationId
from runtime.store.database import UnitOfWork, rows_of


class HandoffMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """One handoff in figures; durations in seconds, None for what has not happened.

    Attributes:
        customer_key: The identity behind the customer's number.
        reason: Why a person was wanted, in somebody's words.
        summary: What had been said until then, as the human was told.
        next_step: What happens at `due_at`, unless somebody says a word before.
        wait_s: From the request until a human took the customer.
        first_answer_s: From the request until a human's first word went to the customer.
        duration_s: From being taken to the end.
        place: In line, 1 for whoever is next; None for whoever is not in line.
        asked: How often a human was asked to take the customer.
        from_human: Messages a human sent the customer.
        from_customer: Messages of the customer that were passed on.
        failed: Messages of either that did not arrive.
    """

    organization_id: OrganizationId
    business: str
    id: HandoffId
    state: HandoffState
    origin: HandoffOrigin
    customer: str | None
    customer_key: str | None
    human: str | None
    reason: str | None
    summary: str | None
    requested_at: datetime
    connected_at: datetime | None
    ended_at: datetime | None
    end_reason: HandoffEnd | None
    due_at: datetime | None
    wait_s: float | None
    first_answer_s: float | None
    duration_s: float | None
    place: int | None
    asked: int
    reopened: int
    from_human: int
    from_customer: int
    failed: int
    next_step: Step | None = None


class _Measured(HandoffMetrics, frozen=True, kw_only=True):
    times: Times


_MEASURE = text(
    """
    select h.organization_id, o.name as business, h.id, h.state, h.origin,
      coalesce(cu.name, p.profile_name) as customer,
      c.their_key as customer_key, s.name as human, h.reason, h.summary,
      h.requested_at, h.connected_at, h.ended_at, h.end_reason, h.due_at,
      extract(epoch from h.connected_at - h.requested_at)::float8 as wait_s,
      extract(epoch from h.first_answer_at - h.requested_at)::float8 as first_answer_s,
      case when h.connected_at is not null then extract(epoch from h.ended_at - h.connected_at)::float8 end
        as duration_s,
      case when h.state = 'waiting' then (select count(*) from handoffs b
        where b.organization_id = h.organization_id and b.state = 'waiting'
          and (b.requested_at, b.id) <= (h.requested_at, h.id)) end as place,
      (select count(*) from handoff_offers f where f.organization_id = h.organization_id and f.handoff_id = h.id)
        as asked,
      h.reopened, coalesce(said.from_human, 0) as from_human, coalesce(said.from_customer, 0) as from_customer,
      coalesce(said.failed, 0) as failed,
      jsonb_build_object('state', h.state, 'requested_at', h.requested_at, 'offered_at', h.offered_at,
        'last_human_at', h.last_human_at, 'unanswered_since', h.unanswered_since, 'snoozed_until', h.snoozed_until,
        'nudges', h.nudges) as times
    from handoffs h
    join organizations o on o.organization_id = h.organization_id
    join conversations c on c.organization_id = h.organization_id and c.id = h.conversation_id
    left join people p on p.organization_id = c.organization_id and p.id = c.person_id
    left join customers cu on cu.organization_id = c.organization_id and cu.person_id = c.person_id
    left join staff s on s.organization_id = h.organization_id and s.id = h.staff_id
    left join lateral (
      select count(*) filter (where x.conversation_id = h.conversation_id) as from_human,
        count(*) filter (where x.conversation_id <> h.conversation_id) as from_customer,
        count(*) filter (where x.state in ('undelivered', 'failed')) as failed
      from outbox x where x.organization_id = h.organization_id and x.handoff_id = h.id and x.kind = 'relay') said
      on true
    where (:organization_id ::uuid is null or h.organization_id = :organization_id) and h.requested_at >= :since
    order by h.requested_at desc, h.id desc limit :most
    """
)


async def measure_handoffs(
    uow: UnitOfWork, *, since: datetime, organization_id: OrganizationId | None = None, most: int = 1000
) -> list[HandoffMetrics]:
    """Handoffs requested since a moment, the latest first; of every business where none is named (a platform job)."""
    parameters = {"organization_id": organization_id, "since": since, "most": most}
    return [_foresee(row) for row in rows_of(_Measured, await uow.run(_MEASURE, parameters))]


def _foresee(row: _Measured) -> HandoffMetrics:
    """With what happens next."""
    figures = {name: getattr(row, name) for name in HandoffMetrics.__struct_fields__}
    planned = plan(row.times) if row.due_at is not None else None
    return HandoffMetrics(**figures | {"next_step": planned.step if planned else None})


def hide_people(measured: HandoffMetrics) -> HandoffMetrics:
    """The same figures without anybody's name, number or words."""
    return msgspec.structs.replace(measured, customer=None, customer_key=None, human=None, reason=None, summary=None)


class HandoffSummary(msgspec.Struct, frozen=True):
    """Many handoffs in a few figures; seconds, None where there is nothing to count.

    Attributes:
        taken: How many a human took.
        ended_by: How many ended in each way.
    """

    handoffs: int
    open: int
    taken: int
    wait_p50_s: float | None
    wait_p90_s: float | None
    first_answer_p50_s: float | None
    first_answer_p90_s: float | None
    duration_p50_s: float | None
    ended_by: dict[str, int]


def summarize(found: Sequence[HandoffMetrics]) -> HandoffSummary:
    """The figures over these handoffs."""
    waits = [each.wait_s for each in found if each.wait_s is not None]
    answers = [each.first_answer_s for each in found if each.first_answer_s is not None]
    durations = [each.duration_s for each in found if each.duration_s is not None]
    reasons = [each.end_reason for each in found if each.end_reason is not None]
    return HandoffSummary(
        handoffs=len(found),
        open=sum(each.state is not HandoffState.ENDED for each in found),
        taken=len(waits),
        wait_p50_s=_quantile(waits, 0.5),
        wait_p90_s=_quantile(waits, 0.9),
        first_answer_p50_s=_quantile(answers, 0.5),
        first_answer_p90_s=_quantile(answers, 0.9),
        duration_p50_s=_quantile(durations, 0.5),
        ended_by={reason.value: reasons.count(reason) for reason in HandoffEnd if reason in reasons},
    )


def _quantile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share does not exceed."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(share * 100) // 100) - 1)]
