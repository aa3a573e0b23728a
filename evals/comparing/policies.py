"""The file that says how a gate is decided: what may be lost, and what may never be.

`parlo gate` reads one, `fixtures/policies/default.json` where none is named, so that there is one way to decide.
`evals.comparing.gating` decides by it; nothing here opens a run.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec

from evals.classifying import Task
from evals.judging.calibrating import Thresholds
from evals.judging.rubrics import list_rubrics
from evals.measures import Measure
from evals.scorers import SCORER_NAMES
from sim.fields import Fault
from sim.json_files import read_json_file
from sim.json_positions import find_line
from sim.problems import MalformedInput, Problem

DEFAULT_POLICY = Path(__file__).resolve().parents[2] / "fixtures" / "policies" / "default.json"
"""What decides where no policy is named."""
PASS_RATE = "conversations"
"""The metric that is no scorer's: which share of conversations passed."""
LABEL_METRICS = {f"labels/{task}": task for task in Task}
"""Metrics that are no scorers': which share of a task's labelled messages was taken for what they are."""

Word = Annotated[str, msgspec.Meta(min_length=1, description="a text that is not empty")]


class Tier(StrEnum):
    """How much a metric has to say: what it lost blocks, warns, or is only told."""

    PRIMARY = "primary"
    CRITICAL = "critical"
    SUPPORTING = "supporting"
    ADVISORY = "advisory"


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of the parts of a policy."""


class Metric(_Part, frozen=True):
    """One figure of a comparison, by conversation.

    Attributes:
        metric: A scorer's name, `conversations` for the pass rate, or `labels/` and a task for labelled messages.
        tag: Only conversations that have it.
        margin: The loss that is tolerated, between 0 and 1.
    """

    metric: Word = PASS_RATE
    tag: Word | None = None
    margin: float = 0.03

    @property
    def title(self) -> str:
        """How it is called where it is shown."""
        return name_metric(self.metric, self.tag)


def name_metric(metric: str, tag: str | None) -> str:
    """How a metric is called where it is shown: `tools`, or `tools of book` for those with a tag."""
    return f"{metric} of {tag}" if tag else metric


class Threshold(_Part, frozen=True, kw_only=True):
    """Which share of a conversation's trials must pass in the second run, whatever the first one did.

    Attributes:
        id: Of one conversation.
        tag: Or of all that have it, each by itself.
        at_least: Above 0, up to 1.
    """

    id: Word | None = None
    tag: Word | None = None
    at_least: float


class MustPass(_Part, frozen=True):
    """Conversations that may never break, besides those of the suite: by id, and all that have one of the tags.

    Attributes:
        thresholds: Those that are held to a share of their trials, and to nothing else.
    """

    ids: tuple[Word, ...] = ()
    tags: tuple[Word, ...] = ()
    thresholds: tuple[Threshold, ...] = ()


class Limit(_Part, frozen=True, kw_only=True):
    """What a measure of the second run may be at most, by itself, beside the first run, or both.

    Attributes:
        measure: One of `evals.measures`.
        max: In the measure's own unit.
        max_ratio: How many times what it is in the first run.
        tier: Critical blocks, supporting warns.
    """

    measure: Measure
    max: float | None = None
    max_ratio: float | None = None
    tier: Tier = Tier.CRITICAL


class JudgeMetric(_Part, frozen=True, kw_only=True):
    """The share of replies that a judge passes: it decides only if the judge is calibrated, see `evals.judging`.

    Attributes:
        rubric: `name@version`.
        model: Who judges; `offline` is the offline judge.
        margin: The loss of that share which is tolerated, corrected for the judge's own mistakes.
        tier: Critical blocks, supporting warns, advisory only tells.
        trusted: How well the judge has to agree with people.
    """

    rubric: Word
    model: Word = "offline"
    margin: float = 0.05
    tier: Tier = Tier.CRITICAL
    trusted: Thresholds = Thresholds()


class Policy(_Part, frozen=True, kw_only=True):
    """How a gate is decided.

    Attributes:
        primary: Has to be shown not to have lost its margin; nothing passes without.
        critical: A loss beyond the margin blocks.
        supporting: A loss beyond the margin warns, at most.
        advisory: Only told.
        limits: Of time, calls, tokens and dollars.
        judges: What a calibrated judge says of replies.
        max_not_run: Which share of the conversations may have failed to run in one of the two runs, from 0 to below 1.
    """

    name: Word
    description: str = ""
    primary: Metric = Metric()
    must_pass: MustPass = MustPass()
    critical: tuple[Metric, ...] = ()
    supporting: tuple[Metric, ...] = ()
    advisory: tuple[Metric, ...] = ()
    limits: tuple[Limit, ...] = ()
    judges: tuple[JudgeMetric, ...] = ()
    max_not_run: float = 0.0

    def list_metrics(self) -> list[tuple[str, Tier, Metric]]:
        """Each metric with its tier and the path to it in the file, the primary one first."""
        found = [("primary", Tier.PRIMARY, self.primary)]
        for tier, metrics in (
            (Tier.CRITICAL, self.critical),
            (Tier.SUPPORTING, self.supporting),
            (Tier.ADVISORY, self.advisory),
        ):
            found += [(f"{tier}[{index}]", tier, metric) for index, metric in enumerate(metrics)]
        return found


def read_policy(path: Path = DEFAULT_POLICY) -> Policy:
    """The policy in this file.

    Raises:
        MalformedInput: With every fault and its line; or there is no such file.
    """
    return read_json_file(path, Policy, lambda policy: list(_find_faults(policy)))


def choose_policy(path: Path = DEFAULT_POLICY, margin: float | None = None) -> Policy:
    """The policy in this file, with another margin of its primary metric where one is given.

    Raises:
        MalformedInput: As `read_policy`.
        ValueError: The margin is not between 0 and 1.
    """
    if margin is not None and not 0 < margin < 1:
        raise ValueError(f"the margin must be between 0 and 1, not {margin}")
    chosen = read_policy(path)
    if margin is None:
        return chosen
    return msgspec.structs.replace(chosen, primary=msgspec.structs.replace(chosen.primary, margin=margin))


def check_policy(
    policy: Policy, path: Path, *, ids: Collection[str], tags: Collection[str], scorers: Collection[str]
) -> None:
    """See that what a policy names is there in the runs it is to decide about.

    Args:
        policy: As it was read.
        path: Where from.
        ids: Of the runs' conversations.
        tags: That these have.
        scorers: That scored one of the runs, besides those this version knows.

    Raises:
        MalformedInput: An id, a tag or a scorer that is not known there: it would guard nothing.
    """
    faults = [*_find_unknown(policy, ids, tags, {*scorers, *SCORER_NAMES, *LABEL_METRICS, PASS_RATE})]
    if faults:
        text = path.read_text(encoding="utf-8-sig")
        raise MalformedInput(
            Problem(str(path), find_line(text, fault.path), fault.path, fault.message) for fault in faults
        )


def _find_unknown(
    policy: Policy, ids: Collection[str], tags: Collection[str], scorers: Collection[str]
) -> Iterator[Fault]:
    for place, _, metric in policy.list_metrics():
        if metric.metric not in scorers:
            yield Fault(f"{place}.metric", f"no scorer is called {metric.metric!r}; there are {_join(scorers)}")
        if metric.tag is not None and metric.tag not in tags:
            yield Fault(f"{place}.tag", f"no conversation of these runs has the tag {metric.tag!r}")
    yield from _find_unknown_must_pass(policy.must_pass, ids, tags)


def _find_unknown_must_pass(must_pass: MustPass, ids: Collection[str], tags: Collection[str]) -> Iterator[Fault]:
    held = [*enumerate(must_pass.thresholds)]
    named = [*((f"ids[{index}]", each) for index, each in enumerate(must_pass.ids))]
    named += [(f"thresholds[{index}].id", each.id) for index, each in held if each.id is not None]
    for place, name in named:
        if name not in ids:
            yield Fault(f"must_pass.{place}", f"no conversation of these runs is called {name!r}")
    tagged = [*((f"tags[{index}]", each) for index, each in enumerate(must_pass.tags))]
    tagged += [(f"thresholds[{index}].tag", each.tag) for index, each in held if each.tag is not None]
    for place, tag in tagged:
        if tag not in tags:
            yield Fault(f"must_pass.{place}", f"no conversation of these runs has the tag {tag!r}")


def _find_faults(policy: Policy) -> Iterator[Fault]:
    seen: set[tuple[str, str | None]] = set()
    for place, _, metric in policy.list_metrics():
        if not 0 < metric.margin < 1:
            yield Fault(f"{place}.margin", f"must be between 0 and 1; it is {metric.margin:g}")
        if metric.tag is not None and metric.metric in LABEL_METRICS:
            yield Fault(f"{place}.tag", "labelled messages are not cut by tags")
        if (metric.metric, metric.tag) in seen:
            yield Fault(place, f"{metric.title} is there twice")
        seen.add((metric.metric, metric.tag))
    if not 0 <= policy.max_not_run < 1:
        yield Fault("max_not_run", f"must be from 0 to below 1; it is {policy.max_not_run:g}")
    yield from _find_threshold_faults(policy.must_pass)
    yield from _find_limit_faults(policy.limits)
    yield from _find_judge_faults(policy.judges)


def _find_judge_faults(judges: Sequence[JudgeMetric]) -> Iterator[Fault]:
    for index, each in enumerate(judges):
        place = f"judges[{index}]"
        known = list_rubrics()
        if each.rubric not in known:
            yield Fault(f"{place}.rubric", f"no rubric is called {each.rubric!r}; there are {', '.join(known)}")
        if not 0 < each.margin < 1:
            yield Fault(f"{place}.margin", f"must be between 0 and 1; it is {each.margin:g}")
        if each.tier is Tier.PRIMARY:
            yield Fault(f"{place}.tier", "is critical, supporting or advisory, not primary")
        for name in ("kappa", "tpr", "tnr", "low"):
            if not 0 <= getattr(each.trusted, name) <= 1:
                yield Fault(f"{place}.trusted.{name}", "must be from 0 to 1")


def _find_threshold_faults(must_pass: MustPass) -> Iterator[Fault]:
    ids, tags = {*must_pass.ids}, {*must_pass.tags}
    for index, each in enumerate(must_pass.thresholds):
        place = f"must_pass.thresholds[{index}]"
        if (each.id is None) == (each.tag is None):
            yield Fault(place, "is of a conversation by `id`, or of all with a `tag`")
            continue
        if not 0 < each.at_least <= 1:
            yield Fault(f"{place}.at_least", f"must be above 0 and at most 1; it is {each.at_least:g}")
        name, named = (each.id, ids) if each.id is not None else (each.tag, tags)
        if name in named:
            yield Fault(place, f"{name} is there twice")
        named.add(name or "")


def _find_limit_faults(limits: Sequence[Limit]) -> Iterator[Fault]:
    seen: set[tuple[Measure, Tier]] = set()
    for index, each in enumerate(limits):
        place = f"limits[{index}]"
        if each.max is None and each.max_ratio is None:
            yield Fault(place, "limits nothing: say `max`, `max_ratio` or both")
        if each.max is not None and not 0 <= each.max < math.inf:
            yield Fault(f"{place}.max", f"must be 0 or more; it is {each.max:g}")
        if each.max_ratio is not None and not 0 < each.max_ratio < math.inf:
            yield Fault(f"{place}.max_ratio", f"must be above 0; it is {each.max_ratio:g}")
        if each.tier not in (Tier.CRITICAL, Tier.SUPPORTING):
            yield Fault(f"{place}.tier", f"is critical or supporting, not {each.tier}")
        if (each.measure, each.tier) in seen:
            yield Fault(place, f"{each.measure} is there twice as {each.tier}")
        seen.add((each.measure, each.tier))


def _join(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
