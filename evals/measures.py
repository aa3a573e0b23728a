"""What conversations took and cost: how long answers took, and calls, tokens and dollars, from their records.

`evals.summary` measures a run with it, `evals.comparing` two of them. Time is virtual: what people wait for by Parlo's
own rules and retries; the offline model and a cassette answer at once. Tokens and dollars are counted by `evals.costs`.
What is not known is None with the reason why, never 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec

from evals.costs import Usage, measure_usage
from evals.reading import Reading
from evals.statistics.quantiles import Weighted, find_quantile
from evals.statistics.ratios import Part, divide_sums
from sim.record import EventKind

ROUND = "customer"
"""What a model is asked for in a round: the next step of a talk with a customer. All else only tells words apart."""


class Measure(StrEnum):
    """Figures of a run, as a policy names them: the ending says what one is over, or that it is in seconds."""

    ANSWER_P50_S = "answer_p50_s"
    ANSWER_P95_S = "answer_p95_s"
    ANSWER_MAX_S = "answer_max_s"
    MODEL_CALLS_PER_TURN = "model_calls_per_turn"
    ROUNDS_PER_TURN = "rounds_per_turn"
    TOOL_CALLS_PER_TURN = "tool_calls_per_turn"
    MESSAGES_PER_TURN = "messages_per_turn"
    INPUT_TOKENS_PER_CONVERSATION = "input_tokens_per_conversation"
    CACHED_TOKENS_PER_CONVERSATION = "cached_tokens_per_conversation"
    OUTPUT_TOKENS_PER_CONVERSATION = "output_tokens_per_conversation"
    COST_USD_PER_CONVERSATION = "cost_usd_per_conversation"

    @property
    def unit(self) -> str:
        """What its value counts."""
        if self in QUANTILES:
            return "s"
        return "USD" if self is Measure.COST_USD_PER_CONVERSATION else self.partition("_per_")[0].replace("_", " ")

    @property
    def over(self) -> str:
        """What it has been taken from."""
        if self in QUANTILES:
            return "answered turns"
        return "turns" if self.endswith("_per_turn") else "conversations"


QUANTILES = {Measure.ANSWER_P50_S: 0.5, Measure.ANSWER_P95_S: 0.95, Measure.ANSWER_MAX_S: 1.0}
"""Measures that are one of the times of all answers: the share of them that did not take longer."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What one replay of a conversation took and cost.

    Attributes:
        turns: How many turns there were: messages that were considered together are one.
        answers_s: For each turn that was answered, the virtual seconds from the last of its messages to the first word
            sent to whoever wrote it, in the order of the turns.
        rounds: How often the model that talks to customers was asked.
        messages: What turns sent, to whomever; without what Parlo sent unasked.
        usage: All that models were asked.
    """

    turns: int
    answers_s: tuple[float, ...]
    rounds: int
    tool_calls: int
    messages: int
    usage: Usage


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A measure of a run.

    Attributes:
        value: None where it is not known.
        n: Of how many turns, answered turns or conversations, as `over` says; trials count one by one.
        unknown: Why there is no value.
    """

    measure: Measure
    value: float | None
    unit: str
    n: int
    over: str
    unknown: str = ""


class Share(msgspec.Struct, frozen=True):
    """A conversation's part in a measure, the mean of its trials.

    Attributes:
        part: What it adds above and below, of a ratio.
        times: Its answers, which together weigh what one trial has, of a quantile.
        unknown: Why it cannot be told; nothing where it can.
    """

    part: Part = (0.0, 0.0)
    times: tuple[Weighted, ...] = ()
    unknown: str = ""


def measure_conversation(reading: Reading) -> Measured:
    """Measure one replay."""
    turns = {route.data.turn for route in reading.routes if route.data.turn}
    asked = [event.data for event in reading.record.events if event.kind is EventKind.MODEL]
    return Measured(
        turns=len(turns),
        answers_s=tuple(_time_answers(reading)),
        rounds=sum(data.get("purpose") == ROUND for data in asked),
        tool_calls=len(reading.tools),
        messages=sum(send.data.turn in turns for send in reading.sends),
        usage=measure_usage(reading.record),
    )


def _time_answers(reading: Reading) -> Iterable[float]:
    said = {message.sid: reading.record.events[message.say] for message in reading.messages}
    asked: dict[str, tuple[float, str]] = {}
    for route in reading.routes:
        say = said.get(route.data.sid)
        if say is not None and route.data.turn:
            asked[route.data.turn] = max(asked.get(route.data.turn, (say.t, say.lane)), (say.t, say.lane))
    answered: dict[str, float] = {}
    for send in reading.sends:
        _, writer = asked.get(send.data.turn, (0.0, ""))
        if writer and send.data.to == writer:
            answered.setdefault(send.data.turn, send.t)
    # times are kept to the microsecond
    return (round(answered[turn] - t, 6) for turn, (t, _) in asked.items() if turn in answered)


