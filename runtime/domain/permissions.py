"""Who may do what: one table of actions and roles. Enforced where a tool runs, never by a prompt.

The registry asks it for every call, and a tool asks again where its arguments make the call another action: to
block one's own hour is not to close the shop.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from runtime.domain.enums import StaffRole


class Actor(StrEnum):
    """On whose behalf a model calls a tool: a customer, or staff in one of the roles."""

    CUSTOMER = "customer"
    OWNER = "owner"
    ADMIN = "admin"
    STAFF = "staff"
    VIEWER = "viewer"


class Action(StrEnum):
    """What can be permitted."""

    BE_SERVED = "be_served"
    SEE_SCHEDULE = "see_schedule"
    SEE_PERMISSIONS = "see_permissions"
    SEE_CUSTOMERS = "see_customers"
    MARK_ATTENDANCE = "mark_attendance"
    BLOCK_OWN_TIME = "block_own_time"
    BOOK_FOR_CUSTOMERS = "book_for_customers"
    CHANGE_APPOINTMENTS = "change_appointments"
    MESSAGE_CUSTOMERS = "message_customers"
    BLOCK_OTHERS_TIME = "block_others_time"
    SEE_STATS = "see_stats"
    MANAGE_STAFF = "manage_staff"
    CLOSE_BUSINESS = "close_business"
    CHANGE_PERMISSIONS = "change_permissions"
    CHANGE_HOURS = "change_hours"
    CHANGE_SERVICES = "change_services"


CUSTOMERS = frozenset({Actor.CUSTOMER})
OWNERS = frozenset({Actor.OWNER})
MANAGERS = OWNERS | {Actor.ADMIN}
WORKERS = MANAGERS | {Actor.STAFF}
EVERYBODY = WORKERS | {Actor.VIEWER}

ALLOWED: Mapping[Action, frozenset[Actor]] = MappingProxyType(
    {
        Action.BE_SERVED: CUSTOMERS,
        Action.SEE_SCHEDULE: EVERYBODY,
        Action.SEE_PERMISSIONS: EVERYBODY,
        Action.SEE_CUSTOMERS: WORKERS,
        Action.MARK_ATTENDANCE: WORKERS,
        Action.BLOCK_OWN_TIME: WORKERS,
        Action.BOOK_FOR_CUSTOMERS: WORKERS,
        Action.CHANGE_APPOINTMENTS: WORKERS,
        Action.MESSAGE_CUSTOMERS: WORKERS,
        Action.BLOCK_OTHERS_TIME: MANAGERS,
        Action.SEE_STATS: MANAGERS,
        Action.MANAGE_STAFF: MANAGERS,
        Action.CLOSE_BUSINESS: OWNERS,
        Action.CHANGE_PERMISSIONS: OWNERS,
        Action.CHANGE_HOURS: OWNERS,
        Action.CHANGE_SERVICES: OWNERS,
    }
)
"""The whole matrix."""


def is_allowed(actor: Actor, action: Action) -> bool:
    """Whether the table says so."""
    return actor in ALLOWED[action]


def actor_of(role: StaffRole) -> Actor:
    """Staff in this role."""
    return Actor(role.value)
