"""A suite in figures: how many of what, in which split, for the terminal and for `--json`. It only counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evals.classifying import LABELS
from evals.datasets.checking import Finding
from evals.datasets.manifest import Split
from evals.datasets.suites import Conversation, Suite, Utterance

SHORT_HASH = 12
MOST_TAGS = 4


class SetOverview(msgspec.Struct, frozen=True):
    """One file of labelled messages: rows by split, and by label and split."""

    task: str
    file: str
    rows: int
    splits: dict[str, int]
    labels: dict[str, dict[str, int]]
    tags: dict[str, dict[str, int]]


class SuiteOverview(msgspec.Struct, frozen=True, kw_only=True):
    """A suite. Under each tag and label stand counts by split."""

    name: str
    description: str
    path: str
    hash: str
    conversations: int
    utterances: int
    splits: dict[str, int]
    tags: dict[str, dict[str, int]]
    sets: list[SetOverview]
    must_pass: list[str]
    findings: list[Finding] | None = None


def describe_suite(suite: Suite, findings: Sequence[Finding] | None = None) -> SuiteOverview:
    """Count a suite up; `findings` are those of its check, where it was made."""
    return SuiteOverview(
        name=suite.name,
        description=suite.description,
        path=str(suite.path),
        hash=suite.content_hash,
        conversations=len(suite.conversations),
        utterances=len(suite.rows),
        splits=_count(suite.conversations),
        tags=_count_by_tag(suite.conversations),
        sets=[
            SetOverview(
                task=each.task,
                file=each.file,
                rows=len(each.items),
                splits=_count(each.items),
                labels={
                    label: _count(item for item in each.items if item.row.label == label) for label in LABELS[each.task]
                },
                tags=_count_by_tag(each.items),
            )
            for each in suite.utterances
        ],
        must_pass=list(suite.must_pass),
        findings=list(findings) if findings is not None else None,
    )


def _count(items: Iterable[Conversation | Utterance]) -> dict[str, int]:
    counts = Counter(item.split for item in items)
    return {split: counts[split] for split in Split}


def _count_by_tag(items: Sequence[Conversation | Utterance]) -> dict[str, dict[str, int]]:
    sizes = Counter(tag for item in items for tag in item.tags)
    ordered = sorted(sizes, key=lambda tag: (-sizes[tag], tag))
    return {tag: _count(item for item in items if tag in item.tags) for tag in ordered}


def print_suites(overviews: Sequence[SuiteOverview], console: Console | None = None) -> None:
    """One row for each suite."""
    table = Table("suite", "conversations", "dev / test", "must pass", "messages")
    table.add_column("hash", no_wrap=True)
    table.add_column("tags")
    for each in overviews:
        named = list(each.tags)
        more = f" and {len(named) - MOST_TAGS} more" if len(named) > MOST_TAGS else ""
        splits = " / ".join(str(n) for n in each.splits.values())
        counts = (str(each.conversations), splits, str(len(each.must_pass)), str(each.utterances))
        table.add_row(each.name, *counts, each.hash[:SHORT_HASH], Text(", ".join(named[:MOST_TAGS]) + more))
    (console or Console()).print(table)


def print_suite(overview: SuiteOverview, console: Console | None = None) -> None:
    """Everything about one suite; then what its check found."""
    console = console or Console()
    console.print(Text(f"{overview.name} ({overview.path})"))
    console.print(Text(overview.description)) if overview.description else None
    console.print(Text(f"{overview.conversations} conversations, {overview.utterances} labelled messages"))
    console.print(Text(f"hash {overview.hash}"))
    if overview.tags:
        console.print(_tabulate("tag of conversations", {"all of them": overview.splits, **overview.tags}))
    for each in overview.sets:
        console.print(_tabulate(f"label of {each.task}", {"all of them": each.splits, **each.labels, **each.tags}))
    console.print(Text(f"{len(overview.must_pass)} must pass: {', '.join(overview.must_pass) or 'none'}"))
    if overview.findings is not None:
        print_findings(overview.findings, console)


def print_findings(findings: Sequence[Finding], console: Console) -> None:
    """A line for each."""
    for each in findings:
        console.print(Text(f"{each.kind}: {' and '.join(each.places)}: {each.message}"), soft_wrap=True)
    console.print(Text(f"{len(findings)} found" if findings else "nothing found"))


def _tabulate(title: str, counts: dict[str, dict[str, int]]) -> Table:
    table = Table(title, "items", *Split)
    for name, splits in counts.items():
        table.add_row(Text(name), str(sum(splits.values())), *(str(splits[split]) for split in Split))
    return table
