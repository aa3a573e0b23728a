"""Baselines: runs kept in the repository, which CI gates every change against.

A baseline is a run's directory, reduced to what a comparison needs, and read as any run is: `baseline:core` names
`fixtures/baselines/core`. The same behaviour gives the same bytes, so that only a change of behaviour shows in a diff.
Only `parlo bless` writes here, and the baseline's `HISTORY.md` says who did, why, and what changed.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from evals.comparing.alignment import Change
from evals.comparing.comparison import Comparison, compare_runs
from evals.comparing.summarizing import escape, set_code
from evals.run_directory import (
    BASELINE_PREFIX,
    BASELINES_DIR,
    EVENTS_FILE,
    RUN_FILE,
    SCORES_FILE,
    RunInfo,
    RunReader,
    RunState,
    RunWriter,
    write_lines,
    write_short_scores,
)
from evals.verdicts import Verdict
from runtime.domain.errors import Broken
from sim.record import ConversationRecord, Event, EventKind
from sim.stage import SETTINGS, describe_prompts

HISTORY_FILE = "HISTORY.md"
MOST_NAMED = 20
"""Conversations that a line of the history names."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LEFT_OUT = frozenset(
    {EventKind.ACCEPTED, EventKind.STATUS, EventKind.CLOCK, EventKind.TASK, EventKind.FAULT, EventKind.ERROR}
) | {EventKind.EXPECT}
_DROPPED_DATA = {
    EventKind.SEND: ("outbox",),
    EventKind.ROUTE: ("reason",),
    EventKind.TOOL: ("result",),
    EventKind.MODEL: ("finish", "turn"),
}


class Blessing(msgspec.Struct, frozen=True, kw_only=True):
    """What is to become of a baseline.

    Attributes:
        by: Who answers for it.
        why: In a sentence or two.
        when: ISO 8601; only the day is kept.
        new_suite: The run may be of other conversations than the baseline is, or the first one.
        dirty: The run may be of code that is not committed; the history says so.
    """

    by: str
    why: str
    when: str
    new_suite: bool = False
    dirty: bool = False


def bless(
    run: Path,
    name: str,
    blessing: Blessing,
    *,
    folder: Path = BASELINES_DIR,
    show: Callable[[Comparison], None] = lambda _: None,
) -> bool:
    """Make a run the baseline of this name, and write down who did it, why, and what it changes.

    Args:
        run: The run's directory.
        name: The baseline's.
        blessing: Who, why and when.
        folder: Where baselines are kept.
        show: Is shown the comparison with the present baseline, before anything is written.

    Returns:
        Whether anything changed; a run that does just what the baseline says leaves every byte as it is.

    Raises:
        Broken: Nobody or nothing is named, the run is no whole run of production, or cannot be compared.
        OSError: It cannot be written; the present baseline stays.
    """
    if not _NAME.fullmatch(name):
        raise Broken(f"{name!r} is no name of a baseline: a-z, 0-9, - and _")
    if not blessing.by.strip() or not blessing.why.strip():
        raise Broken("a baseline is blessed by somebody (--by NAME) and for a reason (--why TEXT)")
    reader = RunReader(run)
    refusals = [*_find_refusals(reader.info, dirty=blessing.dirty)]
    if refusals:
        raise Broken(f"{run} cannot be a baseline: " + "; ".join(refusals))
    comparison = _compare_with_present(folder / name, reader, new_suite=blessing.new_suite)
    if comparison is not None:
        show(comparison)
    draft = folder / f".{name}.{os.getpid()}"
    try:
        write_reduced(reader, draft / name, f"{BASELINE_PREFIX}{name}")
        if _is_same(draft / name, folder / name):
            return False
        _write_history(folder / name, draft / name, _describe(reader.info, comparison, blessing))
        _put_in_place(draft / name, folder / name, draft / "present")
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return True


