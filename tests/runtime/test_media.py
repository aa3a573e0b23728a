"""Files are taken in once, whatever happens on the way, and lent by addresses that nobody else can make."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from runtime.adapters.absent import AbsentMessenger, AbsentModel
from runtime.bootstrap import open_parts
from runtime.domain.errors import Broken, Unavailable
from runtime.domain.files import ADDRESS_LIFETIME, FILE_LIMIT, IMAGE_LIMIT, Attachment, FileRefusal
from runtime.domain.ids import ConversationId, InboxId, MediaId
from runtime.domain.whatsapp import MessageKind
from runtime.media import address_media, check_address, open_address, sign_media_url, take_in
from runtime.parts import Parts
from runtime.ports import FetchedMedia, MediaRefused
from runtime.settings import Settings
from runtime.store.database import Database
from runtime.store.media import KeptFile, NewFile, add_file, delete_expired, list_files
from sim.samples import Sample, make_file, make_sample
from sim.stage import LocalQueue
from tests.runtime.twins import ANA, NOW, CountedIds, Salon, open_salon, open_twins, rows, run, write_and_claim

SETTINGS = Settings(public_url="https://api.parlo.example/", media_secret="new, old")
NEW, OLD = SETTINGS.media_secrets


class HandClock:
    """The port `Clock`, moved by hand."""

    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing here waits")


class Provider:
    """The port `MediaSource`: what each address gives, and which were asked for."""

    def __init__(self, **files: FetchedMedia | Exception) -> None:
        self.files = {f"https://api.twilio.com/{name}": file for name, file in files.items()}
        self.asked: list[tuple[str, int]] = []
        self.before: Callable[[], None] = lambda: None
        self.gate: asyncio.Barrier | None = None

    async def fetch(self, url: str, *, limit_bytes: int) -> FetchedMedia:
        self.asked.append((url, limit_bytes))
        self.before()
        if self.gate is not None:
            await self.gate.wait()
        file = self.files[url]
        if isinstance(file, Exception):
            raise file
        return file


class Desk(msgspec.Struct, frozen=True):
    """A worker with one message before it."""

    parts: Parts
    salon: Salon
    conversation_id: ConversationId
    inbox_id: InboxId
    clock: HandClock

    async def take_in(self, **types: str) -> list[Attachment]:
        """The message carries these files, each said to be of a type."""
        return await take_in(
            self.parts, self.salon.organization_id, self.conversation_id, self.inbox_id, make_payload(**types)
        )


def make_payload(**types: str) -> dict[str, str]:
    payload = {"MessageSid": "MM1", "From": f"whatsapp:{ANA}", "To": "whatsapp:+522220000001", "Body": ""}
    for index, (name, content_type) in enumerate(types.items()):
        payload |= {f"MediaUrl{index}": f"https://api.twilio.com/{name}", f"MediaContentType{index}": content_type}
    return payload


async def open_desk(database: Database, provider: Provider, salon: Salon | None = None) -> Desk:
    salon = salon or await open_salon(database)
    claimed, pending, _ = await write_and_claim(database, salon, ANA)
    clock = HandClock()
    parts = open_parts(
        SETTINGS,
        clock=clock,
        ids=CountedIds(salon.ids.new().int >> 30),
        database=database,
        model=AbsentModel(),
        messenger=AbsentMessenger(),
        media=provider,
        queue=LocalQueue(),
    )
    return Desk(parts, salon, claimed.id, pending[0].id, clock)


PHOTO = FetchedMedia(make_sample(Sample.JPEG), "image/jpeg")
NOTE = FetchedMedia(make_sample(Sample.OGG), "audio/ogg")
KEPT = "select position, state, refusal, content_type, size_bytes, content from media order by position"


async def test_a_file_is_kept_as_what_it_is_for_a_week(database: Database) -> None:
    """Under the type that was found, not the one that was claimed."""
    provider = Provider(a=PHOTO)
    desk = await open_desk(database, provider)

    [taken] = await desk.take_in(a="image/png")

    assert (taken.position, taken.kind, taken.refusal) == (0, MessageKind.IMAGE, None)
    assert await rows(database, KEPT) == [(0, "stored", None, "image/jpeg", len(PHOTO.content), PHOTO.content)]
    assert await rows(database, "select id, created_at, delete_at from media") == [
        (taken.media_id, NOW, NOW + timedelta(days=7))
    ]
    assert provider.asked == [("https://api.twilio.com/a", IMAGE_LIMIT)]


async def test_a_message_without_files_asks_nobody(database: Database) -> None:
    provider = Provider()
    desk = await open_desk(database, provider)

    assert await desk.take_in() == []
    assert provider.asked == []


async def test_an_album_keeps_its_order_and_each_file_its_own_fate(database: Database) -> None:
    refused = MediaRefused("expired")
    desk = await open_desk(database, Provider(a=PHOTO, b=refused, c=NOTE))

    taken = await desk.take_in(a="image/jpeg", b="image/jpeg", c="audio/ogg; codecs=opus")

    assert [(each.position, each.kind, each.refusal) for each in taken] == [
        (0, MessageKind.IMAGE, None),
        (1, MessageKind.IMAGE, FileRefusal.EXPIRED),
        (2, MessageKind.AUDIO, None),
    ]
    assert [each.media_id is None for each in taken] == [False, True, False]


async def test_what_a_message_is_says_what_its_only_file_is(database: Database) -> None:
    """A sticker and a photo may be of one type."""
    desk = await open_desk(database, Provider(a=FetchedMedia(make_sample(Sample.WEBP), "image/webp")))
    payload = make_payload(a="image/webp") | {"MessageType": "image"}

    [taken] = await take_in(desk.parts, desk.salon.organization_id, desk.conversation_id, desk.inbox_id, payload)

    assert taken.kind is MessageKind.IMAGE


BIG = make_file("image/jpeg", size=IMAGE_LIMIT + 1)
REFUSED: list[tuple[str, FetchedMedia | Exception, str]] = [
    ("image/jpeg", MediaRefused("too_big"), "too_big"),
    ("image/jpeg", MediaRefused("expired"), "expired"),
    ("image/jpeg", MediaRefused("forbidden_host"), "forbidden_host"),
    ("image/jpeg", FetchedMedia(make_sample(Sample.HTML), "image/jpeg"), "forbidden_type"),
    ("image/jpeg", FetchedMedia(b"", "image/jpeg"), "forbidden_type"),
    ("application/octet-stream", FetchedMedia(BIG, ""), "too_big"),
    ("", FetchedMedia(make_sample(Sample.PDF), "text/html"), "forbidden_type"),
]


@pytest.mark.parametrize(("declared", "file", "refusal"), REFUSED, ids=lambda value: str(value)[:30])
async def test_a_refusal_is_written_down_and_stands(
    database: Database, declared: str, file: FetchedMedia | Exception, refusal: str
) -> None:
    """A turn that is run again decides the same, though the file may be had by then."""
    provider = Provider(a=file)
    desk = await open_desk(database, provider)

    first = await desk.take_in(a=declared)
    provider.files["https://api.twilio.com/a"] = PHOTO
    again = await desk.take_in(a=declared)

    assert [(each.media_id, each.refusal) for each in first] == [(None, refusal)]
    assert again == first
    assert len(provider.asked) == 1
    assert await rows(database, KEPT) == [(0, "refused", refusal, declared, 0, None)]


async def test_a_type_that_the_webhook_left_out_is_the_one_it_was_fetched_with(database: Database) -> None:
    provider = Provider(a=PHOTO)
    desk = await open_desk(database, provider)

    [taken] = await desk.take_in(a="")

    assert taken.media_id is not None
    assert provider.asked[0][1] == FILE_LIMIT


async def test_a_turn_that_is_run_again_fetches_only_what_is_missing(database: Database) -> None:
    """The provider failed in the middle, or the worker died there."""
    provider = Provider(a=PHOTO, b=Unavailable("twilio media: HTTP 503"))
    desk = await open_desk(database, provider)
    with pytest.raises(Unavailable):
        await desk.take_in(a="image/jpeg", b="audio/ogg")
    provider.files["https://api.twilio.com/b"] = NOTE

    taken = await desk.take_in(a="image/jpeg", b="audio/ogg")
    again = await desk.take_in(a="image/jpeg", b="audio/ogg")

    assert [each.refusal for each in taken] == [None, None]
    assert again == taken
    assert [url[-1] for url, _ in provider.asked] == ["a", "b", "b"]


async def test_two_workers_at_once_agree_on_one_file(database: Database) -> None:
    """Both fetch, one writes, and both go on with what was written."""
    provider = Provider(a=PHOTO)
    provider.gate = asyncio.Barrier(2)
    desk = await open_desk(database, provider)

    one, other = await asyncio.gather(desk.take_in(a="image/jpeg"), desk.take_in(a="image/jpeg"))

    assert one == other
    assert len(provider.asked) == 2
    assert len(await rows(database, KEPT)) == 1


async def test_nothing_is_fetched_within_a_transaction(database: Database, database_url: str) -> None:
    """A slow provider would hold rows and connections of everybody."""
    provider = Provider(a=PHOTO, b=NOTE)
    desk = await open_desk(database, provider)
    held: list[object] = []
    open_now = (
        "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'"
    )
    with psycopg.connect(database_url, autocommit=True) as observer:
        provider.before = lambda: held.extend(observer.execute(open_now))

        await desk.take_in(a="image/jpeg", b="audio/ogg")

    assert held == [(0,), (0,)]


async def test_a_file_whose_time_is_over_is_forgotten_and_counts_as_expired(database: Database) -> None:
    """The row stays; what was sent does not."""
    desk = await open_desk(database, Provider(a=PHOTO, b=MediaRefused("expired")))
    [taken, _] = await desk.take_in(a="image/jpeg", b="image/jpeg")
    week = NOW + timedelta(days=7)

    async with database.single() as uow:
        early = await delete_expired(uow, now=week - timedelta(seconds=1), most=10)
        due = await delete_expired(uow, now=week, most=10)
        again = await delete_expired(uow, now=week, most=10)

    assert (early, due, again) == (0, 1, 0)
    assert await rows(database, "select state, content from media order by position") == [
        ("deleted", None),
        ("refused", None),
    ]
    assert [each.refusal for each in await desk.take_in(a="image/jpeg", b="image/jpeg")] == [FileRefusal.EXPIRED] * 2
    assert taken.media_id is not None
    assert await fetch(desk.parts, address_media(desk.parts, taken.media_id)) is None


async def test_files_are_forgotten_oldest_first_and_so_many_at_a_time(database: Database) -> None:
    desk = await open_desk(database, Provider(a=PHOTO, b=PHOTO, c=PHOTO))
    await desk.take_in(a="image/jpeg", b="image/jpeg", c="image/jpeg")
    await run(database, "update media set delete_at = delete_at - (2 - position) * interval '1 day'")

    async with database.single() as uow:
        count = await delete_expired(uow, now=NOW + timedelta(days=30), most=2)

    assert count == 2
    assert await rows(database, "select position from media where state = 'stored'") == [(2,)]


async def test_files_of_another_tenant_do_not_exist(database: Database) -> None:
    """Neither to be found for a message, nor to be written beside it."""
    ours, theirs = await open_twins(database)
    desk = await open_desk(database, Provider(a=PHOTO), ours)
    [taken] = await desk.take_in(a="image/jpeg")
    new = NewFile(
        MediaId(UUID(int=1)), desk.conversation_id, desk.inbox_id, 1, "x", None, FileRefusal.EXPIRED, NOW, NOW
    )

    async with database.tenant(theirs.organization_id) as uow:
        assert await list_files(uow, theirs.organization_id, desk.inbox_id) == []
        assert await list_files(uow, ours.organization_id, desk.inbox_id) == []
        assert list(await uow.run(text("select id from media where id = :id"), {"id": taken.media_id})) == []
    async with database.tenant(theirs.organization_id) as uow:
        with pytest.raises(ProgrammingError) as caught:
            await add_file(uow, ours.organization_id, new)

    assert isinstance(caught.value.orig, InsufficientPrivilege)


# Addresses ------------------------------------------------------------------------------------------

FILE = MediaId(UUID("0192abcd-0000-7000-8000-000000000001"))
OTHER = MediaId(UUID("01920000-0000-7000-8000-000000000002"))


def split(url: str) -> tuple[str, str]:
    place, _, signature = url.partition("/media/")[2].rpartition("/")
    return place, signature


async def fetch(parts: Parts, url: str) -> KeptFile | None:
    return await open_address(parts, *split(url))


async def test_an_address_gives_the_file_for_an_hour(database: Database) -> None:
    desk = await open_desk(database, Provider(a=PHOTO))
    [taken] = await desk.take_in(a="image/jpeg")
    assert taken.media_id is not None

    url = address_media(desk.parts, taken.media_id)
    at_once = await fetch(desk.parts, url)
    desk.clock.moment += ADDRESS_LIFETIME - timedelta(seconds=1)
    late = await fetch(desk.parts, url)
    desk.clock.moment += timedelta(seconds=1)
    too_late = await fetch(desk.parts, url)

    assert url.startswith(f"https://api.parlo.example/media/{taken.media_id}/")
    assert at_once == late == KeptFile("image/jpeg", PHOTO.content)
    assert too_late is None


async def test_an_address_of_a_file_that_never_was_gives_nothing(database: Database) -> None:
    desk = await open_desk(database, Provider())

    assert await fetch(desk.parts, address_media(desk.parts, FILE)) is None


PLACE, SIGNATURE = split(sign_media_url("https://x", NEW, FILE, NOW + timedelta(hours=1)))
EXPIRES = PLACE.partition("/")[2]


def test_a_signature_has_192_bits() -> None:
    assert len(base64.urlsafe_b64decode(SIGNATURE)) == 24


FORGED = {
    "another file": (f"{OTHER}/{EXPIRES}", SIGNATURE),
    "another time": (f"{FILE}/{int(EXPIRES) + 1}", SIGNATURE),
    "a time spelled otherwise": (f"{FILE}/0{EXPIRES}", SIGNATURE),
    "an id spelled otherwise": (f"{str(FILE).upper()}/{EXPIRES}", SIGNATURE),
    "no signature": (PLACE, ""),
    "half a signature": (PLACE, SIGNATURE[:16]),
    "a longer signature": (PLACE, SIGNATURE + "A"),
    "a signature in other letters": (PLACE, SIGNATURE.swapcase()),
    "what is no text": (PLACE, "\ud800é"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("place", "signature"), FORGED.values(), ids=FORGED)
def test_a_forged_address_is_worth_nothing(place: str, signature: str) -> None:
    assert check_address((NEW, OLD), PLACE, SIGNATURE, now=NOW) == FILE
    assert check_address((NEW, OLD), place, signature, now=NOW) is None


@pytest.mark.parametrize("place", [f"{FILE}/x", f"{FILE}/-1", "x/99999999999", f"{FILE}/99999999999999", "", "\ud800"])
def test_even_a_signed_address_must_make_sense(place: str) -> None:
    """Somebody who has the secret is still no reason to crash."""
    signed = sign_of(place)

    assert check_address((NEW,), place, signed, now=NOW) is None


def sign_of(place: str) -> str:
    """Written apart from the code that signs."""
    digest = hmac.new(NEW, place.encode("utf-8", "replace"), hashlib.sha256).digest()[:24]
    return base64.urlsafe_b64encode(digest).decode()


def test_a_secret_that_is_being_rotated_still_opens_what_it_signed() -> None:
    """The first of several signs; one that is gone opens nothing."""
    old = split(sign_media_url("https://x", OLD, FILE, NOW + timedelta(hours=1)))

    assert check_address((NEW, OLD), *old, now=NOW) == FILE
    assert check_address((NEW,), *old, now=NOW) is None
    assert check_address((), *old, now=NOW) is None


def test_without_a_secret_of_their_own_addresses_are_signed_with_one_made_from_the_token() -> None:
    """One for each token, and none of them is the token."""
    settings = Settings(twilio_auth_token="uno, dos")

    assert len(set(settings.media_secrets)) == 2
    assert not set(settings.media_secrets) & {b"uno", b"dos"}
    assert settings.media_secrets == Settings(twilio_auth_token="uno,dos").media_secrets
    assert Settings(twilio_auth_token="uno", media_secret="tres").media_secrets == (b"tres",)


async def test_without_any_secret_no_address_is_made(database: Database) -> None:
    desk = await open_desk(database, Provider())
    parts = replace(desk.parts, settings=Settings())

    with pytest.raises(Broken, match="PARLO_MEDIA_SECRET"):
        address_media(parts, FILE)
