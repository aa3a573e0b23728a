"""What runs on this machine, as `parlo up` writes it down for `parlo say` and for scripts."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from runtime.adapters.embedded import find_home
from runtime.domain.errors import Broken
from sim.offline_model.protocol import MODEL_NAME

PROGRAM = (sys.executable, "-m", "evals.cli")
"""How a process of ours is started; its command follows."""
_OFFLINE_KEY = "offline"


class UpRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What runs, as `.parlo/up.json` tells it to `parlo say` and to scripts. `model` is None where a real one is used.

    `simulate` is where the page is; `numbers` are the businesses' by name, "central" among them; `processes` the ids of
    processes by name.
    """

    web: str
    simulate: str
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


def write_record(environment: Mapping[str, str], record: UpRecord) -> None:
    """Tell what runs, replaced at once, so that nobody reads half of it. The same again is not written."""
    path = record_path(environment)
    content = msgspec.json.format(msgspec.json.encode(record), indent=2)
    if path.exists() and path.read_bytes() == content:
        return
    draft = path.with_suffix(".new")
    # it holds passwords, if only of servers that listen to this machine alone
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)


def compose_environment(record: UpRecord) -> dict[str, str]:
    """What web, worker and ticker are told of where everything is."""
    environment = {
        "DATABASE_URL": record.database_url,
        "REDIS_URL": record.redis_url,
        "TWILIO_BASE_URL": record.twilio,
        "TWILIO_ACCOUNT_SID": record.account_sid,
        "TWILIO_AUTH_TOKEN": record.auth_token,
        "PARLO_PUBLIC_URL": record.web,
    }
    if record.model is not None:
        environment |= {
            "OPENAI_API_KEY": _OFFLINE_KEY,
            "OPENAI_BASE_URL": record.model,
            "PARLO_CUSTOMER_MODEL": MODEL_NAME,
            "PARLO_CLASSIFIER_MODEL": MODEL_NAME,
        }
    return environment


def list_announcement(record: UpRecord, business: str, environment: Mapping[str, str]) -> list[str]:
    """What `up` tells whoever started it, line by line, the page first. `business` is the one to write to."""
    number = record.numbers.get(business, record.numbers["central"])
    message = {"from_address": "whatsapp:+5215512345678", "to_address": f"whatsapp:{number}", "text": "hola"}
    return [
        f"play with it: {record.simulate}",
        f"{business} is open on WhatsApp {number} (central number {record.numbers['central']})",
        f"  web     {record.web}/health/ready",
        f"  twilio  {record.twilio}/emulator/sent (emulated)",
        f"  model   {record.model or 'as OPENAI_API_KEY says'}" + (" (offline)" if record.model else ""),
        f"  record  {record_path(environment)}",
        "write to it from here:",
        '  ./just parlo say --as +5215512345678 "hola, quiero un corte mañana a las 4"',
        f"  curl {record.twilio}/emulator/inbound -d '{msgspec.json.encode(message).decode()}'",
        "Ctrl-C stops it all.",
    ]


def read_record(environment: Mapping[str, str]) -> UpRecord:
    """What runs now.

    Raises:
        Broken: Nothing does.
    """
    try:
        return msgspec.json.decode(record_path(environment).read_bytes(), type=UpRecord)
    except (OSError, msgspec.MsgspecError) as error:
        raise Broken("nothing is up: start it with `parlo up`") from error
