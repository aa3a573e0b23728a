"""The closed vocabularies of the store: one enum per column that has one.

The migrations create a Postgres enum type of the same name and values; the drift test compares.
"""

from __future__ import annotations

from enum import StrEnum


class OrganizationStatus(StrEnum):
    """Whether a business is served."""

    ONBOARDING = "onboarding"
    ACTIVE = "active"
    SUSPENDED = "suspended"


class ChannelKind(StrEnum):
    """What one of our WhatsApp numbers is for."""

    CENTRAL = "central"
    BUSINESS = "business"
    UNKNOWN = "unknown"


class StaffRole(StrEnum):
    """What a member of staff may do (the matrix is enforced where a tool runs)."""

    OWNER = "owner"
    ADMIN = "admin"
    STAFF = "staff"
    VIEWER = "viewer"


class InboxState(StrEnum):
    """An inbound message: stored, or in one of three final states."""

    ACCEPTED = "accepted"
    DONE = "done"
    IGNORED = "ignored"
    DEAD = "dead"


class TurnState(StrEnum):
    """One considered answer to a burst of messages."""

    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"


class StepKind(StrEnum):
    """What a journaled step was."""

    MODEL = "model"
    TOOL = "tool"


class Author(StrEnum):
    """Who a message of the conversation's history is from."""

    CUSTOMER = "customer"
    ASSISTANT = "assistant"
    HUMAN = "human"
    STAFF = "staff"
    MARKER = "marker"


class OutboxKind(StrEnum):
    """Why a message is sent; each class has its own rule for an unknown outcome."""

    REPLY = "reply"
    RELAY = "relay"
    ALERT = "alert"
    NOTICE = "notice"
    APOLOGY = "apology"


class OutboxState(StrEnum):
    """An outbound message: ours until submitted, then the provider's own lifecycle."""

    QUEUED = "queued"
    SUBMITTING = "submitting"
    ACCEPTED = "accepted"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    UNDELIVERED = "undelivered"
    FAILED = "failed"


class HandoffState(StrEnum):
    """A customer and a person: asked for, in line, offered to somebody, talking, or finished."""

    REQUESTED = "requested"
    WAITING = "waiting"
    OFFERED = "offered"
    ACTIVE = "active"
    ENDED = "ended"


class HandoffOrigin(StrEnum):
    """Who wanted a person in the conversation."""

    CUSTOMER = "customer"
    HUMAN = "human"


class HandoffEnd(StrEnum):
    """How a handoff ended."""

    HUMAN = "human"
    TIMEOUT = "timeout"
    CUSTOMER = "customer"
    UNANSWERED = "unanswered"
    OPTED_OUT = "opted_out"
    SUSPENDED = "suspended"


class OfferOutcome(StrEnum):
    """What came of asking somebody to take a customer."""

    TAKEN = "taken"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    REMOVED = "removed"


class MediaState(StrEnum):
    """A file somebody sent: kept, never taken in, or deleted after its time."""

    STORED = "stored"
    REFUSED = "refused"
    DELETED = "deleted"


class TemplateStatus(StrEnum):
    """How far a template's approval by WhatsApp has got, in the provider's words."""

    UNSUBMITTED = "unsubmitted"
    RECEIVED = "received"
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    PAUSED = "paused"
    DISABLED = "disabled"


class AppointmentStatus(StrEnum):
    """An appointment; the first four occupy the chair and the person who serves."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"


class FlowKind(StrEnum):
    """What a customer is in the middle of."""

    BOOK = "book"
    MODIFY = "modify"
    CANCEL = "cancel"


class FlowState(StrEnum):
    """A flow is open until it is completed or left alone for 30 minutes."""

    OPEN = "open"
    ABANDONED = "abandoned"
    COMPLETED = "completed"


class StaffActionState(StrEnum):
    """What staff had asked for: not confirmed yet, done, taken back, or asked for no more."""

    ASKED = "asked"
    DONE = "done"
    UNDONE = "undone"
    DROPPED = "dropped"


class TaskKind(StrEnum):
    """Why a person has to look at something."""

    DEAD_LETTER = "dead_letter"
    UNDELIVERED = "undelivered"
    NO_HUMAN = "no_human"
    SIGNUP = "signup"
    UNKNOWN_NUMBER = "unknown_number"
    UNANSWERED = "unanswered"
    MODEL_LIMIT = "model_limit"
