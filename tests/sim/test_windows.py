"""The 24 hours in the simulator: the provider and the database agree on whose are open when a scene begins."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from runtime.domain.ids import OutboxId
from runtime.domain.templates import CATALOGUE, CUSTOMER_WAITING, fill
from runtime.ports import OutgoingMessage, TemplateUse
from runtime.store.templates import load_approved
from sim.driver import Mode, _Free, replay
from sim.record import ConversationRecord, StatusData
from sim.stage import Scene, Stage
from sim.transcripts import (
    Button,
    End,
    Header,
    Person,
    PersonRole,
    Say,
    Transcript,
    Window,
    check_conversation,
    hash_transcript,
    name_windows,
)
from sim.windows import NamedWindows, OpenWindow, list_open_windows
from sim.worlds import load_world
from tests.runtime.staging import ANA, BUSINESS, LUPITA, NOW, Salon, on_stage

WORLD = load_world("estetica-lupita")
KARLA = next(it.phone for it in WORLD.business.staff if it.key == "karla")
MEMO = next(it.phone for it in WORLD.business.staff if it.key == "memo")
VALUES = ("Ana", "10 minutos", "Estética Lupita", "h-1")
HEARD = "select their_key from conversations where last_inbound_at = :now order by their_key"


def write(**windows: Window | None) -> Transcript:
    """Ana and Lupita, each with her window, and Ana who says hello."""
    people = {
        "ana": Person(role=PersonRole.CUSTOMER, phone=ANA, window=windows.get("ana")),
        "lupita": Person(role=PersonRole.OWNER, window=windows.get("lupita")),
    }
    header = Header(version=1, id="ventanas", now=NOW, world="estetica-lupita", people=people)
    return Transcript(header=header, events=(Say(by="ana", text="hola"), End(inbox={})), world=WORLD)


async def set_scene(stage: Stage, named: NamedWindows | None) -> Scene:
    return await stage.set_scene(WORLD, NOW, 1, named)


async def send(scene: Scene, phone: str, template: TemplateUse | None = None) -> int | None:
    """Send words, or a template, to a person; the code it fails with."""
    message = OutgoingMessage(
        OutboxId(scene.parts.ids.new()), f"whatsapp:{BUSINESS}", f"whatsapp:{phone}", "hola", template
    )
    await scene.parts.messenger.send(message)
    return scene.twilio.sent[-1].failure


def test_staff_who_are_no_newcomers_have_just_written() -> None:
    """To every business they belong to that has a number; nobody else has."""
    windows = list_open_windows(WORLD)

    assert {window.ours for window in windows} == {BUSINESS}
    assert LUPITA in {window.theirs for window in windows}
    assert MEMO not in {window.theirs for window in windows}
    both = list_open_windows(load_world("dos-negocios"))
    assert len({window.ours for window in both}) == 2


def test_whoever_is_named_is_open_or_closed_however_their_number_is_spelt() -> None:
    """Closed wins, and nobody is listed twice."""
    named = NamedWindows(open=(ANA, "+5215512345678", KARLA, "MX.abc123"), closed=("+5212220000101",))

    windows = list_open_windows(WORLD, named)

    assert OpenWindow(BUSINESS, ANA) in windows
    assert OpenWindow(BUSINESS, "MX.abc123") in windows
    theirs = [window.theirs for window in windows]
    assert len(theirs) == len(set(theirs))
    assert {LUPITA, "+5215512345678"} & set(theirs) == set()


def test_a_transcript_that_names_no_window_lets_everything_pass() -> None:
    """As soon as it names one, everybody else's is open."""
    assert name_windows(write()) is None
    assert name_windows(write(lupita=Window.CLOSED)) == NamedWindows(open=(ANA,), closed=(LUPITA,))
    assert name_windows(write(ana=Window.OPEN)) == NamedWindows(open=(ANA, LUPITA))
    assert check_conversation(write(lupita=Window.CLOSED)) == []
    assert hash_transcript(write()) != hash_transcript(write(lupita=Window.CLOSED))


def test_provider_and_database_agree_on_who_has_written(database_url: str) -> None:
    """Words reach whoever has; a template reaches the others."""

    async def play(stage: Stage) -> tuple[list[str], dict[str, int | None], int | None, Scene]:
        scene = await set_scene(stage, NamedWindows(open=(ANA,), closed=(LUPITA,)))
        salon = Salon(stage, scene)
        heard = [row.their_key for row in await salon.rows(HEARD, now=scene.clock.now())]
        codes = {phone: await send(scene, phone) for phone in (ANA, LUPITA, KARLA, MEMO)}
        async with stage.database.single() as uow:
            approved = {name: each.content_sid for name, each in (await load_approved(uow, list(CATALOGUE))).items()}
        as_template = await send(scene, LUPITA, TemplateUse(approved[CUSTOMER_WAITING.name], VALUES))
        return heard, codes, as_template, scene

    heard, codes, as_template, scene = on_stage(database_url, play)

    assert {ANA, KARLA} <= set(heard)
    assert {LUPITA, MEMO} & set(heard) == set()
    assert codes == {ANA: None, LUPITA: 63016, KARLA: None, MEMO: 63016}
    assert as_template is None
    assert scene.twilio.sent[-1].body == fill(CUSTOMER_WAITING, VALUES)