def write_reduced(reader: RunReader, path: Path, identifier: str) -> None:
    """Write a run's reduced copy, in the order of ids, without times, machines and versions."""
    info = msgspec.structs.replace(reader.info, id=identifier)
    places, verdicts = reader.index(), reader.verdicts()
    with RunWriter(path, info) as writer:
        for _, place in sorted(places.items()):
            record = reader.read(place)
            writer.add(*reduce_record(record, verdicts.get(record.key, [])))
        writer.finish(0.0)
    kept = RunReader(path).verdicts()
    (path / SCORES_FILE).unlink()
    for conversation in sorted(kept):
        write_short_scores(path / SCORES_FILE, conversation, kept[conversation])
    info = msgspec.structs.replace(RunReader(path).info, created="", code_version="", python="", summary=None)
    write_lines(path / RUN_FILE, [msgspec.json.format(msgspec.json.encode(info, order="deterministic")).decode(), "\n"])


def reduce_record(record: ConversationRecord, verdicts: Sequence[Verdict]) -> tuple[ConversationRecord, list[Verdict]]:
    """A conversation as far as a comparison reads it.

    Who wrote what, how it was routed, which tools were called, what was sent and the rows at the end; of verdicts that
    were met, only that they were. Ids are replaced by the order in which they appear.
    """
    names: dict[str, dict[str, str]] = {}
    events: list[Event] = []
    places: list[int | None] = []
    said: int | None = None
    for event in record.events:
        if event.kind in _LEFT_OUT:
            # what a scorer found there is told at the message before, as a comparison does
            places.append(said)
            continue
        places.append(len(events))
        said = len(events) if event.kind is EventKind.SAY else said
        events.append(msgspec.structs.replace(event, t=round(event.t, 1), data=_reduce_data(event, names)))
    reduced = msgspec.structs.replace(
        record,
        events=events,
        file="/".join(PurePosixPath(record.file.replace("\\", "/")).parts[-2:]),
        final=msgspec.structs.replace(record.final, messages=[]),
        expectations=[],
        prices=[],
        clock_times=[],
        durations=[],
        wall_s=0.0,
    )
    return reduced, [*_reduce_verdicts(verdicts, places)]


def _reduce_data(event: Event, names: dict[str, dict[str, str]]) -> dict[str, object]:
    kept = {name: each for name, each in event.data.items() if name not in _DROPPED_DATA.get(event.kind, ())}
    for field, prefix in (("turn", "t"), ("sid", "m")):
        if kept.get(field):
            kept[field] = _rename(str(kept[field]), prefix, names)
    if event.kind is EventKind.TOOL:
        kept["arguments"] = _rename_within(kept.get("arguments"), names)
        result = event.data.get("result")
        if event.data.get("ok") is False and isinstance(result, dict) and isinstance(result.get("error"), dict):
            kept["result"] = {"error": {"code": result["error"].get("code")}}
    return kept


def _rename(identifier: str, prefix: str, names: dict[str, dict[str, str]]) -> str:
    """Of each kind a numbering of its own, as a comparison numbers what tools name."""
    numbered = names.setdefault(prefix, {})
    return numbered.setdefault(identifier, f"{prefix}{len(numbered) + 1}")


def _rename_within(arguments: object, names: dict[str, dict[str, str]]) -> object:
    text = msgspec.json.encode(arguments, order="sorted").decode()
    return msgspec.json.decode(_ID.sub(lambda found: _rename(found.group(), "#", names), text))


def _reduce_verdicts(verdicts: Sequence[Verdict], places: Sequence[int | None]) -> Iterator[Verdict]:
    for verdict in verdicts:
        if verdict.met:
            yield msgspec.structs.replace(verdict, reason="", event=None)
            continue
        at = places[verdict.event] if verdict.event is not None and verdict.event < len(places) else None
        yield msgspec.structs.replace(verdict, event=at)


