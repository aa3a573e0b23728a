"""Who speaks decides the way: every case of the routing table, every combination of facts, and what wins over what."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from runtime.domain.enums import ChannelKind, OrganizationStatus
from runtime.router import Case, Consent, Facts, route

CENTRAL = ChannelKind.CENTRAL
BUSINESS = ChannelKind.BUSINESS
OUT = Consent.OPT_OUT
IN = Consent.OPT_IN


def every_combination() -> Iterator[Facts]:
    """The full product of the values a fact may have; counts stand for none, one and several."""
    both = (False, True)
    for channel, organization, active, onboarding in product(ChannelKind, OrganizationStatus, (0, 1, 2), (0, 1, 2)):
        for staff, new, serving, handed, opted, supported in product(both, repeat=6):
            for consent in Consent:
                yield Facts(
                    channel=channel,
                    organization=organization,
                    businesses_active=active,
                    businesses_onboarding=onboarding,
                    is_staff=staff,
                    is_new_staff=new,
                    serving=serving,
                    handed_off=handed,
                    opted_out=opted,
                    consent=consent,
                    supported=supported,
                )


@pytest.mark.parametrize(
    ("case", "facts"),
    [
        pytest.param(Case.ONBOARD_BUSINESS, Facts(CENTRAL), id="1-unknown-on-central"),
        pytest.param(Case.RESUME_ONBOARDING, Facts(CENTRAL, businesses_onboarding=1), id="1b-half-signed-up"),
        pytest.param(Case.MANAGE_FROM_CENTRAL, Facts(CENTRAL, businesses_active=1), id="2a-one-business"),
        pytest.param(
            Case.MANAGE_FROM_CENTRAL,
            Facts(CENTRAL, businesses_active=1, businesses_onboarding=1),
            id="2a-and-a-new-one",
        ),
        pytest.param(Case.CHOOSE_BUSINESS, Facts(CENTRAL, businesses_active=2), id="2b-two-businesses"),
        pytest.param(Case.CHOOSE_BUSINESS, Facts(CENTRAL, businesses_active=5), id="2b-five-businesses"),
        pytest.param(Case.ONBOARD_STAFF, Facts(BUSINESS, is_staff=True, is_new_staff=True), id="3-first-message"),
        pytest.param(Case.MANAGE, Facts(BUSINESS, is_staff=True), id="4-known-staff"),
        pytest.param(Case.HUMAN_IN_HANDOFF, Facts(BUSINESS, is_staff=True, serving=True), id="4h-serving"),
        pytest.param(Case.HUMAN_IN_HANDOFF, Facts(CENTRAL, businesses_active=1, serving=True), id="4h-from-central"),
        pytest.param(Case.CUSTOMER, Facts(BUSINESS), id="5-anyone-else"),
        pytest.param(Case.CUSTOMER_IN_HANDOFF, Facts(BUSINESS, handed_off=True), id="5h-handed-off"),
        pytest.param(Case.UNKNOWN_NUMBER, Facts(ChannelKind.UNKNOWN), id="x-unknown-number"),
        pytest.param(Case.SUSPENDED, Facts(BUSINESS, OrganizationStatus.SUSPENDED), id="x-suspended"),
        pytest.param(Case.SUSPENDED, Facts(BUSINESS, OrganizationStatus.ONBOARDING), id="x-not-yet-open"),
        pytest.param(Case.OPTED_OUT, Facts(BUSINESS, consent=OUT), id="x-opts-out"),
        pytest.param(Case.OPTED_OUT, Facts(BUSINESS, opted_out=True, consent=IN), id="x-opts-in"),
        pytest.param(Case.OPTED_OUT, Facts(BUSINESS, opted_out=True), id="x-writes-after-opting-out"),
        pytest.param(Case.UNSUPPORTED, Facts(BUSINESS, supported=False), id="x-unsupported"),
    ],
)
def test_every_case_of_the_table_is_reached_by_its_facts(case: Case, facts: Facts) -> None:
    """Each row of the routing table has facts that lead there."""
    assert route(facts).case is case


@pytest.mark.parametrize(
    ("case", "facts"),
    [
        pytest.param(Case.CUSTOMER_IN_HANDOFF, Facts(BUSINESS, handed_off=True, consent=OUT), id="opt-out-is-relayed"),
        pytest.param(
            Case.CUSTOMER_IN_HANDOFF, Facts(BUSINESS, handed_off=True, supported=False), id="audio-is-relayed"
        ),
        pytest.param(
            Case.CUSTOMER_IN_HANDOFF, Facts(BUSINESS, handed_off=True, opted_out=True), id="silent-is-relayed"
        ),
        pytest.param(
            Case.HUMAN_IN_HANDOFF,
            Facts(BUSINESS, is_staff=True, serving=True, is_new_staff=True),
            id="serving-before-new",
        ),
        pytest.param(
            Case.HUMAN_IN_HANDOFF, Facts(BUSINESS, is_staff=True, serving=True, supported=False), id="serving-by-audio"
        ),
        pytest.param(
            Case.HUMAN_IN_HANDOFF, Facts(CENTRAL, businesses_active=2, serving=True), id="serving-before-choosing"
        ),
        pytest.param(
            Case.HUMAN_IN_HANDOFF,
            Facts(CENTRAL, businesses_active=1, businesses_onboarding=1, serving=True),
            id="serving-before-signing-up",
        ),
        pytest.param(Case.MANAGE, Facts(BUSINESS, is_staff=True, consent=OUT), id="staff-cannot-opt-out"),
        pytest.param(Case.MANAGE, Facts(BUSINESS, is_staff=True, handed_off=True), id="staff-is-no-customer-here"),
        pytest.param(
            Case.SUSPENDED,
            Facts(BUSINESS, OrganizationStatus.SUSPENDED, is_staff=True, serving=True),
            id="suspended-first",
        ),
        pytest.param(Case.OPTED_OUT, Facts(BUSINESS, consent=OUT, supported=False), id="opt-out-before-unsupported"),
        pytest.param(Case.OPTED_OUT, Facts(BUSINESS, opted_out=True, supported=False), id="silence-before-unsupported"),
        pytest.param(
            Case.ONBOARD_BUSINESS, Facts(CENTRAL, is_staff=True, handed_off=True), id="central-knows-businesses"
        ),
        pytest.param(
            Case.UNKNOWN_NUMBER,
            Facts(ChannelKind.UNKNOWN, businesses_active=2, is_staff=True),
            id="unknown-number-first",
        ),
    ],
)
def test_when_two_cases_apply_the_more_urgent_one_wins(case: Case, facts: Facts) -> None:
    """A conversation a person has taken stays theirs, a closed business answers nobody, and so on down the table."""
    assert route(facts).case is case


def test_every_combination_of_facts_has_a_route_with_a_reason() -> None:
    """Routing is total: nothing raises, every case is in use, and each decision says why."""
    decisions = [route(facts) for facts in every_combination()]

    assert len(decisions) == 3 * 3 * 3 * 3 * 2**6 * 3
    assert {decision.case for decision in decisions} == set(Case)
    assert all(decision.reason for decision in decisions)


def test_the_same_facts_always_give_the_same_route_and_stay_as_they_were() -> None:
    """Routing is pure: it remembers nothing and changes nothing."""
    combinations = list(every_combination())
    first = [route(facts) for facts in combinations]

    again = [route(facts) for facts in reversed(combinations)]

    assert again[::-1] == first
    assert combinations == list(every_combination())


def test_only_a_customer_of_an_open_business_is_ever_answered_by_the_model() -> None:
    """Case 5 needs a business number, an active business, no staff, no handoff, consent and words."""
    for facts in every_combination():
        is_plain_customer = (
            facts.channel is BUSINESS
            and facts.organization is OrganizationStatus.ACTIVE
            and not (facts.is_staff or facts.handed_off or facts.opted_out)
            and facts.consent is Consent.NONE
            and facts.supported
        )
        assert (route(facts).case is Case.CUSTOMER) == is_plain_customer
