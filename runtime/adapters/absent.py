"""Parts a process does without: the web and the ticker neither think nor send, so they need no keys for it."""

from __future__ import annotations

from datetime import datetime
from typing import NoReturn

from runtime.domain.errors import Broken
from runtime.ports import ModelRequest, OutgoingMessage, PerceptionRequest


class AbsentModel:
    """Port `Model`; whoever asks it is in the wrong process."""

    async def complete(self, request: ModelRequest) -> NoReturn:
        """Refuse."""
        raise Broken("this process has no model")


class AbsentPerception:
    """Port `Perception`; whoever asks it is in the wrong process, or nothing that listens or looks is set up."""

    async def transcribe(self, request: PerceptionRequest) -> NoReturn:
        """Refuse."""
        raise Broken("this process does not listen")

    async def describe(self, request: PerceptionRequest) -> NoReturn:
        """Refuse."""
        raise Broken("this process does not look")


class AbsentMedia:
    """Port `MediaSource`; whoever fetches through it is in the wrong process."""

    async def fetch(self, url: str, *, limit_bytes: int) -> NoReturn:
        """Refuse."""
        raise Broken("this process fetches nothing")


class AbsentMessenger:
    """Port `Messenger`; whoever sends through it is in the wrong process."""

    async def send(self, message: OutgoingMessage) -> NoReturn:
        """Refuse."""
        raise Broken("this process sends nothing")

    async def find(self, *, to_address: str, from_address: str, since: datetime) -> NoReturn:
        """Refuse."""
        raise Broken("this process looks nothing up")

    async def list_received(self, *, since: datetime) -> NoReturn:
        """Refuse."""
        raise Broken("this process lists nothing")

    async def read_received(self, sid: str) -> NoReturn:
        """Refuse."""
        raise Broken("this process reads nothing")
