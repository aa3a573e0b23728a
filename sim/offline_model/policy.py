"""Deciding the next step of a turn: a tool call or a text.

`decide` is asked once per completion and again after each tool result, with the same conversation
and one result more. Refusals and requests for a person come first, then what the customer is in the
middle of, then questions, then small talk. A tool is asked at most once per turn, so a turn ends.
"""

from __future__ import annotations

import re

import msgspec

from sim.offline_model import phrases
from sim.offline_model.answers import answer_questions, is_gibberish, react, recall_pending
from sim.offline_model.booking import ask_pending, book
from sim.offline_model.changes import cancel, move, pending_question, tell_appointments
from sim.offline_model.lexicon import Intent
from sim.offline_model.state import Asked, Goal, gives_up
from sim.offline_model.text import fold
from sim.offline_model.turn import Call, Step, Turn, call

_ANSWERS = (Intent.YES, Intent.NO, Intent.ANY, Intent.THUMBS, Intent.OTHER_OPTIONS, Intent.LATER, Intent.EARLIER)
_LOST = ("Perdón, no te entendí bien.", "Disculpa, no entendí tu mensaje.")
_MEDIA_MARK = re.compile(r"\[[^\]]*\]")


def decide(turn: Turn) -> Step:
    """What to say or call now."""
    step = _hand_over(turn) or _refuse(turn) or _ask_to_write(turn) or _drop(turn) or _act(turn)
    step = _remember_name(turn, step)
    if not step.text:
        return step
    text = _open_with_greeting(turn, step.text)
    if "?" in text and not turn.context.rules.one_question:
        text = f"{text} ¿Y qué más necesitas?"
    return Step(text=text)


def _hand_over(turn: Turn) -> Step | None:
    done = turn.result_of("handoff_to_human")
    if not turn.said.has(Intent.PERSON) and done is None:
        return None
    if done is not None:
        words = done.error.message if done.error else ""
        return Step(words or "En un momento te atiende una persona por aquí.")
    if not turn.can("handoff_to_human"):
        return Step("No puedo pasarte con una persona por aquí en este momento.")
    words = " ".join(turn.said.text.split())
    return call("handoff_to_human", reason=f"El cliente pidió hablar con una persona: «{words[:160]}»")


def _refuse(turn: Turn) -> Step | None:
    """Answers to attempts at what a customer may not have. Nothing is called."""
    said = turn.said
    own = {fold(turn.state.name).split(" ")[0], fold(turn.context.customer).split(" ")[0]}
    if said.has(Intent.INJECTION):
        told = answer_questions(turn)
        if told:
            return Step(_close_answer(turn, f"Con eso no te puedo ayudar. {told}", turn.before.goal))
        words = "Con eso no te puedo ayudar."
    elif said.has(Intent.OTHERS_DATA) or (said.of_other and fold(said.of_other) not in own):
        words = "Solo puedo ver y mover tus propias citas, no las de otras personas."
    else:
        return None
    pending = _ask_again(turn, turn.before.goal)
    return Step(f"{words} {pending}" if pending else f"{words} {phrases.say_scope(turn)}")


def _ask_to_write(turn: Turn) -> Step | None:
    said = turn.said
    if not said.text.strip():
        return Step(f"{phrases.greet(turn)} {phrases.ASK_MORE}")
    if not said.has(Intent.MEDIA) or _MEDIA_MARK.sub("", said.text).strip():
        return None
    if re.search(r"nota de voz|audio", said.folded):
        return Step("Por ahora no puedo escuchar notas de voz. ¿Me lo escribes, por favor?")
    if "sticker" in said.folded:
        return Step(f"¡Jaja, qué buen sticker! {_ask_again(turn, turn.before.goal) or phrases.ASK_MORE}")
    return Step("Por ahora solo puedo leer texto. ¿Me escribes qué necesitas, por favor?")


def _drop(turn: Turn) -> Step | None:
    """The customer gives up what we were doing."""
    said, before = turn.said, turn.before
    if said.has(Intent.START_OVER) and not said.has_when:
        return Step(f"Claro, empecemos de nuevo. {phrases.ASK_MORE}")
    if not gives_up(before, said, turn.context):
        return None
    name = f", {turn.name}" if turn.name else ""
    if before.goal in (Goal.CANCEL, Goal.MOVE):
        return Step(f"Muy bien{name}, la dejo como está.")
    return Step(f"Sin problema{name}, no agendo nada. Aquí estoy cuando quieras.")


