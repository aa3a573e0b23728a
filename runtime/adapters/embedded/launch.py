"""Gets one server running and no more than one, whoever else tries at the same moment. Called by postgres and valkey.

A server is a child of nobody: it outlives the command that started it, keeps none of that command's files or pipes
open, and writes to its own log.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from runtime.adapters.embedded.locks import claim_life, end_server, hold_lock, is_alive, read_pid
from runtime.adapters.embedded.place import EmbeddedServerError, Place, find_place, look_for_place

ATTEMPTS = 4
PATIENCE_S = 60
PORTS = range(20_000, 32_000)
LOG_LIMIT_BYTES = 10_000_000
# Nothing of the caller's environment may change how a server behaves.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}


class Kind(Protocol):
    """What differs between the servers."""

    name: str
    disposable: bool

    def prepare(self, place: Place, life: int) -> None:
        """Make whatever must exist before the server can start."""
        ...

    def command(self, place: Place, port: int) -> list[str]:
        """How to run it in the foreground on this port."""
        ...

    def answers(self, place: Place, port: int) -> bool:
        """Whether the server on this port is ours and ready for work."""
        ...


class ServerStatus(msgspec.Struct, frozen=True):
    """One embedded server as it is now. `pid` and `port` are None when it is not running."""

    name: str
    running: bool
    pid: int | None
    port: int | None
    directory: Path
    log: Path


def ensure_running(kind: Kind, home: Path) -> tuple[Place, int]:
    """Start the server unless it runs, and return its place and port once it answers."""
    with _explaining():
        place = find_place(home, kind.name)
        with hold_lock(place.directory / "start.lock"):
            return place, _wait_until_it_answers(kind, place)


def stop_running(name: str, home: Path, signals: tuple[signal.Signals, ...]) -> None:
    """Stop the server if it runs, and wait until it is gone."""
    with _explaining():
        place = look_for_place(home, name)
        if place is None:
            return
        with hold_lock(place.directory / "start.lock"):
            if not end_server(place.directory, signals):
                raise EmbeddedServerError(f"{name} does not stop: end process {read_pid(place.directory)}")


def read_status(name: str, home: Path) -> tuple[ServerStatus, ...]:
    """The server's state, or nothing when it was never started under this home."""
    with _explaining():
        place = look_for_place(home, name)
        if place is None:
            return ()
        with hold_lock(place.directory / "start.lock"):
            running = is_alive(place.directory)
    return (
        ServerStatus(
            name=name,
            running=running,
            pid=read_pid(place.directory) if running else None,
            port=_recorded_port(place) if running else None,
            directory=place.directory,
            log=_log(place),
        ),
    )


@contextmanager
def _explaining() -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise EmbeddedServerError(
            f"{error.filename} cannot be used by this user; was it made by another one? Remove it, or set PARLO_HOME "
            "to a folder of your own, or DATABASE_URL and REDIS_URL to servers that run already"
        ) from error


def read_secret(place: Place) -> str:
    """The password of this server, made when it is first asked for."""
    path = place.directory / "password"
    if not path.exists():
        descriptor = os.open(path.with_suffix(".new"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_hex(16))
        path.with_suffix(".new").rename(path)
    return path.read_text(encoding="utf-8")


def run_helper(place: Place, command: list[str], life: int) -> None:
    """Run a short program as the server's user; it counts as part of the server while it runs."""
    with _log(place).open("ab") as log:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=ENVIRONMENT,
            pass_fds=(life,),
            check=False,
            user=place.owner.uid if place.owner else None,
            group=place.owner.gid if place.owner else None,
            extra_groups=[] if place.owner else None,
        )
    if result.returncode:
        raise EmbeddedServerError(f"{Path(command[0]).name} failed; the end of {_log(place)}:\n{_log_end(place)}")


def _wait_until_it_answers(kind: Kind, place: Place) -> int:
    attempts = 0
    give_up_at = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up_at:
        life = claim_life(place.directory)
        if life is None:
            port = _recorded_port(place)
            if port is not None and kind.answers(place, port):
                return port
            time.sleep(0.01)
            continue
        try:
            if attempts == (2 * ATTEMPTS if kind.disposable else ATTEMPTS):
                raise EmbeddedServerError(f"{kind.name} does not start; the end of {_log(place)}:\n{_log_end(place)}")
            if attempts == ATTEMPTS:
                # Something in it keeps it from starting, and it may all be lost.
                shutil.rmtree(place.data, ignore_errors=True)
            attempts += 1
            kind.prepare(place, life)
            _launch(place, kind.command(place, _pick_port(place, keep=attempts == 1)), life)
        finally:
            # The server has its own copy by now, and with it the lock.
            os.close(life)
    raise EmbeddedServerError(
        f"{kind.name} in {place.directory} runs (process {read_pid(place.directory)}) but does not answer; "
        f"the end of {_log(place)}:\n{_log_end(place)}"
    )


def _launch(place: Place, command: list[str], life: int) -> None:
    """Start a program that belongs to nobody. The shell between us ends at once, so no dead child is left to us."""
    log = _log(place)
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".old.log"))
    with log.open("ab") as file:
        subprocess.run(
            ["/bin/sh", "-c", '"$@" >&2 &', "sh", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=file,
            cwd="/",
            env=ENVIRONMENT,
            pass_fds=(life,),
            start_new_session=True,
            check=True,
            user=place.owner.uid if place.owner else None,
            group=place.owner.gid if place.owner else None,
            extra_groups=[] if place.owner else None,
        )


def _pick_port(place: Place, *, keep: bool) -> int:
    """The port used before if it is free, so that addresses already handed out stay good; else any free one.

    New ones come from below the range that systems give to outgoing connections, lest one of those take it while the
    server is down.
    """
    before = _recorded_port(place) if keep else None
    candidates = [secrets.choice(PORTS) for _ in range(20)]
    for wanted in (*((before,) if before else ()), *candidates, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                continue
            port = int(probe.getsockname()[1])
            (place.directory / "port").write_text(str(port), encoding="utf-8")
            return port
    raise EmbeddedServerError("there is no free port on 127.0.0.1")


def _recorded_port(place: Place) -> int | None:
    try:
        return int((place.directory / "port").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _log(place: Place) -> Path:
    return place.directory / "server.log"


def _log_end(place: Place) -> str:
    return _log(place).read_text(encoding="utf-8", errors="replace")[-2000:]
