"""Nobody answers: reminders, the next human, half an hour of silence, and the end of the line, by the ticker."""

from __future__ import annotations

from runtime.domain import words
from runtime.domain.handoff import LINE_LIMIT, SILENCE, HandoffEvent
from runtime.store.database import Database
from runtime.ticker import tick
from tests.runtime.flows.desk import Desk


async def test_whoever_does_not_answer_is_reminded_after_three_minutes(database: Database) -> None:
    """Once, and nobody else is disturbed."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")

    before = await desk.wait_until(2.99)
    then = await desk.wait_until(3)

    assert before == []
    assert then == [("Lupita", words.reminder("Ana", 3))]


async def test_after_six_minutes_the_next_human_is_asked_and_the_first_one_told(database: Database) -> None:
    """The customer hears whom; the one who did not answer may still take them."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")
    await desk.wait_until(5.99)

    heard = await desk.wait_until(6)

    assert sorted(name for name, _ in heard) == ["Ana", "Lupita", "Rosa"]
    assert ("Lupita", words.escalated("Rosa")) in heard and ("Ana", words.connected("Rosa")) in heard
    assert await desk.outcomes("Ana") == [("Lupita", "expired"), ("Rosa", None)]
    assert await desk.row("Ana", "offered_at, last_human_at") == (desk.at(6), desk.at(0)), (
        "the silence is not cut short"
    )


async def test_where_there_is_no_next_the_first_stays_asked_and_is_reminded_once_more(database: Database) -> None:
    """At three and at fifteen minutes, and after half an hour it is over."""
    desk = await Desk.open(database, "Ana", "Beto")
    await desk.ask("Beto")
    await desk.ask("Ana")
    await desk.take("Lupita", "Beto")
    await desk.say("Lupita", "Beto", "hola")

    until_then = await desk.wait_until(14.99)
    fifteen = await desk.wait_until(15)
    silence = await desk.wait_until(30)

    assert until_then == [("Rosa", words.reminder("Ana", 3))]
    assert fifteen == [("Rosa", words.reminder("Ana", 15))]
    assert ("Ana", words.TIMED_OUT_FOR_CUSTOMER) in silence and ("Rosa", words.timed_out_for_human("Ana")) in silence
    assert await desk.outcomes("Ana") == [("Rosa", "expired")]


async def test_nobody_at_all_answers_and_everybody_hears_the_end(database: Database) -> None:
    """Both were asked: after half an hour from the first offer the customer has the assistant, and a task is left."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")

    await desk.wait_until(29.99)
    open_still = await desk.states()
    heard = await desk.wait_until(30)

    assert open_still == {"Ana": ("offered", "Rosa")}
    assert sorted(heard) == [
        ("Ana", words.TIMED_OUT_FOR_CUSTOMER),
        ("Lupita", words.timed_out_for_human("Ana")),
        ("Rosa", words.timed_out_for_human("Ana")),
    ]
    assert await desk.look("select kind::text from tasks") == [("unanswered",)]


async def test_half_an_hour_in_which_nothing_ran_ends_it_at_once_without_the_overdue_reminders(
    database: Database,
) -> None:
    """The customer is not told of another human in the moment before the end, and nobody is asked to hurry."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")
    before = await desk.count_messages()

    desk.set(30)
    await tick(desk.parts)

    assert sorted(await desk.heard_since(before)) == [
        ("Ana", words.TIMED_OUT_FOR_CUSTOMER),
        ("Lupita", words.timed_out_for_human("Ana")),
    ]
    assert await desk.states() == {"Ana": ("ended", "Lupita")}


async def test_a_customers_word_without_an_answer_nudges_after_ten_minutes_and_calls_the_next_after_twenty(
    database: Database,
) -> None:
    """The one who has the customer first, then somebody free and on duty; the customer stays where they are."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")
    await desk.take("Lupita", "Ana")
    await desk.say("Lupita", "Ana", "hola")
    desk.set(2)
    await desk.say("Ana", "Ana", "¿cuánto cuesta?")
    desk.set(4)
    await desk.say("Ana", "Ana", "¿hola?")

    before = await desk.wait_until(11.99)
    nudged = await desk.wait_until(12)
    called = await desk.wait_until(22)

    assert before == []
    assert nudged == [("Lupita", words.nudge("Ana", 10))]
    assert called == [("Rosa", words.call_next("Ana", "Lupita", 20))]
    assert await desk.states() == {"Ana": ("active", "Lupita")}


async def test_where_nobody_else_is_free_the_same_human_is_nudged_again(database: Database) -> None:
    """Better twice the same than nobody."""
    desk = await Desk.open(database, "Ana", "Beto")
    for name, human in (("Ana", "Lupita"), ("Beto", "Rosa")):
        await desk.ask(name)
        await desk.take(human, name)
        await desk.say(human, name, "hola")
    await desk.say("Ana", "Ana", "¿cuánto?")

    heard = await desk.wait_until(20)

    assert heard == [("Lupita", words.nudge("Ana", 10)), ("Lupita", words.nudge("Ana", 20))]


async def test_an_answer_ends_the_nudging(database: Database) -> None:
    """Nothing is due then but the silence, counted from the answer."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")
    await desk.take("Lupita", "Ana")
    await desk.say("Ana", "Ana", "¿cuánto?")
    desk.set(9)
    await desk.say("Lupita", "Ana", "$250")

    heard = await desk.wait_until(38.99)

    assert heard == []
    assert await desk.row("Ana", "due_at, unanswered_since") == (desk.at(9) + SILENCE, None)


