"""The Simulate page: what people say goes through the real webhook, and its way stands beside each message."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import DBAPIError

from runtime.store.database import Database
from runtime.store.tables import inbox, tasks
from sim.simulate.bubbles import Ticks
from sim.simulate.forms import MEDIA_LIMIT_BYTES, TOO_LARGE
from sim.simulate.rendering import mark_up
from sim.simulate.rows import find_newest_moment, open_reading
from sim.simulate.static_files import STATIC, load_static, read_manifest
from tests.sim.simulating import ANA_CHAT, BUSINESS, HOST, IDS, LUPITA_CHAT, OURS, PAGE, Page, open_page

pytestmark = pytest.mark.integration

PNG = bytes.fromhex("89504e470d0a1a0a") + b"the rest of a picture"
HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(2)> "quoted" & *<b>bold</b>*'


async def _list_stored(page: Page) -> list[dict[str, str]]:
    async with page.parts.database.platform() as uow:
        found = await uow.run(select(inbox.c.payload).order_by(inbox.c.received_at, inbox.c.id))
        return [row["payload"] for row in found.mappings()]


def _bubbles(page: Page, chat: str = ANA_CHAT) -> list[tuple[bool, str]]:
    return [(bubble.mine, bubble.text) for bubble in page.simulation.board.view.chats[chat]]


@pytest.mark.usefixtures("database")
async def test_what_a_person_writes_goes_through_the_signed_webhook_and_shows_its_way(
    database_url: str, tmp_path: Path
) -> None:
    """Handed over, stored, and after its turn: the route with its reason and how long it took."""
    async with open_page(database_url, tmp_path) as page:
        said = await page.say(ANA_CHAT, {"texto": "hola, ¿a qué hora abren?"})
        before = await page.read()
        [stored] = await _list_stored(page)
        await page.finish_turn(stored["MessageSid"])
        after = await page.read()

    assert said.status_code == 200
    assert (stored["From"], stored["To"], stored["Body"]) == (
        "whatsapp:+5215512345678",
        "whatsapp:+522220000001",
        "hola, ¿a qué hora abren?",
    )
    assert "en espera" in before
    assert "Parlo lo está atendiendo" in before
    assert "ruta 5" in after
    assert "cualquiera que escribe a un negocio" in after
    assert "Parlo lo está atendiendo" not in after


@pytest.mark.usefixtures("database")
async def test_several_quick_messages_arrive_in_the_order_they_were_written(database_url: str, tmp_path: Path) -> None:
    """The network alone would promise no order."""
    words = [f"mensaje {number}" for number in range(8)]
    async with open_page(database_url, tmp_path) as page:
        for word in words:
            await page.client.post(f"/chats/{ANA_CHAT}/mensajes", data={"texto": word}, headers=OURS)
        await page.settle()
        stored = await _list_stored(page)

    assert [form["Body"] for form in stored] == words


@pytest.mark.usefixtures("database")
async def test_a_message_the_webhook_refuses_says_so_and_shows_its_form(database_url: str, tmp_path: Path) -> None:
    """Nothing of it is in the database; the page alone knows."""
    async with open_page(database_url, tmp_path, secret="another secret") as page:
        await page.say(ANA_CHAT, {"texto": "hola"})
        shown = await page.read()
        [bubble] = page.simulation.board.view.chats[ANA_CHAT]
        detail = await page.client.get(f"/detalle/{bubble.meta.detail}")
        stored = await _list_stored(page)

    assert stored == []
    assert (bubble.meta.ticks, bubble.meta.chips[0].text) == (Ticks.FAILED, "403")
    assert "el webhook contestó 403" in shown
    assert "whatsapp:+5215512345678" in detail.text


@pytest.mark.usefixtures("database")
async def test_hostile_words_are_shown_as_words_everywhere(database_url: str, tmp_path: Path) -> None:
    """A bubble, a quote, a button, a phone's name, a detail and the stream: text stays text."""
    async with open_page(database_url, tmp_path) as page:
        await page.client.post("/telefonos", data={"nombre": HOSTILE, "numero": "+525511112222"}, headers=OURS)
        chat = f"525511112222-{BUSINESS}"
        await page.read()
        seen = page.simulation.board.version
        await page.say(chat, {"texto": HOSTILE})
        sid = await page.send(HOSTILE, to="+525511112222")
        page.emulator.sent[-1] = msgspec.structs.replace(page.emulator.sent[-1], buttons=((HOSTILE, HOSTILE),))
        await page.say(chat, {"texto": HOSTILE, "cita": sid})
        shown = await page.read()
        following = page.simulation.board.follow(seen)
        change = await anext(following)
        await following.aclose()
        [row, _] = [it for it in page.simulation.board.view.chats[chat] if it.mine]
        detail = (await page.client.get(f"/detalle/{row.meta.detail}")).text

    assert change is not None
    for text in (shown, change.html, detail):
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "<b>bold" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert HOSTILE.split(" & ")[0] in html.unescape(shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("*hola*", "<strong>hola</strong>"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("_ya_ ~no~", "<em>ya</em> <s>no</s>"),
        ("```x < y```", "<code>x &lt; y</code>"),
        ("mi_correo_largo@x.mx", "mi_correo_largo@x.mx"),
    ],
)
def test_only_whatsapps_own_marks_become_elements(text: str, shown: str) -> None:
    """As a phone shows them."""
    assert mark_up(text) == shown


