"""What `parlo chaos` does: servers of its own, one run at a time, a folder for each, nothing left behind."""

from __future__ import annotations

import asyncio
import fcntl
import signal
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
import uvloop

from runtime.adapters.embedded import find_home
from runtime.adapters.system import SystemClock
from runtime.domain.errors import Broken
from sim.chaos.play import Outcome, Wishes, play
from sim.chaos.servers import run_servers


def run_chaos(wishes: Wishes, environment: Mapping[str, str], tell: Callable[[str], None]) -> Outcome:
    """Play one run, and write `report.json` into its folder.

    Args:
        wishes: What is to be played.
        environment: Of this process; says where the home is.
        tell: Shows a line of progress.

    Raises:
        Broken: A run goes on already, or something does not start.
        KeyboardInterrupt: It was told to stop; everything has ended by then.
    """
    home = find_home(environment) / "chaos"
    folder = home / "runs" / f"{SystemClock().now():%Y%m%d-%H%M%S}-{wishes.seed}"
    folder.mkdir(parents=True)
    tell(f"logs and story: {folder}")
    with (
        _heed_sigterm(),
        _hold(home / "lock"),
        run_servers(home) as servers,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        outcome = runner.run(_play_until_told(play(servers, wishes, folder, environment, tell)))
    (folder / "report.json").write_bytes(msgspec.json.format(msgspec.json.encode(outcome), indent=1))
    return outcome


@contextmanager
def _hold(path: Path) -> Iterator[None]:
    """One run at a time: each breaks the same servers."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Broken("a chaos run goes on already, on the same servers") from error
        yield


@contextmanager
def _heed_sigterm() -> Iterator[None]:
    """Being told to stop ends a run as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


async def _play_until_told(playing: Coroutine[None, None, Outcome]) -> Outcome:
    # a signal that is raised in the middle of the loop's own work would tear it
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, signal.raise_signal, signal.SIGINT)
    return await playing
