"""Faults the emulator commits on demand, named and counted.

The driver and tests inject them; the emulator takes them one request at a time. Nothing here acts by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime
from enum import StrEnum

import msgspec


class FaultKind(StrEnum):
    """What may go wrong.

    Besides these, any five-digit Twilio error code is a kind of its own: 1xxxx and 2xxxx refuse the request,
    3xxxx and 6xxxx come later by callback.
    """

    DOWN = "down"
    TOO_MANY = "429"
    SERVER_ERROR = "500"
    OVERLOADED = "503"
    TIMEOUT = "timeout"
    TIMEOUT_AFTER_ACCEPT = "timeout_after_accept"
    ERROR_AFTER_ACCEPT = "500_after_accept"
    GARBAGE = "garbage"
    SLOW = "slow"
    CALLBACK_LATE = "callback_late"
    CALLBACK_MISSING = "callback_missing"
    CALLBACK_DUPLICATED = "callback_duplicated"
    CALLBACK_OUT_OF_ORDER = "callback_out_of_order"
    CALLBACK_EARLY = "callback_early"
    TEMPLATE_REJECTED = "template_rejected"


REFUSING = frozenset(
    {FaultKind.DOWN, FaultKind.TOO_MANY, FaultKind.SERVER_ERROR, FaultKind.OVERLOADED, FaultKind.TIMEOUT}
)
"""Kinds after which nothing was accepted."""

LOSING = frozenset({FaultKind.TIMEOUT_AFTER_ACCEPT, FaultKind.ERROR_AFTER_ACCEPT, FaultKind.GARBAGE})
"""Kinds after which the message was accepted and the caller cannot know."""

_DEFAULT_DELAY_S = {
    FaultKind.SLOW: 5.0,
    FaultKind.TIMEOUT: 60.0,
    FaultKind.TIMEOUT_AFTER_ACCEPT: 60.0,
    FaultKind.CALLBACK_LATE: 600.0,
}


class Fault(msgspec.Struct):
    """One injected fault.

    Attributes:
        kind: A `FaultKind` or a Twilio error code in digits.
        times: How often it still strikes; None is without end.
        until: When it is over; None is never.
        to_address: Only for messages to this address; None is for all. Look-ups are struck by `DOWN` alone.
        delay_s: How slow, how late, or how long an answer fails to come.
    """

    kind: str
    times: int | None = 1
    until: datetime | None = None
    to_address: str | None = None
    delay_s: float = 0.0

    @property
    def code(self) -> int | None:
        """The Twilio error code this fault stands for, or None."""
        return int(self.kind) if len(self.kind) == 5 and self.kind.isdigit() else None

    @property
    def refuses(self) -> bool:
        """True when the request is answered with an error at once, and nothing accepted."""
        return self.kind in REFUSING or (self.kind[:1] in ("1", "2") and self.code is not None)

    @property
    def fails_later(self) -> bool:
        """True when the message is accepted, then reported as failed."""
        return self.kind[:1] in ("3", "6") and self.code is not None


class Faults:
    """The faults in force. `struck` counts, by kind, how often each did strike."""

    def __init__(self) -> None:
        self.active: list[Fault] = []
        self.struck: Counter[str] = Counter()

    def inject(
        self,
        kind: str,
        *,
        times: int | None = 1,
        until: datetime | None = None,
        to_address: str | None = None,
        delay_s: float | None = None,
    ) -> Fault:
        """Arm a fault; earlier ones strike first.

        Args:
            kind: A `FaultKind` or a five-digit Twilio error code.
            times: How often it strikes; None is without end.
            until: When it is over, if ever.
            to_address: Only messages to this address.
            delay_s: Seconds, where the kind has a duration; each has a sensible default.

        Raises:
            ValueError: No such kind.
        """
        fault = Fault(str(kind), times, until, to_address)
        if fault.kind not in set(FaultKind) and not (fault.refuses or fault.fails_later):
            raise ValueError(f"no such fault: {kind!r}")
        fault.delay_s = _DEFAULT_DELAY_S.get(FaultKind(kind), 0.0) if fault.code is None else 0.0
        if delay_s is not None:
            fault.delay_s = delay_s
        self.active.append(fault)
        return fault

    def clear(self) -> None:
        """Disarm everything."""
        self.active.clear()

    def take(self, kinds: Collection[str], now: datetime, to_address: str | None) -> Fault | None:
        """The first fault of these kinds that strikes now. `to_address` is None for anything but a new message."""
        return self._take(now, to_address, lambda fault: fault.kind in kinds) if self.active else None

    def take_refusing(self, now: datetime, to_address: str | None) -> Fault | None:
        """The first fault that refuses the request."""
        return self._take(now, to_address, lambda fault: fault.refuses) if self.active else None

    def take_failing_later(self, now: datetime, to_address: str | None) -> Fault | None:
        """The first fault that lets the message fail after it was accepted."""
        return self._take(now, to_address, lambda fault: fault.fails_later) if self.active else None

    def _take(self, now: datetime, to_address: str | None, wanted: Callable[[Fault], bool]) -> Fault | None:
        self.active = [it for it in self.active if it.times != 0 and (it.until is None or now < it.until)]
        for fault in self.active:
            if not wanted(fault) or (to_address is None and fault.kind != FaultKind.DOWN):
                continue
            if fault.to_address is not None and fault.to_address != to_address:
                continue
            if fault.times is not None:
                fault.times -= 1
            self.struck[fault.kind] += 1
            return fault
        return None
