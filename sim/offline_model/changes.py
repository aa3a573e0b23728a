"""The next step towards cancelling or moving an appointment, and telling a customer what they have.

`policy` calls these. Which appointment is meant comes from the prompt's section or from
`get_my_appointments`; nothing is cancelled before the customer has said yes to it by name and date.
"""

from __future__ import annotations

from sim.offline_model import phrases
from sim.offline_model.booking import choose_exact, read_offers, say_refusal, say_taken
from sim.offline_model.context import Appointment
from sim.offline_model.labels import has_clock, shift_hour, split_label
from sim.offline_model.lexicon import Intent
from sim.offline_model.state import Asked, Offer, State, find_targets
from sim.offline_model.text import fold
from sim.offline_model.turn import Outcome, Step, Turn, call
from sim.offline_model.when import join_when

_NONE_FOUND = "No veo ninguna cita próxima a tu nombre."


def tell_appointments(turn: Turn) -> Step:
    """Say which appointments the customer has."""
    if turn.result_of("get_my_appointments") is None and turn.can("get_my_appointments"):
        return call("get_my_appointments")
    found = known_appointments(turn)
    if not found:
        return Step(f"{_NONE_FOUND} ¿Quieres agendar una?")
    if len(found) == 1:
        who = f" con {found[0].staff}" if found[0].staff else ""
        return Step(f"Tienes tu cita de {found[0].service} el {found[0].when}{who}.")
    return Step(f"Tienes estas citas:\n{phrases.list_appointments(found)}")


def known_appointments(turn: Turn) -> tuple[Appointment, ...]:
    """The customer's upcoming appointments, by the tool if it was asked, else by the prompt."""
    outcome = turn.result_of("get_my_appointments")
    if outcome is None or outcome.error is not None:
        return turn.context.appointments
    return tuple(Appointment(a.appointment_id, a.service, a.when, a.staff or "") for a in outcome.appointments)


def cancel(turn: Turn) -> Step:
    """The next step of a cancellation."""
    done = turn.result_of("cancel_appointment")
    if done is not None:
        return _report_cancel(turn, done)
    target = _find_target(turn)
    if isinstance(target, Step):
        return target
    asked = turn.before.asked is Asked.CONFIRM and turn.before.target is not None
    agrees = turn.said.has(Intent.YES, Intent.CANCEL, Intent.THUMBS) and not turn.said.has(Intent.NO)
    if asked and agrees and _is_same(target, turn.before.target):
        return _call_with_id(turn, target, "cancel_appointment")
    return Step(phrases.confirm_cancel(target))


def move(turn: Turn) -> Step:
    """The next step of moving an appointment."""
    done = turn.result_of("reschedule_appointment")
    if done is not None:
        return _report_move(turn, done)
    target = _find_target(turn)
    if isinstance(target, Step):
        return target
    offer = turn.state.offer
    if offer is not None and turn.before.asked is Asked.CONFIRM and turn.state.offer == turn.before.offer:
        if turn.said.has(Intent.NO):
            return Step(f"Sin problema. {phrases.ASK_OTHER_WHEN}")
        if turn.said.has(Intent.YES, Intent.THUMBS, Intent.MOVE) or turn.said.is_that or turn.said.choice == 1:
            return _call_with_id(turn, target, "reschedule_appointment", offer.when, offer.staff)
        return Step(phrases.confirm_move(target, offer))
    if offer is not None:
        return _call_with_id(turn, target, "reschedule_appointment", offer.when, offer.staff)
    return _find_new_time(turn, target)


def _find_new_time(turn: Turn, target: Appointment) -> Step:
    state, said = turn.state, turn.said
    found = turn.result_of("check_availability")
    if found is not None:
        return _report_new_times(turn, target, found)
    day, hour = split_label(target.when)
    if said.minutes and not said.has_when and (shifted := shift_hour(hour, said.minutes)):
        # "¿Me la recorres una hora?" counts from the appointment, which only its label tells.
        return _call_with_id(turn, target, "reschedule_appointment", f"{day}, {shifted}", state.staff)
    if turn.before.asked is Asked.SLOT and said.has(Intent.NO, Intent.OTHER_OPTIONS) and not said.has_when:
        return Step(f"Sin problema. {phrases.ASK_OTHER_WHEN}")
    if turn.before.asked is Asked.SLOT and state.offers and not said.has_when:
        return Step(f"{phrases.list_offers(state.offers)}\n{phrases.ASK_SLOT}")
    if not state.when:
        return Step(phrases.ask_move(target))
    if has_clock(state.time) and (state.day or target.when):
        return _call_with_id(
            turn, target, "reschedule_appointment", join_when(state.day or day, state.time), state.staff
        )
    when = join_when(state.day or day, state.time or hour)
    if not turn.can("check_availability"):
        return _call_with_id(turn, target, "reschedule_appointment", when, state.staff)
    return call("check_availability", service=target.service, when=when, staff=state.staff or target.staff or None)


