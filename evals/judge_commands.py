"""The commands of the optional judge: `judge` asks it about a run's replies, `calibrate-judge` measures it.

`evals.cli` puts them into the program `parlo`. Without a key the offline judge answers, which is rules and no model.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evals.judging.calibrating import Calibration, PartFigures
    from evals.judging.judgements import JudgePlan, Outcomes
    from evals.judging.opening import Judge
    from evals.run_directory import RunReader
    from evals.statistics.rates import Rate

app = typer.Typer()

MOST_TOLD = 10
"""Replies that failed, or on which judge and people differ, that are told; `--json` has all of them."""

Rubric = Annotated[str, typer.Option("--rubric", help="`name@version`, as in evals/judging/rubrics.")]
ModelName = Annotated[str, typer.Option("--model", help="Who judges; `offline` is rules and no model.")]
Drafts = Annotated[
    Path | None, typer.Option("--rubrics", help="A folder of rubrics in the making.", file_okay=False, exists=True)
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before a live model is paid for.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]


@app.command("judge")
def judge_run(  # noqa: PLR0913 - the options of a command
    run: Annotated[str, typer.Argument(help="The run: its directory, name, or `latest`.")],
    rubric: Rubric,
    model: ModelName = "offline",
    sample: Annotated[
        int | None, typer.Option("--sample", help="Judge so many conversations, the same of every run.", min=1)
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Chooses the sample.")] = 0,
    rubrics: Drafts = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Ask a judge about each reply of a run; exit 1 where some got no verdict. Called again, it goes on."""
    from evals.commands import print_json
    from evals.judging.judgements import judge_replies, plan_judging
    from evals.judging.rubrics import load_rubric
    from evals.run_directory import DiskFull, RunReader, find_run
    from runtime.domain.errors import Broken

    try:
        text = load_rubric(rubric, rubrics)
        judge = _open_judge(model)
        reader = RunReader(find_run(run))
        plan = plan_judging(reader, judge, text, sample, seed)
    except (Broken, FileNotFoundError) as error:
        sys.stderr.write(f"parlo: {error}\n")
        raise typer.Exit(2) from error
    _agree(judge, f"{len(plan.left)} replies", plan.usd, yes=yes)
    try:
        outcomes = judge_replies(reader, judge, text, plan.left, Progress(len(plan.left)))
    except DiskFull as error:
        sys.stderr.write("parlo: the disk is full; what was judged is kept, and the same command goes on\n")
        raise typer.Exit(1) from error
    if as_json:
        print_json(_collect(reader, judge, text.reference, text.digest, plan, outcomes))
    else:
        for line in _describe_judged(reader, judge, text.reference, text.digest, plan, outcomes):
            sys.stdout.write(f"{line}\n")
    raise typer.Exit(1 if outcomes.without else 0)


