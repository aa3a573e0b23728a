"""What a whole run came to: the object that `--json` prints and the figures of scoreboard and report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TypedDict

import msgspec

from evals.costs import ConversationUsage, Usage, add_usages, measure_usage
from evals.date_resolution import DateScores, ResolvedDate, resolve_dates, sum_up_dates
from evals.divergences import DivergenceTally, OnPolicy
from evals.handoff_timing import HandoffTimes, TimedStep, sum_up_handoffs, time_handoffs
from evals.measures import Figure, Measured, measure_conversation, sum_up_measures
from evals.reading import Reading, error_code
from evals.repetition import PassHat, estimate_pass_hats
from evals.scorers.one_route_one_end import FINAL_STATES
from evals.statistics.rates import Rate, rate_of, rate_of_clusters
from evals.verdicts import Outcome, Verdict, VerdictKind, outcome_of
from sim.record import ConversationRecord, EventKind

_SUMS = (
    *("messages_in", "final", "replies", "handoffs", "appointments", "tasks"),
    *("model_calls", "input_tokens", "output_tokens"),
)


class Violation(msgspec.Struct, frozen=True):
    """A broken rule and where."""

    conversation: str
    rule: str
    reason: str


class GroupRow(msgspec.Struct, frozen=True):
    """One line of the scoreboard: a folder, a tag or everything."""

    name: str
    conversations: int
    passed: int
    not_run: int
    met: int
    expected: int
    violations: int
    rate: Rate


class ScorerRow(msgspec.Struct, frozen=True):
    """One scorer over all conversations; the rate counts verdicts, clustered by conversation."""

    name: str
    rate: Rate


class ToolRow(msgspec.Struct, frozen=True):
    """One tool over all conversations, with its refusals by code."""

    name: str
    calls: int
    ok: int
    refusals: dict[str, int]


class Worst(msgspec.Struct, frozen=True):
    """A conversation with something broken, or that did not run, and the first reason why."""

    id: str
    title: str
    outcome: Outcome
    broken: int
    reason: str


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A run in figures.

    `final` counts the inbound messages that reached done, ignored or dead; `failed` the
    conversations whose harness broke (counted, not scored). `violations` counts broken rules,
    listed in `violation_list`. `replies` counts messages Parlo sent, relays and notices too.
    `pass_rate` is over scored conversations, `expectation_rate` over expectations. Where conversations were replayed
    several times, each trial counts as one in all of this, and intervals are clustered by conversation: `cases`
    counts the different ones, and `repeats` says how often k tries of one all pass (pass^k). `usage` is what models
    were asked, and what that cost, `usages` of each conversation; also of those that are not scored. `measures` are
    what a turn and a conversation took, of those that ran, and `handoff_times` how soon people were fetched and let go;
    `dates` are what became of customers' words for days and times.
    """

    conversations: int
    messages_in: int
    final: int
    failed: int
    routes: dict[str, int]
    replies: int
    handoffs: int
    appointments: int
    violations: int
    expectations_met: int
    expectations_total: int
    passed: int
    pass_rate: Rate
    expectation_rate: Rate
    tasks: int
    model_calls: int
    input_tokens: int
    output_tokens: int
    wall_s: float
    messages_per_s: float
    inbox: dict[str, int]
    outbox: dict[str, int]
    tools: list[ToolRow]
    scorers: list[ScorerRow]
    folders: list[GroupRow]
    tags: list[GroupRow]
    violation_list: list[Violation]
    worst: list[Worst]
    divergence: OnPolicy = OnPolicy()
    cases: int = 0
    trials: int = 1
    repeats: list[PassHat] = []
    usage: Usage = Usage()
    usages: list[ConversationUsage] = []
    models: tuple[str, ...] = ()
    measures: list[Figure] = []
    handoff_times: HandoffTimes = HandoffTimes()
    dates: DateScores = DateScores()

    @property
    def good(self) -> bool:
        """True where everything ran, every expectation is met and no rule is broken."""
        return self.failed == 0 and self.passed == self.conversations


class _Line(msgspec.Struct, frozen=True):
    """What remains of one conversation once it is counted."""

    id: str
    title: str
    folder: str
    tags: tuple[str, ...]
    outcome: Outcome
    met: int
    expected: int
    violations: int
    verdicts: tuple[Verdict, ...]
    case: str


