"""A message as a unit vector: words and letters as they are written, and the classes of words in their order.

`learning` calls `place`. Nothing here knows a label.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from itertools import combinations, pairwise

from sim.offline_model.text import fold, split_words
from sim.offline_model.word_classes import code

Vector = dict[str, float]

_LETTERS = 0.35
"""Weight of a group of letters within a word, where a word weighs 1."""
_LONGEST = 1200
_MARKS = "?!/👍🙏✅"


def place(text: str) -> Vector:
    """The features of a text, of length 1 together. Two texts with nothing in common have none in common."""
    folded = fold(text[:_LONGEST])
    words = ["0" if word[0].isdigit() else word for word in split_words(folded)]
    bag: defaultdict[str, float] = defaultdict(float)
    _add_words(bag, words)
    _add_classes(bag, [code(word) for word in words])
    for word in dict.fromkeys(words):
        padded = f" {word} "
        for size in (3, 4, 5):
            for start in range(len(padded) - size + 1):
                bag[padded[start : start + size]] = _LETTERS
    for mark in _MARKS:
        if mark in text:
            bag[f"m:{mark}"] = 1.0
    bag[f"n:{min(len(words), 8)}"] = 1.0
    return _norm(bag)


def _add_words(bag: defaultdict[str, float], words: list[str]) -> None:
    for word in words:
        bag[f"w:{word}"] = 1.0
    for one, other in zip(("^", *words), (*words, "$"), strict=True):
        bag[f"b:{one} {other}"] = 1.0
    for one, other in zip(words, words[2:], strict=False):
        bag[f"g:{one} {other}"] = 0.6


def _add_classes(bag: defaultdict[str, float], codes: list[str]) -> None:
    """Each class, in pairs and threes, and any two in their order with one between."""
    framed = ["^", *codes, "$"]
    for each in codes:
        bag[f"c:{each}"] = 1.0
        bag[f"k:{each.partition('+')[0]}"] = 1.0
    for one, other in pairwise(framed):
        bag[f"d:{one} {other}"] = 1.0
    for one, other, third in zip(framed, framed[1:], framed[2:], strict=False):
        bag[f"t:{one} {other} {third}"] = 1.0
        bag[f"s:{one} {third}"] = 0.7
    classes = [each.partition("+")[0] for each in codes]
    for one, other in combinations(sorted({each for each in classes if each[0] == "<"}), 2):
        bag[f"p:{one}{other}"] = 0.7
    if classes:
        bag[f"first:{classes[0]}"] = bag[f"last:{classes[-1]}"] = 0.7


def _norm(bag: Vector) -> Vector:
    length = math.sqrt(sum(weight * weight for weight in bag.values()))
    return {feature: weight / length for feature, weight in bag.items()}


def is_read(known: Mapping[str, int], text: str) -> bool:
    """Whether any word of a text, its class or a group of its letters was seen among what is known."""
    words = split_words(fold(text[:_LONGEST]))
    return any(f"w:{word}" in known or f"c:{code(word)}" in known or f" {word} "[:4] in known for word in words)
