"""A classifier that learns from labelled lines: those of its prompt, and for two prompts those of a file of its own.

This is the offline model, which stands in where there is no key for a real one; it is no language model. `wire` calls
`classify` when a request has no tools and its system prompt holds lines `label | example`. The prompts are written for
a real model, with some fifty examples; that is too few to learn Spanish from, so `own_examples` adds the lines of
`examples/`, which are our own writing, to those of the two prompts it knows. A linear model (`learning`) is fitted to
all of them when a prompt is first seen. No rule here says what any label means: editing an example line of a prompt
moves what is answered, and so the figures that are measured with this model.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache

from sim.offline_model.features import is_read
from sim.offline_model.learning import Fitted, fit, weigh
from sim.offline_model.own_examples import Example, load_own
from sim.offline_model.text import fold, split_words

_LINE = re.compile(
    r"^[ \t]*(?:[-*•][ \t]*)?[`\"]?(?P<label>[^\W\d][\w-]{0,40})[`\"]?[ \t]*\|[ \t]*(?P<example>\S[^\n]*?)[ \t]*$", re.M
)
_AGENT = re.compile(r"^## (?:Servicios|Negocio)\b", re.M)
_FENCE = re.compile(r"<<<\s*(.*?)\s*>>>", re.S)
_SHARPNESS = 3.0
"""How fast a label's share grows with its margin."""


@lru_cache(maxsize=64)
def read_examples(prompt: str) -> tuple[Example, ...]:
    """The lines `label | example` of a prompt, then the offline model's own for that prompt.

    Empty unless the prompt itself has at least two, and for an agent's prompt. Where both have the same words, however
    dotted, the prompt's count; within the prompt the last.
    """
    if _AGENT.search(prompt):
        return ()
    told = [Example(match.group("label"), match.group("example")) for match in _LINE.finditer(prompt)]
    labels = {example.label for example in told}
    own = [example for example in load_own(prompt) if example.label in labels]
    found = {_key(example): example for example in (*own, *told)}
    return tuple(found.values()) if len(told) >= 2 else ()


def read_subject(message: str) -> str:
    """The text to be judged: what stands between `<<<` and `>>>`, or the whole message."""
    match = _FENCE.search(message)
    return match.group(1) if match else message.strip()


def classify(examples: tuple[Example, ...], text: str, leans: Mapping[str, float] = {}) -> str:
    """The label with the largest share; the most frequent one where no word was ever seen. Never empty.

    Args:
        examples: At least one.
        text: The message.
        leans: How much is added to a label's margin, as `own_examples.load_leans` has it; 1 is a clear example's.
    """
    scores = score_labels(examples, text, leans)
    return max(scores, key=lambda label: scores[label])


def score_labels(examples: tuple[Example, ...], text: str, leans: Mapping[str, float] = {}) -> dict[str, float]:
    """A share for each label, in the order of first appearance; they sum to one, and are no probabilities."""
    fitted = _fit(examples)
    if len(fitted.labels) == 1:
        return {fitted.labels[0]: 1.0}
    if not is_read(fitted.known, text):
        counts = Counter(example.label for example in examples)
        return {label: counts[label] / len(examples) for label in fitted.labels}
    margins = [margin + leans.get(label, 0.0) for label, margin in zip(fitted.labels, weigh(fitted, text), strict=True)]
    powers = [math.exp(_SHARPNESS * (each - max(margins))) for each in margins]
    return {label: power / sum(powers) for label, power in zip(fitted.labels, powers, strict=True)}


@lru_cache(maxsize=16)
def _fit(examples: tuple[Example, ...]) -> Fitted:
    return fit([example.text for example in examples], [example.label for example in examples])


def _key(example: Example) -> tuple[str, ...] | str:
    return split_words(fold(example.text)) or example.text
