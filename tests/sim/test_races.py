"""Locking strategies, one order of steps after the other: what keeps rivals apart does so in every one."""

from __future__ import annotations

import pytest

from runtime.domain.strategies import BookingStrategy, ConversationStrategy
from sim.races.booking import play_bookings
from sim.races.booking_crowd import crowd_bookings
from sim.races.conversation import play_conversations
from sim.races.conversation_crowd import crowd_conversations
from sim.races.crew import Crowds, open_crew
from sim.races.schedules import Walk, count_orders, count_switches
from sim.races.timeline import draw_story

BOOK_BOOK = ("book", "book")
KEEPING_APART = [each for each in BookingStrategy if each is not BookingStrategy.NONE]
TRYING_AGAIN = (BookingStrategy.VERSION, BookingStrategy.SERIALIZABLE)


def tell(_line: str) -> None:
    """Nobody listens."""


def play_steps(walk: Walk, lengths: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Every schedule of attempts that have so many steps and never wait."""
    played = []
    for schedule in walk:
        left = list(lengths)
        while ready := [number for number, steps in enumerate(left) if steps]:
            left[schedule.choose(ready)] -= 1
        played.append(tuple(schedule.choices))
    return played


@pytest.mark.parametrize(("lengths", "count"), [((3, 3), 20), ((2, 2, 2), 90), ((1, 4), 5), ((3,), 1)])
def test_a_walk_plays_every_order_once(lengths: tuple[int, ...], count: int) -> None:
    """As many as the steps can be shuffled in, and none twice."""
    walk = Walk()

    played = play_steps(walk, lengths)

    assert len(set(played)) == len(played) == count == walk.most
    assert walk.complete
    assert not walk.diverged


def test_a_walk_with_a_limit_says_how_many_it_left_out() -> None:
    """Those it plays are different ones, and the shortest stories come first."""
    walk = Walk(10)

    played = play_steps(walk, (5, 5))

    assert len(set(played)) == len(played) == walk.played == 10
    assert (walk.most, walk.complete) == (252, False)
    assert [count_switches(choices) for choices in played[:3:2]] == [1, 1]


def test_orders_and_changes_of_turn_are_counted() -> None:
    """Two of one and three of another can be shuffled in ten ways."""
    assert count_orders([2, 3]) == 10
    assert count_switches([0, 0, 1, 1, 0]) == 2


def test_without_any_strategy_two_customers_get_the_same_hour(server_url: str) -> None:
    """If nothing were seen to go wrong here, nothing that is seen elsewhere would mean much."""
    orders = play_bookings(server_url, BookingStrategy.NONE, tell, 0, [BOOK_BOOK])[0]

    assert (orders.played, orders.complete) == (20, True)
    # right are the two orders in which one has committed before the other looks
    assert (orders.wrong, orders.anomalies) == (18, {"overlap": 18})
    assert orders.worst is not None
    assert orders.worst.switches == 2
    story = "\n".join(draw_story(orders.worst))
    assert "look at the calendar" in story
    assert "write the appointment" in story


@pytest.mark.parametrize("strategy", KEEPING_APART)
def test_a_strategy_gives_one_hour_to_one_customer_in_every_order(server_url: str, strategy: BookingStrategy) -> None:
    """One is told so and has the row, the other is offered other times; nobody is broken off for good."""
    orders = play_bookings(server_url, strategy, tell, 0, [BOOK_BOOK])[0]

    assert (orders.complete, orders.wrong, orders.anomalies) == (True, 0, {})
    assert (orders.deadlocks, orders.put_off) == (0, 0)
    assert (orders.retried > 0) == (strategy in TRYING_AGAIN)
    assert (orders.waits > 0) == (strategy is not BookingStrategy.SERIALIZABLE)
    assert (orders.diverged, orders.surprises) == (0, 0)


def test_the_default_keeps_apart_who_books_and_who_moves(server_url: str) -> None:
    """Whoever moves keeps the old hour if the new one is lost."""
    for orders in play_bookings(server_url, BookingStrategy.LINE, tell, 0, [("book", "move"), ("move", "move")]):
        assert (orders.complete, orders.wrong, orders.deadlocks) == (True, 0, 0)
        assert orders.played > 20


def test_the_constraint_alone_deadlocks_where_the_line_does_not(server_url: str) -> None:
    """Two who waited for a third that gave up then wait for each other; who stands in line never does."""
    quits = [("book", "book", "quit")]

    alone = play_bookings(server_url, BookingStrategy.EXCLUSION, tell, 30, quits)[0]
    line = play_bookings(server_url, BookingStrategy.LINE, tell, 30, quits)[0]

    assert (alone.wrong, line.wrong, line.deadlocks) == (0, 0, 0)
    assert 0 < alone.deadlocks <= alone.retried


def test_without_any_strategy_two_workers_answer_one_message(server_url: str) -> None:
    """Each remembers the customer's words, or one trips over the other's journal and apologises for nothing."""
    orders = play_conversations(server_url, ConversationStrategy.NONE, tell, 12, [("work", "work")])[0]

    assert orders.wrong > 0
    assert {"double_effect", "needless_apology"} & set(orders.anomalies)


@pytest.mark.parametrize("strategy", [ConversationStrategy.ADVISORY, ConversationStrategy.LEASE])
def test_a_strategy_gives_one_conversation_to_one_worker(server_url: str, strategy: ConversationStrategy) -> None:
    """Also where the second comes when a lease has run out, and where the customer goes on writing meanwhile."""
    scenarios = [("work", "work"), ("work", "work late"), ("work", "work", "write")]

    for orders in play_conversations(server_url, strategy, tell, 10, scenarios):
        assert (orders.wrong, orders.anomalies, orders.deadlocks) == (0, {}, 0), orders.scenario
        assert orders.surprises == 0


@pytest.mark.slow
def test_crowds_of_real_processes_are_measured(server_url: str) -> None:
    """Of four who want one slot one wins each time; of four with a slot each all do."""
    crowds = Crowds((4,), 1)
    with open_crew(2) as crew:
        booked = crowd_bookings(crew, server_url, [BookingStrategy.NONE, BookingStrategy.LINE], tell, crowds)
        worked = crowd_conversations(crew, server_url, [ConversationStrategy.LEASE], tell, crowds)

    together, apart = booked[BookingStrategy.LINE]
    assert (together.won, together.refused, together.wrong) == (together.rounds, 3 * together.rounds, 0)
    assert (apart.won, apart.wrong) == (4 * apart.rounds, 0)
    assert booked[BookingStrategy.NONE][0].wrong > 0
    answered = worked[ConversationStrategy.LEASE][0]
    assert (answered.won, answered.wrong) == (answered.rounds, 0)
    for crowd in (together, apart, answered):
        assert 0 < crowd.p50_ms <= crowd.p95_ms <= crowd.p99_ms
        assert 0 < crowd.fairness <= 1
