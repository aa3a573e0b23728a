"""What the provider could not deliver stands in its list, is found there, and is answered like anything else."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from runtime.domain.errors import Unavailable
from runtime.ports import Messenger, ReceivedMessage
from runtime.reconcile import OVERLAP, reconcile
from sim.samples import make_file
from sim.stage import SETTINGS, Stage
from sim.stepwise import Killed
from sim.twilio.inbound import Inbound, InboundMedia
from tests.runtime.staging import ANA, BUSINESS, Salon, on_stage

pytestmark = pytest.mark.integration

COUNT = text("select count(*) from reconciliations")
EVERY_S, UNDER_WAY_S = SETTINGS.reconcile_s, SETTINGS.under_way_s


def write_unheard(salon: Salon, words: str, *, phone: str = ANA, sid: str | None = None) -> str:
    """Somebody writes, and nothing of it reaches our webhook; the sid."""
    message = Inbound(from_address=f"whatsapp:{phone}", to_address=f"whatsapp:{BUSINESS}", text=words, sid=sid)
    return salon.scene.twilio.compose_inbound(message)["MessageSid"]


async def look(salon: Salon) -> int:
    """It is time to look at the provider's list again."""
    await salon.wait(EVERY_S)
    return await reconcile(salon.scene.parts)


async def read_sids(salon: Salon) -> list[str]:
    """What is in the inbox, in order."""
    return [row[0] for row in await salon.rows("select sid from inbox order by received_at, id")]


class Provider:
    """The port `Messenger` in front of another, with whatever a test lets happen when it is asked."""

    def __init__(self, sound: Messenger) -> None:
        self.sound = sound
        self.unreadable: set[str] = set()
        self.listed_since: list[datetime] = []
        self.killed_at: str | None = None
        self.send, self.find = sound.send, sound.find

    async def list_received(self, *, since: datetime) -> list[ReceivedMessage]:
        """Ask the other."""
        self.listed_since.append(since)
        return await self.sound.list_received(since=since)

    async def read_received(self, sid: str) -> Mapping[str, str]:
        """Ask the other, unless it is to fail."""
        if sid == self.killed_at:
            raise Killed
        if sid in self.unreadable:
            raise Unavailable("twilio: HTTP 500")
        return await self.sound.read_received(sid)


async def open_salon(stage: Stage) -> tuple[Salon, Provider]:
    """A salon whose list of messages has just been read."""
    salon = await Salon.open(stage)
    provider = Provider(salon.scene.parts.messenger)
    salon.scene.parts = dataclasses.replace(salon.scene.parts, messenger=provider)
    assert await reconcile(salon.scene.parts) == 0
    return salon, provider


def test_a_message_that_no_webhook_brought_is_found_and_answered(database_url: str) -> None:
    """Within three minutes, once, in the order in which they were written."""

    async def play(stage: Stage) -> tuple[int, list[str], list[str], int]:
        salon, _ = await open_salon(stage)
        sids = [write_unheard(salon, "hola"), write_unheard(salon, "¿cuánto cuesta el corte de dama?")]
        fetched = await look(salon)
        await salon.scheduler.settle()
        assert await read_sids(salon) == sids
        return fetched, salon.heard(ANA), sids, await look(salon)

    fetched, heard, _, again = on_stage(database_url, play)

    assert fetched == 2
    assert len(heard) == 1, "a burst has one answer"
    assert "$250" in heard[0]
    assert again == 0


def test_an_hour_without_webhooks_costs_no_message(database_url: str) -> None:
    """Sixty people write meanwhile; each is answered when somebody looks."""
    phones = [f"+5255130{number:05d}" for number in range(60)]

    async def play(stage: Stage) -> list[int]:
        salon, _ = await open_salon(stage)
        for phone in phones:
            write_unheard(salon, "¿a qué hora abren?", phone=phone)
            await salon.wait(60.0)
        await look(salon)
        await look(salon)
        await salon.scheduler.settle()
        return [len(salon.heard(phone)) for phone in phones]

    assert on_stage(database_url, play) == [1] * len(phones)


def test_what_came_by_both_ways_is_stored_once(database_url: str) -> None:
    """The webhook first, or the list first: the sid is the key."""

    async def play(stage: Stage) -> tuple[list[int], list[str], int]:
        salon, _ = await open_salon(stage)
        await salon.post(ANA, "hola", sid="SM" + "1" * 32)
        write_unheard(salon, "gracias", sid="SM" + "2" * 32)
        fetched = [await look(salon)]
        await salon.post(ANA, "gracias", sid="SM" + "2" * 32)
        fetched.append(await look(salon))
        await salon.scheduler.settle()
        return fetched, await read_sids(salon), len(salon.heard(ANA))

    fetched, sids, answers = on_stage(database_url, play)

    assert fetched == [1, 0]
    assert sids == ["SM" + "1" * 32, "SM" + "2" * 32]
    assert answers == 2


def test_what_may_still_be_on_its_way_is_left_to_the_webhook(database_url: str) -> None:
    """It knows more; only after a minute is it missed."""

    async def play(stage: Stage) -> list[int]:
        salon, _ = await open_salon(stage)
        await salon.wait(EVERY_S - UNDER_WAY_S + 5.0)
        write_unheard(salon, "hola")
        await salon.wait(UNDER_WAY_S - 5.0)
        return [await reconcile(salon.scene.parts), await look(salon)]

    assert on_stage(database_url, play) == [0, 1]


