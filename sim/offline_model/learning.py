"""Linear support vector machines, one per label, fitted by dual coordinate descent in pure Python.

`classify` calls `fit` once for a set of examples and `weigh` for each message. Examples are visited in a fixed order,
so the same examples give the same weights in every run and process. Nothing here knows what a label means.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from operator import itemgetter, mul

import msgspec

from sim.offline_model.features import place

_PASSES = 6
_COST = 4.0
"""What a wrong example costs, against weights that grow."""
_BIAS = 0.5
_SETTLED = 0.1
"""An example that would move less than this is left as it is."""
_CLEAR = 0.3
"""An example that is right by this much more than it need be is not visited again."""
_STRIDE = 389
"""Examples are visited this far apart, since neighbours in a list are alike."""


class Fitted(msgspec.Struct, frozen=True):
    """The weight of each feature for each label; `known` numbers the features."""

    labels: tuple[str, ...]
    known: dict[str, int]
    weights: tuple[list[float], ...]


class _Row(msgspec.Struct, frozen=True):
    """An example: which features it has and how much of each.

    Attributes:
        pick: The weights of its features, out of all; the fit spends most of its time here.
        norm: The square of its length.
    """

    features: list[int]
    values: list[float]
    pick: Callable[[list[float]], tuple[float, ...]]
    norm: float


def fit(texts: Sequence[str], labels: Sequence[str]) -> Fitted:
    """Learn from examples, at least one of each of two labels. A rare label's examples count more."""
    places = [place(text) for text in texts]
    known = {feature: n for n, feature in enumerate(dict.fromkeys(f for each in places for f in each), start=1)}
    rows = []
    for each in places:
        held = [(known[feature], value) for feature, value in each.items()]
        # every text has features beside the bias: its length at least
        numbers, values = [*(n for n, _ in held), 0], [*(value for _, value in held), _BIAS]
        rows.append(_Row(numbers, values, itemgetter(*numbers), sum(map(mul, values, values))))
    counts = Counter(labels)
    names = tuple(counts)
    apart = [_separate(rows, [label == name for label in labels], len(known) + 1) for name in names[len(names) == 2 :]]
    # of two labels, one is what the other is not
    weights = [[-each for each in apart[0]], *apart] if len(names) == 2 else apart
    return Fitted(names, known, tuple(weights))


def _separate(rows: Sequence[_Row], of_label: Sequence[bool], width: int) -> list[float]:
    """Weights whose sum over a row is above 1 for rows of the label and below -1 for others, as far as they can."""
    weights = [0.0] * width
    alphas = [0.0] * len(rows)
    share = sum(of_label) / len(rows)
    slack = {each: 0.5 / (_COST * math.sqrt(0.5 / part)) for each, part in ((True, share), (False, 1 - share or 1.0))}
    step = next(each for each in range(_STRIDE, 0, -1) if math.gcd(each, len(rows)) == 1)
    active = [visit * step % len(rows) for visit in range(len(rows))]
    for _ in range(_PASSES):
        still = []
        for n in active:
            row, sign = rows[n], 1.0 if of_label[n] else -1.0
            have = sum(map(mul, row.pick(weights), row.values))
            gap = sign * have - 1.0 + slack[of_label[n]] * alphas[n]
            if alphas[n] == 0.0 and gap > _CLEAR:
                continue
            still.append(n)
            alpha = max(0.0, alphas[n] - gap / (row.norm + slack[of_label[n]]))
            if abs(gap) < _SETTLED or alpha == alphas[n]:
                continue
            moved = sign * (alpha - alphas[n])
            alphas[n] = alpha
            for feature, value in zip(row.features, row.values, strict=True):
                weights[feature] += moved * value
        active = still
    return weights


def weigh(fitted: Fitted, text: str) -> list[float]:
    """How far a text lies on each label's side, in the order of the labels."""
    held = [(fitted.known[feature], value) for feature, value in place(text).items() if feature in fitted.known]
    return [each[0] * _BIAS + sum(each[n] * value for n, value in held) for each in fitted.weights]
