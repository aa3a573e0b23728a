"""Every error Parlo raises on purpose, cut by who can act on it.

ParloError
├── Rejected      the customer, owner or model asked for something that cannot be: a code and words, shown
├── Unavailable   a remote part is down or slow: we retry, and it may say when
│   └── UnknownOutcome   a request may or may not have taken effect: look before trying again
├── Paced         a limit of our own: the same work goes on at a moment it names
├── Untrusted     a bad signature or payload: dropped and counted
└── Broken        a developer must look: alert and dead letter
    ├── LeaseLost        somebody newer has this conversation: our work is discarded
    ├── JournalMismatch  a resumed turn asked for something else than it did the first time
    ├── GaveUp           a model found no usable answer within its limits
    └── IllegalTransition  a state machine was asked for a step it does not have
"""

from __future__ import annotations

from datetime import datetime


class ParloError(Exception):
    """Base of every error raised on purpose."""


class Rejected(ParloError):
    """A request that cannot be granted, with words for the person who made it.

    Attributes:
        code: Stable identifier, for example ``slot_taken``; tests and scorers match on it.
        message: Mexican Spanish, fit to be shown.
        question: What to ask next, in Spanish, or None.
        slots: Alternatives as ``(when label, staff name)``, nearest first, possibly empty.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        question: str | None = None,
        slots: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.question = question
        self.slots = slots


class Unavailable(ParloError):
    """A remote part did not answer usefully; trying again later may work.

    Attributes:
        retry_after_s: When the remote side said to come back, in seconds, or None.
    """

    def __init__(self, what: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(what)
        self.retry_after_s = retry_after_s


class UnknownOutcome(Unavailable):
    """A request was sent and its answer lost: it may have taken effect."""


class Paced(ParloError):
    """The sender has used up what they may have a model asked for now.

    Attributes:
        until: When the next call has come back.
    """

    def __init__(self, until: datetime) -> None:
        super().__init__(f"no model call before {until:%H:%M:%S}")
        self.until = until


class Untrusted(ParloError):
    """A payload that is not signed by who it claims to be from, or cannot be read."""


class Broken(ParloError):
    """A state that only a developer can repair."""


class LeaseLost(Broken):
    """The fencing number moved on: another worker owns this conversation now."""


class JournalMismatch(Broken):
    """A resumed turn made a different request than the journal holds for that step."""


class GaveUp(Broken):
    """A model answered garbage or went in circles until its limits were hit."""


class IllegalTransition(Broken):
    """A state machine has no such step."""
