"""Breakages of the way of a message: accepted, taken up, answered, sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import msgspec
from sqlalchemy import text

from runtime import outbox as sending
from runtime import turn
from runtime.domain.enums import OutboxState
from runtime.domain.ids import ConversationId, InboxId
from runtime.domain.strategies import ConversationStrategy
from runtime.parts import Parts
from runtime.store import conversations
from runtime.store import outbox as lines
from runtime.store.conversations import Arrival
from runtime.store.database import Database, UnitOfWork
from runtime.store.intake import Intake
from runtime.store.locking import ConversationLock
from runtime.store.outbox import Outbound
from runtime.tools import registry
from sim.simulation.knobs import Profile
from sim.simulation.mutants.record import Mutant
from sim.simulation.mutants.switches import Rewrite, Schema, Setting, Swap

_Any = Callable[..., Any]

# Inbox -------------------------------------------------------------------------------------------------------------

_SIDS = text("select sid from inbox where sid = any(:sids)")
_NO_UNIQUE_KEY = (
    Schema(
        change="alter table inbox drop constraint inbox_provider_sid_key",
        count="select count(*) from pg_constraint where conname = 'inbox_provider_sid_key'",
    ),
    Rewrite("runtime.store.conversations:_ACCEPT", (("on conflict (provider, sid) do nothing", ""),)),
)


def _look_up_first(sound: _Any) -> _Any:
    async def accept(uow: UnitOfWork, arrivals: Sequence[Arrival], *, burst: timedelta) -> set[InboxId]:
        known = {row.sid for row in await uow.run(_SIDS, {"sids": [each.sid for each in arrivals]})}
        new = [each for each in arrivals if each.sid not in known]
        return await sound(uow, new, burst=burst) if new else set()

    return accept


def _find_none(_sound: _Any) -> _Any:
    async def find_unseen(uow: UnitOfWork, sids: Sequence[str]) -> list[str]:
        del uow, sids
        return []

    return find_unseen


_BACKGROUND: set[asyncio.Future[bool]] = set()


def _acknowledge_first(sound: _Any) -> _Any:
    async def store(self: Intake, arrival: Arrival) -> bool:
        stored: asyncio.Future[bool] = asyncio.ensure_future(sound(self, arrival))
        _BACKGROUND.add(stored)
        stored.add_done_callback(_BACKGROUND.discard)
        return True

    return store


# Turn --------------------------------------------------------------------------------------------------------------


def _hold_nothing(sound: Mapping[ConversationStrategy, ConversationLock]) -> Mapping[Any, ConversationLock]:
    lease = sound[ConversationStrategy.LEASE]
    return {**sound, lease.name: msgspec.structs.replace(lease, hold=conversations.look)}


def _remember_nothing(_sound: _Any) -> _Any:
    async def load_steps(*_arguments: object) -> list[object]:
        return []

    return load_steps


def _do_nothing(_sound: _Any) -> _Any:
    async def nothing(*_arguments: object, **_options: object) -> None:
        return None

    return nothing


def _reply_after(sound: _Any) -> _Any:
    async def finish(parts: Parts, uow: UnitOfWork, situation: Any, author: Any, messages: Any, closing: Any) -> None:
        await sound(parts, uow, situation, author, [], closing)
        async with parts.database.platform() as later:
            await turn._queue(later, situation, messages)
            await later.commit()

    return finish


def _do_twice(sound: _Any) -> _Any:
    async def call(context: Any, asked: Any) -> Any:
        first = await sound(context, asked)
        await sound(context, asked)
        return first

    return call


def _journal_after(*, commits: bool) -> Callable[[_Any], _Any]:
    """A tool's own transaction is committed, or not, before the one that journals its result."""

    def make(_sound: _Any) -> _Any:
        async def transact(self: Any, call: Any) -> Any:
            seat = self._seat
            async with seat.transact(serializable=False) as uow:
                await self._journal.hold(uow)
                context = await seat.surround(uow, f"{self._turn_id}:{self._journal.next_number}")
                result = await registry.call(context, call)
                turn_id = self._turn_id if seat.own_turn else None
                await lines.queue_messages(uow, seat.organization_id, turn_id, context.outgoing)
                if commits:
                    await uow.commit()
            async with seat.transact(serializable=False) as uow:
                await self._journal.record_call(uow, call, result)
                await uow.commit()
            return context.outgoing, result

        return transact

    return make


# Outbox ------------------------------------------------------------------------------------------------------------