@pytest.mark.usefixtures("database")
async def test_what_the_emulator_accepted_appears_on_the_phone_of_whoever_it_is_for(
    database_url: str, tmp_path: Path
) -> None:
    """With why it was sent and how far it got; what the provider will refuse is marked as never seen."""
    async with open_page(database_url, tmp_path) as page:
        await page.say(ANA_CHAT, {"texto": "hola"})
        sent = await page.write_outbox("Te esperamos", state="delivered", kind="notice")
        await page.send("Te esperamos", outbox_id=sent)
        await page.write_outbox("todavía no sale", state="queued", attempts=0)
        page.emulator.faults.inject("63016", times=1)
        failed = await page.write_outbox("Tu cita es mañana", state="failed", error_code=63016)
        await page.send("Tu cita es mañana", outbox_id=failed)
        shown = await page.read()
        bubbles = page.simulation.board.view.chats[ANA_CHAT]

    assert [(bubble.mine, bubble.text) for bubble in bubbles] == [
        (True, "hola"),
        (False, "Te esperamos"),
        (False, "Tu cita es mañana"),
    ]
    assert [bubble.meta.ticks for bubble in bubbles[1:]] == [Ticks.TWO, Ticks.FAILED]
    assert [chip.text for chip in bubbles[1].meta.chips] == ["notificación"]
    assert bubbles[2].ghost is not None
    assert "hace falta una plantilla" in shown
    assert _bubbles(page, LUPITA_CHAT) == []


@pytest.mark.parametrize(
    ("state", "ticks"),
    [
        ("accepted", Ticks.ONE),
        ("sending", Ticks.ONE),
        ("sent", Ticks.ONE),
        ("delivered", Ticks.TWO),
        ("read", Ticks.BLUE),
        ("failed", Ticks.FAILED),
        ("undelivered", Ticks.FAILED),
    ],
)
@pytest.mark.usefixtures("database")
async def test_ticks_follow_the_outbox(database_url: str, tmp_path: Path, state: str, ticks: Ticks) -> None:
    """As WhatsApp draws them."""
    async with open_page(database_url, tmp_path) as page:
        await page.say(ANA_CHAT, {"texto": "hola"})
        await page.write_outbox("respuesta", state=state, provider_sid="SM1", submitted_at=page.parts.clock.now())
        await page.read()

    assert page.simulation.board.view.chats[ANA_CHAT][1].meta.ticks == ticks


