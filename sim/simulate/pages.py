"""The Simulate page's routes: the page, its stream of events, what people send, files, details and the clock."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from litestar import Litestar, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect, ServerSentEvent
from litestar.response.sse import ServerSentEventMessage

from runtime.domain.errors import Rejected
from sim.simulate.app import AnyRequest, Simulation, answer_html, create_simulate_app, simulation_of
from sim.simulate.bubbles import Bubble
from sim.simulate.details import read_heard, read_said
from sim.simulate.forms import MEDIA_LIMIT_BYTES, PLACES, read_message
from sim.simulate.phones import Chat
from sim.simulate.rows import read_file
from sim.simulate.static_files import StaticFile, load_static
from sim.twilio.api import ApiRequest
from sim.twilio.messages import API_VERSION

STEPS = ((300, "+5 min"), (1800, "+30 min"), (86_400, "+1 día"))
"""How far the page's buttons move the clock, in seconds."""
CHANGE = "cambio"
RETRY_MS = 1000

_SHOWN_IN_PLACE = ("image/png", "image/jpeg", "image/webp", "image/gif")
_RANGE = re.compile(r"bytes=(?P<first>\d{0,12})-(?P<last>\d{0,12})")
_FILE_POLICY = "default-src 'none'; sandbox"


def create_app(simulation: Simulation) -> Litestar:
    """The whole application."""
    return create_simulate_app(
        simulation,
        [
            show_page,
            stream_changes,
            send_message,
            quote_message,
            add_phone,
            move_clock,
            show_detail,
            show_received_file,
            show_sent_file,
            show_kept_file,
            show_static,
        ],
    )


@get("/")
async def show_page(request: AnyRequest) -> Response[str]:
    """All phones, the panel and the clock, as they are now."""
    simulation = simulation_of(request)
    view = await simulation.board.refresh()
    html = simulation.templates.render(
        "page.html.j2",
        world=simulation.world,
        book=simulation.book,
        board=simulation.board,
        view=view,
        version=simulation.board.version,
        steps=STEPS,
        places=PLACES,
        media_limit=MEDIA_LIMIT_BYTES,
        static={name: f"/static/{name}?{file.tag}" for name, file in load_static().items()},
        **simulation.board.describe_clock(),
    )
    return answer_html(html)


@get("/eventos")
async def stream_changes(request: AnyRequest) -> ServerSentEvent:
    """What changes from now on; a browser that comes back says which event it saw last."""
    seen = request.headers.get("last-event-id") or request.query_params.get("desde")
    return ServerSentEvent(_stream(simulation_of(request), seen), retry_duration=RETRY_MS)


async def _stream(simulation: Simulation, seen: str | None) -> AsyncIterator[ServerSentEventMessage]:
    async for change in simulation.board.follow(seen):
        if change is None:
            yield ServerSentEventMessage(data=None, comment="aquí sigo")
        else:
            yield ServerSentEventMessage(data=change.html, event=CHANGE, id=change.version)


@post("/chats/{chat_id:str}/mensajes", status_code=200)
async def send_message(request: AnyRequest, chat_id: FromPath[str]) -> Response[Any]:
    """Let this phone's person send something."""
    simulation = simulation_of(request)
    chat = _find_chat(simulation, chat_id)
    form = await request.form()
    simulation.speaker.speak(await read_message(chat, form))
    if not request.headers.get("hx-request"):
        return Redirect(f"/#tel-{chat.phone.id}", status_code=303)
    return answer_html(simulation.templates.render("quote.html.j2", chat=chat, bubble=None))


@get("/chats/{chat_id:str}/cita")
async def quote_message(request: AnyRequest, chat_id: FromPath[str]) -> Response[str]:
    """The composer's part that says which message is answered; without a sid, none."""
    simulation = simulation_of(request)
    chat = _find_chat(simulation, chat_id)
    sid = request.query_params.get("sid")
    bubble = _find_bubble(simulation.board.view.chats.get(chat.id, []), sid) if sid else None
    return answer_html(simulation.templates.render("quote.html.j2", chat=chat, bubble=bubble))


@post("/telefonos", status_code=200)
async def add_phone(request: AnyRequest) -> Response[Any]:
    """Put one more phone on the page."""
    form = await request.form()
    name, number = form.get("nombre", ""), form.get("numero", "")
    if not (isinstance(name, str) and isinstance(number, str)):
        raise Rejected("phone_form", "Faltan el nombre y el número.")
    phone = simulation_of(request).book.add(name, number)
    # another address, so that the browser really loads it
    target = f"/?nuevo={phone.id}#tel-{phone.id}"
    if request.headers.get("hx-request"):
        return answer_html("", headers={"HX-Redirect": target})
    return Redirect(target, status_code=303)


@post("/reloj", status_code=200)
async def move_clock(request: AnyRequest) -> Response[Any]:
    """Move everybody's time forward."""
    simulation = simulation_of(request)
    form = await request.form()
    try:
        seconds = float(str(form.get("segundos", "")))
    except ValueError:
        seconds = 0.0
    moment = simulation.file.move(seconds)
    await simulation.board.refresh()
    if not request.headers.get("hx-request"):
        return Redirect("/", status_code=303)
    words = f"Para todo Parlo ya es {simulation.templates.show_moment(moment)}."
    return answer_html(simulation.templates.render("notice.html.j2", words=words))


