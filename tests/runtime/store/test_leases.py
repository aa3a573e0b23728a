"""One worker at a time: offer, claim, fence, resume, release, and the net below the net."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from runtime.domain.enums import InboxState, TurnState
from runtime.domain.errors import Broken, LeaseLost
from runtime.domain.ids import ConversationId, PersonId, TurnId
from runtime.store import conversations
from runtime.store.conversations import Claim, Closing, Pending, conversation_id_of
from runtime.store.database import Database
from tests.runtime.twins import (
    ANA,
    BETO,
    BURST,
    CARLA,
    LEASE,
    LUPITA,
    NOW,
    Salon,
    arrival,
    claim_turn,
    open_salon,
    rows,
    run,
    write_and_claim,
)

BSUID = "MX.ana1234567"


def after(seconds: float) -> datetime:
    """A moment counted from the beginning of the test."""
    return NOW + timedelta(seconds=seconds)


async def write(
    database: Database, salon: Salon, phone: str, words: str = "hola", *, at: datetime = NOW
) -> ConversationId:
    """Somebody writes."""
    async with database.single() as uow:
        await conversations.accept(uow, [arrival(salon, phone, words, at=at)], burst=BURST)
    return conversation_id_of(salon.number, phone)


async def claim(database: Database, conversation_id: ConversationId, at: datetime) -> Claim | None:
    """A worker tries to take a conversation."""
    async with database.single() as uow:
        return await conversations.claim(uow, conversation_id, now=at, lease_until=at + LEASE)


async def close(database: Database, claimed: Claim, turn_id: TurnId, *, at: datetime) -> None:
    """A worker ends its turn."""
    async with database.tenant(claimed.organization_id) as uow:
        await conversations.hold(uow, claimed.organization_id, claimed.id, claimed.fence)
        closing = Closing(turn_id, InboxState.DONE, TurnState.DONE, "5", "test")
        await conversations.close_turn(uow, claimed, closing, now=at)
        await uow.commit()


async def reopen(database: Database, claimed: Claim, *, at: datetime) -> list[Pending]:
    """A worker opens or resumes the turn of what it claimed."""
    async with database.single() as uow:
        return await conversations.open_turn(uow, claimed, turn_id=TurnId(UUID(int=99)), now=at)


# Claim ------------------------------------------------------------------------------------------------


async def test_a_claim_takes_the_lease_and_raises_the_fence(database: Database) -> None:
    """The winner knows whose conversation it is, until when it has it, and under which number."""
    salon = await open_salon(database)
    conversation_id = await write(database, salon, ANA)

    claimed = await claim(database, conversation_id, after(2))

    assert claimed is not None
    assert (claimed.organization_id, claimed.id, claimed.their_key) == (salon.organization_id, conversation_id, ANA)
    assert (claimed.fence, claimed.attempts, claimed.lease_until) == (1, 1, after(2) + LEASE)
    assert await rows(database, "select due_at, lease_until from conversations") == [
        (after(2) + LEASE, after(2) + LEASE)
    ]


async def test_nobody_claims_what_is_leased_quiet_or_not_due(database: Database) -> None:
    """A burst under way, a worker at work, an answered conversation and an unknown one are all refused."""
    salon = await open_salon(database)
    conversation_id = await write(database, salon, ANA)

    assert await claim(database, conversation_id, after(1.4)) is None, "the burst may go on"
    claimed, pending, _ = await claim_turn(database, salon, ANA, at=after(1.5))
    assert await claim(database, conversation_id, after(3)) is None, "somebody has it"
    await close(database, claimed, pending[0].turn_id, at=after(4))
    assert await claim(database, conversation_id, after(5)) is None, "nothing is due"
    assert await claim(database, conversation_id_of(salon.number, BETO), after(5)) is None, "nobody wrote"


async def test_of_many_workers_one_gets_the_conversation(database: Database) -> None:
    """Offered twice by the broker and once by the ticker, it is still worked on once."""
    salon = await open_salon(database)
    conversation_id = await write(database, salon, ANA)

    claims = await asyncio.gather(*(claim(database, conversation_id, after(2)) for _ in range(8)))

    assert [claimed.fence for claimed in claims if claimed is not None] == [1]


async def test_an_expired_lease_is_taken_over_with_a_higher_fence(database: Database) -> None:
    """A killed worker costs its lease; whoever follows counts one attempt more."""
    salon = await open_salon(database)
    await write_and_claim(database, salon, ANA)
    conversation_id = conversation_id_of(salon.number, ANA)

    assert await claim(database, conversation_id, after(2) + LEASE - timedelta(microseconds=1)) is None
    taken = await claim(database, conversation_id, after(2) + LEASE)

    assert taken is not None
    assert (taken.fence, taken.attempts) == (2, 2)


async def test_work_under_an_old_fence_is_refused(database: Database) -> None:
    """A worker that was only slow finds out before anything of its own stands."""
    salon = await open_salon(database)
    slow, pending, _ = await write_and_claim(database, salon, ANA)
    await claim(database, slow.id, after(2) + LEASE)

    with pytest.raises(LeaseLost) as raised:
        await close(database, slow, pending[0].turn_id, at=after(60))

    assert isinstance(raised.value, Broken)
    assert await rows(database, "select state::text from inbox") == [("accepted",)]


async def test_holding_keeps_a_rival_claim_waiting_until_the_work_is_committed(database: Database) -> None:
    """Between the check of the fence and the commit nobody can take the conversation, expired lease or not."""
    salon = await open_salon(database)
    slow, pending, _ = await write_and_claim(database, salon, ANA)
    async with database.tenant(salon.organization_id) as uow:
        await conversations.hold(uow, slow.organization_id, slow.id, slow.fence)
        rival = asyncio.ensure_future(claim(database, slow.id, after(100)))
        await asyncio.sleep(0.15)
        assert not rival.done()
        closing = Closing(pending[0].turn_id, InboxState.DONE, TurnState.DONE, "5", "test")
        await conversations.close_turn(uow, slow, closing, now=after(100))
        await uow.commit()

    assert await rival is None, "the turn was finished first, so there is nothing left to claim"


async def test_holding_does_not_block_a_row_that_refers_to_the_conversation(database: Database) -> None:
    """Another turn may queue a message for a held conversation, which only needs its key to stay."""
    salon = await open_salon(database)
    claimed, _, _ = await write_and_claim(database, salon, ANA)
    async with database.tenant(salon.organization_id) as uow:
        await conversations.hold(uow, claimed.organization_id, claimed.id, claimed.fence)
        insert = (
            "insert into events (organization_id, id, kind, conversation_id, data, at)"
            " values (:o, :id, 'x', :c, '{}', :now)"
        )
        await asyncio.wait_for(
            run(database, insert, o=salon.organization_id, id=salon.ids.new(), c=claimed.id, now=NOW), timeout=5
        )


# The turn ----------------------------------------------------------------------------------------------


async def test_a_turn_takes_every_waiting_message_in_order_of_arrival(database: Database) -> None:
    """Three bubbles are one turn."""
    salon = await open_salon(database)
    for second, words in enumerate(["hola", "quiero una cita", "mañana"]):
        await write(database, salon, ANA, words, at=after(second))

    _, pending, _ = await claim_turn(database, salon, ANA, at=after(10))

    assert [message.body for message in pending] == ["hola", "quiero una cita", "mañana"]
    assert len({message.turn_id for message in pending}) == 1
    assert not any(message.resumed for message in pending)


async def test_a_resumed_turn_has_the_same_messages_and_no_later_ones(database: Database) -> None:
    """Whoever takes over answers what the first worker was answering; what came since waits for the next turn."""
    salon = await open_salon(database)
    _, first, _ = await write_and_claim(database, salon, ANA, "primero")
    await write(database, salon, ANA, "segundo", at=after(20))
    taken = await claim(database, conversation_id_of(salon.number, ANA), after(100))
    assert taken is not None

    resumed = await reopen(database, taken, at=after(100))

    assert [message.body for message in resumed] == ["primero"]
    assert {message.turn_id for message in resumed} == {first[0].turn_id}
    assert all(message.resumed and message.turn_started_at == first[0].turn_started_at for message in resumed)


async def test_what_came_during_a_turn_is_due_when_the_turn_ends_but_not_before_its_own_quiet_period(
    database: Database,
) -> None:
    """The next turn begins with the later message, once its burst is over."""
    salon = await open_salon(database)
    claimed, pending, _ = await write_and_claim(database, salon, ANA, "primero")
    await write(database, salon, ANA, "segundo", at=after(4))

    await close(database, claimed, pending[0].turn_id, at=after(4.5))

    assert await rows(database, "select due_at, lease_until, attempts from conversations") == [(after(5.5), None, 0)]
    _, follow_up, _ = await claim_turn(database, salon, ANA, at=after(6))
    assert [message.body for message in follow_up] == ["segundo"]


async def test_a_closed_turn_leaves_its_messages_final_and_the_conversation_at_rest(database: Database) -> None:
    """Route, reason and moments are on record, and nothing is due."""
    salon = await open_salon(database)
    claimed, pending, _ = await write_and_claim(database, salon, ANA)

    await close(database, claimed, pending[0].turn_id, at=after(4))

    assert await rows(database, "select state::text, route, finished_at from inbox") == [("done", "5", after(4))]
    assert await rows(database, "select state::text, route, reason, finished_at from turns") == [
        ("done", "5", "test", after(4))
    ]
    assert await rows(database, "select due_at, lease_until, attempts from conversations") == [(None, None, 0)]


async def test_a_turn_that_nobody_wrote_anything_for_is_not_opened(database: Database) -> None:
    """A conversation that is due without a message (a repeated offer) opens nothing."""
    salon = await open_salon(database)
    claimed, pending, _ = await write_and_claim(database, salon, ANA)
    await close(database, claimed, pending[0].turn_id, at=after(4))
    await run(database, "update conversations set due_at = :now", now=after(4))
    again = await claim(database, claimed.id, after(5))
    assert again is not None

    assert await reopen(database, again, at=after(5)) == []
    assert await rows(database, "select count(*) from turns") == [(1,)]


async def test_a_released_conversation_is_due_again_when_it_was_said(database: Database) -> None:
    """Without an answer the lease goes back, the attempts are remembered, and the turn stays open."""
    salon = await open_salon(database)
    claimed, pending, _ = await write_and_claim(database, salon, ANA)
    async with database.tenant(salon.organization_id) as uow:
        await conversations.release(uow, claimed, due_at=after(30))
        await uow.commit()

    assert await rows(database, "select due_at, lease_until, attempts from conversations") == [(after(30), None, 1)]
    again = await claim(database, claimed.id, after(30))
    assert again is not None and again.attempts == 2
    assert [each.turn_id for each in await reopen(database, again, at=after(30))] == [pending[0].turn_id]


async def test_a_release_under_an_old_fence_does_not_take_the_lease_from_its_new_holder(database: Database) -> None:
    """A slow worker that gives up late changes nothing any more."""
    salon = await open_salon(database)
    slow, _, _ = await write_and_claim(database, salon, ANA)
    taken = await claim(database, slow.id, after(100))
    assert taken is not None
    async with database.tenant(salon.organization_id) as uow:
        await conversations.release(uow, slow, due_at=None)
        await uow.commit()

    assert await rows(database, "select lease_until, due_at from conversations") == [
        (taken.lease_until, taken.lease_until)
    ]


# Whose it is ---------------------------------------------------------------------------------------------


async def test_a_new_person_gets_every_address_they_are_known_by(database: Database) -> None:
    """A number and a user id of one message are one person, and either finds them later."""
    salon = await open_salon(database)
    await write(database, salon, ANA)
    claimed = await claim(database, conversation_id_of(salon.number, ANA), after(2))
    assert claimed is not None
    person_id = PersonId(salon.ids.new())
    async with database.single() as uow:
        adopted = await conversations.adopt_person(uow, claimed, person_id=person_id, also=BSUID, now=NOW)
    await write(database, salon, BSUID)
    by_user_id = await claim(database, conversation_id_of(salon.number, BSUID), after(2))
    assert by_user_id is not None
    async with database.single() as uow:
        other_id = PersonId(salon.ids.new())
        again = await conversations.adopt_person(uow, by_user_id, person_id=other_id, also=None, now=NOW)

    assert adopted == person_id == again
    found = await rows(database, "select key from addresses where person_id = :id order by key", id=person_id)
    assert found == [(ANA,), (BSUID,)]
    assert await rows(database, "select distinct person_id from conversations") == [(person_id,)]


async def test_a_phone_that_staff_is_known_by_is_staff(database: Database) -> None:
    """No second person is made of somebody the business has registered."""
    salon = await open_salon(database)
    _, _, person_id = await write_and_claim(database, salon, LUPITA)

    found = await rows(database, "select name from staff where person_id = :id", id=person_id)
    assert found == [("Lupita",)]


async def test_two_conversations_that_share_a_new_person_find_one_person(database: Database) -> None:
    """A number with a user id and the bare user id claimed in the same moment are still one person with addresses."""
    salon = await open_salon(database)
    claims = []
    for key in (ANA, BSUID):
        await write(database, salon, key)
        claims.append(await claim(database, conversation_id_of(salon.number, key), after(2)))
    first, second = claims
    assert first is not None and second is not None
    async with database.platform() as uow:
        await conversations.adopt_person(uow, first, person_id=PersonId(salon.ids.new()), also=BSUID, now=NOW)

        async def adopt_second() -> None:
            async with database.platform() as other:
                await conversations.adopt_person(other, second, person_id=PersonId(salon.ids.new()), also=None, now=NOW)
                await other.commit()

        rival = asyncio.ensure_future(adopt_second())
        await asyncio.sleep(0.15)
        await uow.commit()
    await rival

    assert len(await rows(database, "select distinct person_id from conversations")) == 1


# Offer and sweep ------------------------------------------------------------------------------------------


async def test_what_is_due_is_offered_longest_due_first_and_again_later(database: Database) -> None:
    """An offer that the broker loses comes back by itself; what is not due stays."""
    salon = await open_salon(database)
    ana = await write(database, salon, ANA, at=after(2))
    beto = await write(database, salon, BETO, at=after(0))
    await write(database, salon, CARLA, at=after(100))
    async with database.single() as uow:
        offered = await conversations.offer_due(uow, now=after(10), again_at=after(20), most=10)
        at_once = await conversations.offer_due(uow, now=after(11), again_at=after(21), most=10)
        later = await conversations.offer_due(uow, now=after(20), again_at=after(30), most=1)

    assert offered == [beto, ana]
    assert at_once == []
    assert len(later) == 1


async def test_a_leased_conversation_is_offered_only_when_its_lease_has_run_out(database: Database) -> None:
    """The sweeper's first job: a killed worker's conversation is due when the lease ends."""
    salon = await open_salon(database)
    claimed, _, _ = await write_and_claim(database, salon, ANA)
    async with database.single() as uow:
        early = await conversations.offer_due(uow, now=after(30), again_at=after(40), most=10)
        late = await conversations.offer_due(uow, now=claimed.lease_until, again_at=after(90), most=10)

    assert early == []
    assert late == [claimed.id]


async def test_two_tickers_never_offer_the_same_row_in_the_same_moment(database: Database) -> None:
    """SKIP LOCKED: while one has not committed its offers, the other passes over them and takes the rest."""
    salon = await open_salon(database)
    ana, beto, carla = [await write(database, salon, phone) for phone in (ANA, BETO, CARLA)]
    async with database.platform() as first, database.platform() as second:
        mine = await conversations.offer_due(first, now=after(5), again_at=after(15), most=2)
        yours = await asyncio.wait_for(
            conversations.offer_due(second, now=after(5), again_at=after(15), most=10), timeout=5
        )
        await second.commit()
        await first.commit()

    assert len(mine) == 2 and len(yours) == 1
    assert {*mine, *yours} == {ana, beto, carla}


async def test_the_sweep_finds_a_message_that_nothing_points_at_any_more(database: Database) -> None:
    """A conversation with an unanswered message and no due time is put back on the clock, once."""
    salon = await open_salon(database)
    ana = await write(database, salon, ANA)
    await write(database, salon, BETO)
    await run(database, "update conversations set due_at = null where id = :id", id=ana)
    async with database.single() as uow:
        found = await conversations.sweep(uow, now=after(50))
        again = await conversations.sweep(uow, now=after(60))

    assert (found, again) == ([ana], [])
    assert await rows(database, "select due_at from conversations where id = :id", id=ana) == [(after(50),)]


async def test_the_sweep_leaves_answered_conversations_in_peace(database: Database) -> None:
    """Nothing due and nothing unanswered is the usual rest of a conversation."""
    salon = await open_salon(database)
    claimed, pending, _ = await write_and_claim(database, salon, ANA)
    await close(database, claimed, pending[0].turn_id, at=after(4))
    async with database.single() as uow:
        assert await conversations.sweep(uow, now=after(60)) == []
