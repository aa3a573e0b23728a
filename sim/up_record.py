"""What runs on this machine, as `parlo up` writes it down for `parlo say` and for scripts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from runtime.adapters.embedded import find_home
from runtime.domain.errors import Broken


class UpRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What runs, as `.parlo/up.json` tells it to `parlo say` and to scripts. `model` is None where a real one is used.

    `numbers` are the businesses' by name, "central" among them; `processes` the ids of processes by name.
    """

    web: str
    twilio: str
    model: str | None
    database_url: str
    redis_url: str
    account_sid: str
    auth_token: str
    numbers: dict[str, str]
    processes: dict[str, int]


def record_path(environment: Mapping[str, str]) -> Path:
    """Where `up` writes what runs, for as long as it runs."""
    return find_home(environment) / "up.json"


def read_record(environment: Mapping[str, str]) -> UpRecord:
    """What runs now.

    Raises:
        Broken: Nothing does.
    """
    try:
        return msgspec.json.decode(record_path(environment).read_bytes(), type=UpRecord)
    except (OSError, msgspec.MsgspecError) as error:
        raise Broken("nothing is up: start it with `parlo up`") from error