@get("/detalle/{kind:str}/{name:str}")
async def show_detail(request: AnyRequest, kind: FromPath[str], name: FromPath[str]) -> Response[str]:
    """Everything about one message."""
    simulation = simulation_of(request)
    if kind == "rechazado" and name in simulation.speaker.spoken:
        spoken = simulation.speaker.spoken[name]
        return answer_html(simulation.templates.render("detail_refused.html.j2", spoken=spoken))
    try:
        row_id = UUID(name)
    except ValueError as error:
        raise NotFoundException("no hay tal mensaje") from error
    if kind == "recibido" and (heard := await read_heard(simulation.database, row_id)):
        html = simulation.templates.render("detail_heard.html.j2", detail=heard[0], steps=heard[1])
        return answer_html(html)
    if kind == "enviado" and (said := await read_said(simulation.database, row_id)):
        return answer_html(simulation.templates.render("detail_said.html.j2", detail=said[0], steps=said[1]))
    raise NotFoundException("no hay tal mensaje")


@get("/archivos/recibido/{message:str}/{file:str}")
async def show_received_file(request: AnyRequest, message: FromPath[str], file: FromPath[str]) -> Response[bytes]:
    """A file a person sent, as the emulator hands it out to whoever has the credentials."""
    account = simulation_of(request).emulator.account
    path = f"/{API_VERSION}/Accounts/{account.account_sid}/Messages/{message}/Media/{file}"
    credentials = (account.account_sid, account.auth_token)
    answer = await simulation_of(request).emulator.request(ApiRequest("GET", path, credentials=credentials))
    if answer.status != 200:
        raise NotFoundException("el emulador ya no tiene este archivo")
    return _answer_file(request, answer.body, answer.content_type)


@get("/archivos/enviado/{sid:str}")
async def show_sent_file(request: AnyRequest, sid: FromPath[str]) -> Response[bytes]:
    """A file Parlo sent, as the emulator fetched it."""
    file = simulation_of(request).emulator.find_file(sid)
    if file is None:
        raise NotFoundException("el emulador no tiene este archivo")
    return _answer_file(request, file.content, file.content_type)


@get("/archivos/guardado/{name:uuid}")
async def show_kept_file(request: AnyRequest, name: FromPath[UUID]) -> Response[bytes]:
    """A file of an earlier run, or of a message that has not left yet: Parlo keeps what it passes on for a while."""
    file = await read_file(simulation_of(request).database, name)
    if file is None:
        raise NotFoundException("Parlo ya no tiene este archivo")
    return _answer_file(request, file.content, file.content_type)


@get("/static/{path:path}")
async def show_static(path: FromPath[str]) -> Response[bytes]:
    """One of the page's own files; its address carries its hash, so that it may be kept."""
    file: StaticFile | None = load_static().get(path.lstrip("/"))
    if file is None:
        raise NotFoundException("no hay tal archivo")
    headers = {"cache-control": "max-age=31536000, immutable"}
    return Response(file.content, media_type=file.content_type, headers=headers)


def _find_chat(simulation: Simulation, chat_id: str) -> Chat:
    chat = simulation.book.find_chat(chat_id)
    if chat is None:
        raise NotFoundException("no hay tal chat")
    return chat


def _find_bubble(bubbles: list[Bubble], sid: str) -> Bubble | None:
    return next((bubble for bubble in bubbles if bubble.sid == sid), None)


def _answer_file(request: AnyRequest, content: bytes, content_type: str) -> Response[bytes]:
    """Only plain pictures are shown in place: everything else is a download, and nothing in it may run."""
    plain = content_type.partition(";")[0].strip().lower()
    headers = {"content-security-policy": _FILE_POLICY, "accept-ranges": "bytes"}
    if plain not in _SHOWN_IN_PLACE:
        suffix = mimetypes.guess_extension(plain) or ""
        headers["content-disposition"] = f'attachment; filename="archivo{suffix}"'
    safe = plain if plain in _SHOWN_IN_PLACE or plain.startswith(("audio/", "video/")) else "application/octet-stream"
    part = _read_range(request.headers.get("range", ""), len(content))
    if part is None:
        return Response(content, media_type=safe, headers=headers)
    headers["content-range"] = f"bytes {part.start}-{part.stop - 1}/{len(content)}"
    return Response(content[part.start : part.stop], media_type=safe, headers=headers, status_code=206)


def _read_range(asked: str, size: int) -> range | None:
    """The one stretch of bytes a player asks for, which looks at the end to know how long it lasts; None for all."""
    found = _RANGE.fullmatch(asked)
    if found is None or not (found["first"] or found["last"]):
        return None
    if not found["first"]:
        return range(max(size - int(found["last"]), 0), size)
    last = min(int(found["last"] or size), size - 1)
    return range(int(found["first"]), last + 1) if int(found["first"]) <= last else None
