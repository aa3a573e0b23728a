"""The rules of conduct that a prompt of ours gives, as far as the offline model can obey them.

A real model that is not told to confirm before it books may well not do so. So that a change of a prompt can be
scored without a real model, this one does what its prompt says in six matters, and where a prompt is silent about one
does what a careless assistant would. `context` reads the rules; `policy`, `booking` and `answers` keep to them.
A prompt that is none of ours has no rules to read, and all of them hold.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from sim.offline_model.text import fold

_OURS = re.compile(r"^#\s+Recepcionista de\b", re.MULTILINE | re.IGNORECASE)
_SECTION = re.compile(r"^##\s", re.MULTILINE)
_SENTENCE = re.compile(r"[.;\n]")
_NOT = r"\b(?:no|nunca|jamas|sin)\b"


class Rules(msgspec.Struct, frozen=True):
    """What the model keeps to.

    Attributes:
        confirms: It sums up and asks before it books.
        keeps_word: It says that something is booked only when a tool said so.
        invents_nothing: What the prompt does not say it does not know.
        lists_times: When a time is taken it offers those that the tool gave.
        one_question: It asks one thing at a time.
        transfers_on_request: It puts somebody through only when they ask.
    """

    confirms: bool = True
    keeps_word: bool = True
    invents_nothing: bool = True
    lists_times: bool = True
    one_question: bool = True
    transfers_on_request: bool = True


_SAID_BY = {
    "confirms": (
        r"^(?!.*\b(?:herramienta|sin|no)\b.*confirm)(?=.*\b(?:agend|reserv|apart|cita)).*confirm",
        rf"{_NOT} (?:agend|reserv|apart).*\b(?:sin que|hasta que|antes de que|antes de)\b.*confirm",
    ),
    "keeps_word": (
        rf"(?=.*\b(?:agendad|reservad|list|qued)).*{_NOT}.*\b(?:dig|asegur|promet|afirm)",
        r"(?=.*\b(?:agendad|reservad|list|qued)).*\bsolo\b.*\bherramienta",
    ),
    "invents_nothing": (rf"{_NOT}(?: \w+){{0,2}} (?:invent|supong|imagin)",),
    "lists_times": (r"(?=.*\b(?:ocupad|tomad|no hay lugar|disponible)).*\b(?:ofrec|propon|sugier|dale|opciones)",),
    "one_question": (r"\buna sola pregunta\b", r"\bpregunta (?:a la vez|por mensaje|cada vez)\b"),
    "transfers_on_request": (
        r"(?=.*\bpersona).*\b(?:solo|unicamente|exclusivamente)\b.*\b(?:pid|solicit)",
        rf"{_NOT} (?:pas|comuni|transf)\w*.*\bpersona\b.*\b(?:a menos que|si no|sin que)\b.*\b(?:pid|solicit)",
    ),
}
"""How a rule is known, in one sentence of a prompt, folded. Several wordings will do; the opposite will not."""


def read_rules(prompt: str) -> Rules:
    """The rules before a prompt's first section."""
    if not _OURS.search(prompt):
        return Rules()
    return _read_head(_SECTION.split(prompt, maxsplit=1)[0])


@lru_cache(maxsize=64)
def _read_head(head: str) -> Rules:
    sentences = [fold(sentence).strip() for sentence in _SENTENCE.split(head)]
    given = {
        name: any(re.search(wording, each) for wording in wordings for each in sentences)
        for name, wordings in _SAID_BY.items()
    }
    return Rules(**given)