def _act(turn: Turn) -> Step:
    said, goal = turn.said, turn.state.goal
    if said.has(Intent.MY_APPOINTMENTS) and not said.has(Intent.CANCEL, Intent.MOVE):
        return tell_appointments(turn)
    if said.has(Intent.RECAP) and not turn.context.relay:
        return tell_appointments(turn)
    told = answer_questions(turn)
    if goal is not Goal.NONE and _moves_on(turn) and not said.has(Intent.RUNNING_LATE):
        step = _advance(turn, goal)
        return Step(f"{told}\n{step.text}") if told and step.text else step
    if told:
        return Step(_close_answer(turn, told, goal))
    text = _make_conversation(turn, goal)
    if text.startswith(_LOST) and not turn.context.rules.transfers_on_request and turn.can("handoff_to_human"):
        return call("handoff_to_human", reason="No entendí lo que pide el cliente.")
    return Step(text)


def _advance(turn: Turn, goal: Goal) -> Step:
    if goal is Goal.CANCEL:
        return cancel(turn)
    return move(turn) if goal is Goal.MOVE else book(turn)


def _moves_on(turn: Turn) -> bool:
    """Whether the message says something about what we are in the middle of."""
    said, before, state = turn.said, turn.before, turn.state
    if state.goal is not before.goal:
        return True
    if said.has(Intent.BOOK, Intent.AVAILABILITY, Intent.SOONEST, Intent.MOVE, Intent.CANCEL):
        return True
    if msgspec.structs.replace(state, has_spoken=before.has_spoken) != before:
        return not _only_learned_name(turn) or before.asked is Asked.NAME
    if before.asked in (Asked.NOTHING, Asked.OFFER):
        return False
    if said.has(Intent.BYE, Intent.WAIT, Intent.HELP, Intent.WHO_ARE_YOU, Intent.INSULT, Intent.HOW_ARE_YOU):
        return False
    if (
        said.service.best
        or said.service.unknown
        or said.service.candidates
        or said.stranger
        or said.has_when
        or said.staff
    ):
        return True
    if said.has(*_ANSWERS, Intent.FOR_ME, Intent.OTHER_DAY) or said.is_that or said.choice:
        return True
    return said.has(Intent.CORRECT) or (before.asked is Asked.CHANGE and bool(said.change))


def _only_learned_name(turn: Turn) -> bool:
    state, before = turn.state, turn.before
    return msgspec.structs.replace(state, name=before.name) == before


def _ask_again(turn: Turn, goal: Goal) -> str:
    """The open question, put once more."""
    if goal is Goal.BOOK and turn.before.asked not in (Asked.NOTHING, Asked.OFFER):
        return ask_pending(turn)
    if goal in (Goal.CANCEL, Goal.MOVE):
        return pending_question(turn.before)
    return ""


def _close_answer(turn: Turn, told: str, goal: Goal) -> str:
    """An answer to a question, followed by the open question or by an invitation."""
    pending = _ask_again(turn, goal)
    if pending:
        return f"{told}\n{pending}"
    said = turn.said
    if said.has(Intent.THANKS, Intent.RECAP, Intent.WHO_SERVES_ME) or turn.before.asked is Asked.OFFER:
        return told
    joint = "\n" if "•" in told else " "
    if said.has(Intent.PRICE, Intent.SERVICES, Intent.DURATION, Intent.HOURS, Intent.STAFF) and turn.context.services:
        return f"{told}{joint}¿Quieres agendar una cita?"
    return f"{told}{joint}¿Te ayudo con algo más?"


