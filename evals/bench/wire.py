"""Counts what goes over the wire to Postgres: statements, round trips and commits, whatever the driver calls them.

A proxy on loopback, in a thread of its own, that reads both sides of the protocol and changes nothing. Only
counting goes through it: it costs time.
"""

from __future__ import annotations

import re
import selectors
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import msgspec

_WRITES = re.compile(r"\b(insert into|update|delete from)\s+(\w+)(?!\s*(?:of\b|$))", re.IGNORECASE)
_LOCKS = re.compile(r"\bfor (no key )?update\b|\bdo update\b", re.IGNORECASE)
_READS = re.compile(r"\b(?:from|join)\s+(\w+)", re.IGNORECASE)
_TRANSACTION_WORDS = ("begin", "commit", "rollback", "set", "savepoint", "release", "deallocate")


_Hear = Callable[[bytes], None]


class Traffic(msgspec.Struct):
    """What was counted. `texts` names each statement in order.

    Attributes:
        transactions: All that were committed, a statement by itself being one too: what `xact_commit` counts.
        commits: Those that wrote: what a durable server waits for the disk for.
    """

    statements: int = 0
    round_trips: int = 0
    transactions: int = 0
    commits: int = 0
    texts: list[str] = []


def name_statement(sql: str) -> str:
    """A short name for a statement: what it changes, or the first table it reads."""
    flat = " ".join(sql.split())
    first = flat.split(" ", 1)[0].lower().rstrip(";")
    if first in _TRANSACTION_WORDS:
        return "; ".join(part.strip().split(" ", 1)[0].lower() for part in flat.split(";"))
    without_locks = _LOCKS.sub("", flat)
    changes = [f"{verb.split()[0].lower()} {table}" for verb, table in _WRITES.findall(without_locks)]
    if changes:
        return ", ".join(dict.fromkeys(changes))
    tables = [table for table in _READS.findall(flat) if table.lower() not in ("select", "lateral", "jsonb_agg")]
    return f"read {tables[0]}" if tables else flat[:40]


class WireCounter:
    """Stands between a driver and a server. Use as a context manager; give its `url` to the driver."""

    def __init__(self, server_url: str) -> None:
        split = urlsplit(server_url)
        self._server = (split.hostname or "127.0.0.1", split.port or 5432)
        self._listening = socket.create_server(("127.0.0.1", 0))
        port = self._listening.getsockname()[1]
        login = split.netloc.rpartition("@")[0]
        query = "&".join(part for part in (split.query, "sslmode=disable", "gssencmode=disable") if part)
        self.url = urlunsplit((split.scheme, f"{login}@127.0.0.1:{port}", split.path, query, ""))
        self.traffic = Traffic()
        self._selector = selectors.DefaultSelector()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._selector.register(self._listening, selectors.EVENT_READ, None)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._selector.close()

    def take(self) -> Traffic:
        """What was counted since the last time."""
        taken, self.traffic = self.traffic, Traffic()
        return taken

    def _run(self) -> None:
        while not self._stopping.is_set():
            for key, _ in self._selector.select(0.05):
                if key.data is None:
                    self._open()
                else:
                    self._pass_on(*key.data)

    def _open(self) -> None:
        client, _ = self._listening.accept()
        server = socket.create_connection(self._server)
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        talk = _Talk(self)
        self._selector.register(client, selectors.EVENT_READ, (client, server, talk.hear_client))
        self._selector.register(server, selectors.EVENT_READ, (server, client, talk.hear_server))

    def _pass_on(self, source: socket.socket, target: socket.socket, hear: _Hear) -> None:
        try:
            data = source.recv(65536)
        except OSError:
            data = b""
        if data:
            hear(data)
            target.sendall(data)
            return
        for one in (source, target):
            self._selector.unregister(one)
            one.close()


class _Talk:
    """One connection, as both sides of it are heard."""

    def __init__(self, counter: WireCounter) -> None:
        self._counter = counter
        self._from_client = b""
        self._from_server = b""
        self._started = False
        self._ready = False
        self._server_spoke_last = False
        self._prepared: dict[bytes, str] = {}
        self._portal = ""
        self._queue: list[str] = []
        self._wrote = False
        self._answered = False

    def hear_client(self, data: bytes) -> None:
        if self._ready and self._server_spoke_last and data[:1] != b"X":
            self._counter.traffic.round_trips += 1
        self._server_spoke_last = False
        self._from_client += data
        if not self._started:
            length = int.from_bytes(self._from_client[:4])
            if len(self._from_client) < length:
                return
            self._from_client = self._from_client[length:]
            self._started = True
        while (message := _cut(self._from_client)) is not None:
            kind, body, self._from_client = message
            self._read_request(kind, body)

    def _read_request(self, kind: bytes, body: bytes) -> None:
        if kind == b"Q":
            text = body.rstrip(b"\0").decode()
            self._queue += [part for part in text.split(";") if part.strip()] if text[:5].lower() == "begin" else [text]
        elif kind == b"P":
            name, text_bytes, _ = body.split(b"\0", 2)
            self._prepared[name] = text_bytes.decode()
        elif kind == b"B":
            _, name, _ = body.split(b"\0", 2)
            self._portal = self._prepared.get(name, "?")
        elif kind == b"E":
            self._queue.append(self._portal)

    def hear_server(self, data: bytes) -> None:
        self._server_spoke_last = True
        self._from_server += data
        while (message := _cut(self._from_server)) is not None:
            kind, body, self._from_server = message
            self._read_answer(kind, body)

    def _read_answer(self, kind: bytes, body: bytes) -> None:
        traffic = self._counter.traffic
        if kind == b"C":
            name = name_statement(self._queue.pop(0)) if self._queue else body.rstrip(b"\0").decode()
            traffic.statements += 1
            self._answered = True
            traffic.texts.append(name)
            self._wrote |= name.startswith(("insert", "update", "delete", "do"))
        elif kind == b"E":
            self._queue.clear()
            self._wrote = False
        elif kind == b"Z":
            # nothing is open any more: what was written is committed, unless it was rolled back
            if body == b"I" and self._ready and self._answered and traffic.texts[-1:] != ["rollback"]:
                traffic.transactions += 1
                traffic.commits += self._wrote
            self._answered = False
            self._wrote = self._wrote and body == b"T"
            self._ready = True


def _cut(data: bytes) -> tuple[bytes, bytes, bytes] | None:
    """The first message of a stream (its kind and its body) and what follows it, or None while it is not whole."""
    if len(data) < 5:
        return None
    end = 1 + int.from_bytes(data[1:5])
    return (data[:1], data[5:end], data[end:]) if len(data) >= end else None
