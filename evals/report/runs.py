"""The report of a run. `evals.report` hands it on; it reads the run's directory and nothing else.

Conversations are read twice, one at a time: once to count, and in the order in which they are shown to draw them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from evals.classifying import Classified
from evals.coverage import Coverage, CoverageTally
from evals.reading import Reading
from evals.report.confusion import Confusion, Matrix, flatten_confusion, make_matrix
from evals.report.conversations import make_entry
from evals.report.environment import render_page
from evals.report.packing import pack_entries
from evals.report.slices import Slices
from evals.report.timeline import find_divergence
from evals.run_directory import REPORT_FILE, RunReader, write_lines
from evals.summary import GroupRow, Summary
from evals.verdicts import Outcome, Verdict, outcome_of

CONVERSATIONS_SHOWN = 3000


def write_report(run_dir: Path, *, limit: int = CONVERSATIONS_SHOWN, classified: Sequence[Classified] = ()) -> Path:
    """Write `report.html` into a run's directory and return its path.

    Worst conversations come first; past `limit` the rest (passed ones, as a rule) is only counted.

    Args:
        run_dir: The run's directory.
        limit: Conversations that are drawn.
        classified: What labelled messages were taken for; each is a confusion matrix more.
    """
    reader = RunReader(run_dir)
    verdicts, places = reader.verdicts(), reader.index()
    order = rank(list(places), verdicts)
    summary = reader.summarize()
    counted = _count(reader, verdicts)
    listing = pack_entries(
        make_entry(number, reader.read(places[each]), verdicts.get(each, []))
        for number, each in enumerate(order[:limit])
    )
    page = render_page(
        "run.html.j2",
        listing,
        info=reader.info,
        summary=summary,
        routes=sorted(summary.routes.items(), key=lambda item: (-item[1], item[0])),
        most_routed=max(summary.routes.values(), default=1),
        groups_of=_list_groups(summary, counted.slices),
        matrices=[*counted.matrices, *(make_matrix(str(each.task), flatten_confusion(each)) for each in classified)],
        diverged=counted.diverged,
        coverage=counted.coverage,
        left_out=len(order) - listing.count,
    )
    path = run_dir / REPORT_FILE
    write_lines(path, page)
    return path


def rank(ids: Sequence[str], verdicts: Mapping[str, Sequence[Verdict]]) -> list[str]:
    """Conversations that did not run, then broken ones by how much is broken, then passed ones as they ran."""

    def badness(identifier: str) -> tuple[int, int, int]:
        found = verdicts.get(identifier, [])
        outcome = outcome_of(found)
        place = {Outcome.NOT_RUN: 0, Outcome.BROKEN: 1, Outcome.PASSED: 2}[outcome]
        return place, -sum(v.violation for v in found), -sum(v.broken for v in found)

    return sorted(ids, key=badness)


class _Counted(msgspec.Struct, frozen=True):
    """What is not in the summary: further slices, matrices, how many conversations left their recording, coverage."""

    slices: Mapping[str, list[GroupRow]]
    matrices: Sequence[Matrix]
    diverged: int
    coverage: Coverage


def _count(reader: RunReader, verdicts: Mapping[str, Sequence[Verdict]]) -> _Counted:
    languages, parts, confusion, coverage, diverged = Slices(), Slices(), Confusion(), CoverageTally(), 0
    splits = reader.info.splits
    for record in reader.records():
        coverage.add(record)
        found = verdicts.get(record.key, [])
        languages.add(record.lang, record.id, found)
        if record.id in splits:
            parts.add(splits[record.id], record.id, found)
        diverged += find_divergence(record) is not None
        if record.failure is None:
            confusion.add(Reading(record))
    slices = {"Split": parts.rows(), "Language": languages.rows()}
    return _Counted(slices, confusion.matrices(), diverged, coverage.sum_up(reader.info.id))


def _list_groups(summary: Summary, slices: Mapping[str, list[GroupRow]]) -> Sequence[tuple[str, Sequence[GroupRow]]]:
    """What slices are cut by, and their rows; a single slice is shown only where there is nothing else."""
    found = [("Tag", summary.tags), ("Folder", summary.folders), *slices.items()]
    useful = [(name, rows) for name, rows in found if len(rows) > 1 or (name == "Tag" and rows)]
    return useful or [("Folder", summary.folders)]