@pytest.mark.usefixtures("database")
async def test_a_tap_on_a_button_and_a_quote_say_which_message_they_answer(database_url: str, tmp_path: Path) -> None:
    """As Twilio hands them over: the payload we gave the button, and the sid of what is answered."""
    async with open_page(database_url, tmp_path) as page:
        sid = await page.send("¿Confirmas tu cita?")
        page.emulator.sent[-1] = msgspec.structs.replace(page.emulator.sent[-1], buttons=(("Confirmar", "confirm:1"),))
        shown = await page.read()
        quoting = await page.client.get(f"/chats/{ANA_CHAT}/cita", params={"sid": sid})
        tap = {name: value for name, value in re.findall(r'name="(carga|cita|boton)" value="([^"]*)"', shown)}
        await page.say(ANA_CHAT, tap)
        await page.say(ANA_CHAT, {"texto": "¿a qué hora era?", "cita": sid})
        await page.read()
        tapped, quoted = await _list_stored(page)

    assert (tapped["ButtonPayload"], tapped["ButtonText"]) == ("confirm:1", "Confirmar")
    assert [form["OriginalRepliedMessageSid"] for form in (tapped, quoted)] == [sid, sid]
    assert "¿Confirmas tu cita?" in quoting.text
    answer = page.simulation.board.view.chats[ANA_CHAT][-1]
    assert answer.quoted is not None
    assert answer.quoted.text == "¿Confirmas tu cita?"


@pytest.mark.parametrize(
    ("field", "name", "content_type", "kind", "family"),
    [
        ("foto", "uñas.png", "image/png", "image", "image"),
        ("voz", "nota.ogg", "audio/ogg", "audio", "audio"),
        ("documento", "lista.pdf", "application/pdf", "document", "document"),
        ("sticker", "s.webp", "image/webp", "sticker", "image"),
    ],
)
@pytest.mark.usefixtures("database")
async def test_a_file_is_sent_as_what_it_was_picked_as(  # noqa: PLR0913 - one for each column
    database_url: str, tmp_path: Path, field: str, name: str, content_type: str, kind: str, family: str
) -> None:
    """The webhook gets an address that needs credentials; the page shows the file itself."""
    async with open_page(database_url, tmp_path) as page:
        await page.say(ANA_CHAT, {"texto": "mira"}, {field: (name, PNG, content_type)})
        await page.read()
        [stored] = await _list_stored(page)
        [bubble] = page.simulation.board.view.chats[ANA_CHAT]
        served = await page.client.get(bubble.files[0].url or "")

    assert (stored["MessageType"], stored["MediaContentType0"], stored["Body"]) == (kind, content_type, "mira")
    assert "/Media/ME" in stored["MediaUrl0"]
    assert bubble.files[0].family == family
    assert (served.status_code, served.content) == (200, PNG)


@pytest.mark.parametrize("content_type", ["text/html", "image/svg+xml", "application/xhtml+xml", "text/javascript"])
@pytest.mark.usefixtures("database")
async def test_a_file_that_could_run_is_a_download_and_nothing_else(
    database_url: str, tmp_path: Path, content_type: str
) -> None:
    """Whatever it calls itself."""
    async with open_page(database_url, tmp_path) as page:
        await page.say(ANA_CHAT, {}, {"foto": ("x", b"<script>alert(1)</script>", content_type)})
        shown = await page.read()
        [bubble] = page.simulation.board.view.chats[ANA_CHAT]
        served = await page.client.get(bubble.files[0].url or "")

    assert served.headers["content-disposition"].startswith("attachment")
    assert served.headers["content-type"] == "application/octet-stream"
    assert served.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in served.headers["content-security-policy"]
    assert "<img" not in shown


