"""Many slices of one comparison: p values corrected for having looked more than once.

Whoever looks at twenty tags finds one "significant" by chance. Slices advise; the gate decides by one primary metric.
"""

from __future__ import annotations

from collections.abc import Mapping


def correct_holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's adjusted p of each slice, smallest first; compare it with alpha as if it were the only one.

    The chance of a single false finding among all slices stays below alpha, however they hang together.

    Raises:
        ValueError: A p outside 0..1.
    """
    if not all(0 <= p <= 1 for p in p_values.values()):
        raise ValueError("every p must be in 0..1")
    adjusted: dict[str, float] = {}
    largest = 0.0
    for place, (name, p) in enumerate(sorted(p_values.items(), key=lambda each: each[1])):
        largest = max(largest, min(1.0, (len(p_values) - place) * p))
        adjusted[name] = largest
    return adjusted
