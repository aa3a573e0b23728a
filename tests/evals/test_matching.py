"""Texts and rows are compared as people would."""

from __future__ import annotations

from evals.matching import agrees, contains_text, pair_rows


def test_texts_agree_whatever_their_case_and_spacing_but_not_their_accents() -> None:
    """A no-break space before PM is a space; "si" is not "sí"."""
    assert contains_text("Mañana a las 4:00\u00a0PM,\n¿va?", "mañana A LAS 4:00 pm")
    assert not contains_text("sí", "si")
    assert agrees({"when": "HOY"}, {"when": "hoy", "staff": None})
    assert agrees(["a"], ["A"])
    assert not agrees(["a"], ["a", "b"])
    assert not agrees({"n": 1}, {"n": 2})


def test_a_vague_row_does_not_take_the_partner_of_an_exact_one() -> None:
    """The matching is the largest there is, in either order."""
    found = [{"customer": "ana", "staff": "Lupita"}, {"customer": "ana", "staff": "Karla"}]

    assert pair_rows([{"customer": "ana"}, {"staff": "Lupita"}], found) == ([], [])
    assert pair_rows([{"staff": "Beto"}], found[:1]) == ([{"staff": "Beto"}], found[:1])