def _report_new_times(turn: Turn, target: Appointment, found: Outcome) -> Step:
    if found.error is not None:
        return Step(say_refusal(turn, found.error, phrases.ASK_MOVE_WHEN))
    offers = read_offers(found.slots)
    about = f"Para mover tu cita de {target.service} del {target.when}"
    if found.status != "available":
        return Step(f"{about}: {_lower(say_taken(turn, found, offers))}")
    exact = choose_exact(turn, found, offers) or next(
        (o for o in offers if fold(o.when) == fold(found.asked or "")), None
    )
    if exact is None and not turn.state.time and offers and len({offer.when for offer in offers}) == 1:
        exact = offers[0]
    if exact is not None:
        return Step(phrases.confirm_move(target, exact))
    if not offers:
        return Step(f"No encontré lugar ese día. {phrases.ASK_OTHER_WHEN}")
    return Step(f"{about} tengo:\n{phrases.list_offers(offers)}\n{phrases.ASK_SLOT}")


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _find_target(turn: Turn) -> Appointment | Step:
    """The appointment meant, or the step that finds out."""
    if turn.state.target is not None:
        return turn.state.target
    if (
        not turn.context.knows_appointments
        and turn.result_of("get_my_appointments") is None
        and turn.can("get_my_appointments")
    ):
        return call("get_my_appointments")
    appointments = known_appointments(turn)
    if not appointments:
        return Step(f"{_NONE_FOUND} ¿Quieres agendar una?")
    found = find_targets(turn.said, appointments, turn.context)
    if len(found) == 1:
        return found[0]
    question = phrases.ASK_WHICH_MOVE if turn.state.goal == "move" else phrases.ASK_WHICH_CANCEL
    return Step(f"Tienes estas citas:\n{phrases.list_appointments(found)}\n{question}")


def _is_same(one: Appointment, other: Appointment | None) -> bool:
    return other is not None and (fold(one.when), fold(one.service)) == (fold(other.when), fold(other.service))


def _call_with_id(turn: Turn, target: Appointment, tool: str, when: str = "", staff: str = "") -> Step:
    """Call a tool on an appointment; its id is looked up first when only its words are known."""
    known = next((a for a in known_appointments(turn) if _is_same(a, target) and a.id), None)
    appointment = target if target.id else known
    if appointment is None:
        if turn.result_of("get_my_appointments") is None and turn.can("get_my_appointments"):
            return call("get_my_appointments")
        return Step(f"{_NONE_FOUND} ¿Quieres agendar una?")
    if not turn.can(tool):
        return Step(phrases.apologize(turn))
    if tool == "cancel_appointment":
        return call(tool, appointment_id=appointment.id, reason=None)
    return call(tool, appointment_id=appointment.id, when=when, staff=staff or None)


def _report_cancel(turn: Turn, done: Outcome) -> Step:
    if done.error is not None:
        return Step(_say_problem(turn, done))
    target = turn.state.target
    service = done.service or (target.service if target else "")
    return Step(phrases.cancelled(turn, service, done.when or (target.when if target else "")))


def _report_move(turn: Turn, done: Outcome) -> Step:
    target = turn.state.target or _only(known_appointments(turn))
    if done.error is not None:
        about = f"Para mover tu cita de {target.service} del {target.when}: " if target and done.error.slots else ""
        words = say_refusal(turn, done.error, phrases.ASK_MOVE_WHEN)
        return Step(f"{about}{_lower(words)}" if about else words)
    return Step(
        phrases.moved(turn, done.service or (target.service if target else ""), Offer(done.when, done.staff or ""))
    )


def _only(appointments: tuple[Appointment, ...]) -> Appointment | None:
    return appointments[0] if len(appointments) == 1 else None


def _say_problem(turn: Turn, done: Outcome) -> str:
    error = done.error
    if error is None or not error.message:
        return phrases.apologize(turn)
    return f"{error.message} {error.question}" if error.question else error.message


def pending_question(state: State) -> str:
    """The question about a change that is still open."""
    if state.target is not None and state.asked is Asked.CONFIRM:
        return phrases.confirm_cancel(state.target) if state.goal == "cancel" else (
            phrases.confirm_move(state.target, state.offer) if state.offer else phrases.ASK_MOVE_WHEN
        )  # fmt: skip
    if state.asked is Asked.WHICH and state.listed:
        question = phrases.ASK_WHICH_MOVE if state.goal == "move" else phrases.ASK_WHICH_CANCEL
        return f"{phrases.list_appointments(state.listed)}\n{question}"
    if state.offers:
        return f"{phrases.list_offers(state.offers)}\n{phrases.ASK_SLOT}"
    return phrases.ASK_MOVE_WHEN if state.goal == "move" else ""
