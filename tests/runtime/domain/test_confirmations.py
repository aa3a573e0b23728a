"""A yes, a no and "undo that": only as whole messages, since a yes sets something going that cannot be taken back."""

from __future__ import annotations

import pytest

from runtime.domain.spanish.confirmations import is_no, is_undo, is_yes
from runtime.domain.spanish.week_words import read_weekdays

YES = (
    "sí",
    "Si",
    "SÍ!!",
    "sip",
    "claro que sí",
    "sí por favor",
    "ok",
    "va",
    "dale",
    "👍",
    "👍🏽",
    "está bien",
    "sí, gracias",
)
NOT_YES = (
    *(
        "sí pero a las 6",
        "si la de las 4",
        "sí, mejor el jueves",
        "no",
        "sí llegó",
        "si viene Ana dile",
        "¿sí?  ¿cuál?",
    ),
    *("ok y bloquea mañana", "👎", "sí\ncancela también la otra", "está bien rara", "si no", "va a venir Juan"),
)
NO = ("no", "No.", "mejor no", "no gracias", "nel", "déjalo así")
NOT_NO = ("no, la de las 5", "no llegó", "nada más la de Ana", "no abrimos mañana")
UNDO = ("deshaz", "Deshacer", "deshazlo", "me equivoqué", "perdón, me equivoqué", "no, me equivoqué", "era otro")
NOT_UNDO = ("me equivoqué de hora, era a las 5", "regresa a Ana a las 4", "deshaz el bloqueo del viernes")


@pytest.mark.parametrize("text", YES)
def test_a_yes_is_heard(text: str) -> None:
    """In the ways people write it."""
    assert is_yes(text) and not is_no(text) and not is_undo(text)


@pytest.mark.parametrize("text", NOT_YES)
def test_what_says_more_than_yes_is_no_yes(text: str) -> None:
    """A condition, another wish or another subject sets nothing going."""
    assert not is_yes(text)


@pytest.mark.parametrize("text", NO)
def test_a_no_is_heard(text: str) -> None:
    """And is never a yes."""
    assert is_no(text) and not is_yes(text)


@pytest.mark.parametrize("text", NOT_NO)
def test_what_says_more_than_no_is_no_no(text: str) -> None:
    """It is for whoever reads the whole of it."""
    assert not is_no(text)


@pytest.mark.parametrize("text", UNDO)
def test_taking_back_is_heard(text: str) -> None:
    """As a whole message."""
    assert is_undo(text) and not is_yes(text)


@pytest.mark.parametrize("text", NOT_UNDO)
def test_what_says_what_to_do_instead_takes_nothing_back(text: str) -> None:
    """It is another order."""
    assert not is_undo(text)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("los sábados cerramos a las 3", (5,)),
        ("de lunes a viernes de 9 a 6", (0, 1, 2, 3, 4)),
        ("viernes a lunes", (0, 4, 5, 6)),
        ("lunes, miércoles y domingos", (0, 2, 6)),
        ("entre semana", (0, 1, 2, 3, 4)),
        ("fines de semana", (5, 6)),
        ("todos los días", (0, 1, 2, 3, 4, 5, 6)),
        ("mañana", ()),
        ("", ()),
    ],
)
def test_days_of_every_week_are_read(text: str, days: tuple[int, ...]) -> None:
    """Names, plurals, ranges over the end of the week, and groups."""
    assert read_weekdays(text) == days