class Tally:
    """Counts records one at a time, so that a long run never has to be held in memory."""

    def __init__(self) -> None:
        self._lines: list[_Line] = []
        self._routes: Counter[str] = Counter()
        self._inbox: Counter[str] = Counter()
        self._outbox: Counter[str] = Counter()
        self._sums: Counter[str] = Counter()
        self._calls: Counter[str] = Counter()
        self._ok: Counter[str] = Counter()
        self._refusals: dict[str, Counter[str]] = {}
        self._wall_s = 0.0
        self._divergences = DivergenceTally()
        self._usages: list[ConversationUsage] = []
        self._models: set[str] = set()
        self._measured: dict[str, list[Measured]] = {}
        self._timed: list[tuple[str, list[TimedStep]]] = []
        self._resolved: list[tuple[str, list[ResolvedDate]]] = []

    def add(self, record: ConversationRecord, verdicts: Sequence[Verdict]) -> Outcome:
        """Count one conversation and say what became of it."""
        outcome = outcome_of(verdicts)
        expected = [v for v in verdicts if v.kind is VerdictKind.EXPECTATION and v.value is not None]
        self._lines.append(
            _Line(
                id=record.key,
                case=record.id,
                title=record.title,
                folder=_folder_of(record),
                tags=tuple(record.tags),
                outcome=outcome,
                met=sum(v.met for v in expected),
                expected=len(expected),
                violations=sum(v.violation for v in verdicts),
                verdicts=tuple(verdicts),
            )
        )
        self._wall_s += record.wall_s
        self._usages.append(ConversationUsage(record.key, measure_usage(record)))
        self._models.add(record.model)
        if outcome is not Outcome.NOT_RUN:
            reading = Reading(record)
            self._count_events(reading)
            self._measured.setdefault(record.id, []).append(measure_conversation(reading))
            self._timed.append((record.key, time_handoffs(reading)))
            self._resolved.append((record.key, resolve_dates(reading)))
        if record.failure is None:
            self._divergences.add(record, verdicts)
        return outcome

    def _count_events(self, reading: Reading) -> None:
        record = reading.record
        self._routes.update(r.data.case for r in reading.routes)
        self._inbox.update(record.final.inbox)
        self._outbox.update(s.data.origin or "unknown" for s in reading.sends)
        self._sums["messages_in"] += len(reading.messages)
        self._sums["final"] += sum(n for state, n in record.final.inbox.items() if state in FINAL_STATES)
        self._sums["replies"] += len(reading.sends)
        self._sums["handoffs"] += len(record.final.handoffs)
        self._sums["appointments"] += len(record.final.appointments)
        self._sums["tasks"] += len(record.final.tasks)
        for tool in reading.tools:
            self._calls[tool.data.name] += 1
            self._ok[tool.data.name] += tool.data.ok
            if not tool.data.ok:
                self._refusals.setdefault(tool.data.name, Counter())[error_code(tool.data) or "no code"] += 1
        for event in record.events:
            if event.kind is EventKind.MODEL:
                self._sums["model_calls"] += 1
                for side in ("input_tokens", "output_tokens"):
                    tokens = event.data.get(side)
                    self._sums[side] += tokens if isinstance(tokens, int) else 0

    def summarize(self, wall_s: float | None = None) -> Summary:
        """The figures so far. `wall_s` is the run's own real time; without it, the conversations' summed."""
        lines = self._lines
        wall = self._wall_s if wall_s is None else wall_s
        ran = [line for line in lines if line.outcome is not Outcome.NOT_RUN]
        passed = sum(line.outcome is Outcome.PASSED for line in ran)
        sums = {name: self._sums[name] for name in _SUMS}
        return Summary(
            **sums,
            conversations=len(lines),
            failed=len(lines) - len(ran),
            routes=dict(sorted(self._routes.items())),
            violations=sum(line.violations for line in lines),
            expectations_met=sum(line.met for line in lines),
            expectations_total=sum(line.expected for line in lines),
            passed=passed,
            pass_rate=_rate_passed(ran),
            expectation_rate=rate_of_clusters(_sum_cases((line.case, line.met, line.expected) for line in ran)),
            wall_s=round(wall, 3),
            messages_per_s=round(self._sums["messages_in"] / wall, 1) if wall > 0 else 0.0,
            inbox=dict(sorted(self._inbox.items())),
            outbox=dict(sorted(self._outbox.items())),
            tools=self._tool_rows(),
            scorers=_scorer_rows(lines),
            folders=_group_rows(lines, lambda line: (line.folder,)),
            tags=_group_rows(lines, lambda line: line.tags),
            violation_list=[
                Violation(line.id, v.scorer, v.reason) for line in lines for v in line.verdicts if v.violation
            ],
            worst=_rank_worst(lines),
            divergence=self._divergences.summarize(),
            **_describe_repeats(lines),
            usage=add_usages(each.usage for each in self._usages),
            usages=self._usages,
            models=tuple(sorted(self._models)),
            measures=sum_up_measures(self._measured),
            handoff_times=sum_up_handoffs(self._timed),
            dates=sum_up_dates(self._resolved),
        )

    def _tool_rows(self) -> list[ToolRow]:
        return [
            ToolRow(name, calls, self._ok[name], dict(sorted(self._refusals.get(name, Counter()).items())))
            for name, calls in sorted(self._calls.items())
        ]


