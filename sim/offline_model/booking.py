"""The next step towards an appointment: service, time, name, summary, booking.

`policy` calls `book` when the customer wants an appointment. Times and prices come from tools and
prompt; the customer's words for day and hour are handed on untouched.
"""

from __future__ import annotations

import re

from runtime.domain.spanish.formats import join_spanish
from sim.offline_model import phrases
from sim.offline_model.labels import has_clock, is_at_time
from sim.offline_model.lexicon import Intent
from sim.offline_model.state import Asked, Offer
from sim.offline_model.text import fold
from sim.offline_model.turn import Outcome, Refusal, Slot, Step, Turn, call


def book(turn: Turn) -> Step:
    """The next step of a booking."""
    done = turn.result_of("book_appointment")
    if done is not None:
        return _report_booking(turn, done)
    problem = _settle_service(turn)
    if problem:
        return Step(problem)
    if turn.said.stranger and turn.context.staff and not turn.said.has(Intent.ANY):
        who = join_spanish(turn.context.staff, conjunction="o")
        return Step(
            f"No tengo a {turn.said.stranger} en el equipo; te puede atender {who}. ¿Con quién prefieres la cita?"
        )
    if turn.before.asked is Asked.CONFIRM and turn.state.offer is not None:
        return _answer_summary(turn, turn.state.offer)
    if turn.state.offer is not None:
        return _settle_name(turn, turn.state.offer)
    return _find_time(turn)


def ask_pending(turn: Turn) -> str:
    """The question of a booking that is still open, to be put again after something else."""
    state = turn.state
    if state.offer is not None:
        return phrases.CONFIRM_BOOKING if booking_name(turn) else phrases.ASK_NAME
    if not service_of(turn):
        return phrases.ASK_SERVICE
    if state.offers:
        return f"{phrases.list_offers(state.offers)}\n{phrases.ASK_SLOT}"
    return phrases.ASK_WHEN


def service_of(turn: Turn) -> str:
    """The service settled so far; the only one there is needs no settling."""
    services = turn.context.services
    return turn.state.service or (services[0].name if len(services) == 1 else "")


def price_of(turn: Turn, service: str) -> str:
    """A price as the prompt gives it: what a person agreed on with the customer goes before the list."""
    for line in reversed(turn.context.relay):
        agreed = re.search(r"\$ ?[\d,]+", line.text) if line.is_person else None
        if agreed:
            return agreed.group().replace(" ", "").rstrip(",")
    known = turn.context.find_service(service)
    return known.price if known else ""


def _settle_service(turn: Turn) -> str:
    """A question about the service, while one is needed."""
    said = turn.said
    if service_of(turn) and not (said.service.candidates and not turn.state.service):
        return ""
    if said.service.candidates:
        return phrases.ask_which_service(said.service.candidates)
    if said.service.unknown and turn.context.services:
        names = phrases.name_services(turn.context.services)
        return f"Por ahora no manejamos {said.service.unknown}. Tenemos {names}. {phrases.ASK_SERVICE}"
    if turn.before.asked is Asked.SERVICE and not said.has_when and not said.has(Intent.BOOK) and not said.name:
        return phrases.ask_service(turn.context.services)
    start = turn.pick("service", ("¡Claro!", "¡Con gusto!", "Va, te agendo."))
    return f"{start} {phrases.ask_service(turn.context.services)}"


