"""A stage of one's own to replay conversations on, one after another: a database, a virtual loop, a runtime.

Whoever replays a suite opens one for each process. It judges nothing, and writes no file but a cassette.
"""

from __future__ import annotations

import asyncio
import gc
from contextlib import AsyncExitStack
from typing import Self

import msgspec

from runtime.settings import Settings
from sim.cassettes.plan import CassettePlan
from sim.databases import create_copy, drop_copy
from sim.divergence import AfterDivergence
from sim.driver import Mode, replay
from sim.quiet_logs import silence_logs
from sim.record import ConversationRecord
from sim.stage import Stage, open_stage
from sim.transcripts import Transcript
from sim.virtual_time import VirtualLoop

COLLECT_EVERY = 10_000
"""Objects made until the collector looks for cycles; Python's own 700 suit programs that keep little of it."""


def spare_collector() -> None:
    """Have the collector leave alone what is there, and come less often: for a process that only replays.

    What was imported stays as long as the process does; to look through it again and again costs a tenth of a replay.
    Each conversation is let go as a whole, mostly without the collector.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_EVERY)


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One replay of one conversation.

    Attributes:
        number: Which of its replays within a run, from 0.
        seed: Of everything that is left to chance; the driver adds the conversation's id.
        after: How a free replay goes on once a recorded line no longer fits.
    """

    transcript: Transcript
    number: int = 0
    seed: int = 0
    mode: Mode = Mode.FREE
    after: AfterDivergence = AfterDivergence.RECORDED


class Theatre:
    """Use as a context manager, in one thread; the database is dropped when it is left.

    Args:
        server_url: A Postgres in which databases may be made and dropped.
        name: Of its database; nobody else's.
        settings: Of the runtime.
        cassettes: Recorded answers in the model's place, or where they are to be recorded.
    """

    def __init__(self, server_url: str, name: str, settings: Settings, cassettes: CassettePlan | None = None) -> None:
        self._server_url = server_url
        self._name = name
        self._settings = settings
        self._cassettes = cassettes
        self._loop = VirtualLoop()
        self._exits = AsyncExitStack()
        self._stage: Stage | None = None

    def __enter__(self) -> Self:
        silence_logs()
        url = create_copy(self._server_url, self._name)
        self._stage = self._loop.run_until_complete(self._exits.enter_async_context(open_stage(url, self._settings)))
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.run_until_complete(self._exits.aclose())
        self._loop.close()
        drop_copy(self._server_url, self._name)

    def play(self, trial: Trial) -> ConversationRecord:
        """Replay one conversation."""
        assert self._stage is not None
        asyncio.set_event_loop(self._loop)
        record = self._loop.run_until_complete(self._play(self._stage, trial))
        return msgspec.structs.replace(record, trial=trial.number)

    async def _play(self, stage: Stage, trial: Trial) -> ConversationRecord:
        if self._cassettes is None:
            return await replay(stage, trial.transcript, mode=trial.mode, seed=trial.seed, after=trial.after)
        from sim.cassettes.playing import play  # noqa: PLC0415 - vcrpy takes a second, and only developers have it

        return await play(self._cassettes, stage, trial.transcript, mode=trial.mode, seed=trial.seed)
