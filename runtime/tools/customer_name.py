"""A customer's name: how it is cleaned, and when it is asked for."""

from __future__ import annotations

from runtime.domain.errors import Rejected
from runtime.domain.spanish.folding import clean_text
from runtime.tools.base import ToolContext

_LONGEST = 80


def clean_name(given: str) -> str:
    """A name fit to store and show.

    Raises:
        Rejected: `invalid_arguments` when nothing readable is left.
    """
    name = " ".join(clean_text(given, limit=_LONGEST).text.split())
    if not any(character.isalpha() for character in name):
        raise Rejected("invalid_arguments", "Ese nombre no se entiende.", question="¿A nombre de quién queda?")
    return name


def settle_name(context: ToolContext, given: str | None) -> str:
    """The name to book under: the one given now, else the one we know.

    Raises:
        Rejected: `name_needed` when there is neither.
    """
    if given and given.strip():
        return clean_name(given)
    if context.customer.name:
        return context.customer.name
    raise Rejected("name_needed", "Falta el nombre.", question="¿A nombre de quién queda la cita?")
