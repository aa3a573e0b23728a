"""A crowd of workers that are given conversations at the same instant: one for all of them, or one for each.

The model thinks for a moment and the provider takes everything at once, so what is measured is the runtime and
the database. Each round begins with one more message in every conversation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import NoReturn

import msgspec
from sqlalchemy import text

from runtime.adapters.absent import AbsentMedia
from runtime.adapters.system import SystemClock, SystemIds
from runtime.bootstrap import open_parts
from runtime.domain.errors import Broken
from runtime.domain.strategies import ConversationStrategy
from runtime.parts import Parts
from runtime.ports import ModelAnswer, ModelRequest, OutgoingMessage, ReceivedMessage, SentMessage
from runtime.store import conversations
from runtime.store.conversations import conversation_id_of
from runtime.store.database import Connect, open_database
from runtime.turn import run_conversation
from sim.races.crew import Crew, Crowds, Shift, Try, describe_crowd, time_try
from sim.races.databases import borrow_for_conversation
from sim.races.figures import Crowd
from sim.races.interleaving import Tell
from sim.races.seats import compose_arrival
from sim.seeding import clear_world, seed_world
from sim.stage import SETTINGS, LocalQueue
from sim.worlds import load_world

WORLD = "estetica-lupita"
THINKS_S = 0.02
_BURST = timedelta(seconds=1)
_WRONG = text(
    """
    select
      (select count(*) from outbox where kind = 'apology')
      + (select count(*) from messages where author = 'customer')
      - (select count(*) from inbox where state = 'done')
      + (select count(*) from inbox where state = 'dead')
    """
)


def crowd_conversations(
    crew: Crew, server_url: str, strategies: Sequence[ConversationStrategy], tell: Tell, crowds: Crowds
) -> dict[ConversationStrategy, list[Crowd]]:
    """Let crowds work, each strategy on a database of its own; crowd by crowd, so that all meet the same machine."""
    results: dict[ConversationStrategy, list[Crowd]] = {strategy: [] for strategy in strategies}
    with ExitStack() as stack:
        urls = {each: stack.enter_context(borrow_for_conversation(server_url, each)) for each in strategies}
        for size, alone, strategy in crowds.take_turns(strategies):
            url = urls[strategy]
            number = asyncio.run(_prepare(url))
            phones = [f"+5255{phone:08d}" for phone in range(size if alone else 1)]
            done = crew.do(ConversationJob(url, strategy, number, phones, size, crowds.count_rounds(size)))
            wrong = asyncio.run(_count_wrong(url))
            crowd = describe_crowd(done, actors=size, places=len(phones), wrong=wrong)
            results[strategy].append(crowd)
            tell(f"  {strategy}, {size} workers, {crowd.places} chats: p95 {crowd.p95_ms} ms, {crowd.per_s}/s")
    return results


class ConversationJob(msgspec.Struct, frozen=True):
    """In each round everybody writes, and then every actor works on the conversation that is theirs."""

    url: str
    strategy: ConversationStrategy
    number: str
    phones: list[str]
    actors: int
    rounds: int

    async def run(self, shift: Shift) -> list[Try]:
        """This process's actors work, round after round."""
        mine = shift.share(self.actors)
        parts = _open_parts(self.url, self.strategy, pool_size=2 * len(mine) + 1, connect=shift.connect)
        tries: list[Try] = []
        try:
            await asyncio.gather(*(_warm(parts) for _ in mine))
            for number in range(self.rounds):
                if shift.number == 0:
                    await self._write(parts)
                shift.begin()
                tries += await asyncio.gather(*(self._work(parts, actor, number) for actor in mine))
                shift.begin()
        finally:
            await parts.database.close()
        return tries

    async def _write(self, parts: Parts) -> None:
        now = parts.clock.now()
        arrivals = [compose_arrival(parts.ids, self.number, phone, now) for phone in self.phones]
        async with parts.database.single() as uow:
            await conversations.accept(uow, arrivals, burst=_BURST)

    async def _work(self, parts: Parts, actor: int, number: int) -> Try:
        conversation_id = conversation_id_of(self.number, self.phones[actor % len(self.phones)])

        async def attempt() -> tuple[str, int]:
            try:
                return ("done" if await run_conversation(parts, conversation_id) else "refused"), 1
            except Exception:  # noqa: BLE001 - the edge of a worker, which would go on with the next job
                return "broken", 1

        return await time_try(actor, number, attempt)


class _Thinker:
    """The port `Model`: the same answer after a moment."""

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Think."""
        await asyncio.sleep(THINKS_S)
        return ModelAnswer("Con gusto, ¿para qué día?", (), "stop", request.model, 1, 1)


class _Postbox:
    """The port `Messenger`: takes everything, and remembers nothing."""

    async def send(self, message: OutgoingMessage) -> SentMessage:
        """Take it."""
        return SentMessage(
            sid=f"SM{message.outbox_id.hex}",
            status="sent",
            body=message.body,
            from_address=message.from_address,
            to_address=message.to_address,
        )

    async def find(self, *, to_address: str, from_address: str, since: datetime) -> list[SentMessage]:
        """Nothing is ever in doubt."""
        del to_address, from_address, since
        return []

    async def list_received(self, *, since: datetime) -> list[ReceivedMessage]:
        """Nobody writes in this way."""
        del since
        return []

    async def read_received(self, sid: str) -> NoReturn:
        """Nothing was listed."""
        raise Broken(f"nothing was listed, and not {sid}")


def _open_parts(url: str, strategy: ConversationStrategy, *, pool_size: int, connect: Connect | None = None) -> Parts:
    return open_parts(
        msgspec.structs.replace(SETTINGS, conversation_lock=strategy),
        clock=SystemClock(),
        ids=SystemIds(),
        database=open_database(url, pool_size=pool_size, connect=connect),
        model=_Thinker(),
        messenger=_Postbox(),
        media=AbsentMedia(),
        queue=LocalQueue(),
    )


async def _warm(parts: Parts) -> None:
    """Connect, as somebody who has worked for long has."""
    async with parts.database.platform() as uow:
        await asyncio.sleep(0.05)
        await uow.commit()


async def _prepare(url: str) -> str:
    """A world in which nobody has written yet; the business's number."""
    database = open_database(url, pool_size=1)
    world = load_world(WORLD)
    await clear_world(database)
    await seed_world(database, world, ids=SystemIds(), now=SystemClock().now())
    await database.close()
    return str(world.business.channel)


async def _count_wrong(url: str) -> int:
    """Apologies nobody needed, messages remembered twice, and messages given up."""
    database = open_database(url, pool_size=1)
    async with database.single() as uow:
        wrong = int((await uow.run(_WRONG)).scalar_one())
    await database.close()
    return wrong
