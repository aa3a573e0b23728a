"""The Simulate page's Litestar application. `sim.up` serves it on loopback, tests call it in process.

It shows rows and hands people's messages to the emulator; it changes nothing else but the clock and its own phones.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog
from litestar import Litestar, Request, Response
from litestar.enums import MediaType
from litestar.exceptions import HTTPException
from litestar.types import ControllerRouterHandler

from runtime.domain.errors import Rejected, Unavailable
from runtime.store.database import Database
from sim.clock_file import ClockFile
from sim.simulate.board import Board
from sim.simulate.forms import MEDIA_LIMIT_BYTES, TOO_LARGE
from sim.simulate.guard import add_headers, check_origin
from sim.simulate.phones import PhoneBook
from sim.simulate.rendering import Templates
from sim.simulate.speaking import Speaker
from sim.twilio.emulator import TwilioEmulator
from sim.worlds import World

BODY_LIMIT_BYTES = MEDIA_LIMIT_BYTES + 1024 * 1024
"""A file as large as WhatsApp takes, and what a form puts around it."""

log = structlog.get_logger()

AnyRequest = Request[Any, Any, Any]


class Simulation:
    """What the page is about.

    Args:
        world: Whose phones there are.
        database: Of the running Parlo; read only.
        emulator: Through which people speak and are spoken to.
        webhook_url: Where Parlo listens.
        file: The clock everything runs by.
        phones_path: Where added phones are kept.
    """

    def __init__(
        self,
        world: World,
        database: Database,
        emulator: TwilioEmulator,
        webhook_url: str,
        file: ClockFile,
        phones_path: Path,
    ) -> None:
        self.world = world
        self.database = database
        self.emulator = emulator
        self.file = file
        self.book = PhoneBook(world, phones_path)
        self.templates = Templates(world.business.timezone)
        self.speaker = Speaker(emulator, webhook_url, file.clock, lambda: self.board.tell())
        self.board = Board(database, emulator, self.speaker, self.book, file, self.templates)
        emulator.subscribe(lambda _record: self.board.tell())


def create_simulate_app(simulation: Simulation, routes: list[ControllerRouterHandler]) -> Litestar:
    """The application; it closes the simulation's database when it ends."""

    @asynccontextmanager
    async def live(_app: Litestar) -> AsyncIterator[None]:
        running = asyncio.ensure_future(simulation.board.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait({running})
            await simulation.speaker.close()
            await simulation.database.close()

    app = Litestar(
        route_handlers=routes,
        lifespan=[live],
        before_request=check_origin,
        before_send=[add_headers],
        exception_handlers={Rejected: _refuse, HTTPException: _explain, Unavailable: _wait, Exception: _apologise},
        request_max_body_size=BODY_LIMIT_BYTES,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    app.state.simulation = simulation
    return app


def simulation_of(request: AnyRequest) -> Simulation:
    """What the page is about."""
    simulation: Simulation = request.app.state.simulation
    return simulation


def answer_html(content: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response[str]:
    """A page or fragments of one."""
    return Response(content, media_type=MediaType.HTML, status_code=status, headers=dict(headers or {}))


def _refuse(request: AnyRequest, error: Rejected) -> Response[str]:
    return _say(request, error.message, 422)


def _explain(request: AnyRequest, error: HTTPException) -> Response[str]:
    return _say(request, TOO_LARGE if error.status_code == 413 else error.detail, error.status_code)


def _wait(request: AnyRequest, _error: Unavailable) -> Response[str]:
    return _say(request, "La base de datos no contesta; inténtalo en unos segundos.", 503)


def _apologise(request: AnyRequest, error: Exception) -> Response[str]:
    log.error("simulate_crashed", exc_info=error)
    return _say(request, "Algo falló en esta página; la terminal de `up` dice qué.", 500)


def _say(request: AnyRequest, words: str, status: int) -> Response[str]:
    return answer_html(simulation_of(request).templates.render("notice.html.j2", words=words), status)