@pytest.mark.usefixtures("database")
async def test_places_contacts_and_ready_files_can_be_sent_without_having_any(
    database_url: str, tmp_path: Path
) -> None:
    """For whoever only tries it out."""
    async with open_page(database_url, tmp_path) as page:
        await page.say(ANA_CHAT, {"lugar": "zocalo"})
        await page.say(ANA_CHAT, {"lugar": "otro", "latitud": "19.4", "longitud": "-99.1"})
        await page.say(ANA_CHAT, {"contacto": "Paty; la prima", "contacto_numero": "+525511112222"})
        for ready in ("foto", "voz", "sticker"):
            await page.say(ANA_CHAT, {"listo": ready})
        shown = await page.read()
        stored = await _list_stored(page)

    assert [form["MessageType"] for form in stored] == ["location", "location", "contacts", "image", "audio", "sticker"]
    assert (stored[0]["Label"], stored[1]["Latitude"]) == ("Zócalo de Puebla", "19.4")
    assert "Zócalo de Puebla" in shown
    assert shown.count("<audio") == 1
    assert stored[4]["MediaContentType0"] == "audio/ogg"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"texto": "   "}, "Escribe algo"),
        ({"texto": "x" * 5000}, "4096"),
        ({"lugar": "otro", "latitud": "91", "longitud": "0"}, "latitud"),
        ({"lugar": "otro", "latitud": "nan", "longitud": "0"}, "latitud"),
    ],
)
@pytest.mark.usefixtures("database")
async def test_what_whatsapp_would_not_send_is_refused_with_the_reason(
    database_url: str, tmp_path: Path, data: dict[str, str], words: str
) -> None:
    """And nothing is handed over."""
    async with open_page(database_url, tmp_path) as page:
        answer = await page.say(ANA_CHAT, data)
        stored = await _list_stored(page)

    assert answer.status_code == 422
    assert words in answer.text
    assert stored == []


@pytest.mark.parametrize("size", [MEDIA_LIMIT_BYTES + 1, MEDIA_LIMIT_BYTES + 3_000_000])
@pytest.mark.usefixtures("database")
async def test_a_file_over_sixteen_megabytes_is_refused_in_plain_words(
    database_url: str, tmp_path: Path, size: int
) -> None:
    """Whether the form is still read or already refused for its length."""
    async with open_page(database_url, tmp_path) as page:
        answer = await page.say(ANA_CHAT, {"texto": "mira"}, {"foto": ("x.png", bytes(size), "image/png")})
        stored = await _list_stored(page)

    assert answer.status_code in (413, 422)
    assert html.unescape(TOO_LARGE) in html.unescape(answer.text)
    assert stored == []