def share_measure(measure: Measure, trials: Sequence[Measured]) -> Share:
    """A conversation's part in a measure, from at least one trial."""
    if measure in QUANTILES:
        weight = 1 / len(trials)
        return Share(times=tuple((time, weight) for each in trials for time in each.answers_s))
    above = [_count(measure, each) for each in trials]
    if None in above:
        uncounted = any(each.usage.uncounted for each in trials)
        return Share(unknown="calls without their tokens" if uncounted else "a model without a price")
    below = [each.turns if measure.over == "turns" else 1 for each in trials]
    total = sum(each for each in above if each is not None)
    return Share(part=(total / len(trials), sum(below) / len(trials)))


def _count(measure: Measure, measured: Measured) -> float | None:
    usage = measured.usage
    match measure:
        case Measure.MODEL_CALLS_PER_TURN:
            return usage.model_calls
        case Measure.ROUNDS_PER_TURN:
            return measured.rounds
        case Measure.TOOL_CALLS_PER_TURN:
            return measured.tool_calls
        case Measure.MESSAGES_PER_TURN:
            return measured.messages
        case Measure.COST_USD_PER_CONVERSATION:
            return usage.cost_usd
    if usage.uncounted:
        return None
    return {"input tokens": usage.input_tokens, "cached tokens": usage.cached_tokens}.get(
        measure.unit, usage.output_tokens
    )


def find_value(measure: Measure, shares: Sequence[Share]) -> tuple[float | None, str]:
    """A measure's value over conversations, or None and the reason why it is not known."""
    unknown = [each.unknown for each in shares if each.unknown]
    if unknown:
        return None, f"{unknown[0]} in {len(unknown)} of {len(shares)} conversations"
    if measure in QUANTILES:
        value = find_quantile([time for each in shares for time in each.times], QUANTILES[measure])
    else:
        value = divide_sums([each.part for each in shares])
    return value, "" if value is not None else f"there are no {measure.over}"


def sum_up_measures(measured: Mapping[str, Sequence[Measured]]) -> list[Figure]:
    """Each measure of a run, from the replays of each conversation that ran."""
    replays = [each for trials in measured.values() for each in trials]
    counts = {
        "answered turns": sum(len(each.answers_s) for each in replays),
        "turns": sum(each.turns for each in replays),
        "conversations": len(replays),
    }
    figures = []
    for measure in Measure:
        value, unknown = find_value(measure, [share_measure(measure, trials) for trials in measured.values()])
        n = counts[measure.over]
        figures.append(Figure(measure=measure, value=value, unit=measure.unit, n=n, over=measure.over, unknown=unknown))
    return figures


def show_value(measure: Measure, value: float | None) -> str:
    """A value with so many digits as say something, and its unit where its name does not have it."""
    if value is None:
        return "unknown"
    if measure.unit == "USD":
        return f"${value:.6f}" if abs(value) < 0.01 and value else f"${value:.4f}"
    if measure in QUANTILES:
        return f"{value:.1f} s"
    return f"{value:,.0f}" if measure.over == "conversations" else f"{value:.2f}"


def describe_measures(figures: Sequence[Figure]) -> list[str]:
    """Two lines for a person: times of answers, then what a turn and a conversation take."""
    found = {each.measure: each for each in figures}
    if not found:
        return []

    def show(measure: Measure) -> str:
        return show_value(measure, found[measure].value)

    m, slowest = Measure, found[Measure.ANSWER_MAX_S]
    times = f"{show(m.ANSWER_P50_S)} in the middle, {show(m.ANSWER_P95_S)} at 95 %, {show(m.ANSWER_MAX_S)} at most"
    turns = found[m.ROUNDS_PER_TURN].n
    per_turn = (
        f"per turn {show(m.MODEL_CALLS_PER_TURN)} model calls, {show(m.ROUNDS_PER_TURN)} rounds, "
        f"{show(m.TOOL_CALLS_PER_TURN)} tool calls, {show(m.MESSAGES_PER_TURN)} messages sent"
    )
    per_conversation = (
        f"per conversation {show(m.INPUT_TOKENS_PER_CONVERSATION)} tokens in "
        f"({show(m.CACHED_TOKENS_PER_CONVERSATION)} cached), {show(m.OUTPUT_TOKENS_PER_CONVERSATION)} out, "
        f"{show(m.COST_USD_PER_CONVERSATION)}"
    )
    return [
        f"answers in virtual time: {times} ({slowest.n:,} of {turns:,} turns answered)",
        per_turn,
        per_conversation,
    ]
