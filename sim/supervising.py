"""Keeps processes running: one that dies is started again within a second, and all end together.

`sim.up` supervises web, worker and ticker with it. Each process is a session of its own, so that Ctrl-C reaches
the supervisor alone, which then ends the others in order; and each has a pipe from the supervisor as its standard
input, so that it notices when the supervisor itself is killed (`runtime.adapters.parent`).
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import msgspec

RESTART_S = 0.1
LONGEST_RESTART_S = 5.0
STEADY_S = 5.0
"""A process that lived this long and dies is started again at once; one that did not, later and later."""
PATIENCE_S = 28.0
"""How long a process may take to end by itself: a worker drains for 20 seconds."""


class Program(msgspec.Struct, frozen=True):
    """What is started.

    Attributes:
        command: The program and its words.
        environment: All of its environment.
        inherited: Files and sockets it gets, by the same numbers.
        log: The file all it writes goes to; without it where the supervisor's goes.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    inherited: Sequence[int] = ()
    log: Path | None = None


class Child:
    """One process that is to run until it is told to stop.

    Args:
        name: What people call it.
        program: What it runs.
        tell: Called with a line for people when the process dies, and when it runs again.
        restart_s: How long after it died it is started again.
    """

    def __init__(
        self,
        name: str,
        program: Program,
        tell: Callable[[str], None],
        *,
        restart_s: float = RESTART_S,
    ) -> None:
        self.name = name
        self.pid: int | None = None
        self.starts = 0
        self._program = program
        self._tell = tell
        self._restart_s = restart_s
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Start it, and again whenever it ends, until `stop`."""
        loop = asyncio.get_running_loop()
        wait_s = self._restart_s
        while not self._stopped.is_set():
            started_at = loop.time()
            process = await self._start()
            self.pid = process.pid
            self.starts += 1
            if self.starts > 1:
                self._tell(f"{self.name} runs again, process {process.pid}")
            if self._stopped.is_set():
                # told so while it was being started
                process.terminate()
            code = await process.wait()
            self.pid = None
            if self._stopped.is_set():
                return
            wait_s = self._restart_s if loop.time() - started_at >= STEADY_S else min(wait_s * 2, LONGEST_RESTART_S)
            self._tell(f"{self.name} ended ({_explain(code)}); starting it again in {wait_s:.1f} s")
            await self._rest(wait_s)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Let it end, and stay ended."""
        self._stopped.set()
        self.send(number)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal if it runs; where that ends it, it is started again."""
        if self.pid is not None:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                # it was quicker
                return

    async def _start(self) -> asyncio.subprocess.Process:
        program = self._program
        with program.log.open("ab") if program.log else nullcontext() as output:
            return await asyncio.create_subprocess_exec(
                *program.command,
                env=program.environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=program.inherited,
            )

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            return


async def supervise(children: Sequence[Child], ended: asyncio.Event, hurried: asyncio.Event) -> None:
    """Keep all running until `ended`; then end them, by force when `hurried` or when it takes too long."""
    tasks = [asyncio.ensure_future(child.run()) for child in children]
    try:
        await ended.wait()
    finally:
        for child in children:
            child.stop()
        _, left = await _wait_for(tasks, hurried)
        if left:
            for child in children:
                child.stop(signal.SIGKILL)
            await asyncio.wait(left)
    for task in tasks:
        task.result()


async def _wait_for(
    tasks: Sequence[asyncio.Task[None]], hurried: asyncio.Event
) -> tuple[set[asyncio.Task[None]], set[asyncio.Task[None]]]:
    everything = asyncio.ensure_future(asyncio.wait(tasks, timeout=PATIENCE_S))
    hurry = asyncio.ensure_future(hurried.wait())
    await asyncio.wait({everything, hurry}, return_when=asyncio.FIRST_COMPLETED)
    everything.cancel()
    hurry.cancel()
    done = {task for task in tasks if task.done()}
    return done, set(tasks) - done


def _explain(code: int) -> str:
    if code >= 0:
        return f"exit {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