def summarize(
    records: Iterable[ConversationRecord],
    verdicts: Mapping[str, Sequence[Verdict]],
    *,
    wall_s: float | None = None,
) -> Summary:
    """The figures of a run; `verdicts` by a conversation's key, one entry for each record."""
    tally = Tally()
    for record in records:
        tally.add(record, verdicts[record.key])
    return tally.summarize(wall_s)


def _folder_of(record: ConversationRecord) -> str:
    parent = PurePosixPath(record.file.replace("\\", "/")).parent.name
    return parent or record.source or "–"


def _group_rows(lines: Sequence[_Line], keys: Callable[[_Line], Iterable[str]]) -> list[GroupRow]:
    groups: dict[str, list[_Line]] = {}
    for line in lines:
        for key in dict.fromkeys(keys(line)):
            groups.setdefault(key, []).append(line)
    return [_group_row(name, group) for name, group in sorted(groups.items())]


def _group_row(name: str, lines: Sequence[_Line]) -> GroupRow:
    ran = [line for line in lines if line.outcome is not Outcome.NOT_RUN]
    passed = sum(line.outcome is Outcome.PASSED for line in ran)
    return GroupRow(
        name=name,
        conversations=len(lines),
        passed=passed,
        not_run=len(lines) - len(ran),
        met=sum(line.met for line in lines),
        expected=sum(line.expected for line in lines),
        violations=sum(line.violations for line in lines),
        rate=_rate_passed(ran),
    )


def _rate_passed(ran: Sequence[_Line]) -> Rate:
    """Of each conversation once, an independent rate; with several trials, one clustered by conversation."""
    cases = _sum_cases((line.case, int(line.outcome is Outcome.PASSED), 1) for line in ran)
    if len(cases) == len(ran):
        return rate_of(sum(hits for hits, _ in cases), len(ran))
    return rate_of_clusters(cases)


def _sum_cases(counts: Iterable[tuple[str, int, int]]) -> list[tuple[int, int]]:
    """(hits, of how many) of each conversation, its trials together."""
    found: dict[str, tuple[int, int]] = {}
    for case, hits, n in counts:
        before = found.get(case, (0, 0))
        found[case] = before[0] + hits, before[1] + n
    return list(found.values())


class _Repeats(TypedDict):
    cases: int
    trials: int
    repeats: list[PassHat]


def _describe_repeats(lines: Sequence[_Line]) -> _Repeats:
    trials = Counter(line.case for line in lines)
    most = max(trials.values(), default=1)
    scored = _sum_cases(
        (line.case, int(line.outcome is Outcome.PASSED), int(line.outcome is not Outcome.NOT_RUN)) for line in lines
    )
    repeats = estimate_pass_hats(scored, most) if most > 1 else []
    return _Repeats(cases=len(trials), trials=most, repeats=repeats)


def _scorer_rows(lines: Sequence[_Line]) -> list[ScorerRow]:
    clusters: dict[str, list[tuple[str, int, int]]] = {}
    for line in lines:
        met: Counter[str] = Counter()
        scored: Counter[str] = Counter()
        for verdict in line.verdicts:
            if verdict.value is not None:
                scored[verdict.scorer] += 1
                met[verdict.scorer] += verdict.met
        for name, n in scored.items():
            clusters.setdefault(name, []).append((line.case, met[name], n))
    rows = [ScorerRow(name, rate_of_clusters(_sum_cases(found))) for name, found in clusters.items()]
    return sorted(rows, key=lambda row: (row.name.startswith("rule/"), row.name))


def _rank_worst(lines: Sequence[_Line]) -> list[Worst]:
    """Conversations that did not run first, then those with most broken, each kind by id."""
    found: list[Worst] = []
    for line in lines:
        if line.outcome is Outcome.PASSED:
            continue
        broken = [v for v in line.verdicts if v.broken or v.kind is VerdictKind.INFRASTRUCTURE]
        first = next((v for v in broken if v.violation), broken[0])
        found.append(Worst(line.id, line.title, line.outcome, len(broken), f"{first.scorer}: {first.reason}"))
    return sorted(found, key=lambda worst: (worst.outcome is not Outcome.NOT_RUN, -worst.broken, worst.id))
