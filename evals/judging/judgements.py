"""A judge's verdicts on a run's replies: `judgements.jsonl` in the run's directory, a line each, which only grows.

`parlo judge` writes it and goes on where it was; the gate reads it. A later line about the same reply replaces an
earlier one. Which conversations are judged depends on their ids and a seed alone, so two runs of a suite have the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from evals.costs import Usage, add_usages, price_tokens
from evals.judging.asking import Opinion, estimate_tokens, write_request
from evals.judging.opening import Judge
from evals.judging.subjects import Judged, list_subjects
from evals.run_directory import RunReader, append_line, read_whole_lines, replace_file
from runtime.agent.prompts import Prompt

JUDGEMENTS_FILE = "judgements.jsonl"


class Judgement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One verdict.

    Attributes:
        conversation: Its key in the run.
        event: Of the reply, an index into the record's events.
        rubric: `name@version`; `rubric_digest` is the hash of its text.
        model: As it was asked for; `answered_by` as the provider names it.
        subject: The digest of all that the judge was shown.
        passed: None where the judge gave no answer that counts: counted, never scored.
    """

    conversation: str
    event: int
    rubric: str
    rubric_digest: str
    model: str
    subject: str
    passed: bool | None
    reason: str
    answered_by: str = ""
    usage: Usage = Usage()

    @property
    def place(self) -> tuple[str, int, str, str, str, str]:
        """What it is a verdict on, and whose: equal for a verdict that takes its place."""
        return self.conversation, self.event, self.rubric, self.rubric_digest, self.model, self.subject


class JudgePlan(msgspec.Struct, frozen=True):
    """What is left to be judged in a run, and what that is going to take.

    Attributes:
        left: Replies without a verdict, in the run's order.
        all: How many replies there are in the conversations that were chosen.
        usd: None where the model's price is not known.
    """

    left: tuple[Judged, ...]
    all: int
    input_tokens: int
    output_tokens: int
    usd: float | None


class Outcomes(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge has said of a run so far.

    Attributes:
        without: Replies on which it gave no answer that counts.
        reasons: Why, one each.
    """

    judged: int
    passed: int
    without: int
    reasons: tuple[str, ...]
    usage: Usage


def choose_subjects(run: RunReader, sample: int | None = None, seed: int = 0) -> list[Judged]:
    """The replies of a run, or of `sample` conversations of it, each with all its trials."""
    by_case: dict[str, list[Judged]] = {}
    for record in run.records():
        by_case.setdefault(record.id, []).extend(list_subjects(record))
    ids = sorted(by_case, key=lambda case: hashlib.sha256(f"{seed}|judge|{case}".encode()).digest())
    chosen = {*ids[:sample]}
    return [each for case, found in by_case.items() if case in chosen for each in found]


def plan_judging(run: RunReader, judge: Judge, rubric: Prompt, sample: int | None, seed: int) -> JudgePlan:
    """See what is left to be judged, before anything is spent."""
    subjects = choose_subjects(run, sample, seed)
    done = {each.place for each in read_judgements(run.path) if each.passed is not None}
    left = [each for each in subjects if _place(each, judge.name, rubric) not in done]
    tokens = [estimate_tokens(write_request(rubric, each.subject, judge.name)) for each in left]
    read, written = sum(each[0] for each in tokens), sum(each[1] for each in tokens)
    return JudgePlan(tuple(left), len(subjects), read, written, price_tokens((judge.name,), read, written))


def judge_replies(
    run: RunReader, judge: Judge, rubric: Prompt, subjects: Sequence[Judged], tell: Callable[[int], None]
) -> Outcomes:
    """Ask about each reply and keep each verdict as it comes.

    Args:
        run: Gets the verdicts.
        judge: Who is asked.
        rubric: What.
        subjects: The replies.
        tell: Hears how many are done.

    Raises:
        DiskFull: There is no room; what was judged before is kept.
    """
    _mend(run.path / JUDGEMENTS_FILE)
    opinions = judge.ask([write_request(rubric, each.subject, judge.name) for each in subjects])
    found: list[Opinion] = []
    for subject, opinion in zip(subjects, opinions, strict=False):
        append_line(run.path / JUDGEMENTS_FILE, msgspec.json.encode(_write(subject, judge.name, rubric, opinion)))
        found.append(opinion)
        tell(len(found))
    said = [each for each in found if each.passed is not None]
    unasked = len(subjects) - len(found)
    return Outcomes(
        judged=len(said),
        passed=sum(each.passed is True for each in said),
        without=len(subjects) - len(said),
        reasons=(
            *(each.reason for each in found if each.passed is None),
            *(["not asked any more: the model refuses"] * unasked),
        ),
        usage=add_usages(each.usage for each in found),
    )


def read_judgements(run: Path) -> list[Judgement]:
    """All verdicts of a run, the latest on each reply; a torn last line is left out.

    Raises:
        msgspec.DecodeError: A line is not one of ours.
    """
    found: dict[tuple[str, int, str, str, str, str], Judgement] = {}
    for raw in read_whole_lines(run / JUDGEMENTS_FILE):
        each = msgspec.json.decode(raw, type=Judgement)
        found[each.place] = each
    return list(found.values())


def _mend(path: Path) -> None:
    """Take away what a kill left of a last line, so that the next one is not written behind it."""
    if path.exists() and not path.read_bytes().endswith(b"\n"):
        replace_file(path, b"".join(line + b"\n" for line in read_whole_lines(path)))


def _place(judged: Judged, model: str, rubric: Prompt) -> tuple[str, int, str, str, str, str]:
    return judged.key, judged.event, rubric.reference, rubric.digest, model, judged.subject.digest


def _write(judged: Judged, model: str, rubric: Prompt, opinion: Opinion) -> Judgement:
    return Judgement(
        conversation=judged.key,
        event=judged.event,
        rubric=rubric.reference,
        rubric_digest=rubric.digest,
        model=model,
        subject=judged.subject.digest,
        passed=opinion.passed,
        reason=opinion.reason,
        answered_by=opinion.answered_by,
        usage=opinion.usage,
    )
