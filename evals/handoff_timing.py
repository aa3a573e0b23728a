"""How soon a person was fetched and let go: starts and ends of handoffs against what a transcript expects.

`evals.summary` counts them over a run. A *start* is asked for by the first message after which a handoff is expected
to be open, an *end* by the first one after which it is expected to be over. One that comes while that message is
answered is on time; a later one is late by so many messages of the same people and so many virtual minutes; what
never comes is missed. A handoff that is opened, or ended by the human's own word, where the transcript expects the
opposite, is false. A transcript that expects nothing about handoffs is not timed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

import msgspec

from evals.expected import read_turns
from evals.matching import quote
from evals.reading import Placed, Reading
from evals.scorers.handoff_rules import TAKEN_OVER
from evals.statistics.quantiles import find_quantile
from runtime.domain.handoff import HandoffEvent
from sim.record import HandoffData

OPEN = frozenset({"waiting", "offered", "active"})
MOST_EXAMPLES = 10
"""Handoffs of a run that are told one by one."""


class Step(StrEnum):
    """What is timed."""

    START = "start"
    END = "end"


class Timing(StrEnum):
    """How it came out."""

    ON_TIME = "on time"
    LATE = "late"
    MISSED = "missed"
    FALSE = "false"


class TimedStep(msgspec.Struct, frozen=True, kw_only=True):
    """One start or end of a handoff.

    Attributes:
        turns: Messages that the customer, or the human, wrote while they waited for it; 0 unless it was late.
        minutes: Virtual minutes from the message that asked for it; None where it never came, or nobody asked.
        event: The place in the record's events, of the handoff's step or else of the message.
        reason: In one sentence.
    """

    step: Step
    timing: Timing
    turns: int
    minutes: float | None
    event: int
    reason: str


class StepTimes(msgspec.Struct, frozen=True, kw_only=True):
    """Starts, or ends, of a run.

    Attributes:
        asked: How many were asked for: on time, late and missed together.
        false: How many were not.
        late_turns_p50: Of those that came late, messages written meanwhile, in the middle; None where none came late.
        late_minutes_p50: The same in virtual minutes, and at 95 %.
        late_minutes_p95: As above.
    """

    step: Step
    asked: int
    on_time: int
    late: int
    missed: int
    false: int
    late_turns_p50: float | None
    late_minutes_p50: float | None
    late_minutes_p95: float | None


class LateExample(msgspec.Struct, frozen=True):
    """A handoff that was not on time, by its conversation."""

    conversation: str
    step: Step
    timing: Timing
    reason: str


class HandoffTimes(msgspec.Struct, frozen=True):
    """Starts and ends of a run, and some that went wrong; empty where no conversation was timed."""

    steps: tuple[StepTimes, ...] = ()
    examples: tuple[LateExample, ...] = ()


class _Asked(msgspec.Struct, frozen=True):
    step: Step
    customer: str
    writer: str
    at: int
    stop: int


def time_handoffs(reading: Reading) -> list[TimedStep]:
    """Every start and end of one conversation that is expected or false, in the order of their messages."""
    asked, settled = _read_expectations(reading)
    used: set[int] = set()
    timed = []
    for want in asked:
        found = next((it for it in _list_steps(reading, want) if it.index not in used), None)
        if found is not None:
            used.add(found.index)
        timed.append(_time(reading, want, found))
    return timed + list(_find_false(reading, settled, used))


def sum_up_handoffs(timed: Iterable[tuple[str, Sequence[TimedStep]]]) -> HandoffTimes:
    """The figures of a run, from each conversation's id and steps."""
    found = [(name, step) for name, steps in timed for step in steps]
    if not found:
        return HandoffTimes()
    wrong = [LateExample(name, it.step, it.timing, it.reason) for name, it in found if it.timing is not Timing.ON_TIME]
    rows = tuple(_sum_up(step, [it for _, it in found if it.step is step]) for step in Step)
    return HandoffTimes(rows, tuple(wrong[:MOST_EXAMPLES]))


def describe_handoff_times(times: HandoffTimes) -> list[str]:
    """A line for starts, one for ends, and one for each example."""
    lines = []
    for row in times.steps:
        late = ""
        if row.late:
            late = (
                f" (by {row.late_turns_p50:g} messages and {row.late_minutes_p50:.1f} minutes in the middle, "
                f"{row.late_minutes_p95:.1f} minutes at 95 %)"
            )
        lines.append(
            f"handoff {row.step}s: {row.on_time} of {row.asked} on time, {row.late} late{late}, "
            f"{row.missed} missed, {row.false} false"
        )
    return lines + [f"  {it.conversation}: {it.reason}" for it in times.examples]


