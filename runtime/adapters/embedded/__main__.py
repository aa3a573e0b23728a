"""`python -m runtime.adapters.embedded start|stop|status`: the embedded servers by hand. Called by `./just stop`."""

from __future__ import annotations

import os
import sys

from runtime.adapters.embedded import ensure_postgres, ensure_valkey, find_home, status, stop_postgres, stop_valkey


def main(words: list[str]) -> int:
    """Do what the one word says, and show what runs then."""
    home = find_home(os.environ)
    match words:
        case ["start"]:
            ensure_postgres(home)
            ensure_valkey(home)
        case ["stop"]:
            stop_postgres(home)
            stop_valkey(home)
        case ["status"]:
            pass
        case _:
            sys.stderr.write("usage: python -m runtime.adapters.embedded start|stop|status\n")
            return 2
    for server in status(home):
        state = f"running, process {server.pid}, port {server.port}" if server.running else "stopped"
        sys.stdout.write(f"{server.name}: {state}, {server.directory}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
