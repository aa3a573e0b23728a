"""Decides what carries a replay's requests to a model: the one place that does, and that refuses.

`sim.stage` opens a scene with it, and `parlo eval` asks it before anything begins. Nothing here speaks to a network: a
replay runs on virtual time, on which an answer that takes real time would always come too late.
"""

from __future__ import annotations

import httpx2

from runtime.domain.errors import Broken
from runtime.settings import Settings
from sim.offline_model import MODEL_NAME, OfflineTransport

OFFLINE_NAMES = frozenset({MODEL_NAME, "offline"})
"""What the model that needs no network may be called."""


def choose_transport(settings: Settings) -> httpx2.AsyncBaseTransport:
    """What answers the model's requests in a replay with these settings.

    Raises:
        Broken: The model that talks to customers is a real one, which replays cannot reach.
    """
    name = settings.customer_model
    if name in OFFLINE_NAMES:
        return OfflineTransport()
    instead = f"or use the offline model: --model {MODEL_NAME}"
    if settings.openai_api_key is None:
        raise Broken(f"the model {name!r} needs a key and there is none: set OPENAI_API_KEY, {instead}")
    recorded = f"record its answers (parlo record SUITE --model {name}) and replay them with --cassettes"
    raise Broken(f"nothing may reach a live model in a replay, and {name!r} is one: {recorded}, {instead}")
