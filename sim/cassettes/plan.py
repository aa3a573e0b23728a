"""What a process that replays conversations is told about cassettes. It may be sent to another process.

`evals.replaying` holds one; vcrpy is only imported where one is carried out (`sim.cassettes.playing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from sim.live_transport import Patience

REFUSED = "recording was refused for good: "
"""How the failure of a conversation begins when all others would fail alike."""


class LiveModel(msgspec.Struct, frozen=True):
    """A model that is really asked while recording.

    Attributes:
        base_url: Up to and including `/v1`.
        api_key: Shown nowhere, and never written to a cassette.
    """

    base_url: str
    api_key: str
    patience: Patience = Patience()

    def __repr__(self) -> str:
        return f"LiveModel({self.base_url!r})"


class CassettePlan(msgspec.Struct, frozen=True):
    """Where cassettes are, and whether they are recorded.

    Attributes:
        digests: Of each conversation and its world; whoever loaded them knows, a process they were sent to does not.
        live: Who is asked while recording; None replays strictly.
        recorded: The day of a recording, ISO 8601.
        policy: What `RunInfo.cassettes` says of a replay.
    """

    directory: Path
    digests: Mapping[str, str]
    live: LiveModel | None = None
    recorded: str = ""
    policy: str | None = None
