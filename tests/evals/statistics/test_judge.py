"""A judge's figures are the textbook's, and a corrected share is the true one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.statistics.judge import calibrate_judge, correct_prevalence, measure_self_consistency
from evals.statistics.rates import rate_of


def _spell(both: int, missed: int, invented: int, neither: int) -> tuple[list[bool], list[bool]]:
    human = [True] * (both + missed) + [False] * (invented + neither)
    return human, [True] * both + [False] * missed + [True] * invented + [False] * neither


def test_kappa_of_the_textbooks_table_is_four_tenths() -> None:
    """20, 5, 10, 15 of fifty: agreement 0.7, by chance 0.5."""
    found = calibrate_judge(*_spell(20, 5, 10, 15))

    assert found.kappa == pytest.approx(0.4)
    assert found.agreement == rate_of(35, 50)
    assert found.base_rate == rate_of(25, 50)
    assert (found.tpr, found.tnr) == (rate_of(20, 25), rate_of(15, 25))


def test_kappa_falls_with_a_lopsided_base_rate_though_the_judge_is_the_same() -> None:
    """TPR and TNR of 0.9 both times: which is why the base rate stands beside kappa."""
    even, lopsided = calibrate_judge(*_spell(90, 10, 10, 90)), calibrate_judge(*_spell(171, 19, 1, 9))

    assert even.kappa == pytest.approx(0.8)
    assert lopsided.kappa is not None
    assert lopsided.kappa < 0.45
    assert lopsided.agreement == even.agreement


def test_a_judge_that_always_says_yes_has_no_kappa_to_speak_of() -> None:
    assert calibrate_judge([True, True, False], [True, True, True]).kappa == 0.0
    assert calibrate_judge([True, True], [True, True]).kappa is None
    assert calibrate_judge([True, True], [True, True]).tnr.share is None


@given(st.floats(0, 1), st.floats(0.55, 1), st.floats(0.55, 1))
def test_the_correction_undoes_what_the_judge_gets_wrong(true: float, tpr: float, tnr: float) -> None:
    observed = true * tpr + (1 - true) * (1 - tnr)

    assert correct_prevalence(observed, tpr, tnr) == pytest.approx(true, abs=1e-9)


def test_a_corrected_share_stays_a_share() -> None:
    assert correct_prevalence(0.05, 0.9, 0.9) == 0.0
    assert correct_prevalence(0.95, 0.9, 0.9) == 1.0
    assert correct_prevalence(0.5, 0.9, 0.8) == pytest.approx(3 / 7)


@pytest.mark.parametrize(("tpr", "tnr"), [(0.5, 0.5), (0.3, 0.6), (1.0, 0.0)])
def test_a_judge_no_better_than_chance_corrects_nothing(tpr: float, tnr: float) -> None:
    with pytest.raises(ValueError, match="no better than chance"):
        correct_prevalence(0.5, tpr, tnr)


def test_a_judge_that_is_asked_twice_is_compared_with_itself() -> None:
    assert measure_self_consistency([True, True, False, False], [True, False, False, False]) == rate_of(3, 4)


def test_labels_and_verdicts_of_other_cases_are_refused() -> None:
    with pytest.raises(ValueError, match="2 human labels, but 1 verdict"):
        calibrate_judge([True, False], [True])
    with pytest.raises(ValueError, match="no labelled cases"):
        calibrate_judge([], [])
    with pytest.raises(ValueError, match="not the same cases"):
        measure_self_consistency([True], [])
    with pytest.raises(ValueError, match="shares lie in"):
        correct_prevalence(1.2, 0.9, 0.9)
