"""Rules that hold for every replay find what breaks them, and nothing in a good conversation."""

from __future__ import annotations

import msgspec
import pytest

from evals.scorers import RULES, score
from evals.scorers.promises import find_claims
from evals.verdicts import Outcome, outcome_of
from sim.record import (
    AcceptedData,
    ConversationRecord,
    FinalMessage,
    FinalRows,
    RouteData,
    SayData,
    SendData,
    SendOrigin,
)
from sim.story import Story


def list_broken(record: ConversationRecord) -> list[str]:
    """The rules that are broken, each once for each place."""
    return [v.scorer for v in score(record) if v.violation]


def tell_good_day() -> Story:
    """A booking, a question and a handoff, all as they should be."""
    story = Story()
    story.say("ana", "quiero un corte mañana a las 4")
    story.book()
    story.send("ana", "¡Listo, Ana! Tu cita quedó agendada para el martes 13 de enero, 4:00 PM.")
    story.send("lupita", "Nueva cita: Ana, martes 13 de enero, 4:00 PM.", SendOrigin.NOTICE)
    story.say("ana", "quiero hablar con Lupita")
    story.call("handoff_to_human", {"reason": "lo pidió"})
    story.hand_off("active")
    story.send("ana", "Claro, te comunico con Lupita.")
    story.say("lupita", "can I bring my dog at 16:00?", route="4h")
    story.send("ana", "can I bring my dog at 16:00?", SendOrigin.RELAY)
    return story


def test_a_good_conversation_breaks_no_rule_and_meets_each_once() -> None:
    """Rules are met, not silent: the report can show that they were checked."""
    record = tell_good_day().end(tags=("asks-human",))

    verdicts = score(record)

    assert outcome_of(verdicts) is Outcome.PASSED
    assert [v.scorer for v in verdicts] == list(RULES)
    assert all(v.met and v.reason for v in verdicts)


def tell_handoff(*words: str, says: str | None = None) -> Story:
    """Ana writes, or says in a voice note, and is put through to Lupita."""
    story = Story()
    for each in words:
        story.say("ana", each)
    if says is not None:
        story.add("ana", SayData(sid="SM-voice", media=[{"content_type": "audio/ogg", "says": says}]), "")
    story.call("handoff_to_human", {"reason": "lo pidió"})
    story.hand_off("offered")
    story.send("ana", "Claro, te comunico con Lupita.")
    return story


ALOOF = ("cuánto cuesta el corte?", "qué caro")
MENTIONS = ("la otra vez me atendió una muchacha muy linda, ¿sigue con ustedes?",)


@pytest.mark.parametrize("labelled", [True, False], ids=["labelled", "unlabelled"])
def test_a_handoff_nobody_asked_for_is_a_violation(labelled: bool) -> None:
    """Without tag, expectation or words, a handoff is proactive, and Parlo never is."""
    story = tell_handoff(*ALOOF)
    if labelled:
        story.expect(route="5")

    assert list_broken(story.end()) == ["rule/handoff-asked-for"]


@pytest.mark.parametrize("labelled", [True, False], ids=["labelled", "unlabelled"])
@pytest.mark.parametrize("asks", ["quiero hablar con una persona", "me pasas con Lupita por favor"])
def test_words_no_rule_doubts_ask_for_a_person(asks: str, labelled: bool) -> None:
    """A conversation from production has no labels, and its customers do ask; aloud, too."""
    for story in (tell_handoff(*ALOOF, asks), tell_handoff(*ALOOF, says=asks)):
        if labelled:
            story.expect(route="5")

        assert "rule/handoff-asked-for" not in list_broken(story.end())


def test_a_person_who_is_only_spoken_of_is_left_to_labels() -> None:
    """Where nobody has labelled the conversation the rule does not know; where somebody has, nobody asked."""
    unlabelled, labelled = tell_handoff(*MENTIONS), tell_handoff(*MENTIONS)
    labelled.expect(route="5")

    assert "rule/handoff-asked-for" not in list_broken(unlabelled.end())
    assert "rule/handoff-asked-for" in list_broken(labelled.end())


def test_what_is_asked_for_later_does_not_excuse_a_handoff() -> None:
    """Only words from before it count, and only the customer's own."""
    story = tell_handoff(*ALOOF)
    story.say("ana", "quiero hablar con una persona", route="5h")
    story.say("lupita", "quiere hablar con una persona", route="4h")

    assert "rule/handoff-asked-for" in list_broken(story.end())


@pytest.mark.parametrize(
    "expected", [{"handoff": "active"}, {"tools": [{"name": "handoff_to_human"}]}], ids=["state", "tool"]
)
def test_an_expected_handoff_was_asked_for(expected: dict[str, object]) -> None:
    """An expectation of a handoff says as much as the tag."""
    story = tell_good_day()
    story.expect(**expected)

    assert "rule/handoff-asked-for" not in list_broken(story.end())


