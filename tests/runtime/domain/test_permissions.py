"""Who may do what: the table of permissions, held against the one people were promised."""

from __future__ import annotations

import pytest

from runtime.domain import words_staff
from runtime.domain.enums import StaffRole
from runtime.domain.permissions import ALLOWED, Action, Actor, actor_of, is_allowed

PROMISED = {
    "owner admin staff viewer": (Action.SEE_SCHEDULE, Action.SEE_PERMISSIONS),
    "owner admin staff": (
        Action.SEE_CUSTOMERS,
        Action.MARK_ATTENDANCE,
        Action.BLOCK_OWN_TIME,
        Action.BOOK_FOR_CUSTOMERS,
        Action.CHANGE_APPOINTMENTS,
        Action.MESSAGE_CUSTOMERS,
    ),
    "owner admin": (Action.BLOCK_OTHERS_TIME, Action.SEE_STATS, Action.MANAGE_STAFF),
    "owner": (Action.CLOSE_BUSINESS, Action.CHANGE_PERMISSIONS, Action.CHANGE_HOURS, Action.CHANGE_SERVICES),
    "customer": (Action.BE_SERVED,),
}
"""As docs/staff.md tells it."""


@pytest.mark.parametrize("actor", Actor)
@pytest.mark.parametrize("action", Action)
def test_the_matrix_is_the_one_that_was_promised(action: Action, actor: Actor) -> None:
    """Every action with every role; an action without a row fails."""
    promised = next(roles for roles, actions in PROMISED.items() if action in actions)

    assert is_allowed(actor, action) is (actor.value in promised.split())


def test_every_role_of_staff_is_somebody_a_model_can_speak_for() -> None:
    """A role added to the store is an actor here, and none of them is a customer."""
    assert {actor_of(role) for role in StaffRole} == set(Actor) - {Actor.CUSTOMER}


@pytest.mark.parametrize("action", [each for each in Action if Actor.VIEWER not in ALLOWED[each]])
def test_a_refusal_says_in_spanish_what_it_is_about(action: Action) -> None:
    """Each action that anybody may be refused has its words."""
    told = words_staff.not_allowed(action)

    assert told == words_staff.CANNOT if action is Action.BE_SERVED else words_staff.ACTIONS[action] in told
