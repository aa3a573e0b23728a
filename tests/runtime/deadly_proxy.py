"""A proxy before Postgres that kills the process behind it at a chosen statement.

It runs on the test's loop, reads what the process asks, and changes nothing until that statement comes. From then
on nothing passes, in neither direction and on no connection: what the server has not heard by then it never hears,
and it finds the connections closed, as it does after any `kill -9`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

import msgspec

_HOST = "127.0.0.1"
_CHUNK = 65536


class Blow(msgspec.Struct, frozen=True):
    """Where a process dies.

    Attributes:
        at: Words of the statement it dies at, in small letters.
        of: Words of an earlier statement of the same transaction: a commit says nothing itself.
        about: Bytes that are among the statement's parameters, for example those of an id.
        nth: Which of the statements that are like this, from 1.
        answer_lost: The server still does what it was asked; without this it never hears of it.
    """

    at: str
    of: str = ""
    about: bytes = b""
    nth: int = 1
    answer_lost: bool = False


class DeadlyProxy:
    """Stands between one process and the server; the process is given its `url`.

    Attributes:
        kill: Kills the process; it has to be dead, or about to be, when this returns.
        struck: The blow has fallen.
    """

    def __init__(self, server_url: str) -> None:
        self._server = urlsplit(server_url)
        self._blow: Blow | None = None
        self._left = 0
        self._to_clients: list[asyncio.StreamWriter] = []
        self._to_servers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.kill: Callable[[], None] = lambda: None
        self.url = ""
        self.struck = False

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        """Listen for as long as this is entered."""
        listening = await asyncio.start_server(self._accept, _HOST, 0)
        self.url = self._address(listening.sockets[0].getsockname()[1])
        try:
            yield
        finally:
            listening.close()
            self._hang_up()
            await self.wait_closed()

    def arm(self, blow: Blow) -> None:
        """From now on this statement is the last."""
        self._blow, self._left = blow, blow.nth

    def strike(self) -> None:
        """Kill the process now, wherever it is, unless that is done already."""
        if self.struck:
            return
        self.struck = True
        self.kill()
        self._hang_up()

    async def wait_closed(self) -> None:
        """Wait until the server has given up all connections of the dead process, and what it had open there."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _address(self, port: int) -> str:
        login = self._server.netloc.rpartition("@")[0]
        query = "&".join(part for part in (self._server.query, "sslmode=disable", "gssencmode=disable") if part)
        return urlunsplit((self._server.scheme, f"{login}@{_HOST}:{port}", self._server.path, query, ""))

    def _accept(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.ensure_future(self._connect(client, to_client)))

    async def _connect(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection(self._server.hostname, self._server.port or 5432)
        self._to_clients.append(to_client)
        self._to_servers.append(to_server)
        if self.struck:
            self._hang_up()
        line = _Line()
        try:
            await asyncio.gather(
                self._pass_questions(client, to_server, line), self._pass_answers(server, to_client, line)
            )
        finally:
            to_client.close()
            to_server.close()

    async def _pass_questions(self, client: asyncio.StreamReader, to_server: asyncio.StreamWriter, line: _Line) -> None:
        while data := await _read(client):
            for statement in line.hear_client(data):
                if self._is_hit(line, statement):
                    line.doomed = True
            if line.doomed and self._blow is not None and not self._blow.answer_lost:
                self.strike()
            if self.struck:
                break
            to_server.write(data)
        _end(to_server)

    async def _pass_answers(self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter, line: _Line) -> None:
        while data := await _read(server):
            if line.doomed and line.hear_server(data):
                self.strike()
            if not line.doomed and not self.struck:
                to_client.write(data)
        # so that nobody waits for the other side any more
        to_client.close()

    def _is_hit(self, line: _Line, statement: _Statement) -> bool:
        blow = self._blow
        if blow is None or blow.at not in statement.text or blow.about not in statement.parameters:
            return False
        if blow.of and not any(blow.of in earlier for earlier in line.transaction):
            return False
        self._left -= 1
        return self._left == 0

    def _hang_up(self) -> None:
        for to_client in self._to_clients:
            to_client.close()
        for to_server in self._to_servers:
            # only our half, as when the other side is gone: the server ends its own when it is done
            _end(to_server)


class _Statement(msgspec.Struct, frozen=True):
    """What the server is asked to do: the words in small letters, and the message that has the parameters in it."""

    text: str
    parameters: bytes


class _Line:
    """One connection, as both sides of it are heard.

    Attributes:
        doomed: The statement of the blow was said here.
        transaction: The texts of the statements since the last `begin`.
    """

    def __init__(self) -> None:
        self.doomed = False
        self.transaction: list[str] = []
        self._started = False
        self._asked = b""
        self._answered = b""
        self._prepared: dict[bytes, str] = {}

    def hear_client(self, data: bytes) -> list[_Statement]:
        """The statements that this brings."""
        self._asked += data
        if not self._started:
            # the first message has no kind
            length = int.from_bytes(self._asked[:4])
            if len(self._asked) < max(length, 4):
                return []
            self._started, self._asked = True, self._asked[length:]
        found: list[_Statement] = []
        while (message := _cut(self._asked)) is not None:
            kind, body, self._asked = message
            found += self._read(kind, body)
        return found

    def hear_server(self, data: bytes) -> bool:
        """Whether the server is done with what it was asked last. To be called from the beginning of its answer."""
        self._answered += data
        while (message := _cut(self._answered)) is not None:
            kind, _, self._answered = message
            if kind == b"Z":
                return True
        return False

    def _read(self, kind: bytes, body: bytes) -> list[_Statement]:
        if kind == b"P":
            name, words, _ = body.split(b"\0", 2)
            self._prepared[name] = _flatten(words)
            return []
        if kind == b"B":
            _, name, parameters = body.split(b"\0", 2)
            text = self._prepared[name]
        elif kind == b"Q":
            text, parameters = _flatten(body.rstrip(b"\0")), b""
        else:
            return []
        if text.startswith("begin"):
            self.transaction.clear()
        self.transaction.append(text)
        return [_Statement(text, parameters)]


def _flatten(words: bytes) -> str:
    return " ".join(words.decode().lower().split())


def _cut(data: bytes) -> tuple[bytes, bytes, bytes] | None:
    """The first message of a stream (its kind and its body) and what follows it, or None while it is not whole."""
    if len(data) < 5:
        return None
    end = 1 + int.from_bytes(data[1:5])
    return (data[:1], data[5:end], data[end:]) if len(data) >= end else None


def _end(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        writer.write_eof()


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(_CHUNK)
    except OSError:
        # whoever is killed hangs up without a word
        return b""
