"""Holds a judge against people's labels, and keeps what came out, bound to rubric, model and labels by their hashes.

`parlo calibrate-judge` writes a calibration; the gate reads it, and refuses a judge without one that fits. What it is
trusted by are the labels of the split `test`, which nobody looked at while the rubric was written.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec

from evals.costs import Usage, add_usages
from evals.judging.asking import Opinion
from evals.judging.labels import LabelledReply, LabelSet
from evals.run_directory import replace_file
from evals.statistics.judge import (
    JudgeCalibration,
    KappaInterval,
    bound_kappa,
    calibrate_judge,
    correct_prevalence,
)
from evals.statistics.rates import Rate, rate_of
from runtime.agent.prompts import Prompt

CALIBRATIONS_DIRECTORY = Path(".parlo") / "calibrations"


class Thresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How well a judge has to agree with people before it decides anything, in a policy as `judges`.

    Attributes:
        labels: The digest of the label set that the judge is to be held against, as `calibrate-judge` prints it;
            None for any.
        kappa: The least Cohen's kappa.
        tpr: The least share of good replies that it calls good.
        tnr: The least share of bad replies that it calls bad.
        low: What the lower end of the 95 % intervals of both shares must reach, so that a handful of labels is no
            proof.
    """

    labels: str | None = None
    kappa: float = 0.6
    tpr: float = 0.8
    tnr: float = 0.8
    low: float = 0.6


class Disagreement(msgspec.Struct, frozen=True):
    """A reply on which judge and people differ."""

    id: str
    asked: str
    reply: str
    label: bool
    why: str
    judged: bool
    reason: str


class PartFigures(msgspec.Struct, frozen=True):
    """One split: the judge against people, and where they differ."""

    figures: JudgeCalibration
    kappa: KappaInterval | None
    called_good: Rate
    disagreements: tuple[Disagreement, ...]


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one judge with one rubric on one set of labels.

    Attributes:
        rubric: `name@version`; `rubric_digest` is the hash of its text.
        model: As it was asked for; `answered_by` as the provider named it, every name that came.
        labels: The digest of the label set.
        labelled_by: Who gave the labels.
        calibrate: Of the split that may be looked at.
        test: Of the other one, by which the judge is trusted.
        corrected: The share of good replies in `test` as the judge's verdicts, corrected by its rates in `calibrate`,
            have it; beside the base rate it shows what the correction is worth. None where nothing can be corrected.
    """

    rubric: str
    rubric_digest: str
    model: str
    answered_by: tuple[str, ...]
    labels: str
    labelled_by: tuple[str, ...]
    created: str
    calibrate: PartFigures
    test: PartFigures
    corrected: float | None
    usage: Usage

    @property
    def file_name(self) -> str:
        """By all that it is bound to."""
        model = re.sub(r"[^\w.-]", "_", self.model)
        return f"{self.rubric}-{self.rubric_digest}-{model}-{self.labels}.json"


class Unanswered(Exception):
    """Some labelled replies got no answer that counts: nothing is known of the judge until they do."""

    def __init__(self, reasons: Sequence[str], total: int) -> None:
        super().__init__(f"{len(reasons)} of {total} labelled replies got no verdict: {reasons[0]}")


def calibrate(rubric: Prompt, model: str, labels: LabelSet, opinions: Sequence[Opinion], created: str) -> Calibration:
    """Hold opinions, one for each labelled reply in order, against the labels.

    Raises:
        Unanswered: One of them is no verdict. Leaving it out would flatter a judge that gives up where it is hard.
    """
    missing = [each.reason for each in opinions if each.passed is None]
    missing += ["not asked any more: the model refuses"] * (len(labels.replies) - len(opinions))
    if missing:
        raise Unanswered(missing, len(labels.replies))
    pairs = list(zip(labels.replies, opinions, strict=True))
    first = _measure(labels.rubric, [pair for pair in pairs if pair[0].split == "calibrate"])
    second = _measure(labels.rubric, [pair for pair in pairs if pair[0].split == "test"])
    return Calibration(
        rubric=rubric.reference,
        rubric_digest=rubric.digest,
        model=model,
        answered_by=tuple(sorted({each.answered_by for each in opinions})),
        labels=labels.digest,
        labelled_by=tuple(sorted({each.by for each in labels.replies})),
        created=created,
        calibrate=first,
        test=second,
        corrected=correct_share(second.called_good, first.figures),
        usage=add_usages(each.usage for each in opinions),
    )


def correct_share(called_good: Rate, figures: JudgeCalibration) -> float | None:
    """The true share of good replies behind the share that this judge calls good; None where that cannot be told."""
    tpr, tnr = figures.tpr.share, figures.tnr.share
    if called_good.share is None or tpr is None or tnr is None or tpr + tnr <= 1:
        return None
    return correct_prevalence(called_good.share, tpr, tnr)


def write_calibration(folder: Path, calibration: Calibration) -> Path:
    """Keep it, whole or not at all; gives its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / calibration.file_name
    replace_file(path, msgspec.json.format(msgspec.json.encode(calibration), indent=1) + b"\n")
    return path


