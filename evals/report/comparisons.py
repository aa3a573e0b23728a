"""The report of two runs compared, gated or not. `evals.report` hands it on.

The comparison is made by `evals.comparing` and decided by `evals.statistics.gate`; nothing is read here.
"""

from __future__ import annotations

import math
from pathlib import Path

import msgspec

from evals.comparing.comparison import MOST_SHOWN, Comparison
from evals.comparing.gating import GateResult
from evals.comparing.thresholds import choose_told
from evals.report.environment import render_page
from evals.report.packing import pack_entries
from evals.report.pairs import make_pair_entry
from evals.run_directory import RunInfo, write_lines
from evals.statistics.gate import GateDecision
from evals.statistics.rates import Rate, rate_of
from evals.statistics.sample_size import count_cases_mcnemar, find_detectable_difference_mcnemar


class Fact(msgspec.Struct, frozen=True):
    """A property of both runs."""

    name: str
    before: str
    now: str


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What the page says in numbers.

    Attributes:
        before: Of the conversations that ran in both, those that passed, with Wilson's interval; None where passing is
            a mean of several tries.
        now: The same of the second run.
        seen: The smallest difference that as many conversations, as often different, would show; None: not any.
        needed: Conversations that a difference like this one takes to be shown; None where there is none.
    """

    before: Rate | None
    now: Rate | None
    seen: float | None
    needed: int | None


class Scale(msgspec.Struct, frozen=True):
    """The interval as a drawing: places in 0..100 of its ends, its middle, of no difference, and of the margin."""

    low: float
    mean: float
    high: float
    zero: float
    margin: float | None
    reach: float


def write_comparison(
    comparison: Comparison,
    path: Path,
    *,
    decision: GateDecision | None = None,
    margin: float | None = None,
    result: GateResult | None = None,
) -> Path:
    """Write the report of a comparison, and of the gate's decision where there is one, to a file.

    Args:
        comparison: What `compare_runs` found.
        path: The file; its directory must be there.
        decision: What the gate decided.
        margin: The loss it tolerates.
        result: What the decision rests on: each line of the policy is shown.

    Raises:
        OSError: The file cannot be written.
    """
    must_pass = {*comparison.second.must_pass}
    listing = pack_entries(
        make_pair_entry(number, pair, must_pass=pair.id in must_pass) for number, pair in enumerate(comparison.pairs)
    )
    page = render_page(
        "comparison.html.j2",
        listing,
        comparison=comparison,
        decision=decision,
        margin=margin,
        result=result,
        thresholds=choose_told(result.thresholds if result else ()),
        facts=list_facts(comparison.first, comparison.second),
        figures=find_figures(comparison),
        scale=draw_scale(comparison, margin),
        most_shown=MOST_SHOWN,
    )
    write_lines(path, page)
    return path


def list_facts(first: RunInfo, second: RunInfo) -> list[Fact]:
    """What each run is, side by side; prompts by name."""
    facts = [
        Fact("Run", first.id, second.id),
        Fact("Created", first.created[:16].replace("T", " "), second.created[:16].replace("T", " ")),
        Fact("Suite", _name_suite(first), _name_suite(second)),
        Fact("Mode", first.mode, second.mode),
        Fact("Model", first.model, second.model),
        Fact("Code", first.code_version, second.code_version),
        Fact("Seed", str(first.seed), str(second.seed)),
    ]
    if (first.scored_by, second.scored_by) != (first.code_version, second.code_version):
        facts.append(Fact("Scored by", first.scored_by, second.scored_by))
    prompts = _group_prompts(first), _group_prompts(second)
    for name in sorted({*prompts[0], *prompts[1]}):
        facts.append(Fact(f"Prompt {name}", prompts[0].get(name, "–"), prompts[1].get(name, "–")))
    for name in sorted({*first.locks, *second.locks}):
        facts.append(Fact(f"Lock of a {name}", first.locks.get(name, "–"), second.locks.get(name, "–")))
    return [fact for fact in facts if fact.before or fact.now]


def find_figures(comparison: Comparison) -> Figures | None:
    """The figures of a comparison in which something could be compared."""
    rate, outcomes = comparison.pass_rate, comparison.outcomes
    if rate is None or outcomes is None:
        return None
    n, discordant = outcomes.n, (outcomes.broken + outcomes.mended) / outcomes.n
    return Figures(
        before=_count_passed(rate.before, n),
        now=_count_passed(rate.after, n),
        seen=find_detectable_difference_mcnemar(n, discordant) if discordant else None,
        needed=count_cases_mcnemar(outcomes.effect, discordant) if outcomes.effect else None,
    )


def draw_scale(comparison: Comparison, margin: float | None) -> Scale | None:
    """Where the interval of the difference, zero and the margin lie on a line that holds them all."""
    rate = comparison.pass_rate
    if rate is None:
        return None
    reach = 1.15 * max(abs(rate.guarded_low), abs(rate.guarded_high), 2 * (margin or 0), 0.02)

    def place(value: float) -> float:
        return round(50 + 50 * value / reach, 2)

    low, mean, high = (place(each) for each in (rate.guarded_low, rate.difference.mean, rate.guarded_high))
    return Scale(low, mean, high, place(0), place(-margin) if margin else None, reach)


def _count_passed(share: float, n: int) -> Rate | None:
    passed = round(share * n)
    return rate_of(passed, n) if math.isclose(passed, share * n, abs_tol=1e-6) else None


def _name_suite(info: RunInfo) -> str:
    return f"{info.suite} {info.suite_hash[:12]}".strip()


def _group_prompts(info: RunInfo) -> dict[str, str]:
    return {ref.partition("@")[0]: f"{ref} {digest[:12]}" for ref, digest in info.prompts.items()}
