"""Every sentence of the offline model: Mexican Spanish, tú, one question, no Markdown.

What `state` must read back later (summaries, offers, questions) has one fixed form; greetings and
courtesies vary with `Turn.pick`. No sentence holds a price, hour or date that was not handed in.
"""

from __future__ import annotations

from collections.abc import Sequence

from runtime.domain.spanish.formats import join_spanish
from sim.offline_model.context import Appointment, Service
from sim.offline_model.state import Offer
from sim.offline_model.turn import Turn

ASK_WHEN = "¿Qué día y a qué hora te gustaría venir?"
ASK_NAME = "¿A nombre de quién queda?"
ASK_SERVICE = "¿Qué servicio te gustaría?"
ASK_SLOT = "¿Cuál te queda mejor?"
ASK_CHANGE = "¿Qué te gustaría cambiar: el servicio, el día o la hora?"
ASK_MOVE_WHEN = "¿A qué día y hora la muevo?"
ASK_OTHER_WHEN = "¿Qué otro día u hora te acomoda?"
ASK_MORE = "¿En qué te ayudo?"
CONFIRM_BOOKING = "¿La agendo?"
CONFIRM_CANCEL = "¿La cancelo?"
CONFIRM_MOVE = "¿La muevo?"
ASK_WHICH_CANCEL = "¿Cuál quieres cancelar?"
ASK_WHICH_MOVE = "¿Cuál quieres mover?"


def greet(turn: Turn) -> str:
    """The opening of a first answer."""
    name = f", {turn.name}" if turn.name else ""
    business = turn.context.business
    if turn.before.has_spoken:
        return turn.pick("greet", (f"¡Hola{name}!", f"¡Hola de nuevo{name}!"))
    if turn.context.visits and name:
        return turn.pick(
            "greet", (f"¡Hola{name}! Qué gusto saludarte de nuevo.", f"¡Hola{name}! Qué bueno que escribes.")
        )
    if not business:
        return f"¡Hola{name}!"
    return turn.pick(
        "greet",
        (f"¡Hola{name}! Te atiende el asistente de {business}.", f"¡Hola{name}! Gracias por escribir a {business}."),
    )


def list_services(services: Sequence[Service], *, with_prices: bool) -> str:
    """Services one a line."""
    lines = []
    for service in services[:14]:
        price = f", {service.price}" if with_prices and service.price else ""
        duration = f" ({service.duration})" if with_prices and service.duration else ""
        lines.append(f"• {service.name}{price}{duration}")
    return "\n".join(lines)


def name_services(services: Sequence[Service]) -> str:
    """Services in one sentence; the rest is left out when there are many."""
    names = [service.name for service in services]
    return join_spanish(names) if len(names) <= 8 else f"{', '.join(names[:8])} y más"


def ask_service(services: Sequence[Service]) -> str:
    """Ask what is to be done, naming what there is."""
    if not services:
        return ASK_SERVICE
    return f"{ASK_SERVICE} Tenemos {name_services(services)}."


def ask_which_service(names: Sequence[str]) -> str:
    """Ask which of several fitting services is meant."""
    return f"¿Cuál servicio prefieres: {join_spanish(names, conjunction='o')}?"


def list_offers(offers: Sequence[Offer]) -> str:
    """Free times, numbered, to choose from."""
    lines = []
    for number, offer in enumerate(offers[:4], 1):
        who = f" con {offer.staff}" if offer.staff else ""
        lines.append(f"{number}) {offer.when}{who}")
    return "\n".join(lines)


def list_appointments(appointments: Sequence[Appointment]) -> str:
    """The customer's appointments, numbered."""
    return "\n".join(f"{number}) {describe(appointment)}" for number, appointment in enumerate(appointments[:8], 1))


def describe(appointment: Appointment) -> str:
    """`Corte de dama, viernes 16 de enero, 3:00 PM con Lupita`."""
    who = f" con {appointment.staff}" if appointment.staff else ""
    return f"{appointment.service}, {appointment.when}{who}"


def found_slot(service: str, offer: Offer, price: str) -> str:
    """A free time that was asked for, before the name is known."""
    who = f", con {offer.staff}" if offer.staff else ""
    cost = f" ({price})" if price else ""
    return f"¡Sí hay lugar! {service}{cost}, {offer.when}{who}.\n{ASK_NAME}"


def summarize(service: str, offer: Offer, price: str, people: tuple[str, str]) -> str:
    """What is about to be booked for (customer, somebody else or nothing), and the question whether to."""
    name, whom = people
    lines = ["Te confirmo los datos:", f"Servicio: {service}", f"Cuándo: {offer.when}"]
    if offer.staff:
        lines.append(f"Con: {offer.staff}")
    if price:
        lines.append(f"Precio: {price}")
    lines.append(f"A nombre de: {name}")
    if whom:
        lines.append(f"Para: {whom}")
    return "\n".join((*lines, CONFIRM_BOOKING))


def booked(turn: Turn, service: str, offer: Offer, price: str) -> str:
    """The appointment exists."""
    name = f", {turn.name}" if turn.name else ""
    who = f" con {offer.staff}" if offer.staff else ""
    cost = f" Son {price}." if price else ""
    start = turn.pick("booked", (f"¡Listo{name}!", f"¡Perfecto{name}!"))
    return f"{start} Tu cita de {service} quedó agendada para el {offer.when}{who}.{cost} ¡Te esperamos!"


def confirm_cancel(appointment: Appointment) -> str:
    """Ask before cancelling."""
    who = f" con {appointment.staff}" if appointment.staff else ""
    return f"Tu cita de {appointment.service} es el {appointment.when}{who}. {CONFIRM_CANCEL}"


def cancelled(turn: Turn, service: str, when: str) -> str:
    """The appointment is cancelled."""
    name = f", {turn.name}" if turn.name else ""
    end = turn.pick("cancelled", ("Cuando quieras otra, aquí estoy.", "Cuando gustes volver, me escribes."))
    return f"Listo{name}, tu cita de {service} del {when} quedó cancelada. {end}"


def ask_move(appointment: Appointment) -> str:
    """Ask where to move an appointment."""
    return f"Claro, movemos tu cita de {appointment.service} del {appointment.when}. {ASK_MOVE_WHEN}"


def confirm_move(appointment: Appointment, offer: Offer) -> str:
    """Ask before moving to a time the customer did not name in full."""
    who = f" con {offer.staff}" if offer.staff else ""
    about = f"tu cita de {appointment.service} del {appointment.when}"
    return f"Sí hay lugar el {offer.when}{who}, para mover {about}. {CONFIRM_MOVE}"


def moved(turn: Turn, service: str, offer: Offer) -> str:
    """The appointment was moved."""
    name = f", {turn.name}" if turn.name else ""
    who = f" con {offer.staff}" if offer.staff else ""
    return f"¡Listo{name}! Tu cita de {service} quedó para el {offer.when}{who}. ¡Te esperamos!"


def apologize(turn: Turn) -> str:
    """A tool failed without saying why."""
    return turn.pick(
        "apologize",
        (
            "Una disculpa, no pude hacerlo en este momento. ¿Lo intentamos de nuevo?",
            "Perdón, algo falló de mi lado. ¿Me lo repites, por favor?",
        ),
    )


def say_scope(turn: Turn) -> str:
    """What this assistant is for."""
    business = turn.context.business
    where = f" en {business}" if business else ""
    return f"Te puedo ayudar a agendar, mover o cancelar citas{where}, y con servicios, precios, horarios y ubicación."
