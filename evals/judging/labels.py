"""Replies that people have judged: read from JSON Lines, with every fault and its line.

A row is a reply in context, as a judge sees it, with a label for each rubric by its name, who gave it and why.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from evals.judging.subjects import Line, Subject, ToolUse
from sim.fields import decode_value
from sim.jsonlines import read_json_lines
from sim.problems import MalformedInput, Problem

Part = Literal["calibrate", "test"]


class LabelledReply(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One reply and what people say of it.

    Attributes:
        split: `calibrate` may be looked at while a rubric is written; a judge is trusted by `test` alone.
        labels: By a rubric's name, whether the reply passes.
        by: Who judged it.
        why: In a sentence.
    """

    id: str
    split: Part
    conversation: tuple[Line, ...]
    reply: str
    labels: dict[str, bool]
    by: str
    why: str
    tools: tuple[ToolUse, ...] = ()
    prices: tuple[float, ...] = ()

    @property
    def subject(self) -> Subject:
        """What a judge is shown of it: neither label nor reason."""
        return Subject(self.conversation, self.reply, self.tools, self.prices)


class LabelSet(msgspec.Struct, frozen=True):
    """All replies that have a label for one rubric. `digest` is over replies, labels and splits of just these."""

    rubric: str
    replies: tuple[LabelledReply, ...]
    digest: str

    def list_part(self, part: Part) -> list[LabelledReply]:
        """Those of one split."""
        return [each for each in self.replies if each.split == part]


def read_labels(path: Path, rubric: str) -> LabelSet:
    """The replies of a file, or of all files of a folder, that are labelled for a rubric's name.

    Raises:
        MalformedInput: With every fault and its line; or nothing is labelled for it in one of the splits.
    """
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    problems: list[Problem] = []
    found: dict[str, LabelledReply] = {}
    for number, file, each in _read_rows(files, problems):
        if each.id in found:
            problems.append(Problem(str(file), number, "id", f"{each.id} is there twice"))
        found[each.id] = each
    chosen = tuple(sorted((each for each in found.values() if rubric in each.labels), key=lambda each: each.id))
    if not problems and len({each.split for each in chosen}) < 2:
        problems.append(Problem(str(path), message=f"needs replies labelled for {rubric!r} of both splits"))
    if problems:
        raise MalformedInput(problems)
    told = [(each.id, each.split, each.subject, each.labels[rubric]) for each in chosen]
    return LabelSet(rubric, chosen, hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()[:12])


def _read_rows(files: list[Path], problems: list[Problem]) -> Iterator[tuple[int, Path, LabelledReply]]:
    for file in files:
        for item in read_json_lines(file):
            if isinstance(item, Problem):
                problems.append(item)
                continue
            row = decode_value(item.value, LabelledReply)
            if isinstance(row, list):
                problems += [Problem(str(file), item.number, fault.path, fault.message) for fault in row]
            else:
                yield item.number, file, row