def _find_time(turn: Turn) -> Step:
    state, said = turn.state, turn.said
    found = turn.result_of("check_availability")
    if found is not None:
        return _report_times(turn, found)
    soonest = said.has(Intent.SOONEST, Intent.ANY) or (said.has(Intent.AVAILABILITY) and not state.when)
    refuses = turn.before.asked is Asked.SLOT and said.has(Intent.NO, Intent.OTHER_OPTIONS, Intent.OTHER_DAY)
    if refuses and not said.has_when and state.day == turn.before.day:
        return Step(f"{turn.pick('refuse', ('Sin problema.', 'Claro.'))} {phrases.ASK_OTHER_WHEN}")
    if (
        turn.before.asked is Asked.SLOT
        and state.offers
        and not said.has_when
        and not said.has(Intent.LATER, Intent.EARLIER)
    ):
        return Step(f"{phrases.list_offers(state.offers)}\n{phrases.ASK_SLOT}")
    if turn.before.asked is Asked.WHEN and state.when and _is_unchanged(turn):
        return Step(_ask_day_again(turn))
    if not state.when and not soonest:
        return Step(_ask_when(turn))
    if not turn.can("check_availability"):
        return Step(f"No puedo revisar la agenda en este momento. {phrases.ASK_WHEN}")
    return call("check_availability", service=service_of(turn), when=state.when or None, staff=state.staff or None)


def _is_unchanged(turn: Turn) -> bool:
    """Whether the message brought nothing to look up that was not looked up in vain before."""
    before, state = turn.before, turn.state
    return (state.when, state.service, state.staff) == (before.when, before.service, before.staff)


def _ask_day_again(turn: Turn) -> str:
    days = turn.before.days
    if not days or turn.said.has(Intent.NO):
        return f"{turn.pick('again', ('Muy bien.', 'Claro.'))} {phrases.ASK_WHEN}"
    return f"¿Te refieres al {' o al '.join(days)}?"


def _ask_when(turn: Turn) -> str:
    if turn.said.whom and not turn.before.whom:
        return f"Claro, para {turn.said.whom}. {phrases.ASK_WHEN}"
    if turn.before.asked is Asked.WHEN and turn.said.has(Intent.FOR_ME, Intent.YES):
        return f"Muy bien. {phrases.ASK_WHEN}"
    if turn.before.asked is Asked.WHEN and not turn.said.service.best:
        return f"Dime el día y la hora que prefieras, por ejemplo «el viernes en la tarde». {phrases.ASK_WHEN}"
    service = service_of(turn)
    new = service != turn.before.service
    start = f"{turn.pick('when', ('Perfecto', 'Muy bien', 'Va'))}, {service}. " if service and new else ""
    return f"{start}{phrases.ASK_WHEN}"


def _report_times(turn: Turn, found: Outcome) -> Step:
    if found.error is not None:
        return Step(say_refusal(turn, found.error, phrases.ASK_WHEN))
    offers = read_offers(found.slots)
    if found.status != "available":
        return Step(say_taken(turn, found, offers))
    exact = choose_exact(turn, found, offers)
    if exact is not None:
        return _settle_name(turn, exact)
    if not offers:
        return Step(f"No encontré lugar a esa hora. {phrases.ASK_OTHER_WHEN}")
    return Step(f"Para {found.service or service_of(turn)} tengo:\n{phrases.list_offers(offers)}\n{phrases.ASK_SLOT}")


def choose_exact(turn: Turn, found: Outcome, offers: list[Offer]) -> Offer | None:
    """The one offer that is what was asked for, if an exact time was asked for."""
    if not offers or not has_clock(turn.state.time):
        return None
    asked = fold(found.asked or "")
    same = [offer for offer in offers if fold(offer.when) == asked] or [
        offer for offer in offers if is_at_time(offer.when, turn.state.time)
    ]
    if same and len({offer.when for offer in same}) == 1:
        return same[0]
    return offers[0] if len(offers) == 1 else None


def read_offers(slots: tuple[Slot, ...]) -> list[Offer]:
    """A tool's free times as offers."""
    return [Offer(slot.when, slot.staff or "") for slot in slots if slot.when][:4]


def say_taken(turn: Turn, found: Outcome, offers: list[Offer]) -> str:
    """The time is not free: why, and what is."""
    reason = _end_sentence(found.reason or "A esa hora ya no hay lugar")
    reason = reason[:1].upper() + reason[1:]
    if not offers or not turn.context.rules.lists_times:
        return f"{reason} {phrases.ASK_OTHER_WHEN}"
    start = turn.pick("taken", ("Lo más cercano que tengo:", "Te puedo ofrecer:"))
    return f"{reason} {start}\n{phrases.list_offers(offers)}\n{phrases.ASK_SLOT}"


