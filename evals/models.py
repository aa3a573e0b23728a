"""Opens the model a measurement asks: the offline one in this process, or a real one behind a key.

Commands call it. It reads no file and decides nothing about the answers.
"""

from __future__ import annotations

import httpx2
import msgspec

from runtime.adapters.openai import OpenAIModel
from runtime.adapters.system import SystemClock, SystemIds
from runtime.domain.errors import Broken
from runtime.settings import Settings
from sim.model_transport import OFFLINE_NAMES
from sim.offline_model import MODEL_NAME, OfflineTransport


def open_model(settings: Settings, name: str | None) -> tuple[Settings, OpenAIModel]:
    """The settings with the model's name in them, and the model; without a name, the offline one.

    Raises:
        Broken: A real model is named and there is no key.
    """
    clock, ids = SystemClock(), SystemIds()
    if name is None or name in OFFLINE_NAMES:
        http_client = httpx2.AsyncClient(transport=OfflineTransport())
        offline = OpenAIModel(
            api_key="offline", base_url="http://offline/v1", clock=clock, ids=ids, http_client=http_client
        )
        return msgspec.structs.replace(settings, classifier_model=MODEL_NAME), offline
    if settings.openai_api_key is None:
        raise Broken(f"the model {name!r} needs OPENAI_API_KEY")
    base_url = settings.openai_base_url or "https://api.openai.com/v1"
    real = OpenAIModel(api_key=settings.openai_api_key, base_url=base_url, clock=clock, ids=ids)
    return msgspec.structs.replace(settings, classifier_model=name), real