def read_calibrations(folder: Path) -> list[Calibration]:
    """All that are kept there, in the order of their names; none where there is no folder.

    Raises:
        msgspec.DecodeError: A file is not one of ours.
    """
    return [msgspec.json.decode(path.read_bytes(), type=Calibration) for path in sorted(folder.glob("*.json"))]


def explain_distrust(
    found: Sequence[Calibration], key: tuple[str, str, str], answered_by: Collection[str], wanted: Thresholds
) -> str | None:
    """Why a judge may not decide; None where it may.

    Args:
        found: What is known of judges.
        key: The rubric's reference and digest, and the model, of the verdicts in question.
        answered_by: Who the provider says has given them.
        wanted: What a judge must reach.
    """
    reference, digest, model = key
    fitting = [each for each in found if (each.rubric, each.rubric_digest, each.model) == key]
    if not fitting:
        others = [each for each in found if each.rubric.partition("@")[0] == reference.partition("@")[0]]
        there = f"; there is one for {', '.join(sorted({_name(each) for each in others}))}" if others else ""
        return f"not calibrated: no calibration of {reference} ({digest}) with {model}{there}"
    labelled = choose_calibrations(found, key, wanted)
    if not labelled:
        there = ", ".join(sorted({each.labels for each in fitting}))
        return f"not calibrated: held against the labels {there}, and the policy wants {wanted.labels}"
    faults = [_find_fault(each, answered_by, wanted) for each in labelled]
    # the worst of several counts: whoever labels until it fits has not measured anything
    return next((fault for fault in faults if fault is not None), None)


def choose_calibrations(
    found: Sequence[Calibration], key: tuple[str, str, str], wanted: Thresholds
) -> list[Calibration]:
    """Those of this rubric's text and model, on the labels that are wanted."""
    fitting = [each for each in found if (each.rubric, each.rubric_digest, each.model) == key]
    return [each for each in fitting if wanted.labels is None or each.labels == wanted.labels]


def _name(calibration: Calibration) -> str:
    return f"{calibration.rubric} ({calibration.rubric_digest}) with {calibration.model}"


def _find_fault(calibration: Calibration, answered_by: Collection[str], wanted: Thresholds) -> str | None:
    others = {*answered_by} - {*calibration.answered_by}
    if others:
        return f"not calibrated: {', '.join(sorted(others))} answered, and the calibration is of another version"
    figures = calibration.test.figures
    if figures.kappa is None or figures.kappa < wanted.kappa:
        return f"calibrated too poorly: kappa {_show(figures.kappa)}, and {wanted.kappa:g} is wanted"
    for name, rate, least in (("TPR", figures.tpr, wanted.tpr), ("TNR", figures.tnr, wanted.tnr)):
        if rate.share is None or rate.share < least:
            return f"calibrated too poorly: {name} {_show(rate.share)}, and {least:g} is wanted"
        if rate.low < wanted.low:
            return f"calibrated by too few labels: {name} may be as low as {rate.low:.2f}; {wanted.low:g} is wanted"
    return None


def _show(share: float | None) -> str:
    return "unknown" if share is None else f"{share:.2f}"


def _measure(rubric: str, pairs: Sequence[tuple[LabelledReply, Opinion]]) -> PartFigures:
    human = [row.labels[rubric] for row, _ in pairs]
    judge = [opinion.passed is True for _, opinion in pairs]
    figures = calibrate_judge(human, judge)
    return PartFigures(
        figures=figures,
        kappa=bound_kappa(figures),
        called_good=rate_of(sum(judge), len(judge)),
        disagreements=tuple(
            Disagreement(
                row.id,
                row.conversation[-1].text if row.conversation else "",
                row.reply,
                label,
                row.why,
                verdict,
                opinion.reason,
            )
            for (row, opinion), label, verdict in zip(pairs, human, judge, strict=True)
            if label is not verdict
        ),
    )