def say_refusal(turn: Turn, error: Refusal, fallback_question: str) -> str:
    """A tool's refusal in its own words; its question is asked as it stands."""
    offers = read_offers(error.slots) if turn.context.rules.lists_times else []
    if offers:
        message = _end_sentence(error.message or "A esa hora ya no hay lugar")
        message = message[:1].upper() + message[1:]
        return f"{message}\n{phrases.list_offers(offers)}\n{phrases.ASK_SLOT}"
    if error.question:
        message = (
            "" if "?" in error.message or fold(error.message) in fold(error.question) else _end_sentence(error.message)
        )
        return f"{message} {error.question}".strip()
    if not error.message:
        return phrases.apologize(turn)
    if "?" in error.message:
        return error.message
    question = phrases.ASK_SERVICE if error.code in ("unknown_service",) else fallback_question
    return f"{_end_sentence(error.message)} {question}"


def _end_sentence(text: str) -> str:
    text = text.strip()
    return text if not text or text[-1] in ".!?…" else f"{text}."


def _settle_name(turn: Turn, offer: Offer) -> Step:
    service = service_of(turn)
    name = booking_name(turn)
    if not name and turn.before.asked is Asked.NAME and turn.before.offer == offer:
        return Step(f"Solo me falta un dato. {phrases.ASK_NAME}")
    if not name:
        return Step(phrases.found_slot(service, offer, price_of(turn, service)))
    if not turn.context.rules.keeps_word:
        return Step(phrases.booked(turn, service, offer, price_of(turn, service)))
    if not turn.context.rules.confirms:
        return _call_booking(turn, offer)
    whom = turn.state.whom_name or turn.state.whom
    return Step(phrases.summarize(service, offer, price_of(turn, service), (name, "" if whom == name else whom)))


def booking_name(turn: Turn) -> str:
    """In whose name the appointment is to be, or nothing while that is open.

    A known customer books in their own name, whoever the appointment is for: the name given to the
    tool is the customer's.
    """
    state = turn.state
    return state.name or turn.context.customer or state.whom_name


def _answer_summary(turn: Turn, offer: Offer) -> Step:
    """The customer answered to the summary."""
    said = turn.said
    if said.has(Intent.OTHER_OPTIONS, Intent.OTHER_DAY):
        return Step(f"Sin problema. {phrases.ASK_OTHER_WHEN}")
    if said.has(Intent.NO, Intent.CORRECT) and not said.has(Intent.BOOK):
        return Step(f"Sin problema. {phrases.ASK_CHANGE}")
    agrees = said.has(Intent.YES, Intent.THUMBS, Intent.BOOK, Intent.FOR_ME) or said.is_that or said.choice == 1
    if not agrees or turn.state.offer != turn.before.offer:
        return _settle_name(turn, offer)
    return _call_booking(turn, offer)


def _call_booking(turn: Turn, offer: Offer) -> Step:
    if not turn.can("book_appointment"):
        return Step("No puedo agendar en este momento. ¿Lo intentamos más tarde?")
    return call(
        "book_appointment",
        service=service_of(turn),
        when=offer.when,
        staff=offer.staff or None,
        customer_name=None if turn.context.customer and not turn.state.name else booking_name(turn),
    )


def _report_booking(turn: Turn, done: Outcome) -> Step:
    if done.error is not None:
        question = phrases.ASK_NAME if done.error.code == "name_needed" else phrases.ASK_OTHER_WHEN
        return Step(say_refusal(turn, done.error, question))
    service = done.service or service_of(turn)
    return Step(
        phrases.booked(turn, service, Offer(done.when, done.staff or ""), price_of(turn, service) or done.price or "")
    )
