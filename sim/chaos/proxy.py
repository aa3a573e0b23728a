"""A TCP proxy between our processes and a server: it can be slow, pass nothing for a while, and cut all connections."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sim.serving import HOST

_CHUNK = 65_536
_RESET = struct.pack("ii", 1, 0)
"""Closing sends a reset, as from a machine that has forgotten the connection."""


class Proxy:
    """Listens on a port of its own, for as long as `serve` is entered.

    Args:
        upstream_port: Of the server, on this machine. It may be set anew when the server has moved.

    Attributes:
        port: Where it listens.
        delay_s: How long each piece of data is kept, in either direction; a round trip has two.
        connections: That are open now.
    """

    def __init__(self, upstream_port: int) -> None:
        self.upstream_port = upstream_port
        self.port = 0
        self.delay_s = 0.0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        """Listen; all connections end with it."""
        listening = await asyncio.start_server(self._accept, HOST, 0)
        self.port = listening.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            listening.close()
            self.resume()
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks)

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._tasks)

    def stall(self) -> None:
        """Pass nothing on until `resume`, and lose nothing."""
        self._flowing.clear()

    def resume(self) -> None:
        """Pass on what was kept, and all that comes."""
        self._flowing.set()

    def cut(self) -> int:
        """Reset all connections on both sides; how many there were."""
        count = self.connections
        for writer in list(self._open):
            _reset(writer)
        return count

    def _accept(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._connect(client, to_client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            server, to_server = await asyncio.open_connection(HOST, self.upstream_port)
        except OSError:
            # nobody is there: as far as a proxy can say so to somebody it is connected with
            _reset(to_client)
            return
        pair = {to_client, to_server}
        self._open |= pair
        ways = [
            asyncio.ensure_future(self._pass(client, to_server)),
            asyncio.ensure_future(self._pass(server, to_client)),
        ]
        try:
            # neither of our servers says anything to somebody who has hung up
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            self._open -= pair
            for writer in pair:
                writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection: socket.socket | None = writer.get_extra_info("socket")
    if connection is not None:
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
