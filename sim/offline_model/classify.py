"""An in-context nearest-neighbour classifier: it knows only the labelled examples of its prompt.

`wire` calls `classify` when a request has no tools and its system prompt holds lines `label |
example`. Letters in threes to five and whole words, weighted by how rare they are among the
examples, place a text; its nearest examples vote. There is no vocabulary here and no rule about what
any label means, so editing an example line changes answers.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import lru_cache

import msgspec

from sim.offline_model.text import fold, split_words

_LINE = re.compile(
    r"^[ \t]*(?:[-*•][ \t]*)?[`\"]?(?P<label>[^\W\d][\w-]{0,40})[`\"]?[ \t]*\|[ \t]*(?P<example>\S[^\n]*?)[ \t]*$", re.M
)
_FENCE = re.compile(r"<<<\s*(.*?)\s*>>>", re.S)
_NEIGHBOURS = 5
_SHARPNESS = 3.0
_LENGTH_WEIGHT = 3
_NEAR = 0.25
"""Likeness below which examples hardly count: the most frequent label has one vote of this strength."""

Vector = dict[str, float]


class Example(msgspec.Struct, frozen=True):
    """One labelled line of a prompt."""

    label: str
    text: str


class _Index(msgspec.Struct, frozen=True):
    """Examples as unit vectors, and the weight of every feature."""

    labels: tuple[str, ...]
    vectors: tuple[Vector, ...]
    rarity: Vector
    unseen: float


def read_examples(prompt: str) -> tuple[Example, ...]:
    """The lines `label | example` of a prompt; empty unless there are at least two, or in an agent's prompt."""
    if re.search(r"^## (?:Servicios|Negocio)\b", prompt, re.M):
        return ()
    found = tuple(Example(match.group("label"), match.group("example")) for match in _LINE.finditer(prompt))
    # The same words twice are one example, however they are dotted.
    found = tuple(
        {(example.label, split_words(fold(example.text)) or example.text): example for example in found}.values()
    )
    return found if len(found) >= 2 else ()


def read_subject(message: str) -> str:
    """The text to be judged: what stands between `<<<` and `>>>`, or the whole message."""
    match = _FENCE.search(message)
    return match.group(1) if match else message.strip()


def classify(examples: tuple[Example, ...], text: str) -> str:
    """The label of the nearest examples; the most frequent label when nothing is near. Never empty."""
    scores = score_labels(examples, text)
    return max(scores, key=lambda label: scores[label])


def score_labels(examples: tuple[Example, ...], text: str) -> dict[str, float]:
    """Share of the vote for each label, in the order of first appearance; sums to one."""
    index = _build_index(examples)
    counts = Counter(example.label for example in examples)
    votes = dict.fromkeys(index.labels, 0.0)
    votes[max(votes, key=lambda label: counts[label])] = _NEAR**_SHARPNESS
    vector = _weigh(_features(text), index.rarity, index.unseen)
    similar = sorted(
        ((_cosine(vector, other), n) for n, other in enumerate(index.vectors)), key=lambda pair: (-pair[0], pair[1])
    )
    for likeness, n in similar[:_NEIGHBOURS]:
        votes[examples[n].label] += likeness**_SHARPNESS
    total = sum(votes.values())
    return {label: vote / total for label, vote in votes.items()}


@lru_cache(maxsize=64)
def _build_index(examples: tuple[Example, ...]) -> _Index:
    bags = [_features(example.text) for example in examples]
    seen = Counter(feature for bag in bags for feature in bag)
    count = len(bags)
    rarity = {feature: math.log((1 + count) / (1 + times)) + 1.0 for feature, times in seen.items()}
    unseen = math.log(1 + count) + 1.0
    labels = tuple(dict.fromkeys(example.label for example in examples))
    return _Index(labels, tuple(_weigh(bag, rarity, unseen) for bag in bags), rarity, unseen)


@lru_cache(maxsize=4096)
def _features(text: str) -> Counter[str]:
    """Words, pairs of words, letters in threes to fives, the end mark and the length of a text."""
    folded = fold(text)
    words = split_words(folded)
    bag: Counter[str] = Counter()
    for word in words:
        bag[f"w:{'0' if word[0].isdigit() else word}"] += 2
    for one, other in zip(("^", *words), (*words, "$"), strict=True):
        bag[f"b:{one} {other}"] += 1
    padded = f" {' '.join(words)} "
    for size in (3, 4, 5):
        for start in range(len(padded) - size + 1):
            bag[padded[start : start + size]] += 1
    for mark in "?!👍🙏✅/":
        if mark in folded:
            bag[f"m:{mark}"] += 2
    bag[f"n:{min(len(words), 6)}"] += _LENGTH_WEIGHT
    return bag


def _weigh(bag: Counter[str], rarity: Vector, unseen: float) -> Vector:
    weighed = {f: (1.0 + math.log(times)) * rarity.get(f, unseen) for f, times in bag.items()}
    length = math.sqrt(sum(weight * weight for weight in weighed.values())) or 1.0
    return {feature: weight / length for feature, weight in weighed.items()}


def _cosine(one: Vector, other: Vector) -> float:
    small, large = (one, other) if len(one) < len(other) else (other, one)
    return sum(weight * large[feature] for feature, weight in small.items() if feature in large)
