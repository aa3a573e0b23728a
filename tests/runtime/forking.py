"""Worker processes within milliseconds: forked from one that has imported everything and done nothing.

They are processes like any other, run what `parlo worker` runs, and can be killed; only their start is cheap.
"""

from __future__ import annotations

import os
import threading
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess

from runtime.adapters.logs import configure_logging
from runtime.settings import Settings
from runtime.worker import run_worker

_LATE = ("twilio.rest.api", "httpcore2", "truststore", "anyio._backends._asyncio")
"""What the vendors' SDKs import when they are first used."""


def fork_worker(settings: Settings) -> BaseProcess:
    """A worker of its own process; it ends with this one."""
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__, *_LATE])
    process = context.Process(target=_work, args=(settings,), daemon=True)
    process.start()
    return process


def _work(settings: Settings) -> None:
    configure_logging()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    run_worker(settings)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
