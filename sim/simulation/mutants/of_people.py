"""Breakages of what people rely on: appointments, the line, privacy, the wish to be left alone; and of costs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from runtime.domain.allowance import Allowance
from runtime.flows.handoff.scene import Scene
from runtime.store.handoffs import Handoff
from sim.simulation.knobs import Profile
from sim.simulation.mutants.record import Mutant
from sim.simulation.mutants.switches import Rewrite, Schema, Swap

_Any = Callable[..., Any]


def _do_nothing(_sound: _Any) -> _Any:
    async def nothing(*_arguments: object, **_options: object) -> None:
        return None

    return nothing


def _count_customer(sound: _Any) -> _Any:
    async def relay_to_human(scene: Scene, handoff: Handoff, lines: Any) -> Any:
        if handoff.staff_id is not None:
            handoff = await scene.change(handoff, {"last_human_at": scene.now})
        return await sound(scene, handoff, lines)

    return relay_to_human


def _allow_everything(_sound: _Any) -> _Any:
    def next_call_at(_self: Allowance, _paid_until: datetime | None, now: datetime) -> datetime:
        return now

    return next_call_at


_UNLOCKED = Rewrite("runtime.store.handoffs:_LOCK_HUMANS", (("order by id for no key update", "order by id"),))

OF_PEOPLE = (
    Mutant(
        name="booking.no-constraint",
        breaks="the database does not refuse a second appointment at one time",
        noticed_by=("bookings.staff_free", "bookings.spot_free"),
        switches=(
            Schema(
                change=(
                    "alter table appointments drop constraint appointments_staff_free,"
                    " drop constraint appointments_spot_free"
                ),
                count="select count(*) from pg_constraint where conrelid = 'appointments'::regclass and contype = 'x'",
            ),
        ),
        within=60,
        profile=Profile.NONE,
    ),
    Mutant(
        name="booking.no-event",
        breaks="what happened to appointments is not written down",
        noticed_by=("bookings.have_an_event",),
        switches=(Swap("runtime.store.journal:add_events", _do_nothing),),
        within=5,
    ),
    Mutant(
        name="handoff.line-backwards",
        breaks="whoever came last to the line is served first",
        noticed_by=("handoffs.in_order",),
        switches=(
            Rewrite(
                "runtime.store.handoffs:_LINE",
                (("order by h.requested_at, h.id", "order by h.requested_at desc, h.id desc"),),
            ),
        ),
        within=60,
    ),
    Mutant(
        name="handoff.two-each",
        breaks="nothing keeps two customers from one human",
        noticed_by=("handoffs.one_each", "handoffs.one_at_a_time"),
        switches=(
            Schema(
                change="drop index handoffs_one_per_human",
                count="select count(*) from pg_class where relname = 'handoffs_one_per_human'",
            ),
            _UNLOCKED,
        ),
        within=60,
    ),
    Mutant(
        name="handoff.customer-counts",
        breaks="a customer's word puts off the end of silence",
        noticed_by=("handoffs.silence_is_the_humans",),
        switches=(Swap("runtime.flows.handoff.relaying:relay_to_human", _count_customer),),
        within=60,
    ),
    Mutant(
        name="handoff.cut-short",
        breaks="silence ends a handoff after one minute",
        noticed_by=("handoffs.not_early",),
        switches=(Swap("runtime.domain.handoff:SILENCE", lambda _sound: timedelta(minutes=1)),),
        within=60,
    ),
    Mutant(
        name="handoff.endless",
        breaks="a human may keep a customer for three hours without a word",
        noticed_by=("handoffs.looked_at_in_time",),
        switches=(Swap("runtime.domain.handoff:SILENCE", lambda _sound: timedelta(hours=3)),),
        within=60,
    ),
    Mutant(
        name="handoff.unplanned",
        breaks="a handoff has no next step",
        noticed_by=("handoffs.planned",),
        switches=(
            Schema(
                change="alter table handoffs drop constraint handoffs_planned",
                count="select count(*) from pg_constraint where conname = 'handoffs_planned'",
            ),
            Swap("runtime.domain.handoff:plan", lambda _sound: lambda _times: None),
        ),
        within=20,
    ),
    Mutant(
        name="handoff.reminded-twice",
        breaks="two tickers see to one handoff at the same moment",
        noticed_by=("handoffs.reminded_once",),
        switches=(
            _UNLOCKED,
            Rewrite("runtime.store.handoffs:_BY_ID", ((" for no key update of h", ""),)),
        ),
        within=60,
        first_seed=61,
    ),
    Mutant(
        name="tenant.no-row-security",
        breaks="the database lets a business's transaction see every row",
        noticed_by=("tenants.walls",),
        switches=(
            Schema(
                change="""
                    do $$ declare t text; begin
                      for t in select relname from pg_class where relrowsecurity loop
                        execute format('alter table %I no force row level security, disable row level security', t);
                      end loop;
                    end $$
                """,
                count="select count(*) from pg_class where relrowsecurity",
            ),
        ),
        within=3,
    ),
    Mutant(
        name="tenant.wrong-number",
        breaks="a message is taken by any business, whosever number it was written to",
        noticed_by=("tenants.own_numbers",),
        switches=(
            Rewrite(
                "runtime.store.conversations:_ACCEPT",
                (("where address = a.our_key or kind = 'unknown'", "where kind = 'business'"),),
            ),
        ),
        within=20,
    ),
    Mutant(
        name="tenant.no-filter",
        breaks="the services of all businesses are looked up for one",
        noticed_by=("tenants.no_leak",),
        switches=(
            Rewrite(
                "runtime.store.business:_BUSINESS",
                (("from services s where s.organization_id = o.organization_id and", "from services s where"),),
            ),
        ),
        within=60,
    ),
    Mutant(
        name="consent.forgotten",
        breaks="that somebody wants no more messages is not remembered",
        noticed_by=("consent.kept",),
        switches=(Swap("runtime.store.people:set_opted_out", _do_nothing),),
        within=40,
    ),
    Mutant(
        name="cost.no-allowance",
        breaks="one sender may have the model asked as often as they like",
        noticed_by=("cost.sender",),
        switches=(Swap("runtime.domain.allowance:Allowance.next_call_at", _allow_everything),),
        within=60,
        profile=Profile.NONE,
    ),
)
"""Of appointments, handoffs, tenants, consent and cost."""
