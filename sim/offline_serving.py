"""The offline model on a port of this machine, for as long as somebody asks it over real HTTP.

`parlo record`, `parlo judge` and `parlo calibrate-judge` use it where no live model is named.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sim.offline_model.server import OfflineApp
from sim.serving import address_of, listen, serve


@contextmanager
def serve_offline() -> Iterator[str]:
    """The offline model on a port of this machine, served by a thread with a loop of its own."""
    listening = listen(None)
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def work() -> None:
        async with serve(OfflineApp(), listening):
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(work()), daemon=True)
    thread.start()
    try:
        # the socket listens already: who asks too early waits for a moment
        yield f"{address_of(listening)}/v1"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10.0)
        loop.close()