def test_a_message_without_a_route_or_with_two_is_a_violation() -> None:
    """Exactly one route for each stored message."""
    story = Story()
    story.say("ana", "hola", route=None)
    sid = story.say("ana", "¿hola?")
    story.add("parlo", RouteData(sid=sid, case="x", turn="t9"))
    story.send("ana", "¡Hola!")

    assert list_broken(story.end()) == ["rule/one-route", "rule/one-route"]


def test_a_repeated_delivery_of_one_message_is_still_one_message() -> None:
    """The same sid twice asks for one route and one row."""
    story = Story()
    sid = story.say("ana", "hola")
    story.send("ana", "¡Hola!")
    story.add("ana", SayData(sid=sid), "hola")
    story.add("twilio", AcceptedData(sid=sid, status=200, new=False))

    assert list_broken(story.end()) == []


@pytest.mark.parametrize("state", ["accepted", ""])
def test_a_message_without_a_final_state_is_a_violation(state: str) -> None:
    """Every message ends as done, ignored or dead."""
    story = Story()
    story.say("ana", "hola", state=state)
    story.send("ana", "¡Hola!")

    assert "rule/one-final-state" in list_broken(story.end())


def test_counts_alone_are_enough_to_miss_a_message() -> None:
    """Where the driver gives no rows, the number of rows must fit."""
    story = Story()
    story.say("ana", "hola")
    story.send("ana", "¡Hola!")
    story.states = []

    assert list_broken(story.end(FinalRows(inbox={"done": 1}))) == []
    assert list_broken(story.end(FinalRows(inbox={"done": 2}))) == ["rule/one-final-state"]


def test_a_message_that_is_lost_from_the_inbox_is_a_violation() -> None:
    """A sid that was accepted and has no row was lost."""
    story = Story()
    story.say("ana", "hola")
    story.send("ana", "¡Hola!")

    assert list_broken(story.end(FinalRows(messages=[FinalMessage("SM7", "done")]))) == ["rule/one-final-state"]


def test_a_server_error_is_excused_only_while_the_database_is_down() -> None:
    """503 is the defined answer then; 500 never is."""
    story = Story()
    story.break_part("database")
    story.add("ana", SayData(sid="SM1"), "hola")
    story.add("twilio", AcceptedData(sid="SM1", status=503))
    story.add("twilio", AcceptedData(sid="SM1", status=500))

    assert list_broken(story.end()) == ["rule/no-server-error"]


def test_a_machine_answer_to_what_a_customer_tells_a_person_is_a_violation() -> None:
    """While a handoff is active, Parlo passes on and gives notice; it does not answer."""
    story = tell_good_day()
    story.say("ana", "¿y cuánto cuesta?", route="5h")
    story.send("ana", "El corte cuesta $250.")

    assert list_broken(story.end(tags=("asks-human",))) == ["rule/silent-in-handoff"]


def test_after_the_handoff_the_machine_may_answer_again() -> None:
    """Ended is ended."""
    story = tell_good_day()
    story.hand_off("ended")
    story.say("ana", "¿y cuánto cuesta?")
    story.send("ana", "El corte cuesta $250.")

    assert list_broken(story.end(tags=("asks-human",))) == []


@pytest.mark.parametrize(
    ("text", "effect"),
    [
        ("¡Listo, Ana! Tu cita quedó agendada.", "booked"),
        ("Listo. Ya agendé tu cita para mañana.", "booked"),
        ("Queda reservado tu lugar. Confirmada tu cita.", "booked"),
        ("Tu cita del viernes quedó cancelada.", "cancelled"),
        ("Cancelé tu cita.", "cancelled"),
        ("Moví tu cita al viernes 16 de enero, 3:00 PM.", "moved"),
        ("¿Te agendo la cita?", None),
        ("Tu cita aún no está confirmada.", None),
        ("Si me dices que sí, tu cita queda agendada.", None),
        ("Para tener tu cita confirmada falta tu nombre, ¿me lo das?", None),
        ("¿Quieres que tu cita quede agendada?", None),
    ],
)
def test_words_that_promise_are_told_from_words_that_ask(text: str, effect: str | None) -> None:
    """Questions, conditions and denials claim nothing."""
    assert [claim.effect for claim, _ in find_claims(text)] == ([effect] if effect else [])


def test_a_promise_needs_a_committed_result_of_the_same_customer() -> None:
    """A refused booking, or somebody else's, is no ground to say that it is done."""
    refused = Story()
    refused.say("ana", "resérvame")
    refused.call("book_appointment", code="slot_taken")
    refused.send("ana", "Tu cita quedó agendada.")
    other = Story(ana="customer", beto="customer")
    other.say("beto", "resérvame")
    other.book()
    other.send("beto", "Tu cita quedó agendada.")
    other.say("ana", "¿y la mía?")
    other.send("ana", "Tu cita quedó agendada.")

    assert list_broken(refused.end()) == ["rule/nothing-uncommitted"]
    assert list_broken(other.end()) == ["rule/nothing-uncommitted"]


