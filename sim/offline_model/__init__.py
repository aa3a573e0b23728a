"""A rule-based, deterministic model that speaks OpenAI's HTTP API and Mexican Spanish.

It lets a newcomer without keys hold a real conversation, and CI run. It sees nothing but a request:
the prompt's sections, the messages and the tools. `OfflineTransport` puts it behind the SDK in this
process, `server.serve` on a port. It is always called by its name, `MODEL_NAME`.

A request goes through the modules in this order: `protocol` (is it valid?), `context` with `rules`
(what does the prompt say, and how is one to behave?), `state` with `understand` (where does the
conversation stand?), `policy` with `booking`, `changes` and `answers` (what next?), `phrases` (in which
words?). `classify` answers prompts that are lists of labelled examples.
"""

from runtime.domain.spanish.asks_person import asks_for_person
from sim.offline_model.protocol import MODEL_NAME
from sim.offline_model.transport import OfflineTransport

__all__ = ["MODEL_NAME", "OfflineTransport", "asks_for_person"]
