"""When a message is sent, delivered and read, and when that is reported: the plan the emulator then follows.

It decides; `sim.twilio.emulator` acts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from runtime.domain.whatsapp import DeliveryStatus
from sim.twilio.faults import FaultKind, Faults

_FAILED_WITHIN = frozenset({63015, 63016, 63017, 63018, 63038})
"""Codes with which a message never leaves Twilio ("failed"); the others are refused by WhatsApp ("undelivered")."""

BEFORE_ANSWER = -1.0
"""A time before the request that made the message is answered."""


class Behaviour(msgspec.Struct, frozen=True):
    """How the emulator behaves when nothing is wrong. Seconds are since the message was accepted.

    Attributes:
        read_s: When the person reads it; None is never, as with read receipts off.
        callbacks: Statuses that are reported.
        window_s: How long after a person wrote they may be answered freely, else 63016; None does not check.
        approval_s: How long WhatsApp takes to approve a template; None is for ever.
    """

    sent_s: float = 1.0
    delivered_s: float = 2.0
    read_s: float | None = None
    callbacks: frozenset[str] = frozenset({"sent", "delivered", "read", "failed", "undelivered"})
    window_s: float | None = None
    approval_s: float | None = 0.0


class Planned(msgspec.Struct, frozen=True):
    """A status and when it comes, in seconds since the message was accepted."""

    after_s: float
    status: str


def list_statuses(behaviour: Behaviour, failure: int | None) -> list[Planned]:
    """The statuses a message goes through, in order; `failure` is the error code it ends with, if any."""
    if failure is not None:
        status = DeliveryStatus.FAILED if failure in _FAILED_WITHIN else DeliveryStatus.UNDELIVERED
        return [Planned(behaviour.sent_s, status)]
    planned = [
        Planned(behaviour.sent_s, DeliveryStatus.SENT),
        Planned(behaviour.delivered_s, DeliveryStatus.DELIVERED),
    ]
    if behaviour.read_s is not None:
        planned.append(Planned(behaviour.read_s, DeliveryStatus.READ))
    return planned


def bend_reports(reports: Sequence[Planned], faults: Faults, now: datetime, to_address: str) -> Sequence[Planned]:
    """The reports as the callback faults in force have them: late, missing, twice, swapped, `BEFORE_ANSWER`."""
    if not faults.active:
        return reports

    def strikes(kind: FaultKind) -> float | None:
        fault = faults.take((kind,), now, to_address)
        return fault.delay_s if fault else None

    if strikes(FaultKind.CALLBACK_MISSING) is not None:
        return ()
    if strikes(FaultKind.CALLBACK_OUT_OF_ORDER) is not None:
        pairs = zip(reports, reversed(reports), strict=True)
        reports = [Planned(early.after_s, late.status) for early, late in pairs]
    late_s = strikes(FaultKind.CALLBACK_LATE)
    if late_s is not None:
        reports = [Planned(it.after_s + late_s, it.status) for it in reports]
    if strikes(FaultKind.CALLBACK_EARLY) is not None:
        reports = [Planned(BEFORE_ANSWER, it.status) for it in reports[:1]] + list(reports[1:])
    if strikes(FaultKind.CALLBACK_DUPLICATED) is not None:
        reports = [it for it in reports for _ in range(2)]
    return reports
