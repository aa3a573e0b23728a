"""The Simulate page during a handoff: the panel's figures, files that Parlo passes on, windows, and what waits."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from runtime import router
from runtime.domain.enums import (
    HandoffEnd,
    HandoffOrigin,
    HandoffState,
    InboxState,
    OutboxKind,
    OutboxState,
    TurnState,
)
from runtime.domain.files import identify_file
from runtime.domain.handoff import Step
from runtime.store.handoff_metrics import hide_people, measure_handoffs
from runtime.store.tables import conversations, inbox, media, outbox
from sim.samples import make_file, make_voice_note
from sim.simulate import labels
from sim.simulate.bubbles import Ticks, Tone
from sim.simulate.forms import READY
from sim.simulate.rows import list_heard
from sim.twilio.files import Fetched
from tests.sim.simulating import ANA, ANA_CHAT, BUSINESS, IDS, LUPITA, Page, open_page

pytestmark = pytest.mark.integration

SOFIA, VALERIA = "525587654321", "522221230020"
PDF, PNG, VCARD, VOICE = "application/pdf", "image/png", "text/vcard", "audio/ogg"


def test_everything_that_can_be_shown_has_a_spanish_word() -> None:
    """A new state or reason would otherwise break the page of whoever plays, or show English."""
    reasons = {it.reason for it in vars(router).values() if isinstance(it, router.Route)}

    assert set(HandoffState) == labels.HANDOFFS.keys() == labels.HANDOFF_TONES.keys()
    assert set(HandoffEnd) == labels.ENDINGS.keys()
    assert set(HandoffOrigin) == labels.ORIGINS.keys()
    assert set(Step) == labels.STEPS.keys()
    assert set(OutboxKind) == labels.KINDS.keys()
    assert set(OutboxState) == labels.OUTBOX.keys()
    assert set(InboxState) == labels.INBOX.keys()
    assert set(TurnState) == labels.TURNS.keys()
    assert {str(case) for case in router.Case} == labels.ROUTES.keys()
    assert reasons == labels.REASONS.keys()


@pytest.mark.usefixtures("database")
async def test_the_panel_lists_who_talks_who_is_asked_who_waits_and_how_others_ended(
    database_url: str, tmp_path: Path
) -> None:
    """Open ones first, the line in its order, then the ended; with what happens next and the medians."""
    async with open_page(database_url, tmp_path) as page:
        for key in (ANA, SOFIA, VALERIA, LUPITA):
            await page.say(f"{key}-{BUSINESS}", {"texto": "hola"})
        now = page.parts.clock.now()
        minute = timedelta(minutes=1)
        soon = {"due_at": now + 2 * minute}
        begun = {"connected_at": now - 28 * minute, "last_human_at": now - 27 * minute, "ended_at": now - 20 * minute}
        begun |= {"requested_at": now - 30 * minute, "first_answer_at": now - 27 * minute}
        await page.write_handoff(f"+{ANA}", "Lupita", state="ended", end_reason="timeout", **begun)
        await page.write_handoff(f"+{SOFIA}", None, state="waiting", requested_at=now - 5 * minute, **soon)
        await page.write_handoff(f"+{VALERIA}", None, state="waiting", requested_at=now - 9 * minute, **soon)
        offered = {"requested_at": now - minute, "offered_at": now - minute, "last_human_at": now - minute}
        await page.write_handoff(f"+{LUPITA}", "Rosa", state="offered", summary="dijo hola", **offered, **soon)
        talking = {"requested_at": now, "connected_at": now, "last_human_at": now, "due_at": now + 30 * minute}
        await page.write_handoff(f"+{ANA}", "Lupita", state="active", **talking)
        shown = _words_of_panel(await page.read())
        relays = page.simulation.board.view.panel.relays

    assert [(relay.state, relay.place, relay.next_step) for relay in relays] == [
        ("active", None, Step.SILENCE),
        ("offered", None, Step.REMIND),
        ("waiting", 1, Step.LOOK),
        ("waiting", 2, Step.LOOK),
        ("ended", None, None),
    ]
    assert (relays[4].wait_s, relays[4].first_answer_s, relays[4].duration_s) == (120, 180, 480)
    assert "relevos 5 espera 0 s 1.ª respuesta 3 min duración 8 min" in shown
    assert re.search(r"avisada con Rosa · Estética Lupita \d+:\d\d [AP]M: se le recuerda a Rosa quiere hablar", shown)
    assert "dijo hola" in shown
    assert "en fila · lugar 2" in shown
    assert "30 minutos sin respuesta de quien atendía" in shown


def _words_of_panel(page: str) -> str:
    panel = page[page.index('id="relevos"') : page.index('id="detalle"')]
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", panel).split()))


@pytest.mark.usefixtures("database")
async def test_every_state_of_a_handoff_can_be_drawn(database_url: str, tmp_path: Path) -> None:
    """Also one that exists for a moment only."""
    async with open_page(database_url, tmp_path) as page:
        await page.say(ANA_CHAT, {"texto": "hola"})
        await page.write_handoff(f"+{ANA}", None, state="requested", requested_at=page.parts.clock.now())
        shown = _words_of_panel(await page.read())

    assert "recién pedido" in shown


@pytest.mark.usefixtures("database")
async def test_the_figures_that_leave_the_machine_name_nobody(database_url: str, tmp_path: Path) -> None:
    """The page shows names; `parlo handoffs` does not."""
    async with open_page(database_url, tmp_path) as page:
        await page.say(ANA_CHAT, {"texto": "hola"})
        now = page.parts.clock.now()
        talking = {"requested_at": now, "connected_at": now, "last_human_at": now, "due_at": now}
        await page.write_handoff(f"+{ANA}", "Lupita", state="active", **talking)
        async with page.parts.database.platform() as uow:
            [found] = await measure_handoffs(uow, since=now - timedelta(days=1))
        hidden = hide_people(found)

    assert (found.human, found.customer_key, found.reason) == ("Lupita", f"+{ANA}", "quiere hablar con alguien")
    assert (hidden.customer, hidden.human, hidden.customer_key, hidden.reason, hidden.summary) == (None,) * 5
    assert hidden.id == found.id


@pytest.mark.parametrize(
    ("content_type", "family", "element"),
    [
        (PNG, "image", "<img"),
        (VOICE, "audio", "<audio"),
        ("video/mp4", "video", "<video"),
        (PDF, "document", "📄 Documento"),
        (VCARD, "contact", "👤 Contacto"),
    ],
)
@pytest.mark.usefixtures("database")
async def test_a_file_that_parlo_sends_is_on_the_phone_of_whoever_it_is_for(
    database_url: str, tmp_path: Path, content_type: str, family: str, element: str
) -> None:
    """As the provider fetched it, and served as safely as what people send."""
    content = make_file(content_type)

    async def fetch(_url: str) -> Fetched:
        return Fetched(200, content_type, content)

    async with open_page(database_url, tmp_path) as page:
        page.emulator.fetcher = fetch
        await page.say(ANA_CHAT, {"texto": "hola"})
        await page.send("mira", media_url="https://files.example/1")
        shown = await page.read()
        [file] = page.simulation.board.view.chats[ANA_CHAT][-1].files
        served = await page.client.get(file.url or "")
        missing = await page.client.get("/archivos/enviado/ME0")

    assert (file.content_type, file.family) == (content_type, family)
    assert element in shown
    assert (served.status_code, served.content) == (200, content)
    assert "sandbox" in served.headers["content-security-policy"]
    assert missing.status_code == 404


@pytest.mark.usefixtures("database")
async def test_a_file_that_could_not_be_fetched_is_shown_as_missing(database_url: str, tmp_path: Path) -> None:
    """The message fails, as it would."""

    async def fetch(_url: str) -> Fetched:
        return Fetched(404)

    async with open_page(database_url, tmp_path) as page:
        page.emulator.fetcher = fetch
        await page.say(ANA_CHAT, {"texto": "hola"})
        await page.send("mira", media_url="https://files.example/1")
        shown = await page.read()

    assert "no se pudo traer el archivo" in shown
    assert "<img" not in shown


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        (None, 200, slice(None)),
        ("bytes=0-", 206, slice(None)),
        ("bytes=2-5", 206, slice(2, 6)),
        ("bytes=-4", 206, slice(-4, None)),
        ("bytes=5-2", 200, slice(None)),
        ("bytes=999999-", 200, slice(None)),
        ("bytes=-", 200, slice(None)),
        ("lines=1-2", 200, slice(None)),
    ],
)
@pytest.mark.usefixtures("database")
async def test_a_player_may_ask_for_a_part_of_a_file(
    database_url: str, tmp_path: Path, asked: str | None, status: int, part: slice
) -> None:
    """Without that a browser cannot tell how long a voice note is."""
    content = READY["voz"].content
    async with open_page(database_url, tmp_path) as page:
        await page.say(ANA_CHAT, {"listo": "voz"})
        await page.read()
        [file] = page.simulation.board.view.chats[ANA_CHAT][-1].files
        served = await page.client.get(file.url or "", headers={"range": asked} if asked else {})

    assert (served.status_code, served.content) == (status, content[part])
    assert served.headers["accept-ranges"] == "bytes"
    assert ("content-range" in served.headers) is (status == 206)


@pytest.mark.parametrize("name", sorted(READY))
def test_what_lies_ready_may_be_passed_on(name: str) -> None:
    """Each is what it is said to be, and of a type WhatsApp takes."""
    ready = READY[name]

    assert identify_file(ready.content_type, ready.content) == ready.content_type


def test_the_ready_voice_note_lasts_as_long_as_it_says() -> None:
    """Its last page says how many samples were played until then, after those that are skipped."""
    note = make_voice_note(3)
    last_page = note[note.rindex(b"OggS") :]

    assert note.count(b"OggS") == 3
    assert (int.from_bytes(last_page[6:14], "little") - 312) / 48_000 == 3.0


@pytest.mark.usefixtures("database")
async def test_a_window_is_shown_open_until_a_day_after_the_last_word_and_closed_from_then_on(
    database_url: str, tmp_path: Path
) -> None:
    """Whoever never wrote has none; and where the provider says that it is closed, it is."""
    async with open_page(database_url, tmp_path) as page:
        never = await page.read()
        await page.say(ANA_CHAT, {"texto": "hola"})
        await page.read()
        heard_at = (await page.find_conversation())["last_inbound_at"]
        until = page.simulation.board.view.closing.get(ANA_CHAT)
        async with page.parts.database.platform() as uow:
            await uow.run(update(conversations).values(window_closed_at=heard_at))
            await uow.commit()
        await page.read()
        refused = ANA_CHAT in page.simulation.board.view.closing
        await page.say(ANA_CHAT, {"texto": "hola otra vez"})
        await page.read()
        reopened = ANA_CHAT in page.simulation.board.view.closing
        seen = page.simulation.board.version
        page.simulation.file.move(86_400)
        following = page.simulation.board.follow(seen)
        change = await anext(following)
        await following.aclose()

    assert "Ventana cerrada: sólo plantillas" in never
    assert until == heard_at + timedelta(hours=23, minutes=50)
    assert (refused, reopened) == (False, True)
    assert change is not None
    assert re.search(rf'class="window closed" id="w-{ANA_CHAT}" hx-swap-oob', change.html)


@pytest.mark.usefixtures("database")
async def test_words_that_wait_for_a_window_are_shown_as_waiting_with_their_file(
    database_url: str, tmp_path: Path
) -> None:
    """On the phone they are for, dashed: it does not have them yet."""
    async with open_page(database_url, tmp_path) as page:
        await page.say(ANA_CHAT, {"texto": "hola"})
        file = await _keep_file(page)
        await page.write_outbox("aquí está", kind="relay", state="queued", held=True, attempts=0, media_id=file)
        await page.write_outbox("un momento", state="queued", attempts=0)
        await page.write_outbox("otra vez", state="queued", attempts=2)
        shown = await page.read()
        [_, held, again] = page.simulation.board.view.chats[ANA_CHAT]
        served = await page.client.get(held.files[0].url or "")

    assert (held.text, held.meta.ticks) == ("aquí está", Ticks.WAITING)
    assert [chip.text for chip in held.meta.chips] == ["relevo", "en espera: ventana cerrada"]
    assert held.ghost == "Aún no sale: se entrega cuando esta persona escriba"
    assert (served.status_code, served.content) == (200, make_file(PNG))
    assert (again.text, again.ghost) == ("otra vez", "Aún no sale: se intenta otra vez")
    assert "un momento" not in shown, "what leaves at once needs no word"


async def _keep_file(page: Page) -> object:
    """A picture that Ana sent and Parlo keeps; its id."""
    conversation, row_id, content = await page.find_conversation(), IDS.new(), make_file(PNG)
    now = page.parts.clock.now()
    async with page.parts.database.platform() as uow:
        inbox_id = (await uow.run(select(inbox.c.id).order_by(inbox.c.received_at.desc()))).scalars().first()
        await uow.run(
            insert(media).values(
                organization_id=conversation["organization_id"],
                id=row_id,
                conversation_id=conversation["id"],
                inbox_id=inbox_id,
                position=0,
                state="stored",
                content_type=PNG,
                size_bytes=len(content),
                content=content,
                created_at=now,
                delete_at=now + timedelta(days=1),
            )
        )
        await uow.commit()
    return row_id


@pytest.mark.usefixtures("database")
async def test_after_a_restart_files_that_were_passed_on_are_still_shown(database_url: str, tmp_path: Path) -> None:
    """Parlo keeps them for a while; both whoever sent it and whoever got it see it."""
    async with open_page(database_url, tmp_path) as page:
        await page.say(ANA_CHAT, {}, {"foto": ("x.png", make_file(PNG), PNG)})
        file, now = await _keep_file(page), page.parts.clock.now()
        await page.write_outbox("Ana:", kind="relay", provider_sid="SM1", submitted_at=now, media_id=file)
    async with open_page(database_url, tmp_path, seed=False) as page:
        await page.read()
        first, second = page.simulation.board.view.chats[ANA_CHAT]
        served = await page.client.get(f"/archivos/guardado/{file}")
        missing = await page.client.get(f"/archivos/guardado/{IDS.new()}")

    assert [it.files[0].url for it in (first, second)] == [f"/archivos/guardado/{file}"] * 2
    assert (served.status_code, served.content, missing.status_code) == (200, make_file(PNG), 404)


@pytest.mark.usefixtures("database")
async def test_a_template_says_that_it_is_one_and_what_was_refused_before_it_stays_visible(
    database_url: str, tmp_path: Path
) -> None:
    """The first try failed for the window; the template that took its place arrived."""
    async with open_page(database_url, tmp_path) as page:
        await page.say(ANA_CHAT, {"texto": "hola"})
        alert = {"kind": "alert", "template": "solicitud_humano", "as_template": True}
        row = await page.write_outbox("Ana pide hablar", state="delivered", **alert)
        page.emulator.faults.inject("63016", times=1)
        await page.send("Ana pide hablar", outbox_id=row)
        await page.send("Hola. Ana quiere hablar", outbox_id=row)
        async with page.parts.database.platform() as uow:
            sid = page.emulator.sent[-1].sid
            await uow.run(update(outbox).where(outbox.c.id == row).values(provider_sid=sid))
            await uow.commit()
        await page.read()
        refused, arrived = page.simulation.board.view.chats[ANA_CHAT][1:]

    assert (refused.meta.ticks, [chip.text for chip in refused.meta.chips]) == (Ticks.FAILED, ["aviso", "error 63016"])
    assert refused.ghost is not None
    assert (arrived.meta.ticks, [chip.text for chip in arrived.meta.chips]) == (Ticks.TWO, ["aviso", "plantilla"])
    assert arrived.meta.chips[1].tone is Tone.GOOD
    assert "solicitud_humano" in arrived.meta.chips[1].title


@pytest.mark.usefixtures("database")
async def test_after_a_restart_the_emulator_can_be_told_who_wrote_when(database_url: str, tmp_path: Path) -> None:
    """Seeded staff have just written; customers who never did are not among them."""
    async with open_page(database_url, tmp_path) as page:
        heard = await list_heard(page.parts.database)

    assert {it.our_address for it in heard} == {f"whatsapp:+{BUSINESS}"}
    assert f"whatsapp:+{LUPITA}" in {it.their_address for it in heard}
    assert f"whatsapp:+{ANA}" not in {it.their_address for it in heard}