class _OneTransaction:
    """A database in which everything is done in one transaction, which others end."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    @asynccontextmanager
    async def single(self) -> AsyncIterator[UnitOfWork]:
        yield self._uow

    @asynccontextmanager
    async def platform(self) -> AsyncIterator[UnitOfWork]:
        yield cast(UnitOfWork, _Uncommitted(self._uow))


class _Uncommitted:
    def __init__(self, uow: UnitOfWork) -> None:
        self.run = uow.run
        self.savepoint = uow.savepoint

    async def commit(self) -> None:
        return None


def _believe(_sound: _Any) -> _Any:
    def check(_checker: object, *_given: object) -> None:
        return None

    return check


def _send_inside(_sound: _Any) -> _Any:
    async def deliver(parts: Parts, conversation_id: ConversationId) -> None:
        more = True
        while more:
            until = parts.after(parts.settings.lease_s)
            async with parts.database.platform() as uow:
                head = await lines.claim_head(uow, conversation_id, now=parts.clock.now(), lease_until=until)
                inside = replace(parts, database=cast(Database, _OneTransaction(uow)))
                more = head is not None and await sending._send(inside, head, until)
                await uow.commit()

    return deliver


def _presume_sent(sound: _Any) -> _Any:
    async def postpone(parts: Parts, head: Outbound, state: OutboxState) -> None:
        if state is OutboxState.SUBMITTING:
            await sending._advance(parts, head.id, OutboxState.ACCEPTED, sid=None, error_code=None)
        else:
            await sound(parts, head, state)

    return postpone


def _forget_rank(_sound: _Any) -> _Any:
    def states_below(state: OutboxState) -> tuple[OutboxState, ...]:
        return tuple(each for each in OutboxState if each is not state)

    return states_below


_HEAD = "runtime.store.outbox:_CLAIM_HEAD"
_CLAIM = "runtime.store.conversations:_CLAIM"
_FENCE = ((" and fence = :fence", ""),)

OF_MESSAGES = (
    Mutant(
        name="inbox.no-unique-key",
        breaks="a message is stored as often as it comes",
        noticed_by=("inbox.once",),
        switches=_NO_UNIQUE_KEY,
        within=5,
    ),
    Mutant(
        name="inbox.looked-up-first",
        breaks="whether a message is there already is looked up before it is stored, and no key refuses",
        noticed_by=("inbox.once",),
        switches=(*_NO_UNIQUE_KEY, Swap("runtime.store.conversations:accept", _look_up_first)),
        within=10,
    ),
    Mutant(
        name="inbox.acknowledged-first",
        breaks="the provider is answered 200 before the message is committed",
        noticed_by=("inbox.stored_first",),
        switches=(Swap("runtime.store.intake:Intake.store", _acknowledge_first),),
        within=20,
    ),
    Mutant(
        name="inbox.never-reconciled",
        breaks="the provider's list of messages is read, and nothing in it is found missing",
        noticed_by=("rest", "inbox.none_lost", "inbox.all_taken"),
        switches=(Swap("runtime.store.reconciliations:find_unseen", _find_none),),
        within=20,
        profile=Profile.INBOUND,
    ),
    Mutant(
        name="inbox.unsigned",
        breaks="nobody looks at signatures",
        noticed_by=("inbox.only_signed",),
        switches=(Swap("runtime.adapters.twilio.signature:SignatureChecker.check", _believe),),
        within=20,
    ),
    Mutant(
        name="inbox.unclean-text",
        breaks="what Postgres cannot store is not taken out of what people write",
        noticed_by=("rest", "inbox.all_taken"),
        switches=(Swap("runtime.domain.whatsapp:clean_text", lambda _sound: lambda given: given),),
        within=20,
    ),
    Mutant(
        name="turn.no-lease",
        breaks="a conversation is taken up while another worker has it",
        noticed_by=("cost.model_calls",),
        switches=(Rewrite(_CLAIM, (("and (lease_until is null or lease_until <= :now)", ""),)),),
        within=20,
        profile=Profile.BROKER,
    ),
    Mutant(
        name="turn.no-fencing",
        breaks="a worker that slept through its lease may still write",
        noticed_by=("inbox.one_turn",),
        switches=(
            Swap("runtime.store.locking:CONVERSATION_LOCKS", _hold_nothing),
            Rewrite("runtime.store.journal:_ADD_PAID_STEP", _FENCE),
            Rewrite("runtime.store.journal:_ADD_STEP", _FENCE),
        ),
        within=60,
    ),
    Mutant(
        name="turn.no-lock",
        breaks="workers on one conversation are not kept apart at all",
        noticed_by=("inbox.one_turn",),
        switches=(Setting({"conversation_lock": ConversationStrategy.NONE}),),
        within=20,
    ),
    Mutant(
        name="turn.no-quiet-period",
        breaks="a burst is answered message by message",
        noticed_by=("turns.bursts",),
        switches=(Setting({"quiet_s": 0.0, "burst_s": 0.0}),),
        within=5,
    ),
    Mutant(
        name="turn.no-journal",
        breaks="nothing is journaled, and a resumed turn begins anew",
        noticed_by=("journal.effects", "journal.answers"),
        switches=(
            Swap("runtime.store.journal:add_step", _do_nothing),
            Swap("runtime.store.journal:load_steps", _remember_nothing),
        ),
        within=5,
    ),
    Mutant(
        name="turn.replied-after",
        breaks="the reply is queued in a transaction of its own, after the turn's end",
        noticed_by=("turns.answered",),
        switches=(Swap("runtime.turn:_finish", _reply_after),),
        within=30,
    ),
    Mutant(
        name="turn.never-given-up",
        breaks="what cannot be answered is tried for ever",
        noticed_by=("rest", "turns.over"),
        switches=(Setting({"turn_attempts": 1_000_000}),),
        within=20,
    ),
    Mutant(
        name="turn.buried-silently",
        breaks="no task is left for a person",
        noticed_by=("turns.dead_are_told", "outbox.failures_are_told"),
        switches=(Swap("runtime.store.outbox:add_task", _do_nothing),),
        within=10,
    ),
    Mutant(
        name="tool.done-twice",
        breaks="what a model asks for is done twice",
        noticed_by=("journal.effects",),
        switches=(Swap("runtime.tools.registry:call", _do_twice),),
        within=60,
    ),
    Mutant(
        name="tool.left-out",
        breaks="what a tool said is not journaled",
        noticed_by=("journal.numbered",),
        switches=(Swap("runtime.agent.journal:Journal.record_call", _do_nothing),),
        within=5,
    ),
    Mutant(
        name="tool.journaled-after",
        breaks="a tool's result is journaled in a transaction of its own, after the tool's",
        noticed_by=("journal.effects",),
        switches=(Swap("runtime.agent.loop:Desk._transact", _journal_after(commits=True)),),
        within=60,
        first_seed=61,
    ),
    Mutant(
        name="tool.not-committed",
        breaks="what a tool did is not committed, and told all the same",
        noticed_by=("bookings.told_are_made",),
        switches=(Swap("runtime.agent.loop:Desk._transact", _journal_after(commits=False)),),
        within=5,
    ),
    Mutant(
        name="ticker.no-sweeper",
        breaks="a lease that has run out is not offered again",
        noticed_by=("rest", "inbox.final", "conversations.at_rest"),
        switches=(
            Rewrite(_CLAIM, (("due_at = :lease_until", "due_at = :lease_until ::timestamptz + interval '1 day'"),)),
        ),
        within=10,
    ),
    Mutant(
        name="ticker.offers-once",
        breaks="what the broker was told is not offered again",
        noticed_by=("rest", "inbox.final", "conversations.at_rest"),
        switches=(Setting({"reoffer_s": 86_400.0}),),
        within=10,
    ),
    Mutant(
        name="ticker.no-deliveries",
        breaks="a message that the broker forgot is not offered again",
        noticed_by=("rest", "outbox.final"),
        switches=(Rewrite("runtime.store.outbox:_OFFER", (("where due_at <= :now", "where false"),)),),
        within=10,
    ),
    Mutant(
        name="outbox.no-look-up",
        breaks="a message whose outcome is unknown is sent again without looking",
        noticed_by=("outbox.copies", "outbox.one_copy_more"),
        switches=(Swap("runtime.outbox:_find_earlier_send", _do_nothing),),
        within=10,
        profile=Profile.TWILIO,
    ),
    Mutant(
        name="outbox.claimed-twice",
        breaks="a message is taken to be sent while another process has it in its hand",
        noticed_by=("outbox.copies", "outbox.one_copy_more"),
        switches=(Rewrite(_HEAD, (("and (head.lease_until is null or head.lease_until <= :now)", ""),)),),
        within=40,
    ),
    Mutant(
        name="outbox.sent-inside",
        breaks="a message is sent within the transaction that takes it",
        noticed_by=("outbox.marked_first",),
        switches=(Swap("runtime.outbox:deliver", _send_inside),),
        within=5,
    ),
    Mutant(
        name="outbox.presumed-sent",
        breaks="a message whose outcome is unknown counts as sent",
        noticed_by=("outbox.said_but_not_sent",),
        switches=(Swap("runtime.outbox:_postpone", _presume_sent),),
        within=20,
    ),
    Mutant(
        name="outbox.downgraded",
        breaks="a report that comes late takes back what was delivered",
        noticed_by=("outbox.not_downgraded",),
        switches=(Swap("runtime.outbox:states_below", _forget_rank),),
        within=10,
    ),
    Mutant(
        name="outbox.last-first",
        breaks="what was written last is sent first",
        noticed_by=("outbox.order",),
        switches=(Rewrite(_HEAD, (("order by o.id limit 1", "order by o.id desc limit 1"),)),),
        within=20,
    ),
    Mutant(
        name="outbox.no-fall-back",
        breaks="what is refused for the 24 hours has failed, though a template would go",
        noticed_by=("outbox.falls_back",),
        switches=(Swap("runtime.outbox:WINDOW_CLOSED", lambda _sound: 0),),
        within=40,
    ),
    Mutant(
        name="outbox.told-again",
        breaks="the same fact may be told twice",
        noticed_by=("outbox.told_once",),
        switches=(
            Schema(
                change="alter table outbox drop constraint outbox_dedupe_key_organization_id_key",
                count="select count(*) from pg_constraint where conname = 'outbox_dedupe_key_organization_id_key'",
            ),
            Rewrite("runtime.store.outbox:_QUEUE", (("on conflict (organization_id, dedupe_key) do nothing", ""),)),
        ),
        within=20,
    ),
)
"""Of inbox, turn, tools, ticker and outbox."""
