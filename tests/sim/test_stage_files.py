"""On stage a file makes the whole way: from a phone, through the runtime's own storage, to another phone."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
from sqlalchemy import text

from runtime.domain.ids import InboxId, OrganizationId, OutboxId
from runtime.media import address_media, take_in
from runtime.ports import OutgoingMessage
from sim.driver import replay
from sim.record import SayData, SendData
from sim.recorder import Recorder
from sim.samples import Sample, make_card, make_file, make_sample
from sim.stage import MESSAGES_URL, PUBLIC_URL, Scene, Stage
from sim.transcripts import load_transcripts
from sim.twilio.files import Fetched
from sim.twilio.inbound import Inbound, InboundMedia
from tests.runtime.staging import ANA, BUSINESS, LUPITA, Salon, conversation_of, on_stage


def test_a_photo_reaches_another_phone_unchanged(database_url: str) -> None:
    """Fetched with credentials, kept, lent, and fetched without any; after an hour it is not to be had."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        parts, twilio = salon.scene.parts, salon.scene.twilio
        photo = InboundMedia("image/jpeg", make_sample(Sample.JPEG))
        inbound = Inbound(from_address=f"whatsapp:{ANA}", to_address=f"whatsapp:{BUSINESS}", media=(photo,))
        assert await twilio.send_inbound(MESSAGES_URL, inbound) == 200
        [row] = await salon.rows("select organization_id, id, payload from inbox")
        organization_id, inbox_id = OrganizationId(row.organization_id), InboxId(row.id)

        [taken] = await take_in(parts, organization_id, conversation_of(ANA), inbox_id, row.payload)
        assert taken.media_id is not None
        url = address_media(parts, taken.media_id)
        message = OutgoingMessage(
            OutboxId(parts.ids.new()), f"whatsapp:{BUSINESS}", f"whatsapp:{LUPITA}", "Ana:", media_url=url
        )
        await parts.messenger.send(message)
        at_once = twilio.sent[-1]
        await salon.scheduler.advance(salon.scene.clock.now() + timedelta(hours=1))
        await parts.messenger.send(message)
        too_late = twilio.sent[-1]
        elsewhere = [
            await salon.scene.fetch(each) for each in (url.replace(PUBLIC_URL, "https://x"), f"{PUBLIC_URL}/x")
        ]

        assert [file.digest for file in at_once.media] == [hashlib.sha256(photo.content).hexdigest()]
        assert (at_once.failure, too_late.failure) == (None, 63019)
        assert [each.status for each in elsewhere] == [0, 404]

    on_stage(database_url, play)


LINES = """\
{"type":"transcript","version":1,"id":"archivos","now":"2026-01-12T10:00:00-06:00","world":"estetica-lupita",\
"people":{"ana":{"role":"customer","phone":"+525512345678"}}}
{"type":"say","by":"ana","media":[{"content_type":"audio/ogg"}]}
{"type":"say","by":"ana","media":[{"content_type":"image/jpeg","content":"html"},{"content_type":"image/png","bytes":900}]}
{"type":"say","by":"ana","media":[{"content_type":"image/jpeg","expired":true},{"content_type":"x/y"}]}
{"type":"say","by":"ana","media":[{"content_type":"image/jpeg","url":"https://media.example/a"}]}
{"type":"say","by":"ana","contact":{"name":"Zoë Cruz","phone":"+525500000000"}}
"""


class Watched:
    """A stage that remembers its last scene."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.scene: Scene | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stage, name)

    async def set_scene(self, *arguments: Any) -> Scene:
        self.scene = await self._stage.set_scene(*arguments)
        return self.scene


def test_a_transcript_says_what_its_files_hold(database_url: str, tmp_path: Path) -> None:
    """A valid one by default; another, a size, none at all, or an address that is nobody's where it says so."""
    path = tmp_path / "archivos.jsonl"
    path.write_text(LINES, encoding="utf-8")
    (transcript,) = load_transcripts([path])

    async def play(stage: Stage) -> None:
        watched = Watched(stage)
        record = await replay(cast("Stage", watched), transcript)
        async with stage.database.single() as uow:
            rows = list(await uow.run(text("select kind, payload from inbox order by received_at")))
        scene = watched.scene
        assert record.failure is None and scene is not None
        urls = [row.payload[f"MediaUrl{n}"] for row in rows for n in range(int(row.payload["NumMedia"]))]
        files = [scene.twilio.find_file(url.rpartition("/")[2]) for url in urls]

        assert [file and file.content for file in files] == [
            make_sample(Sample.OGG),
            make_sample(Sample.HTML),
            make_file("image/png", size=900),
            None,
            make_sample(Sample.NOISE),
            None,
            make_card("Zoë Cruz", "+525500000000"),
        ]
        assert urls[5] == "https://media.example/a"
        assert [row.kind for row in rows] == ["audio", "image", "image", "image", "contacts"]
        said = [event.read(SayData).media for event in record.events if event.kind == "say"]
        assert said[1] == [
            {"content_type": "image/jpeg", "content": "html"},
            {"content_type": "image/png", "bytes": 900},
        ]
        assert msgspec.json.encode(said[2])

    on_stage(database_url, play)


def test_the_record_tells_of_files_that_could_be_delivered(database_url: str, tmp_path: Path) -> None:
    """One that failed was never seen by anybody."""
    path = tmp_path / "archivos.jsonl"
    path.write_text(LINES, encoding="utf-8")
    (transcript,) = load_transcripts([path])

    async def play(stage: Stage) -> None:
        scene = await stage.set_scene(transcript.world, transcript.header.now, 1)
        scene.twilio.fetcher = give_photo
        photo = OutgoingMessage(
            OutboxId(scene.parts.ids.new()), f"whatsapp:{BUSINESS}", f"whatsapp:{ANA}", "mira", media_url="https://x/a"
        )

        await scene.parts.messenger.send(photo)
        scene.twilio.faults.inject("63016")
        await scene.parts.messenger.send(photo)
        events, _ = await Recorder(scene, transcript).read()

        sends = [event.read(SendData) for event in events if event.kind == "send"]
        assert [(each.to, each.media) for each in sends] == [("ana", ["image/jpeg"]), ("ana", [])]

    on_stage(database_url, play)


async def give_photo(_url: str) -> Fetched:
    return Fetched(200, "image/jpeg", make_sample(Sample.JPEG))
