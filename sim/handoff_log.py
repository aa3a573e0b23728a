"""What happened to a business's handoffs, in the order it was decided, and whether all was as it should be.

`watch_handoffs` puts a trigger into a database of one's own. It numbers each change of a handoff under the locks of
whoever makes it, which no clock of several processes could tell; `judge_log` walks through what it wrote down.
`evals.bench` calls them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import class_row

_SERVING = ("offered", "active")

_WATCH: LiteralString = """
    create table handoff_log (
      seq bigserial primary key, organization_id uuid not null, handoff_id uuid not null, conversation_id uuid not null,
      staff_id uuid, state text not null, requested_at timestamptz not null);
    create function log_handoff() returns trigger language plpgsql security definer as $$
    begin
      insert into public.handoff_log (organization_id, handoff_id, conversation_id, staff_id, state, requested_at)
      values (new.organization_id, new.id, new.conversation_id, new.staff_id, new.state::text, new.requested_at);
      return null;
    end $$;
    create trigger handoff_log after insert or update of state, staff_id on handoffs
      for each row execute function log_handoff();
"""
_READ: LiteralString = """
    select l.seq, l.handoff_id, l.staff_id, l.state, l.requested_at, c.their_key as customer
    from handoff_log l join conversations c on c.id = l.conversation_id and c.organization_id = l.organization_id
    join channels ch on ch.id = c.channel_id and ch.organization_id = c.organization_id
    where ch.address = %s order by l.seq
"""


class Change(msgspec.Struct, frozen=True):
    """A handoff came into this state."""

    seq: int
    handoff_id: UUID
    staff_id: UUID | None
    state: str
    requested_at: datetime
    customer: str


class Verdict(msgspec.Struct, frozen=True):
    """What was seen in a log.

    Attributes:
        requested: Handoffs there were.
        doubly_served: Moments at which a human had, or was asked to take, more than one customer.
        overtaken: Calls that passed over somebody who had asked earlier and was in line.
        served: Handoffs that somebody was asked to take.
        longest: Most people in line at a time.
    """

    requested: int
    doubly_served: int
    overtaken: int
    served: int
    longest: int


def watch_handoffs(url: str) -> None:
    """Keep a log of this database's handoffs from now on."""
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(_WATCH)


def read_log(url: str, number: str) -> list[Change]:
    """Everything that happened to the handoffs of the business with this number, in the order it was decided."""
    with psycopg.connect(url, row_factory=class_row(Change)) as connection:
        return connection.execute(_READ, (number,)).fetchall()


def judge_log(log: Sequence[Change], unwilling: Collection[tuple[UUID, UUID | None]] = ()) -> Verdict:
    """Walk through a log and count what may not be.

    Args:
        log: Of one business.
        unwilling: Handoffs and humans who said no to them, or nothing: they are not passed over by going to others.
    """
    current: dict[UUID, Change] = {}
    served: set[UUID] = set()
    doubly_served = overtaken = longest = 0
    for change in log:
        before = current.get(change.handoff_id)
        current[change.handoff_id] = change
        line = [each for each in current.values() if each.state == "waiting"]
        longest = max(longest, len(line))
        if change.state in _SERVING:
            others = [each for each in current.values() if each.state in _SERVING]
            doubly_served += sum(each.staff_id == change.staff_id for each in others) > 1
        if change.state == "offered" and (before is None or before.state != "offered"):
            served.add(change.handoff_id)
            overtaken += any(
                _turn(each) < _turn(change) and (each.handoff_id, change.staff_id) not in unwilling for each in line
            )
    return Verdict(len(current), doubly_served, overtaken, len(served), longest)


def count_misplaced(log: Sequence[Change], told: Mapping[str, int]) -> int:
    """How many in line were told a place that is not theirs in the order of requests.

    Args:
        log: Of one business, of a time in which nobody left the line.
        told: The place that each customer was told, by their key.
    """
    last = {change.handoff_id: change for change in log}
    line = sorted((change for change in last.values() if change.state == "waiting"), key=_turn)
    return sum(told.get(change.customer) != place for place, change in enumerate(line, start=1))


def _turn(change: Change) -> tuple[datetime, UUID]:
    return change.requested_at, change.handoff_id
