"""Intervals agree with published values; texts and rows are compared as people would."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.intervals import rate_of, rate_of_clusters
from evals.matching import agrees, contains_text, pair_rows


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)],
)
def test_wilsons_interval_has_its_published_values(hits: int, n: int, low: float, high: float) -> None:
    """Newcombe 1998, table I, method 3, to four places."""
    rate = rate_of(hits, n)

    assert (round(rate.low, 4), round(rate.high, 4)) == (low, high)


def test_of_nothing_nothing_is_known() -> None:
    """No trial, no share, the widest interval."""
    assert (rate_of(0, 0).share, rate_of(0, 0).low, rate_of(0, 0).high) == (None, 0.0, 1.0)


def test_more_hits_than_trials_is_an_error() -> None:
    """A miscount is told, not drawn."""
    with pytest.raises(ValueError, match="5 of 3"):
        rate_of(5, 3)


def test_clusters_that_stand_or_fall_together_count_as_one_trial_each() -> None:
    """Ten conversations of ten verdicts that all agree know no more than ten trials."""
    clustered = rate_of_clusters([(10, 10)] * 6 + [(0, 10)] * 4)
    independent = rate_of(60, 100)

    assert clustered.high - clustered.low > 2.5 * (independent.high - independent.low)
    assert rate_of_clusters([(10, 10)] * 10).low == pytest.approx(rate_of(10, 10).low)


@given(st.lists(st.integers(0, 6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), max_size=12))
def test_an_interval_always_holds_its_share(clusters: list[tuple[int, int]]) -> None:
    """Whatever is counted, low ≤ share ≤ high, all within 0 and 1."""
    rate = rate_of_clusters(clusters)

    assert 0.0 <= rate.low <= (rate.share if rate.share is not None else 0.5) <= rate.high <= 1.0


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
