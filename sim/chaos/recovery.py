"""How long it took to be as before after each fault: pure arithmetic on when messages were written and answered."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import msgspec

from sim.chaos.faults import BOUNDS_S, Kind, Struck


class Heard(msgspec.Struct, frozen=True):
    """A message that came in. `answered_at` is when the last word on it was sent; None where there is none."""

    written_at: float
    answered_at: float | None


class Recovery(msgspec.Struct, frozen=True):
    """What one fault cost. Seconds, but for `waiting`.

    Attributes:
        at_s: After the beginning of the run.
        out_s: How long something was taken away; 0 for a kill.
        first_s: From its end until the first message written after its beginning was answered, or from that message
            where it came later; None where none was answered.
        clear_s: From its end until all that was written by then was answered.
        waiting: Messages written by its end that were answered after it.
        alone: No other fault struck before that was over, and none was being recovered from.
    """

    kind: Kind
    at_s: float
    out_s: float
    first_s: float | None
    clear_s: float
    waiting: int
    alone: bool
    detail: str


class KindRecovery(msgspec.Struct, frozen=True):
    """All faults of one kind. `bound_s` is what is promised, `missed` how often that was not kept."""

    kind: Kind
    count: int
    out_p50_s: float
    first_p50_s: float | None
    first_max_s: float | None
    clear_p50_s: float
    clear_max_s: float
    bound_s: float | None
    missed: int


def measure_recoveries(struck: Sequence[Struck], heard: Sequence[Heard], began_at: float) -> list[Recovery]:
    """What each fault cost, in the order in which they began."""
    measured = [_measure(fault, heard, began_at) for fault in sorted(struck, key=lambda fault: fault.began_at)]
    return [msgspec.structs.replace(each, alone=_is_alone(each, measured)) for each in measured]


def _measure(fault: Struck, heard: Sequence[Heard], began_at: float) -> Recovery:
    later = min((it for it in heard if it.written_at >= fault.began_at), key=lambda it: it.written_at, default=None)
    waited = [
        it.answered_at for it in heard if it.answered_at is not None and it.written_at <= fault.back_at < it.answered_at
    ]
    return Recovery(
        kind=fault.kind,
        at_s=fault.began_at - began_at,
        out_s=fault.back_at - fault.began_at,
        first_s=None if later is None else _wait_from(fault.back_at, later),
        clear_s=max(waited, default=fault.back_at) - fault.back_at,
        waiting=len(waited),
        alone=True,
        detail=fault.detail,
    )


def _wait_from(back_at: float, message: Heard) -> float | None:
    if message.answered_at is None:
        return None
    return max(0.0, message.answered_at - max(back_at, message.written_at))


def _is_alone(one: Recovery, others: Sequence[Recovery]) -> bool:
    ends_s = one.at_s + one.out_s + one.clear_s
    return not any(
        other is not one and other.at_s < ends_s and one.at_s < other.at_s + other.out_s + other.clear_s
        for other in others
    )


def summarize_recoveries(recoveries: Sequence[Recovery]) -> list[KindRecovery]:
    """One line for each kind that struck, in the order of the kinds."""
    found = []
    for kind in Kind:
        some = [each for each in recoveries if each.kind is kind]
        if some:
            found.append(_summarize(kind, some))
    return found


def _summarize(kind: Kind, some: Sequence[Recovery]) -> KindRecovery:
    firsts = [each.first_s for each in some if each.first_s is not None]
    clears = [each.clear_s for each in some]
    bound_s = BOUNDS_S.get(kind)
    return KindRecovery(
        kind=kind,
        count=len(some),
        out_p50_s=median(each.out_s for each in some),
        first_p50_s=median(firsts) if firsts else None,
        first_max_s=max(firsts, default=None),
        clear_p50_s=median(clears),
        clear_max_s=max(clears),
        bound_s=bound_s,
        missed=0 if bound_s is None else sum(_misses(each, bound_s) for each in some),
    )


def _misses(recovery: Recovery, bound_s: float) -> bool:
    return recovery.clear_s > bound_s or (recovery.first_s or 0.0) > bound_s
