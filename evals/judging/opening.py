"""Opens the model that judges: a live one behind a key, or the offline judge on a port of this machine.

The **offline judge** is not a model: it is a handful of rules (`sim.offline_model.judging`) that answer over OpenAI's
HTTP API, so that every step is the one a live judge would take.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from evals.judging.asking import AT_ONCE, Opinion, ask_batch
from runtime.adapters.openai import OpenAIModel
from runtime.adapters.system import SystemClock, SystemIds
from runtime.domain.errors import Broken
from runtime.ports import ModelRequest
from runtime.settings import Settings
from sim.model_transport import OFFLINE_NAMES
from sim.offline_model import MODEL_NAME
from sim.offline_serving import serve_offline

OPENAI_URL = "https://api.openai.com/v1"


def name_judge(model: str) -> str:
    """What a judge's verdicts and calibrations are kept under: the model's name, or the offline judge's own."""
    return MODEL_NAME if model in OFFLINE_NAMES else model


class Judge:
    """Which model is asked, and how it is reached.

    Attributes:
        name: What is sent as the model's name, and what a calibration is bound to.
        live: Whether asking costs money.
    """

    def __init__(self, name: str, settings: Settings) -> None:
        """Reach for nothing yet.

        Raises:
            Broken: A live model is named and there is no key.
        """
        self.live = name not in OFFLINE_NAMES
        self.name = name_judge(name)
        self._key = settings.openai_api_key or ""
        self._base_url = settings.openai_base_url or OPENAI_URL
        if self.live and not self._key:
            raise Broken(f"the judge {name!r} needs OPENAI_API_KEY; --model offline needs none and is no model")

    @property
    def title(self) -> str:
        """How it is called where it is shown."""
        return self.name if self.live else "the offline judge (rules, not a model)"

    def ask(self, requests: Sequence[ModelRequest]) -> Iterator[Opinion]:
        """An opinion for each question, in their order; it ends early where a whole batch was refused for good."""
        with ExitStack() as exits:
            base_url, key = self._base_url, self._key
            if not self.live:
                base_url, key = exits.enter_context(serve_offline()), "offline"
            runner = exits.enter_context(asyncio.Runner())
            model = OpenAIModel(api_key=key, base_url=base_url, clock=SystemClock(), ids=SystemIds())
            exits.callback(lambda: runner.run(model.close()))
            for start in range(0, len(requests), AT_ONCE):
                batch = runner.run(ask_batch(model, requests[start : start + AT_ONCE]))
                yield from batch
                if all(each.refused for each in batch):
                    return