def _make_conversation(turn: Turn, goal: Goal) -> str:
    """Small talk, thanks, names, and what was not understood."""
    said = turn.said
    pending = _ask_again(turn, goal)
    reaction = react(turn)
    if reaction:
        leaves = said.has(Intent.THANKS, Intent.BYE, Intent.WAIT, Intent.RUNNING_LATE, Intent.ON_MY_WAY)
        if leaves and not (said.has(Intent.RUNNING_LATE) and pending):
            return reaction
        if said.has(Intent.LAUGH, Intent.HOW_ARE_YOU) and not pending:
            return f"{reaction} {phrases.ASK_MORE}"
        follow = pending or (phrases.ASK_MORE if said.has(Intent.COMPLAINT) else phrases.say_scope(turn))
        return f"{reaction} {follow}"
    if turn.state.name and fold(turn.state.name) != fold(turn.before.name) and goal is not Goal.BOOK:
        return f"Mucho gusto, {turn.name}. {phrases.ASK_MORE}"
    if pending and turn.state.name and fold(turn.state.name) != fold(turn.before.name):
        return f"Gracias, {turn.name}. {pending}"
    if pending:
        return _repeat_question(turn, pending)
    return _start_conversation(turn)


def _repeat_question(turn: Turn, pending: str) -> str:
    said = turn.said
    if said.has(Intent.GREETING) and len(said.folded) < 30:
        return pending
    if said.has(Intent.HELP):
        return f"{phrases.say_scope(turn)} {pending}"
    if said.has(Intent.OUT_OF_SCOPE):
        return f"De eso no te puedo ayudar. {pending}"
    if said.intents or turn.before.asked is Asked.NAME:
        return pending
    return f"{turn.pick('unclear', ('Perdón, no te entendí.', 'Disculpa, no te entendí.'))} {pending}"


def _start_conversation(turn: Turn) -> str:
    """Answers when nothing is under way."""
    said = turn.said
    if said.has(Intent.GREETING) and not said.intents - {Intent.GREETING, Intent.YES}:
        reminder = recall_pending(turn)
        if not reminder:
            return phrases.ASK_MORE if _is_short(said.folded) else _say_not_understood(turn)
        return f"{reminder} ¿La seguimos?"
    if said.service.unknown and turn.context.services:
        names = phrases.name_services(turn.context.services)
        return f"Por ahora no manejamos {said.service.unknown}. Tenemos {names}. ¿Te interesa alguno?"
    if said.has(Intent.HELP):
        return f"{phrases.say_scope(turn)} {phrases.ASK_MORE}"
    if said.has(Intent.OUT_OF_SCOPE):
        return f"De eso no te puedo ayudar. {phrases.say_scope(turn)}"
    if said.has(Intent.YES, Intent.THUMBS, Intent.NO, Intent.FORGET):
        if recall_pending(turn) and said.has(Intent.YES, Intent.THUMBS):
            return f"{recall_pending(turn)} ¿La seguimos?"
        return turn.pick(
            "fine", ("¡Perfecto! Aquí estoy si necesitas algo.", "¡Muy bien! Aquí estoy para lo que necesites.")
        )
    return _say_not_understood(turn)


def _is_short(folded: str) -> bool:
    return len(folded.split()) <= 6


def _say_not_understood(turn: Turn) -> str:
    if is_gibberish(turn.said.text):
        return f"Perdón, no te entendí. {phrases.say_scope(turn)}"
    start = turn.pick("lost", _LOST)
    return f"{start} {phrases.say_scope(turn)}"


def _open_with_greeting(turn: Turn, text: str) -> str:
    """A greeting before the first answer, and back to whoever greets."""
    said = turn.said
    if not said.has(Intent.GREETING) or text.startswith("¡Hola"):
        return text
    if turn.before.has_spoken and len(said.folded) >= 30:
        return text
    if turn.name:
        text = text.removeprefix(f"Mucho gusto, {turn.name}. ").replace(f"Gracias, {turn.name}. ", "")
    return f"{phrases.greet(turn)} {text}"


def _remember_name(turn: Turn, step: Step) -> Step:
    """Store a name the customer just gave, beside whatever else is called."""
    name, known = turn.state.name, (fold(turn.before.name), fold(turn.context.customer))
    is_new = bool(name) and fold(name) not in known and not turn.state.whom
    if not is_new or turn.result_of("update_customer_info") is not None or not turn.can("update_customer_info"):
        return step
    if any(wanted.tool == "handoff_to_human" for wanted in step.calls):
        return step
    update = Call("update_customer_info", msgspec.json.encode({"name": name}).decode())
    return Step(calls=(update, *step.calls))
