"""What model calls cost: tokens counted from the events of a record, and dollars by a dated table of public prices.

`evals.summary` calls it for each conversation and for a run. Models change their prices: mend the table, its date and
`docs/workbench.md` together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from runtime.agent.journal import OUTAGE
from sim.model_transport import OFFLINE_NAMES
from sim.record import ConversationRecord, EventKind, ModelData

PRICES_OF = "2025-04"
"""The month of the prices: OpenAI's public list, standard tier, when gpt-4.1 came out. Later changes are not in it."""

_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")


class Price(msgspec.Struct, frozen=True):
    """US dollars for a million tokens: of the input, of input that was cached, and of the output."""

    input: float
    cached: float
    output: float


_FREE = Price(0.0, 0.0, 0.0)

PRICES: dict[str, Price] = {
    "gpt-4.1": Price(2.00, 0.50, 8.00),
    "gpt-4.1-mini": Price(0.40, 0.10, 1.60),
    "gpt-4.1-nano": Price(0.10, 0.025, 0.40),
    "gpt-4o": Price(2.50, 1.25, 10.00),
    "gpt-4o-mini": Price(0.15, 0.075, 0.60),
} | dict.fromkeys(OFFLINE_NAMES, _FREE)


class Usage(msgspec.Struct, frozen=True):
    """What was asked of models. `cost_usd` is None where one of them has no known price; the offline one costs 0.

    `uncounted` are the calls among them whose tokens nobody has told: a sum with one of these in it is too small.
    """

    model_calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    uncounted: int = 0


class ConversationUsage(msgspec.Struct, frozen=True):
    """The same of one conversation, by its key within the run."""

    conversation: str
    usage: Usage


def find_price(model: str) -> Price | None:
    """The price of a model, also of a dated version of it; None where it is not known."""
    return PRICES.get(model) or PRICES.get(_DATED.sub("", model))


def measure_usage(record: ConversationRecord) -> Usage:
    """Count the model calls of a conversation, whether it can be scored or not: it was paid for."""
    calls = [event.data for event in record.events if event.kind is EventKind.MODEL]
    return add_usages(_measure_call(data, record.model) for data in calls)


def _measure_call(data: dict[str, object], model_of_record: str) -> Usage:
    try:
        call = msgspec.convert(data, ModelData)
    except msgspec.ValidationError:
        return Usage(model_calls=1, cost_usd=None, uncounted=1)
    model = call.model or model_of_record
    if call.finish not in ("", OUTAGE) and not call.input_tokens and not call.output_tokens:
        # it was answered, so something was read and written
        return Usage(model_calls=1, cost_usd=0.0 if find_price(model) == _FREE else None, uncounted=1)
    usage = price_call(model, call.input_tokens, call.cached_tokens, call.output_tokens)
    if usage.cost_usd is None and not call.input_tokens and not call.output_tokens:
        # an outage: nobody answered
        return msgspec.structs.replace(usage, cost_usd=0.0)
    return usage


def price_call(model: str, input_tokens: int, cached_tokens: int, output_tokens: int) -> Usage:
    """What one call used; its cost is None where the model's price is not known."""
    price, cost = find_price(model), None
    if price is not None:
        fresh = input_tokens - cached_tokens
        cost = (fresh * price.input + cached_tokens * price.cached + output_tokens * price.output) / 1_000_000
    return Usage(1, input_tokens, cached_tokens, output_tokens, cost)


def price_tokens(models: tuple[str, ...], input_tokens: int, output_tokens: int) -> float | None:
    """US dollars if all were asked of the dearest of these models; None where the price of one is not known."""
    prices = [find_price(each) for each in models]
    costs = [(input_tokens * each.input + output_tokens * each.output) / 1e6 for each in prices if each is not None]
    return max(costs) if costs and len(costs) == len(prices) else None


def add_usages(usages: Iterable[Usage]) -> Usage:
    """All of them together; the cost is unknown where one is."""
    total = Usage()
    for each in usages:
        known = total.cost_usd is not None and each.cost_usd is not None
        total = Usage(
            total.model_calls + each.model_calls,
            total.input_tokens + each.input_tokens,
            total.cached_tokens + each.cached_tokens,
            total.output_tokens + each.output_tokens,
            (total.cost_usd or 0.0) + (each.cost_usd or 0.0) if known else None,
            total.uncounted + each.uncounted,
        )
    return total


def describe_usage(usage: Usage, model: str = "") -> str:
    """One line for a person; an amount of dollars always has its date."""
    tokens = f"{usage.input_tokens:,} tokens in ({usage.cached_tokens:,} cached), {usage.output_tokens:,} out"
    if usage.cost_usd is None:
        why = "what it read and wrote was not told" if usage.uncounted else "a model has no price in evals/costs.py"
        cost = f"cost unknown: {why}"
    elif model in OFFLINE_NAMES and not usage.cost_usd:
        cost = "cost $0: the offline model"
    else:
        cost = f"cost ${usage.cost_usd:.4f} at prices of {PRICES_OF}"
    if usage.uncounted:
        tokens += f", and those of {usage.uncounted:,} calls unknown"
    return f"{usage.model_calls:,} model calls · {tokens} · {cost}"