def test_what_is_ours_or_older_than_us_is_not_fetched(database_url: str) -> None:
    """Neither our own messages, nor what was written before we ever looked; nor is there a look before it is time."""

    async def play(stage: Stage) -> tuple[list[int], list[str]]:
        salon = await Salon.open(stage)
        write_unheard(salon, "de otros tiempos")
        await salon.wait(OVERLAP.total_seconds() + UNDER_WAY_S + 1.0)
        fetched = [await reconcile(salon.scene.parts)]
        await salon.say(ANA, "hola")
        fetched += [await look(salon), await look(salon)]
        write_unheard(salon, "¿siguen ahí?")
        await salon.wait(EVERY_S - 1.0)
        fetched.append(await reconcile(salon.scene.parts))
        return fetched, await read_sids(salon)

    fetched, sids = on_stage(database_url, play)

    assert fetched == [0, 0, 0, 0]
    assert len(sids) == 1


def test_a_message_that_cannot_be_read_is_asked_for_until_it_can(database_url: str) -> None:
    """Those after it do not wait for it; an hour later it is still looked for."""

    async def play(stage: Stage) -> tuple[list[int], list[str], list[str]]:
        salon, provider = await open_salon(stage)
        sids = [write_unheard(salon, "uno"), write_unheard(salon, "dos", phone="+525511111111")]
        provider.unreadable.add(sids[0])
        fetched = [await look(salon)]
        for _ in range(30):
            fetched.append(await look(salon))
        provider.unreadable.clear()
        fetched.append(await look(salon))
        return fetched, await read_sids(salon), sids

    fetched, found, sids = on_stage(database_url, play)

    assert fetched == [1, *[0] * 30, 1]
    assert found == sids[::-1]


def test_whoever_is_killed_over_it_leaves_it_to_the_next(database_url: str) -> None:
    """Half of it was fetched; the mark had not been moved."""

    async def play(stage: Stage) -> tuple[int, list[str], list[str]]:
        salon, provider = await open_salon(stage)
        sids = [write_unheard(salon, str(number), phone=f"+52551111111{number}") for number in range(4)]
        provider.killed_at = sids[2]
        with pytest.raises(Killed):
            await look(salon)
        provider.killed_at = None
        await salon.wait(OVERLAP.total_seconds())
        return await look(salon), await read_sids(salon), sids

    fetched, found, sids = on_stage(database_url, play)

    assert fetched == 2
    assert found == sids


def test_of_several_workers_one_looks(database_url: str) -> None:
    """Whoever comes first when it is due; from a little before the place where the last one ended."""

    async def play(stage: Stage) -> tuple[list[datetime], datetime, datetime]:
        salon, provider = await open_salon(stage)
        began = salon.scene.clock.now()
        await salon.wait(EVERY_S)
        for _ in range(3):
            await reconcile(salon.scene.parts)
        first = salon.scene.clock.now()
        await look(salon)
        return provider.listed_since, began, first

    since, began, first = on_stage(database_url, play)

    assert since[1] == began - timedelta(seconds=UNDER_WAY_S) - OVERLAP
    assert since[2:] == [first - timedelta(seconds=UNDER_WAY_S) - OVERLAP]


def test_a_message_that_cannot_be_stored_keeps_no_other_from_it(database_url: str) -> None:
    """Whatever is wrong with it."""

    async def play(stage: Stage) -> tuple[int, list[str], str]:
        salon, provider = await open_salon(stage)
        odd, sound = write_unheard(salon, "uno"), write_unheard(salon, "dos")

        async def read(sid: str) -> Mapping[str, str]:
            return {"MessageSid": sid} if sid == odd else await provider.sound.read_received(sid)

        provider.read_received = read  # type: ignore[method-assign]
        return await look(salon), await read_sids(salon), sound

    fetched, sids, sound = on_stage(database_url, play)

    assert fetched == 1
    assert sids == [sound]


def test_a_file_that_no_webhook_brought_is_passed_on_like_others(database_url: str) -> None:
    """Its address is where the provider keeps it."""

    async def play(stage: Stage) -> tuple[int, list[tuple[str, str]]]:
        salon, _ = await open_salon(stage)
        photo = Inbound(
            from_address=f"whatsapp:{ANA}",
            to_address=f"whatsapp:{BUSINESS}",
            text="así lo quiero",
            media=(InboundMedia("image/png", make_file("image/png")),),
        )
        salon.scene.twilio.compose_inbound(photo)
        fetched = await look(salon)
        rows = await salon.rows("select kind, payload ->> 'MediaUrl0' from inbox")
        return fetched, [(row[0], row[1]) for row in rows]

    fetched, rows = on_stage(database_url, play)

    assert fetched == 1
    assert rows[0][0] == "image"
    assert rows[0][1].startswith("https://api.twilio.com/2010-04-01/Accounts/AC")


def test_the_mark_is_the_platforms_and_no_tenant_sees_it(database_url: str) -> None:
    """One row, whoever asks."""

    async def play(stage: Stage) -> tuple[int, int]:
        salon, _ = await open_salon(stage)
        await look(salon)
        business = (await salon.rows("select organization_id from channels where address = :ours", ours=BUSINESS))[0][0]
        async with stage.database.tenant(business) as uow:
            seen = int((await uow.run(COUNT)).scalar_one())
        return await salon.count(COUNT.text), seen

    assert on_stage(database_url, play) == (1, 0)