@pytest.mark.usefixtures("database")
async def test_moving_the_clock_moves_what_is_stored_and_never_goes_back(database_url: str, tmp_path: Path) -> None:
    """The same time for the emulator, the webhook and the page."""
    async with open_page(database_url, tmp_path) as page:
        real = page.parts.clock.now()
        moved = await page.client.post("/reloj", data={"segundos": "86400"}, headers=OURS)
        back = await page.client.post("/reloj", data={"segundos": "-3600"}, headers=OURS)
        nonsense = await page.client.post("/reloj", data={"segundos": "mañana"}, headers=OURS)
        await page.say(ANA_CHAT, {"texto": "hola"})
        shown = await page.read()
        newest = await find_newest_moment(page.parts.database)

    assert (moved.status_code, back.status_code, nonsense.status_code) == (200, 422, 422)
    assert newest is not None
    assert timedelta(days=1) <= newest - real < timedelta(days=1, minutes=1)
    assert "adelantado 1 d" in shown


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": PAGE, "sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": PAGE, "host": "evil.example:8080"}, 421),
        ({"origin": PAGE}, 303),
        ({"sec-fetch-site": "same-origin"}, 303),
    ],
)
@pytest.mark.usefixtures("database")
async def test_only_the_page_itself_may_change_anything(
    database_url: str, tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    """Any other page of the browser may post to this machine."""
    async with open_page(database_url, tmp_path) as page:
        answers = [
            await page.client.post(path, data=data, headers={"host": HOST} | headers, follow_redirects=False)
            for path, data in (
                (f"/chats/{ANA_CHAT}/mensajes", {"texto": "hola"}),
                ("/reloj", {"segundos": "300"}),
                ("/telefonos", {"nombre": "Eva", "numero": "+525511112222"}),
            )
        ]
        await page.settle()
        stored = await _list_stored(page)

    assert [answer.status_code for answer in answers] == [status] * 3
    assert len(stored) == (1 if status == 303 else 0)


@pytest.mark.usefixtures("database")
async def test_every_answer_forbids_scripts_of_others_and_a_strange_host_reads_nothing(
    database_url: str, tmp_path: Path
) -> None:
    """A name that was made to point here must not read the page."""
    async with open_page(database_url, tmp_path) as page:
        answer = await page.client.get("/")
        strange = await page.client.get("/", headers={"host": "evil.example"})
        inline = re.findall(r"<script(?![^>]*src=)|\son\w+=|style=|https?://", answer.text)

    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert inline == []
    assert strange.status_code == 421
    assert "Ana" not in strange.text


@pytest.mark.usefixtures("database")
async def test_the_stream_sends_what_changed_and_everything_to_whoever_missed_it(
    database_url: str, tmp_path: Path
) -> None:
    """By the version the browser saw last; a version of another run counts as none."""
    async with open_page(database_url, tmp_path) as page:
        await page.read()
        board = page.simulation.board
        seen = board.version
        await page.say(ANA_CHAT, {"texto": "primero"})
        current, lost = board.follow(seen), board.follow("another run")
        first, everything = await anext(current), await anext(lost)
        stored = (await _list_stored(page))[0]
        await page.finish_turn(stored["MessageSid"])
        board.tell()
        second = await anext(current)
        for following in (current, lost):
            await following.aclose()

    assert first is not None
    assert second is not None
    assert everything is not None
    assert f'hx-swap-oob="beforeend:#t-{ANA_CHAT}"' in first.html
    assert LUPITA_CHAT not in first.html
    assert "primero" not in second.html, "only the line below the bubble changed"
    assert f'id="e-{stored["MessageSid"]}" hx-swap-oob' in second.html
    assert f'hx-swap-oob="innerHTML:#t-{LUPITA_CHAT}"' in everything.html


@pytest.mark.usefixtures("database")
async def test_a_phone_can_be_added_in_any_spelling_and_stays(database_url: str, tmp_path: Path) -> None:
    """+521 and +52 are one person; whoever is there already is not added again."""
    async with open_page(database_url, tmp_path) as page:
        answers = [
            await page.client.post("/telefonos", data={"nombre": name, "numero": number}, headers=OURS)
            for name, number in (
                ("Brenda", "+521 55 1111 2222"),
                ("Brenda otra vez", "55 1111 2222"),
                ("Nadie", "hola"),
                ("El negocio", f"+{BUSINESS}"),
                ("", "+525533334444"),
            )
        ]
        await page.say(f"525511112222-{BUSINESS}", {"texto": "hola"})
        stored = await _list_stored(page)
    async with open_page(database_url, tmp_path, seed=False) as page:
        again = await page.read()

    assert [answer.status_code for answer in answers] == [200, 422, 422, 422, 422]
    assert answers[0].headers["hx-redirect"].endswith("#tel-525511112222")
    assert (stored[0]["From"], stored[0]["ProfileName"]) == ("whatsapp:+5215511112222", "Brenda")
    assert 'aria-label="Teléfono de Brenda"' in again


@pytest.mark.usefixtures("database")
async def test_after_a_restart_the_database_tells_what_was_said_and_the_page_what_is_lost(
    database_url: str, tmp_path: Path
) -> None:
    """The emulator's memory ends with `up`: pictures of before are named, and not shown."""
    async with open_page(database_url, tmp_path) as page:
        await page.say(ANA_CHAT, {"texto": "mira mis uñas"}, {"foto": ("x.png", PNG, "image/png")})
        now = page.parts.clock.now()
        sent = await page.write_outbox("¡Qué bonitas!", provider_sid="SM1", submitted_at=now)
        await page.send("¡Qué bonitas!", outbox_id=sent)
    async with open_page(database_url, tmp_path, seed=False) as page:
        await page.say(ANA_CHAT, {"texto": "hola otra vez"})
        shown = await page.read()

    assert _bubbles(page) == [(True, "mira mis uñas"), (False, "¡Qué bonitas!"), (True, "hola otra vez")]
    assert "ya no se ve aquí" in shown
    assert shown.count("de un arranque anterior") == 1
    assert shown.index("¡Qué bonitas!") < shown.index("de un arranque anterior") < shown.index("hola otra vez")


@pytest.mark.usefixtures("database")
async def test_while_the_database_is_down_the_page_shows_what_it_knew_and_says_so(
    database_url: str, tmp_path: Path
) -> None:
    """A page that looks well and shows nothing new would be believed."""
    async with open_page(database_url, tmp_path, read_url="postgresql://nobody@127.0.0.1:1/nothing") as page:
        shown = await page.read()
        detail = await page.client.get(f"/detalle/recibido/{IDS.new()}")

    assert "La base de datos no contesta" in shown
    assert 'aria-label="Teléfono de Ana"' in shown
    assert detail.status_code == 503


@pytest.mark.usefixtures("database")
async def test_a_turns_steps_can_be_looked_at(database_url: str, tmp_path: Path) -> None:
    """Route, prompt, model, attempts; an id that leads nowhere is not found."""
    async with open_page(database_url, tmp_path) as page:
        await page.say(ANA_CHAT, {"texto": "hola"})
        [stored] = await _list_stored(page)
        await page.finish_turn(stored["MessageSid"], attempts=2)
        said = await page.write_outbox("respuesta")
        await page.read()
        [first, _] = page.simulation.board.view.chats[ANA_CHAT]
        heard = await page.client.get(f"/detalle/{first.meta.detail}")
        sent = await page.client.get(f"/detalle/enviado/{said}")
        missing = [
            (await page.client.get(f"/detalle/{path}")).status_code
            for path in (f"recibido/{IDS.new()}", "recibido/x", f"otro/{said}", "rechazado/SM0")
        ]

    assert "clienta con el asistente" in heard.text
    assert "customer@1" in heard.text
    assert "2 intentos" in heard.text
    assert "respuesta" in sent.text
    assert missing == [404, 404, 404, 404]


@pytest.mark.usefixtures("database")
async def test_a_world_with_two_businesses_gives_each_phone_three_chats(database_url: str, tmp_path: Path) -> None:
    """Both numbers and the central one."""
    async with open_page(database_url, tmp_path, world="dos-negocios") as page:
        shown = await page.read()
        phones = page.simulation.book.phones

    assert [ours.name for ours in page.simulation.book.numbers] == ["Estética Rubí", "Uñas Rubí", "Parlo"]
    assert len(re.findall(r'class="chat"', shown)) == 3 * len(phones)
    assert [phone.name for phone in phones].count("Rubí") == 1


async def test_the_page_can_read_everything_and_change_nothing(database: Database) -> None:
    """Its transactions say so to Postgres."""
    async with open_reading(database) as uow:
        with pytest.raises(DBAPIError, match="read-only"):
            await uow.run(insert(tasks).values(organization_id=IDS.new(), id=IDS.new()))


def test_what_is_vendored_is_what_the_manifest_says() -> None:
    """Every file has its source, licence and hash, and none lies there that is not listed."""
    listed = read_manifest()
    present = {path.name for path in (STATIC / "vendor").iterdir()} - {"manifest.json"}

    assert {each.file for each in listed} == present
    for each in listed:
        assert sha256((STATIC / "vendor" / each.file).read_bytes()).hexdigest() == each.sha256
        assert (each.licence, bool(each.version), bool(each.source)) == ("0BSD", True, True)
        assert f"vendor/{each.file}" in load_static()