def test_without_named_windows_the_provider_lets_everything_pass(database_url: str) -> None:
    """And the database says that staff have written, so that the runtime does too."""

    async def play(stage: Stage) -> tuple[list[str], list[int | None]]:
        scene = await set_scene(stage, None)
        heard = [row.their_key for row in await Salon(stage, scene).rows(HEARD, now=scene.clock.now())]
        return heard, [await send(scene, phone) for phone in (ANA, LUPITA, MEMO)]

    heard, codes = on_stage(database_url, play)

    assert LUPITA in heard
    assert {ANA, MEMO} & set(heard) == set()
    assert codes == [None, None, None]


def test_a_window_closes_after_a_day_and_opens_with_the_next_message(database_url: str) -> None:
    """Of virtual time."""

    async def play(stage: Stage) -> list[int | None]:
        scene = await set_scene(stage, NamedWindows())
        salon = Salon(stage, scene)
        codes = [await send(scene, LUPITA)]
        await scene.clock.sleep(timedelta(days=1).total_seconds())
        codes.append(await send(scene, LUPITA))
        await salon.post(LUPITA, "¿qué tengo hoy?")
        return [*codes, await send(scene, LUPITA)]

    assert on_stage(database_url, play) == [None, 63016, None]


def test_a_customer_whose_window_was_closed_is_answered(database_url: str) -> None:
    """By writing they open it, in both ways of replaying."""

    async def play(stage: Stage) -> list[ConversationRecord]:
        transcript = write(ana=Window.CLOSED)
        return [await replay(stage, transcript, mode=mode) for mode in Mode]

    for record in on_stage(database_url, play):
        assert record.failure is None
        assert record.final.inbox == {"done": 1}
        statuses = [event.read(StatusData).status for event in record.events if event.kind is StatusData.kind]
        assert "delivered" in statuses
        assert "failed" not in statuses


def test_a_scene_knows_the_whole_catalogue(database_url: str) -> None:
    """The same sids in the database as at the provider, in one statement with the rest of the world."""

    async def play(stage: Stage) -> tuple[dict[str, str], set[int | None], int]:
        await set_scene(stage, None)  # connections are opened, and statements prepared
        before = stage.switch.round_trips
        scene = await set_scene(stage, None)
        statements = stage.switch.round_trips - before
        async with stage.database.single() as uow:
            approved = {name: each.content_sid for name, each in (await load_approved(uow, list(CATALOGUE))).items()}
        barred = {scene.twilio.contents.render(sid, "{}").barred for sid in approved.values()}
        return approved, barred, statements

    approved, barred, statements = on_stage(database_url, play)

    assert set(approved) == set(CATALOGUE)
    assert barred == {None}
    assert statements <= 4


def test_a_tap_finds_the_button_that_was_last_shown(database_url: str) -> None:
    """With its payload and the message it stood under; one that nobody was shown is a divergence."""

    async def play(stage: Stage) -> tuple[list[dict[str, str]], ConversationRecord]:
        transcript = write()
        tap = Say(by="lupita", button=Button(text="Ver mensajes"))
        run = _Free(stage, transcript, 0)
        scene = await set_scene(stage, None)
        async with stage.database.single() as uow:
            sid = (await load_approved(uow, list(CATALOGUE)))[CUSTOMER_WAITING.name].content_sid
        for handoff in ("h-1", "h-2"):
            await send(scene, LUPITA, TemplateUse(sid, (*VALUES[:3], handoff)))
        await run.say(scene, tap)
        await run.say(scene, Say(by="lupita", button=Button(text="Ver mensajes", payload="take:h-1")))
        payloads = [row.payload for row in await Salon(stage, scene).rows("select payload from inbox order by id")]
        unshown = await replay(stage, msgspec.structs.replace(transcript, events=(tap, *transcript.events)))
        return [{**it, "sent": str([each.sid for each in scene.twilio.sent])} for it in payloads], unshown

    (latest, named), unshown = on_stage(database_url, play)

    assert (latest["ButtonPayload"], named["ButtonPayload"]) == ("take:h-2", "take:h-1")
    assert latest["sent"] == str([named["OriginalRepliedMessageSid"], latest["OriginalRepliedMessageSid"]])
    assert unshown.failure is None
    assert unshown.diverged_at is not None
    assert unshown.diverged_at.reason == "they tap 'Ver mensajes', and were never shown it"