async def test_a_customer_who_writes_does_not_keep_the_clock_of_silence_from_running(database: Database) -> None:
    """Only the human's own words count: asking "¿hola?" every five minutes must not keep a customer mute for ever."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")
    await desk.take("Lupita", "Ana")
    await desk.say("Lupita", "Ana", "hola")
    for minute in range(5, 30, 5):
        await desk.wait_until(minute)
        await desk.say("Ana", "Ana", "¿hola?")

    heard = await desk.wait_until(30)

    assert ("Ana", words.TIMED_OUT_FOR_CUSTOMER) in heard
    assert await desk.row("Ana", "ended_at") == (desk.at(30),)


async def test_after_two_hours_in_line_the_customer_is_told_and_a_task_is_left(database: Database) -> None:
    """Neither a moment earlier nor without a word."""
    desk = await Desk.open(database, "Ana", "Beto", "Carla")
    for name, human in (("Ana", "Lupita"), ("Beto", "Rosa")):
        await desk.ask(name)
        await desk.take(human, name)
    await desk.ask("Carla")
    limit = LINE_LIMIT.total_seconds() / 60
    for minute in range(20, int(limit), 20):
        await desk.wait_until(minute)
        for name, human in (("Ana", "Lupita"), ("Beto", "Rosa")):
            await desk.say(human, name, "sigo aquí")

    before = await desk.wait_until(limit - 0.01)
    then = await desk.wait_until(limit)

    assert before == []
    assert then == [("Carla", words.GAVE_UP)]
    assert await desk.row("Carla", "end_reason::text, ended_at") == ("unanswered", desk.at(0) + LINE_LIMIT)
    assert await desk.look("select kind::text, dedupe_key like 'unanswered:%' from tasks") == [("unanswered", True)]


async def test_an_end_by_silence_serves_the_line(database: Database) -> None:
    """The human who fell silent is free for whoever waits, and silent again they are found out again."""
    desk = await Desk.open(database, "Ana", "Beto", "Carla")
    for name in ("Ana", "Beto"):
        await desk.ask(name)
    await desk.take("Lupita", "Ana")
    await desk.take("Rosa", "Beto")
    desk.set(1)
    await desk.ask("Carla")

    await desk.wait_until(30)

    assert await desk.states() == {
        "Ana": ("ended", "Lupita"),
        "Beto": ("ended", "Rosa"),
        "Carla": ("offered", "Lupita"),
    }


async def test_a_step_that_was_overtaken_by_an_answer_is_not_done(database: Database) -> None:
    """The ticker looks again under the lock: what was taken in the meantime is not escalated."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")
    desk.set(6)
    await desk.take("Lupita", "Ana")
    await desk.say("Lupita", "Ana", "hola")

    heard = await desk.wait_until(35.9)

    assert heard == []


async def test_whoever_takes_a_customer_late_is_not_blamed_for_the_time_before(database: Database) -> None:
    """Ana waited twelve minutes for somebody: Rosa, who came, has her own ten minutes to answer."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")
    await desk.wait_until(12)
    await desk.take("Rosa", "Ana")

    at_once = await desk.wait_until(12.1)

    assert at_once == []


async def test_whoever_comes_on_duty_is_asked_for_the_line(database: Database) -> None:
    """Rosa is busy and Lupita begins at noon: Beto, who waits, is hers from then on."""
    desk = await Desk.open(database, "Ana", "Beto")
    await desk.change(
        "insert into staff_hours (organization_id, staff_id, weekday, opens_minute, closes_minute)"
        " values (:org, :staff, 0, 720, 1140)",
        org=desk.salon.organization_id,
        staff=desk.salon.staff["Lupita"],
    )
    desk.set(90)
    await desk.ask("Ana")
    await desk.take("Rosa", "Ana")
    await desk.say("Rosa", "Ana", "hola")
    desk.set(100)
    await desk.ask("Beto")
    assert await desk.states() == {"Ana": ("active", "Rosa"), "Beto": ("waiting", None)}
    desk.set(119)
    await desk.say("Rosa", "Ana", "sigo aquí")

    await desk.wait_until(126)

    assert (await desk.states())["Beto"] == ("offered", "Lupita")


async def test_an_ended_handoff_is_never_due(database: Database) -> None:
    """Nothing happens any more, whatever time passes."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")
    await desk.end("Ana", HandoffEvent.CUSTOMER_LEAVES)

    assert await desk.wait_until(600) == []
