"""What recording a suite would cost: calls and tokens from a replay with the offline model, dollars by public prices.

`parlo record` shows it before anything is spent. It is an estimate and says how it was made; it asks no model.
"""

from __future__ import annotations

import msgspec

from evals.costs import PRICES_OF, price_tokens
from evals.recording import Recording
from evals.replaying import list_trials, play_here
from evals.summary import Tally
from sim.stage import OFFLINE_MODEL


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording is going to take.

    Attributes:
        usd: As if every call asked the dearer of the models; None where a price is not known.
        how: In words, how it was made.
    """

    conversations: int
    calls: int
    input_tokens: int
    output_tokens: int
    models: tuple[str, ...]
    usd: float | None
    how: str


def estimate_recording(recording: Recording, server_url: str) -> Estimate:
    """Replay what is to be recorded with the offline model, and count."""
    offline = {"customer_model": OFFLINE_MODEL, "classifier_model": OFFLINE_MODEL}
    plan = recording.plan(server_url, msgspec.structs.replace(recording.settings, **offline))
    models = recording.settings.customer_model, recording.settings.classifier_model
    tally = Tally()
    with play_here(plan, list_trials(plan)) as records:
        for record in records:
            tally.add(record, ())
    counted = tally.summarize(None)
    return Estimate(
        conversations=len(plan.transcripts),
        calls=counted.model_calls,
        input_tokens=counted.input_tokens,
        output_tokens=counted.output_tokens,
        models=tuple(dict.fromkeys(models)),
        usd=price_tokens(models, counted.input_tokens, counted.output_tokens),
        how=(
            "calls and tokens as the offline model counts them in a replay of the same conversations; a live model "
            f"takes other steps, and twice as many are no surprise. Prices as published in {PRICES_OF}"
        ),
    )