def _find_refusals(info: RunInfo, *, dirty: bool) -> Iterator[str]:
    if info.state is not RunState.FINISHED or info.counts.get("finished", 0) < info.planned:
        yield f"it is {info.state} with {info.counts.get('finished', 0)} of {info.planned}; go on with --resume"
    if info.counts.get("not_run"):
        yield f"{info.counts['not_run']} conversations did not run"
    if info.mode != "free":
        yield f"its mode is {info.mode}, and production's is free"
    if info.prompts != describe_prompts(SETTINGS):
        yield "its prompts are not production's: put the new ones there first"
    if info.locks != {"booking": SETTINGS.booking_lock, "conversation": SETTINGS.conversation_lock}:
        yield "its locks are not production's"
    for code in dict.fromkeys((info.code_version, info.scored_by)):
        if not dirty and (code.endswith("-dirty") or code in ("", "unknown")):
            yield f"its code ({code or 'unknown'}) is in no commit: commit and evaluate again, or say --dirty"


def _compare_with_present(present: Path, reader: RunReader, *, new_suite: bool) -> Comparison | None:
    if not (present / RUN_FILE).is_file():
        if not new_suite:
            raise Broken(f"there is no baseline {present.name} yet: --new-suite begins one")
        return None
    comparison = compare_runs(RunReader(present), reader)
    if comparison.incomparable and not new_suite:
        reasons = "; ".join(comparison.incomparable)
        raise Broken(f"it cannot be compared with the present baseline ({reasons}): if that is meant, say --new-suite")
    return comparison


def _is_same(draft: Path, present: Path) -> bool:
    files = (RUN_FILE, EVENTS_FILE, SCORES_FILE)
    return all(
        (present / each).is_file() and (present / each).read_bytes() == (draft / each).read_bytes() for each in files
    )


def _describe(info: RunInfo, comparison: Comparison | None, blessing: Blessing) -> Iterator[str]:
    """One entry of the history."""
    yield f"\n## {blessing.when[:10]}, {escape(blessing.by)}\n\n{escape(blessing.why)}\n\n"
    yield f"- code {set_code(info.code_version or 'unknown')}, suite {set_code(info.suite)} ({info.suite_hash[:12]})\n"
    if comparison is None:
        yield f"- the first: {info.counts.get('finished', 0)} conversations, {info.counts.get('passed', 0)} passed\n"
        return
    yield from (f"- not comparable: {escape(reason)}\n" for reason in comparison.incomparable)
    before, after = comparison.first.prompts, comparison.second.prompts
    for reference in sorted({*before} | {*after}):
        if before.get(reference) != after.get(reference):
            yield f"- prompt {set_code(reference)}: {before.get(reference, 'none')} → {after.get(reference, 'gone')}\n"
    rate = comparison.pass_rate
    if rate is not None:
        yield f"- {comparison.compared} conversations: {rate.before:.1%} passed before, {rate.after:.1%} now\n"
    yield "- turns: " + ", ".join(f"{comparison.turns[change]} {change}" for change in Change) + "\n"
    for change in (Change.BROKEN, Change.FIXED, Change.CHANGED):
        ids = [case.id for case in comparison.cases if case.change is change]
        if ids:
            more = f" and {len(ids) - MOST_NAMED} more" if len(ids) > MOST_NAMED else ""
            yield f"- {change}: {', '.join(set_code(each) for each in ids[:MOST_NAMED])}{more}\n"


def _write_history(present: Path, draft: Path, entry: Iterator[str]) -> None:
    history = present / HISTORY_FILE
    if history.is_file():
        before = history.read_text(encoding="utf-8")
    else:
        before = f"# History of the baseline {present.name}\n\nWritten by `parlo bless`, the latest entry last.\n"
    write_lines(draft / HISTORY_FILE, [before, *entry])


def _put_in_place(draft: Path, present: Path, aside: Path) -> None:
    """All files at once: the old folder steps aside, the new one takes its place, or the old one comes back."""
    existed = present.exists()
    if existed:
        present.rename(aside)
    try:
        draft.rename(present)
    except OSError:
        if existed:
            aside.rename(present)
        raise
