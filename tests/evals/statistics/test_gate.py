"""The gate blocks what is worse, passes what is shown not to be, and says what it cannot know."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.statistics.gate import (
    EXIT_CODES,
    LEAST_CLUSTERS,
    GateVerdict,
    count_further_clusters,
    decide_gate,
)
from evals.statistics.means import Estimate
from evals.statistics.pairs import PairedDifference, compare_pairs


def _spell(broken: int, mended: int, n: int) -> PairedDifference:
    before = [1.0] * broken + [0.0] * mended + [1.0] * (n - broken - mended)
    after = [0.0] * broken + [1.0] * mended + [1.0] * (n - broken - mended)
    return compare_pairs(before, after)


def _claim(mean: float, low: float, high: float, clusters: int = 200) -> PairedDifference:
    """What a comparison of so many conversations might have found."""
    found = Estimate(mean, (high - low) / 3.94, low, high, clusters, clusters)
    return PairedDifference(
        before=0.9,
        after=0.9 + mean,
        difference=found,
        guarded_low=low,
        guarded_high=high,
        naive_se=found.se,
        confidence=0.95,
        span=1.0,
    )


def _play(chance: random.Random, n: int, broken: float, mended: float) -> PairedDifference:
    drawn = chance.choices(("broken", "mended", "same"), (broken, mended, 1 - broken - mended), k=n)
    return _spell(drawn.count("broken"), drawn.count("mended"), n)


def _tally(
    chance: random.Random, n: int, shares: tuple[float, float], margin: float, runs: int
) -> Counter[GateVerdict]:
    return Counter(decide_gate(_play(chance, n, *shares), margin).verdict for _ in range(runs))


@pytest.mark.parametrize(
    ("mean", "low", "high", "verdict"),
    [
        (0.01, -0.01, 0.03, GateVerdict.PASS),
        (0.05, 0.02, 0.08, GateVerdict.PASS),
        (0.0, -0.019, 0.019, GateVerdict.PASS),
        (-0.01, -0.018, -0.002, GateVerdict.WARN),
        (-0.05, -0.08, -0.02, GateVerdict.BLOCK),
        (-0.025, -0.049, -0.001, GateVerdict.BLOCK),
        (-0.015, -0.029, -0.001, GateVerdict.INCONCLUSIVE),
        (-0.01, -0.02, -0.001, GateVerdict.INCONCLUSIVE),
        (-0.03, -0.07, 0.01, GateVerdict.INCONCLUSIVE),
        (0.02, -0.03, 0.07, GateVerdict.INCONCLUSIVE),
        (0.0, -0.02, 0.02, GateVerdict.INCONCLUSIVE),
    ],
)
def test_the_interval_and_the_margin_decide(mean: float, low: float, high: float, verdict: GateVerdict) -> None:
    """A margin of two points; an interval that only just reaches it has not shown anything."""
    assert decide_gate(_claim(mean, low, high), 0.02).verdict is verdict


def test_a_must_pass_case_that_breaks_blocks_whatever_the_rest_has_gained() -> None:
    decision = decide_gate(_claim(0.05, 0.02, 0.08), 0.02, broken_must_pass=["cancelar/hoy", "relevo/tomar"])

    assert decision.verdict is GateVerdict.BLOCK
    assert "cancelar/hoy, relevo/tomar" in decision.reason


def test_a_must_pass_case_blocks_among_too_few_cases_and_among_none() -> None:
    assert decide_gate(_spell(1, 0, 3), 0.02, broken_must_pass=["a"]).verdict is GateVerdict.BLOCK
    assert decide_gate(None, 0.02, broken_must_pass=["a"]).verdict is GateVerdict.BLOCK


def test_runs_that_cannot_be_compared_never_pass_and_never_block() -> None:
    """What a must-pass case did under another judge says nothing of the new version."""
    decision = decide_gate(
        _claim(0.05, 0.02, 0.08), 0.02, broken_must_pass=["a"], incomparable=["another judge", "3 cases are missing"]
    )

    assert decision.verdict is GateVerdict.NOT_COMPARABLE
    assert decision.reason == "cannot be compared: another judge; 3 cases are missing"
    assert decision.further_cases is None


def test_each_verdict_has_its_exit_code() -> None:
    codes = {verdict.value: code for verdict, code in EXIT_CODES.items()}

    assert codes == {"PASS": 0, "WARN": 0, "BLOCK": 100, "INCONCLUSIVE": 101, "NOT_COMPARABLE": 101}
    assert decide_gate(_claim(-0.05, -0.08, -0.02), 0.02).exit_code == 100
    assert set(EXIT_CODES) == set(GateVerdict)


@pytest.mark.parametrize("n", [1, 2, 5, 9, 10, 50, 150])
def test_few_cases_that_all_come_out_the_same_do_not_pass_a_margin_of_two_points(n: int) -> None:
    """Their plain interval is the point 0, without any width."""
    decision = decide_gate(_spell(0, 0, n), 0.02)

    assert decision.verdict is GateVerdict.INCONCLUSIVE
    assert decision.further_cases == pytest.approx(190 - n, abs=5)


def test_without_a_difference_about_190_conversations_pass_a_margin_of_two_points() -> None:
    """The exact bound of two-sided 95 % is 183, the rule of three says 150."""
    passing = [n for n in range(170, 220) if decide_gate(_spell(0, 0, n), 0.02).verdict is GateVerdict.PASS]

    assert passing == list(range(passing[0], 220))
    assert 183 <= passing[0] <= 195


@pytest.mark.parametrize(("broken", "mended"), [(9, 0), (0, 9), (5, 4), (0, 0)])
def test_fewer_than_ten_conversations_decide_nothing(broken: int, mended: int) -> None:
    decision = decide_gate(_spell(broken, mended, 9), 0.5)

    assert decision.verdict is GateVerdict.INCONCLUSIVE
    assert "9 of at least 10" in decision.reason


def test_many_turns_of_few_conversations_are_few() -> None:
    """A thousand turns that all agree, of eight conversations and of three hundred."""
    same = [1.0] * 1200

    few = decide_gate(compare_pairs(same, same, [place % 8 for place in range(1200)]), 0.02)
    many = decide_gate(compare_pairs(same, same, [place % 300 for place in range(1200)]), 0.02)

    assert (few.verdict, many.verdict) == (GateVerdict.INCONCLUSIVE, GateVerdict.PASS)
    assert few.further_clusters is not None
    assert few.further_cases == few.further_clusters * 150


def test_a_block_rests_on_the_plain_upper_limit() -> None:
    """Six broken and none mended is significant; guarded, the upper limit would hide it."""
    pairs = _spell(6, 0, 100)

    assert pairs.difference.high < 0 < pairs.guarded_high
    assert decide_gate(pairs, 0.02).verdict is GateVerdict.BLOCK


def test_a_pass_rests_on_the_guarded_lower_limit() -> None:
    """One mended among a hundred lifts the plain limit above two points; two broken unseen ones would not surprise."""
    pairs = _spell(0, 1, 100)

    assert pairs.guarded_low < -0.02 < pairs.difference.low
    assert decide_gate(pairs, 0.02).verdict is GateVerdict.INCONCLUSIVE


def test_a_suite_that_breaks_altogether_is_blocked() -> None:
    """All differ alike: no spread, and no doubt either."""
    assert decide_gate(_spell(10, 0, 10), 0.02).verdict is GateVerdict.BLOCK


def test_without_any_case_nothing_is_decided() -> None:
    assert decide_gate(None, 0.02).verdict is GateVerdict.INCONCLUSIVE


def test_the_reason_says_what_was_found_and_what_was_tolerated() -> None:
    decision = decide_gate(_claim(-0.05, -0.08, -0.02), 0.02)

    assert decision.reason == "worse, as seen by more than the margin of 0.02: -0.050, 95 % interval -0.080 to -0.020"


@pytest.mark.parametrize(("n", "flips"), [(30, 0.1), (60, 0.05), (100, 0.05), (100, 0.2), (250, 0.1)])
def test_a_version_against_itself_is_blocked_in_at_most_one_of_twenty_gates(n: int, flips: float) -> None:
    """The most there can be is about three in a hundred; more would be seen in 600 of them."""
    verdicts = _tally(random.Random(71), n, (flips / 2, flips / 2), 0.02, 600)

    assert verdicts[GateVerdict.BLOCK] <= 30


@pytest.mark.parametrize(
    ("n", "broken", "mended", "margin"), [(200, 0.02, 0.0, 0.02), (500, 0.03, 0.01, 0.02), (200, 0.10, 0.05, 0.05)]
)
def test_a_loss_as_large_as_the_margin_passes_in_at_most_one_of_twenty_gates(
    n: int, broken: float, mended: float, margin: float
) -> None:
    verdicts = _tally(random.Random(72), n, (broken, mended), margin, 500)

    assert verdicts[GateVerdict.PASS] + verdicts[GateVerdict.WARN] <= 25


def test_clustered_flips_do_not_block_a_version_against_itself() -> None:
    """Twenty-five conversations of ten turns that flip together; without clusters every fifth gate would block."""
    chance = random.Random(73)
    named = [place // 10 for place in range(250)]
    blocked = blocked_plain = 0

    for _ in range(300):
        moods = chance.choices((-1.0, 1.0, 0.0), (0.15, 0.15, 0.7), k=25)
        after = [moods[cluster] if chance.random() < 0.7 else 0.0 for cluster in named]
        blocked += decide_gate(compare_pairs([0.0] * 250, after, named), 0.02).verdict is GateVerdict.BLOCK
        blocked_plain += decide_gate(compare_pairs([0.0] * 250, after), 0.02).verdict is GateVerdict.BLOCK

    assert blocked <= 18
    assert blocked_plain >= 60


def test_a_larger_suite_sees_the_same_loss_oftener() -> None:
    """Ten points lost: what is blocked of 300 gates with 40, 80, 160 and 320 conversations."""
    chance = random.Random(74)

    blocked = [_tally(chance, n, (0.13, 0.03), 0.02, 300)[GateVerdict.BLOCK] for n in (40, 80, 160, 320)]

    assert blocked == sorted(blocked)
    assert blocked[0] <= 150
    assert blocked[-1] >= 290


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 300), st.floats(0.005, 0.4), st.floats(1.0, 2.0))
def test_more_tolerance_never_turns_a_pass_into_anything_else(
    broken: int, mended: int, same: int, margin: float, wider: float
) -> None:
    pairs = _spell(broken, mended, broken + mended + same + 1)

    if decide_gate(pairs, margin).verdict is GateVerdict.PASS:
        assert decide_gate(pairs, margin * wider).verdict is GateVerdict.PASS


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 300), st.floats(0.005, 0.4))
def test_one_more_broken_case_never_makes_a_pass(broken: int, mended: int, same: int, margin: float) -> None:
    n = broken + mended + same + 1

    before, after = decide_gate(_spell(broken, mended, n), margin), decide_gate(_spell(broken + 1, mended, n), margin)

    if after.verdict is GateVerdict.PASS:
        assert before.verdict is GateVerdict.PASS


def test_with_the_further_conversations_it_names_a_gate_settles() -> None:
    """Three broken and three mended of a hundred, then so many more of the same kind: four of five times or oftener."""
    chance = random.Random(75)
    first = decide_gate(_spell(3, 3, 100), 0.03)
    assert first.verdict is GateVerdict.INCONCLUSIVE
    assert first.further_cases is not None

    enough = _tally(chance, 100 + first.further_cases, (0.03, 0.03), 0.03, 300)
    third = _tally(chance, 100 + first.further_cases // 3, (0.03, 0.03), 0.03, 300)

    assert enough[GateVerdict.INCONCLUSIVE] <= 80
    assert third[GateVerdict.INCONCLUSIVE] >= 120


def test_where_the_loss_seen_is_beyond_the_margin_the_further_conversations_are_to_show_a_loss() -> None:
    first = decide_gate(_spell(6, 2, 60), 0.02)
    assert first.verdict is GateVerdict.INCONCLUSIVE
    assert first.further_cases is not None

    verdicts = _tally(random.Random(76), 60 + first.further_cases, (0.1, 1 / 30), 0.02, 300)

    assert verdicts[GateVerdict.BLOCK] >= 220


@pytest.mark.parametrize(("mean", "away"), [(-0.01, 0.01), (0.01, 0.03), (-0.03, 0.03)])
def test_the_nearer_the_decision_the_more_conversations_it_takes(mean: float, away: float) -> None:
    """((1.96 + 0.84) · sd / distance)², where the distance is to the margin, or to zero for a loss beyond it."""
    pairs = _claim(mean, mean - 0.04, mean + 0.04, clusters=100)
    deviation = pairs.difference.se * 10

    further = count_further_clusters(pairs, 0.02)

    assert further == pytest.approx((2.8016 * deviation / away) ** 2 - 100, abs=2)


def test_a_loss_of_exactly_the_margin_is_settled_by_no_number() -> None:
    decision = decide_gate(_claim(-0.02, -0.05, 0.01), 0.02)

    assert decision.further_cases is None
    assert "more of the same would not settle it" in decision.reason


@pytest.mark.parametrize("margin", [0.0, -0.02, math.nan, math.inf])
def test_a_margin_is_a_positive_number(margin: float) -> None:
    with pytest.raises(ValueError, match="margin must be positive"):
        decide_gate(_spell(0, 0, 50), margin)


def test_what_no_interval_can_come_of_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 clusters"):
        decide_gate(_spell(0, 0, 50), 0.02, least_clusters=1)
    with pytest.raises(ValueError, match="margin must be positive"):
        count_further_clusters(_spell(0, 0, 50), 0.0)
    assert LEAST_CLUSTERS >= 2
