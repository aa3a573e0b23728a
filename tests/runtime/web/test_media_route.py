"""A file over HTTP: whole and under its own type for whoever has its address, and one answer for everybody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import msgspec
import pytest

from runtime.domain.ids import MediaId
from runtime.media import address_media, sign_media_url
from runtime.parts import Parts
from runtime.store.database import Database, open_database
from runtime.store.media import NewFile, add_file
from runtime.web.app import create_app
from sim.samples import Sample, make_sample
from sim.serving import address_of, listen, serve
from sim.twilio.files import Fetched
from sim.twilio.server import HttpFetcher
from tests.runtime.twins import ANA, NOW, Salon, open_salon, write_and_claim
from tests.runtime.web.knocking import PUBLIC_URL, Knocker, knocking, make_app, make_parts

LONG = timedelta(days=36_500)


class Shelf(msgspec.Struct, frozen=True):
    """The app, and files it may be asked for."""

    knocker: Knocker
    parts: Parts
    salon: Salon

    async def keep(self, content: bytes, content_type: str) -> MediaId:
        """Put a file on the shelf, as a turn does."""
        claimed, pending, _ = await write_and_claim(self.parts.database, self.salon, ANA)
        media_id = MediaId(self.salon.ids.new())
        new = NewFile(media_id, claimed.id, pending[0].id, 0, content_type, content, None, NOW, NOW + LONG)
        async with self.parts.database.tenant(self.salon.organization_id) as uow:
            await add_file(uow, self.salon.organization_id, new)
            await uow.commit()
        return media_id

    def address(self, media_id: MediaId) -> str:
        """The path of its address."""
        return address_media(self.parts, media_id).removeprefix(PUBLIC_URL)


@pytest.fixture
async def shelf(database: Database) -> AsyncIterator[Shelf]:
    salon, parts = await open_salon(database), make_parts(database)
    async with knocking(create_app(parts), database) as knocker:
        yield Shelf(knocker, parts, salon)


async def test_a_photo_is_given_whole_and_as_what_it_is(shelf: Shelf) -> None:
    """Nobody has to sign in, and no browser may take it for anything else."""
    photo = make_sample(Sample.JPEG)
    path = shelf.address(await shelf.keep(photo, "image/jpeg"))

    answer = await shelf.knocker.client.get(path)

    assert (answer.status_code, answer.content) == (200, photo)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-length"] == str(len(photo))
    assert answer.headers.get_list("cache-control") == ["private, max-age=300"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "content-disposition" not in answer.headers


@pytest.mark.parametrize("sample", [Sample.PDF, Sample.VCARD])
async def test_what_is_no_picture_or_sound_is_only_ever_saved(shelf: Shelf, sample: Sample) -> None:
    content_type = {Sample.PDF: "application/pdf", Sample.VCARD: "text/vcard"}[sample]
    path = shelf.address(await shelf.keep(make_sample(sample), content_type))

    answer = await shelf.knocker.client.get(path)

    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["content-type"] == content_type


async def test_a_large_file_is_given_whole(shelf: Shelf) -> None:
    """The limit of a webhook's body is none of files that leave."""
    video = make_sample(Sample.MP4).ljust(16 * 1024 * 1024, b"\x00")
    path = shelf.address(await shelf.keep(video, "video/mp4"))

    answer = await shelf.knocker.client.get(path)

    assert answer.content == video


async def test_who_asks_only_for_the_head_gets_the_same_head(shelf: Shelf) -> None:
    path = shelf.address(await shelf.keep(make_sample(Sample.OGG), "audio/ogg"))

    got, asked = await shelf.knocker.client.get(path), await shelf.knocker.client.head(path)

    assert asked.status_code == 200
    assert asked.headers == got.headers


async def test_the_emulated_provider_fetches_it_over_the_network(shelf: Shelf) -> None:
    """Through the server that production uses: a whole file, and a head without a body."""
    note, listening = make_sample(Sample.OGG), listen(None)
    path = shelf.address(await shelf.keep(note, "audio/ogg"))
    fetcher = HttpFetcher()
    app = create_app(shelf.parts)
    async with serve(app, listening), aiohttp.ClientSession() as session:  # type: ignore[arg-type]  # its own names
        fetched = await fetcher(address_of(listening) + path)
        async with session.head(address_of(listening) + path) as head:
            seen = (head.status, head.headers["content-length"], await head.read())
    await fetcher.aclose()

    assert fetched == Fetched(200, "audio/ogg", note)
    assert seen == (200, str(len(note)), b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_a_file_can_only_be_read(shelf: Shelf, method: str) -> None:
    path = shelf.address(await shelf.keep(b"x", "image/jpeg"))

    assert (await shelf.knocker.client.request(method, path)).status_code == 405


async def test_every_wrong_address_gets_the_same_answer(shelf: Shelf) -> None:
    """Tampered, out of time, somebody else's, or of a file that never was: nothing tells them apart."""
    media_id = await shelf.keep(b"x", "image/jpeg")
    path = shelf.address(media_id)
    secret, now = shelf.parts.settings.media_secrets[0], shelf.parts.clock.now()
    expired = sign_media_url("", secret, media_id, now - timedelta(seconds=1))
    foreign = sign_media_url("", b"another secret", media_id, now + timedelta(hours=1))
    paths = [
        path[:-1] + ("A" if path[-1] != "A" else "B"),
        path.replace(str(media_id), str(MediaId(shelf.salon.ids.new()))),
        path.rpartition("/")[0] + "/x",
        expired,
        foreign,
        shelf.address(MediaId(shelf.salon.ids.new())),
        "/media/x/y/z",
        "/media/%ff/%00/%2e%2e",
    ]

    answers = [await shelf.knocker.client.get(each) for each in paths]

    assert {(each.status_code, each.text) for each in answers} == {(404, '{"error":"Not Found"}')}
    assert {each.headers["cache-control"] for each in answers} == {"no-store"}
    assert (await shelf.knocker.client.get(path)).status_code == 200


async def test_a_database_that_is_down_is_a_503_for_those_who_may_ask() -> None:
    """Everybody else is refused before it is asked."""
    database = open_database("postgresql://parlo@127.0.0.1:1/none")
    parts = make_parts(database)
    path = address_media(parts, MediaId(parts.ids.new())).removeprefix(PUBLIC_URL)
    async with knocking(make_app(database), database) as knocker:
        allowed, refused = await knocker.client.get(path), await knocker.client.get(path[:-4] + "AAAA")

    assert (allowed.status_code, refused.status_code) == (503, 404)
    assert allowed.headers["retry-after"] == "5"