def _read_expectations(reading: Reading) -> tuple[list[_Asked], list[_Asked]]:
    """What is asked for, and the windows in which a handoff is expected to be as it was."""
    asked: list[_Asked] = []
    settled: list[_Asked] = []
    state: dict[str, str] = {}
    for each in read_turns(reading.record):
        wanted = each.wanted.handoff
        say = next((it for it in reading.says if each.first <= it.index < each.stop), None)
        if wanted is None or say is None:
            continue
        customer = say.lane if reading.is_customer(say.lane) else _find_customer(reading, say.lane, each.stop)
        # what was open or over by then, unasked or before anything was expected, is not asked for again
        before = state.get(customer) or _find_state(reading, customer, say.index)
        state[customer] = wanted
        step = Step.START if wanted in OPEN else Step.END
        window = _Asked(step, customer, say.lane, say.index, each.stop)
        (settled if (before in OPEN) is (wanted in OPEN) else asked).append(window)
    return asked, settled


def _find_customer(reading: Reading, human: str, before: int) -> str:
    """Whom a human has or had last."""
    theirs = [it.data.customer for it in reading.handoffs if it.index < before and it.data.human == human]
    return theirs[-1] if theirs else ""


def _find_state(reading: Reading, customer: str, before: int) -> str:
    found = [it.data.status for it in reading.handoffs if it.index < before and it.data.customer == customer]
    return found[-1] if found else "none"


def _list_steps(reading: Reading, want: _Asked) -> Iterator[Placed[HandoffData]]:
    """Steps of the kind that was asked for, of this customer's handoff, from the message on."""
    for it in reading.handoffs:
        if it.index > want.at and it.data.customer == want.customer and _is_step(it, want.step):
            yield it


def _is_step(placed: Placed[HandoffData], step: Step) -> bool:
    if step is Step.END:
        return placed.data.status == "ended"
    return placed.data.status in OPEN and TAKEN_OVER not in placed.data.reason


def _time(reading: Reading, want: _Asked, found: Placed[HandoffData] | None) -> TimedStep:
    asking = reading.record.events[want.at]
    words = quote(asking.text or "", 60)
    name = reading.name_of(want.writer)
    if found is None:
        reason = f"{name} wrote {words}, and the handoff's {want.step} never came"
        return TimedStep(step=want.step, timing=Timing.MISSED, turns=0, minutes=None, event=want.at, reason=reason)
    minutes = max(found.t - asking.t, 0.0) / 60
    if found.index < want.stop:
        reason = f"{name} wrote {words}, and the handoff's {want.step} came with the answer"
        return TimedStep(
            step=want.step, timing=Timing.ON_TIME, turns=0, minutes=minutes, event=found.index, reason=reason
        )
    turns = sum(it.lane == want.writer and want.at < it.index < found.index for it in reading.says)
    reason = (
        f"{name} wrote {words}, and the handoff's {want.step} came {turns} messages and {minutes:.1f} minutes later"
    )
    return TimedStep(step=want.step, timing=Timing.LATE, turns=turns, minutes=minutes, event=found.index, reason=reason)


def _find_false(reading: Reading, settled: Sequence[_Asked], used: set[int]) -> Iterator[TimedStep]:
    """Steps that nothing asked for, within the answers to messages after which all should be as it was."""
    for window in settled:
        step = Step.END if window.step is Step.START else Step.START
        for it in _list_steps(reading, msgspec.structs.replace(window, step=step)):
            by_word = step is Step.START or it.data.event == HandoffEvent.HUMAN_ENDS
            if it.index >= window.stop or it.index in used or not by_word:
                continue
            used.add(it.index)
            asking = reading.record.events[window.at]
            words = quote(asking.text or "", 60)
            reason = f"{reading.name_of(window.writer)} wrote {words}, which is no reason for the handoff's {step}"
            yield TimedStep(step=step, timing=Timing.FALSE, turns=0, minutes=None, event=it.index, reason=reason)


def _sum_up(step: Step, timed: Sequence[TimedStep]) -> StepTimes:
    counts = {timing: sum(it.timing is timing for it in timed) for timing in Timing}
    late = [it for it in timed if it.timing is Timing.LATE]
    turns = [(float(it.turns), 1.0) for it in late]
    minutes = [(it.minutes or 0.0, 1.0) for it in late]
    return StepTimes(
        step=step,
        asked=len(timed) - counts[Timing.FALSE],
        on_time=counts[Timing.ON_TIME],
        late=counts[Timing.LATE],
        missed=counts[Timing.MISSED],
        false=counts[Timing.FALSE],
        late_turns_p50=find_quantile(turns, 0.5),
        late_minutes_p50=find_quantile(minutes, 0.5),
        late_minutes_p95=find_quantile(minutes, 0.95),
    )