@app.command("calibrate-judge")
def calibrate_judge_command(  # noqa: PLR0913 - the options of a command
    rubric: Rubric,
    labels: Annotated[
        Path, typer.Option("--labels", help="Replies that people have judged: a file, or a folder of them.")
    ] = Path("fixtures/judge"),
    model: ModelName = "offline",
    out: Annotated[Path | None, typer.Option("--out", help="A folder; by default .parlo/calibrations.")] = None,
    rubrics: Drafts = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Hold a judge against people's labels and keep what comes out; the gate trusts no judge without."""
    from evals.commands import print_json
    from evals.costs import price_tokens
    from evals.judging.asking import estimate_tokens, write_request
    from evals.judging.calibrating import CALIBRATIONS_DIRECTORY, Unanswered, calibrate, write_calibration
    from evals.judging.labels import read_labels
    from evals.judging.rubrics import load_rubric, name_of
    from runtime.adapters.system import SystemClock
    from runtime.domain.errors import Broken

    try:
        text = load_rubric(rubric, rubrics)
        judge = _open_judge(model)
    except Broken as error:
        sys.stderr.write(f"parlo: {error}\n")
        raise typer.Exit(2) from error
    found = read_labels(labels, name_of(rubric))
    requests = [write_request(text, each.subject, judge.name) for each in found.replies]
    tokens = [estimate_tokens(each) for each in requests]
    usd = price_tokens((judge.name,), sum(each[0] for each in tokens), sum(each[1] for each in tokens))
    _agree(judge, f"{len(requests)} labelled replies", usd, yes=yes)
    tell, opinions = Progress(len(requests)), []
    for opinion in judge.ask(requests):
        opinions.append(opinion)
        tell(len(opinions))
    try:
        calibration = calibrate(text, judge.name, found, opinions, SystemClock().now().isoformat())
    except Unanswered as error:
        sys.stderr.write(f"parlo: {error}; nothing is known of this judge until all of them do\n")
        raise typer.Exit(1) from error
    path = write_calibration(out or CALIBRATIONS_DIRECTORY, calibration)
    if as_json:
        print_json(calibration)
    else:
        sys.stdout.writelines(f"{line}\n" for line in describe_calibration(calibration, judge.title))
        sys.stdout.write(f"kept in {path}\n")


def describe_calibration(calibration: Calibration, title: str) -> Iterator[str]:
    """The figures of both splits, and where judge and people differ in the one that may be looked at."""
    yield f"{calibration.rubric} ({calibration.rubric_digest}) by {title}, on the labels {calibration.labels}"
    yield f"labelled by {', '.join(calibration.labelled_by)}"
    for name, part in (("calibrate", calibration.calibrate), ("test", calibration.test)):
        yield f"{name}: {_describe_part(part)}"
    if calibration.corrected is not None:
        truth = calibration.test.figures.base_rate
        yield (
            f"corrected by its rates in calibrate, it finds {calibration.corrected:.1%} good in test; people say "
            f"{truth.share or 0.0:.1%}"
        )
    told = calibration.calibrate.disagreements
    for each in told[:MOST_TOLD]:
        said = "good" if each.judged else "bad"
        yield f"  {each.id}: called {said} ({each.reason}); people: {each.why}"
    if len(told) > MOST_TOLD:
        yield f"  … and {len(told) - MOST_TOLD} more"
    yield "those of test are in --json: whoever reads them may not use them to mend the rubric"


def _describe_part(part: PartFigures) -> str:
    figures = part.figures
    kappa = "unknown" if figures.kappa is None else f"{figures.kappa:.2f}"
    if part.kappa is not None:
        kappa += f" ({part.kappa.low:.2f} to {part.kappa.high:.2f})"
    rates = f"TPR {_show(figures.tpr)}, TNR {_show(figures.tnr)}, agreement {_show(figures.agreement)}"
    return f"{figures.n} replies, {figures.base_rate.hits} good: kappa {kappa}, {rates}"


def _show(rate: Rate) -> str:
    if rate.share is None:
        return "unknown"
    return f"{rate.share:.2f} ({rate.low:.2f} to {rate.high:.2f})"


def _open_judge(model: str) -> Judge:
    from evals.judging.opening import Judge
    from runtime.settings import read_settings

    return Judge(model, read_settings(os.environ))


def _agree(judge: Judge, what: str, usd: float | None, *, yes: bool) -> None:
    """Say what is going to be asked and what it costs, and wait for a yes where it costs something."""
    cost = "at an unknown price" if usd is None else f"about ${usd:.2f}" if judge.live else "for nothing"
    sys.stderr.write(f"{judge.title}: {what}, {cost}\n")
    if not judge.live or yes:
        return
    if not sys.stdin.isatty():
        sys.stderr.write("parlo: a live model is paid for; say --yes\n")
        raise typer.Exit(2)
    typer.confirm("Go on?", abort=True, err=True)


class Progress:
    """Says how far it is, ten times in all."""

    def __init__(self, total: int) -> None:
        self._total = total

    def __call__(self, done: int) -> None:
        """So many are done."""
        if done == self._total or done % max(1, self._total // 10) == 0:
            sys.stderr.write(f"judged {done} of {self._total}\n")


def _collect(
    run: RunReader, judge: Judge, reference: str, digest: str, plan: JudgePlan, outcomes: Outcomes
) -> dict[str, object]:
    from evals.judging.judgements import JUDGEMENTS_FILE, read_judgements

    key = reference, digest, judge.name
    kept = [each for each in read_judgements(run.path) if (each.rubric, each.rubric_digest, each.model) == key]
    return {
        "run": run.info.id,
        "rubric": reference,
        "rubric_digest": digest,
        "model": judge.name,
        "replies": plan.all,
        "asked": outcomes.judged + outcomes.without,
        "without": outcomes.without,
        "passed": sum(each.passed is True for each in kept),
        "judged": sum(each.passed is not None for each in kept),
        "usage": outcomes.usage,
        "reasons": outcomes.reasons,
        "failed": [each for each in kept if each.passed is False],
        "file": str(run.path / JUDGEMENTS_FILE),
    }


def _describe_judged(
    run: RunReader, judge: Judge, reference: str, digest: str, plan: JudgePlan, outcomes: Outcomes
) -> Iterator[str]:
    from evals.judging.judgements import JUDGEMENTS_FILE, read_judgements
    from evals.statistics.rates import rate_of

    key = reference, digest, judge.name
    kept = [each for each in read_judgements(run.path) if (each.rubric, each.rubric_digest, each.model) == key]
    said = [each for each in kept if each.passed is not None]
    rate = rate_of(sum(each.passed is True for each in said), len(said))
    yield f"{reference} by {judge.title}: {rate.hits} of {rate.n} replies pass, of {plan.all}, as it sees them"
    if outcomes.without:
        yield f"{outcomes.without} got no verdict: {outcomes.reasons[0]}"
    failed = [each for each in said if not each.passed]
    yield from (f"  ✗ {each.conversation}, event {each.event}: {each.reason}" for each in failed[:MOST_TOLD])
    if len(failed) > MOST_TOLD:
        yield f"  … and {len(failed) - MOST_TOLD} more"
    yield f"kept in {run.path / JUDGEMENTS_FILE}"
