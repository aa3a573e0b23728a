"""Who speaks, and therefore which path a message takes. Pure and total; the only place that decides.

`runtime.turn` gathers the facts in one query and calls `route`; the workbench scores it over
millions of messages without a database.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from runtime.domain.enums import ChannelKind, OrganizationStatus


class Case(StrEnum):
    """The cases of the routing table."""

    ONBOARD_BUSINESS = "1"
    RESUME_ONBOARDING = "1b"
    MANAGE_FROM_CENTRAL = "2a"
    CHOOSE_BUSINESS = "2b"
    ONBOARD_STAFF = "3"
    MANAGE = "4"
    HUMAN_IN_HANDOFF = "4h"
    CUSTOMER = "5"
    CUSTOMER_IN_HANDOFF = "5h"
    UNKNOWN_NUMBER = "x-unknown-number"
    SUSPENDED = "x-suspended"
    OPTED_OUT = "x-opted-out"
    UNSUPPORTED = "x-unsupported"


class Consent(StrEnum):
    """What the message says about being written to, if that is all it says."""

    NONE = "none"
    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"


class Facts(msgspec.Struct, frozen=True, gc=False):
    """All a routing decision may depend on.

    Attributes:
        channel: The kind of our number that was written to.
        organization: Status of the business behind that number.
        businesses_active: On the central number: in how many served businesses the sender is staff.
        businesses_onboarding: On the central number: in how many whose sign-up is not finished.
        is_staff: On a business number: the sender is active staff there.
        is_new_staff: That member of staff has never written before.
        serving: That member of staff has a customer, or is asked to take one; on the central number it must be
            clear which.
        handed_off: The sender's own conversation has an open handoff.
        opted_out: The sender asked for silence before.
        consent: Whether a message of the burst is nothing but an opt-out or opt-in; the last one that is counts.
        supported: At least one message of the burst carries something the assistant can take up.
    """

    channel: ChannelKind
    organization: OrganizationStatus = OrganizationStatus.ACTIVE
    businesses_active: int = 0
    businesses_onboarding: int = 0
    is_staff: bool = False
    is_new_staff: bool = False
    serving: bool = False
    handed_off: bool = False
    opted_out: bool = False
    consent: Consent = Consent.NONE
    supported: bool = True


class Route(msgspec.Struct, frozen=True):
    """A decision and why it was taken."""

    case: Case
    reason: str


_UNKNOWN_NUMBER = Route(Case.UNKNOWN_NUMBER, "no business answers on this number")
_SUSPENDED = Route(Case.SUSPENDED, "the business is suspended")
_OPT_OUT = Route(Case.OPTED_OUT, "a message is an opt-out or opt-in and nothing else")
_STILL_OUT = Route(Case.OPTED_OUT, "the sender had opted out and writes again")
_UNSUPPORTED = Route(Case.UNSUPPORTED, "nothing in the message can be taken up")
_RESUME = Route(Case.RESUME_ONBOARDING, "owner of a business whose sign-up is not finished")
_ONBOARD = Route(Case.ONBOARD_BUSINESS, "unknown sender on the central number")
_MANAGE_CENTRAL = Route(Case.MANAGE_FROM_CENTRAL, "staff of exactly one active business")
_CHOOSE = Route(Case.CHOOSE_BUSINESS, "staff of two or more active businesses")
_SERVING = Route(Case.HUMAN_IN_HANDOFF, "staff who has a customer, or is asked to take one")
_NEW_STAFF = Route(Case.ONBOARD_STAFF, "first message of a registered member of staff")
_MANAGE = Route(Case.MANAGE, "known staff")
_HANDED_OFF = Route(Case.CUSTOMER_IN_HANDOFF, "the conversation is handed off to a person")
_CUSTOMER = Route(Case.CUSTOMER, "anyone else on a business number")


def route(facts: Facts) -> Route:
    """Decide the path of a message. Total: every combination of facts has a case."""
    if facts.channel is ChannelKind.UNKNOWN:
        return _UNKNOWN_NUMBER
    if facts.channel is ChannelKind.CENTRAL:
        return _route_central(facts)
    if facts.organization is not OrganizationStatus.ACTIVE:
        return _SUSPENDED
    if facts.is_staff:
        return _route_staff(facts)
    return _route_customer(facts)


def _route_central(facts: Facts) -> Route:
    if facts.serving:
        return _SERVING
    if facts.businesses_active >= 2:
        return _CHOOSE
    if facts.businesses_active == 1:
        return _MANAGE_CENTRAL
    if facts.businesses_onboarding:
        return _RESUME
    return _ONBOARD


def _route_staff(facts: Facts) -> Route:
    if facts.serving:
        return _SERVING
    if facts.is_new_staff:
        return _NEW_STAFF
    return _MANAGE


def _route_customer(facts: Facts) -> Route:
    # A conversation that a person has taken stays with that person, whatever the customer sends: a file is theirs
    # to see, and an opt-out word ends it.
    if facts.handed_off:
        return _HANDED_OFF
    if facts.consent is not Consent.NONE:
        return _OPT_OUT
    if facts.opted_out:
        return _STILL_OUT
    if not facts.supported:
        return _UNSUPPORTED
    return _CUSTOMER