def test_a_promise_of_another_hour_than_the_booked_one_is_a_violation() -> None:
    """What is said is what was committed."""
    story = Story()
    story.say("ana", "resérvame a las 4")
    story.book("martes 13 de enero, 4:00 PM")
    story.send("ana", "Tu cita quedó agendada para el martes 13 de enero, 5:00 PM.")

    [verdict] = [v for v in score(story.end()) if v.violation]

    assert "it names 5:00pm, but the appointment is at 4:00pm" in verdict.reason


def test_telling_a_customer_about_the_appointment_they_have_is_no_promise() -> None:
    """Reading their appointments is ground enough."""
    story = Story()
    story.say("ana", "¿a qué hora es mi cita?")
    story.call("get_my_appointments", result={"appointments": [{"when": "viernes 16 de enero, 3:00 PM"}]})
    story.send("ana", "Tu cita está confirmada: viernes 16 de enero, 3:00 PM.")

    assert list_broken(story.end()) == []


def test_silence_towards_a_customer_is_a_violation() -> None:
    """Route 5 always gets an answer."""
    story = Story()
    story.say("ana", "hola")

    assert list_broken(story.end()) == ["rule/answered"]


def test_the_same_answer_twice_for_one_message_is_a_violation_and_for_two_is_not() -> None:
    """A repeated question may get a repeated answer."""
    story = Story()
    for _ in range(2):
        story.say("ana", "¿cuánto cuesta?")
        story.send("ana", "El corte cuesta $250.")

    assert list_broken(story.end()) == []

    story.send("ana", "El corte cuesta  $250.")

    assert list_broken(story.end()) == ["rule/no-double-answer"]


def test_an_answer_that_overtakes_a_later_one_is_a_violation() -> None:
    """Replies keep the order of the messages."""
    story = Story()
    story.say("ana", "¿cuánto cuesta?")
    story.say("ana", "¿y dónde están?")
    story.send("ana", "Estamos en el Centro.")
    story.add("parlo", SendData(to="ana", turn="t1", origin=SendOrigin.REPLY), "El corte cuesta $250.")

    assert list_broken(story.end()) == ["rule/answers-in-order"]


def test_english_and_foreign_formats_to_a_customer_are_violations() -> None:
    """Mexican Spanish, $150, 3:00 PM; what a person wrote is their own business."""
    story = Story()
    story.say("ana", "hello")
    story.send("ana", "Your appointment is available tomorrow, please choose the time.")
    story.say("ana", "¿a qué hora?")
    story.send("ana", "Tenemos lugar a las 16:00 y cuesta 250 pesos.")

    broken = list_broken(story.end())

    assert broken.count("rule/spanish") == 1
    assert broken.count("rule/format") >= 3


def test_an_apology_for_nothing_is_a_violation() -> None:
    """Where nothing was made to fail, being asked for patience means that something crashed."""
    smooth, rough = Story(), Story()
    rough.break_part("model")
    for story in (smooth, rough):
        story.say("ana", "hola")
        story.send("ana", "Una disculpa, estoy tardando más de lo normal.", SendOrigin.APOLOGY)

    assert list_broken(smooth.end()) == ["rule/no-needless-apology"]
    assert list_broken(rough.end()) == []


def test_two_questions_in_one_answer_are_a_violation() -> None:
    """To a customer, in our own words; one that offers a choice is one question."""
    story = Story()
    story.say("ana", "quiero una cita")
    story.send("ana", "¿Qué servicio te gustaría? ¿Corte o tinte, y qué día?")
    story.say("ana", "corte")
    story.send("ana", "¿Prefieres el martes o el miércoles?")
    story.send("lupita", "¿La tomas? ¿O la paso?", SendOrigin.ALERT)
    story.send("ana", "¿Cómo estás? ¿Ya llegaste?", SendOrigin.RELAY)

    assert list_broken(story.end()) == ["rule/one-question"]


def test_a_price_that_nobody_gave_is_a_violation() -> None:
    """The business's own, a tool's, and one that somebody named before are known; a digit more is not."""
    story = Story()
    story.say("ana", "¿cuánto cuesta? la vez pasada me cobraron 1,200")
    story.send("ana", "El corte cuesta $250 y el tinte $1,850.")
    story.say("lupita", "te lo dejo en 900", route="4h")
    story.call("check_availability", {"service": "Peinado"}, result={"status": "available", "price": "$350"})
    story.send("ana", "El peinado cuesta $350, quedamos en $900 y antes fueron $1,200.")
    story.send("ana", "Y el paquete sale en $2,500.")

    record = msgspec.structs.replace(story.end(), prices=[25_000, 185_000])
    broken = [verdict for verdict in score(record) if verdict.violation]

    assert [verdict.scorer for verdict in broken] == ["rule/no-invented-price"]
    assert "$2,500" in broken[0].reason


def test_without_known_prices_none_is_called_invented() -> None:
    """A record of before has none."""
    story = Story()
    story.say("ana", "¿cuánto cuesta?")
    story.send("ana", "Son $999.")

    assert list_broken(story.end()) == []
