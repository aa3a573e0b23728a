"""What staff and owners read of Parlo when they run their day by chat: Mexican Spanish, short.

The tools for staff answer with these; a model repeats them as they stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from runtime.domain.enums import AppointmentStatus, StaffRole
from runtime.domain.permissions import ALLOWED, MANAGERS, OWNERS, WORKERS, Action
from runtime.domain.spanish.formats import format_duration, format_price, join_spanish


class Figures(Protocol):
    """A stretch of time in numbers; money in cents."""

    @property
    def completed(self) -> int: ...  # noqa: D102 - they are their names
    @property
    def missed(self) -> int: ...  # noqa: D102
    @property
    def cancelled(self) -> int: ...  # noqa: D102
    @property
    def ahead(self) -> int: ...  # noqa: D102
    @property
    def income_cents(self) -> int: ...  # noqa: D102
    @property
    def new_customers(self) -> int: ...  # noqa: D102


# Permissions ---------------------------------------------------------------------------------------

ROLES = {
    StaffRole.OWNER: "dueña o dueño",
    StaffRole.ADMIN: "administración",
    StaffRole.STAFF: "equipo",
    StaffRole.VIEWER: "solo consulta",
}
ACTIONS = {
    Action.SEE_SCHEDULE: "ver la agenda",
    Action.SEE_PERMISSIONS: "preguntar qué puede hacer cada quien",
    Action.SEE_CUSTOMERS: "ver el historial de los clientes",
    Action.MARK_ATTENDANCE: "marcar quién llegó y quién no",
    Action.BLOCK_OWN_TIME: "bloquear su propio horario",
    Action.BOOK_FOR_CUSTOMERS: "agendar a un cliente",
    Action.CHANGE_APPOINTMENTS: "cancelar o mover la cita de un cliente",
    Action.MESSAGE_CUSTOMERS: "mandarle un mensaje a un cliente",
    Action.BLOCK_OTHERS_TIME: "bloquear el horario de otra persona",
    Action.SEE_STATS: "ver los números del negocio",
    Action.MANAGE_STAFF: "agregar o quitar personas del equipo",
    Action.CLOSE_BUSINESS: "cerrar o abrir el negocio",
    Action.CHANGE_PERMISSIONS: "cambiar permisos",
    Action.CHANGE_HOURS: "cambiar el horario del negocio",
    Action.CHANGE_SERVICES: "cambiar servicios y precios",
}
_WHO = {
    OWNERS: "solo la dueña o el dueño",
    MANAGERS: "solo la dueña o el dueño, y quien administra",
    WORKERS: "la dueña o el dueño, quien administra y quien atiende, pero no quien solo consulta",
}
CANNOT = "Eso no lo puedo hacer."


def not_allowed(action: Action) -> str:
    """Who may do what somebody may not."""
    what = ACTIONS.get(action)
    return f"No tienes permiso para eso: {what} lo puede {_WHO[ALLOWED[action]]}." if what else CANNOT


def allowed(action: Action) -> str:
    """They may."""
    return f"Sí puedes {ACTIONS[action]}."


NOT_ANY_MORE = "De acuerdo, no hice nada."
UNDO_HINT = "Si no era eso, escribe *deshaz*."
UNDONE = "Listo, lo deshice."
CANNOT_UNDO = "Eso ya no se puede deshacer."
ANSWER_YES = "Responde *sí* para confirmar."
MODEL_LIMIT = "Por hoy ya no puedo seguir tus instrucciones por aquí; mañana sigo. Mientras, te dejo la agenda."
NAMELESS = "Sin nombre"
WALK_IN = "Sin cita"


def with_undo(text: str) -> str:
    """What was done, and how to take it back."""
    return f"{text} {UNDO_HINT}"


# Schedule --------------------------------------------------------------------------------------------

_STATUS = {
    AppointmentStatus.COMPLETED: " ✓",
    AppointmentStatus.NO_SHOW: " (no llegó)",
}


def appointment_line(time: str, service: str, customer: str, staff: str, status: AppointmentStatus) -> str:
    """One appointment of a schedule."""
    return f"• {time} {service}, {customer} (con {staff}){_STATUS.get(status, '')}"


def visit_line(when: str, service: str, staff: str, status: AppointmentStatus) -> str:
    """One appointment of a customer's history."""
    return f"• {when}: {service} (con {staff}){_STATUS.get(status, '')}"


def blocked_line(hours: str, who: str, reason: str) -> str:
    """A stretch in which somebody is not there."""
    return f"• {hours} {who}: {reason}"


def schedule(day: str, whose: str | None, lines: Sequence[str], *, today: bool) -> str:
    """A day of the business, or of one person."""
    of = f" de {whose}" if whose else ""
    when = f"de hoy, {day}" if today else f"del {day}"
    if not lines:
        return f"No hay citas{of}: la agenda {when} está libre."
    return "\n".join([f"Citas{of} {when}:", *lines])


def next_appointment(when: str, service: str, customer: str, staff: str) -> str:
    """What comes next."""
    return f"Sigue {customer}: {service}, {when}, con {staff}."


def nothing_next(whose: str | None) -> str:
    """Nothing is booked from now on."""
    return f"No hay más citas agendadas{f' de {whose}' if whose else ''}."


# Which one ---------------------------------------------------------------------------------------------


def which_one(lines: Sequence[str]) -> str:
    """Several appointments fit."""
    return "Hay más de una:\n" + "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


ASK_WHICH = "¿Cuál de ellas? Dime el nombre y la hora."
NO_SUCH_APPOINTMENT = "No encuentro esa cita."
ASK_APPOINTMENT = "¿De quién es y a qué hora?"
ASK_SPAN = "¿Desde qué hora y hasta qué hora?"
ASK_DAY = "¿De qué día?"
UNCLEAR_DAY = "No me quedó claro el día."
PAST = "Ese momento ya pasó."
TOO_LONG = "Es demasiado tiempo de una sola vez: a lo más un mes."


def which_customer(names: Sequence[str]) -> str:
    """Several customers fit; each with what tells them apart."""
    return f"Hay más de una persona con ese nombre: {join_spanish(names)}."


ASK_WHICH_CUSTOMER = "¿A cuál te refieres? Dime el nombre completo o el teléfono."


def no_such_customer(name: str) -> str:
    """Nobody fits."""
    return f"No encuentro a ningún cliente que se llame «{name}»."


ASK_CUSTOMER = "¿Cómo se llama o cuál es su teléfono?"


def no_such_member(name: str, team: Sequence[str]) -> str:
    """Nobody of the staff fits."""
    return f"No encuentro a «{name}» en el equipo. Están {join_spanish(team)}."


def is_member(name: str) -> str:
    """A customer was meant, and the number is of one of the staff."""
    return f"Ese teléfono es de {name}, que es del equipo."


# Attendance ----------------------------------------------------------------------------------------------


def marked(*, completed: bool, customer: str, service: str, when: str) -> str:
    """An appointment was held or missed."""
    did = "sí llegó" if completed else "no llegó"
    return with_undo(f"Anotado: {customer} {did} a su cita de {service}, {when}.")


NOT_YET = "Esa cita todavía no empieza, así que no la puedo marcar."


def marked_already(customer: str, *, completed: bool) -> str:
    """It stands so already."""
    return f"La cita de {customer} ya estaba marcada como {'atendida' if completed else 'que no llegó'}."


# Blocked time --------------------------------------------------------------------------------------------


def blocked(who: str | None, spans: Sequence[str]) -> str:
    """Time of a person, or of the whole business without one, was blocked."""
    when = join_spanish(spans)
    if who is None:
        return with_undo(f"Listo, el negocio queda cerrado {when}.")
    return with_undo(f"Listo, bloqueé {when} en la agenda de {who}.")


def blocks_with_appointments(who: str | None, spans: Sequence[str], lines: Sequence[str]) -> str:
    """There are appointments in the time that is to be blocked."""
    what = f"cierro el negocio {join_spanish(spans)}" if who is None else f"bloqueo {join_spanish(spans)} de {who}"
    question = f"¿{what[0].upper()}{what[1:]} de todos modos? Esas citas siguen en pie. {ANSWER_YES}"
    return "\n".join(["En ese tiempo hay citas:", *lines, question])


def unblocked(who: str | None, spans: Sequence[str]) -> str:
    """Blocked time is free again."""
    of = "del negocio" if who is None else f"de {who}"
    return with_undo(f"Listo, quité el bloqueo {of}: {join_spanish(spans)}.")


NOTHING_BLOCKED = "No hay nada bloqueado en ese tiempo."
BLOCK_REASON = "No disponible"
CLOSED_REASON = "Cerrado"

# On behalf of customers ----------------------------------------------------------------------------------


def ask_to_book(*, customer: str, service: str, when: str, staff: str) -> str:
    """Before booking for somebody who will be told."""
    return f"¿Agendo a {customer}: {service}, {when}, con {staff}? Le aviso por WhatsApp. {ANSWER_YES}"


def booked(*, customer: str, service: str, when: str, staff: str, told: bool) -> str:
    """It was booked."""
    text = f"Listo, agendé a {customer}: {service}, {when}, con {staff}."
    return f"{text} Ya le avisé." if told else with_undo(text)


def ask_to_cancel(*, customer: str, service: str, when: str) -> str:
    """Before cancelling."""
    return f"¿Cancelo la cita de {customer}: {service}, {when}? {ANSWER_YES}"


def cancelled(*, customer: str, service: str, when: str, told: bool) -> str:
    """It was cancelled."""
    return f"Listo, cancelé la cita de {customer}: {service}, {when}. {_told(told)}"


def ask_to_move(*, customer: str, service: str, before: str, when: str, staff: str) -> str:
    """Before moving."""
    return f"¿Muevo la cita de {customer} ({service}) de {before} a {when}, con {staff}? {ANSWER_YES}"


def moved(*, customer: str, service: str, when: str, staff: str, told: bool) -> str:
    """It was moved."""
    return f"Listo, moví la cita de {customer}: {service}, {when}, con {staff}. {_told(told)}"


def _told(told: bool) -> str:
    return "Ya le avisé." if told else "No le pude avisar: no tiene WhatsApp registrado o pidió no recibir mensajes."


def ask_to_send(customer: str, message: str) -> str:
    """Before a message goes to a customer."""
    return f"¿Le mando esto a {customer}?\n«{message}»\n{ANSWER_YES}"


def sent(customer: str) -> str:
    """The message is on its way; whether it arrived is told by itself."""
    return f"Va en camino a {customer}. Te aviso cuando le llegue."


def opted_out(customer: str) -> str:
    """The customer wants no messages."""
    return f"{customer} pidió no recibir mensajes, así que no le escribí."


def unreachable(customer: str) -> str:
    """The customer has no number."""
    return f"{customer} no tiene WhatsApp registrado."


EMPTY_MESSAGE = "¿Qué le digo?"


def history(customer: str, phone: str | None, visits: int, missed: int, lines: Sequence[str]) -> str:
    """What a business knows of a customer."""
    came = "1 visita" if visits == 1 else f"{visits} visitas"
    head = f"{customer}{f' ({phone})' if phone else ''}: {came}"
    head += f", {missed} {'falta' if missed == 1 else 'faltas'}" if missed else ""
    return "\n".join([f"{head}.", *lines]) if lines else f"{head}. Sin citas registradas."


# The business -----------------------------------------------------------------------------------------


def service_changed(name: str, price_cents: int, minutes: int) -> str:
    """A service has a new price, length or name."""
    return with_undo(f"Listo: {name}, {format_price(price_cents)}, {format_duration(minutes)}.")


def service_added(name: str, price_cents: int, minutes: int) -> str:
    """Something new is on offer."""
    return with_undo(f"Listo, agregué {name}: {format_price(price_cents)}, {format_duration(minutes)}.")


def service_retired(name: str) -> str:
    """A service is offered no more."""
    return with_undo(f"Listo, ya no ofrecemos {name}. Las citas ya agendadas siguen en pie.")


def service_exists(name: str) -> str:
    """The name is taken."""
    return f"Ya hay un servicio que se llama {name}."


INVALID_PRICE = "Ese precio no puede ser: va de $1 a $100,000."
INVALID_MINUTES = "Esa duración no puede ser: va de 5 minutos a 12 horas."
INVALID_HOURS = "Ese horario no puede ser: cierra antes de abrir o pasa de la medianoche."
NOTHING_TO_CHANGE = "Así está ya ese servicio."
ASK_CHANGE = "¿Qué le cambio: el precio, la duración o el nombre?"


def hours_changed(days: str) -> str:
    """The week is another."""
    return with_undo(f"Listo, el horario queda así: {days}.")


DAY_OFF = "descansa"


def availability_changed(name: str, days: str) -> str:
    """Somebody's week is another."""
    return with_undo(f"Listo, el horario de {name} queda así: {days}.")


INVALID_PHONE = "Ese teléfono no se entiende."
ASK_PHONE = "¿Cuál es su teléfono de WhatsApp, a diez dígitos?"


def ask_to_add(name: str, phone: str, role: str) -> str:
    """Before somebody is taken on."""
    return f"¿Agrego a {name} ({phone}) al equipo, con permiso de {role}? {ANSWER_YES}"


def staff_added(name: str, business: str) -> str:
    """Somebody was taken on."""
    return f"Listo, {name} ya es parte del equipo de {business}. Pídele que escriba a este número para empezar."


def ask_to_remove(name: str, appointments: int) -> str:
    """Before somebody is removed."""
    count = "una cita por venir, que sigue" if appointments == 1 else f"{appointments} citas por venir, que siguen"
    left = f" Tiene {count} en pie." if appointments else ""
    return f"¿Quito a {name} del equipo?{left} {ANSWER_YES}"


def staff_removed(name: str) -> str:
    """Somebody was removed."""
    return f"Listo, {name} ya no es parte del equipo."


def last_owner(name: str) -> str:
    """A business keeps an owner."""
    return f"{name} es la única persona dueña del negocio. Primero dale ese permiso a alguien más."


def has_role(name: str, role: str) -> str:
    """It is so already."""
    return f"{name} ya tiene permiso de {role}."


def ask_to_change_role(name: str, role: str) -> str:
    """Before somebody may do other things."""
    return f"¿Le doy a {name} permiso de {role}? {ANSWER_YES}"


def role_changed(name: str, role: str) -> str:
    """Somebody may do other things."""
    return f"Listo, {name} tiene permiso de {role}."


def stats(period: str, figures: Figures) -> str:
    """The business in numbers."""
    return "\n".join(
        [
            f"Números de {period}:" if not period.startswith("el ") else f"Números d{period}:",
            f"• Atendidas: {figures.completed} ({format_price(figures.income_cents)})",
            f"• Faltas: {figures.missed}",
            f"• Canceladas: {figures.cancelled}",
            f"• Por venir: {figures.ahead}",
            f"• Clientes nuevos: {figures.new_customers}",
        ]
    )


# What customers read -----------------------------------------------------------------------------------


def booked_for_you(*, service: str, when: str, staff: str, price: str) -> str:
    """The business booked for the customer."""
    return f"Te agendamos {service} el {when}, con {staff} ({price}). Si no te queda, contéstame por aquí."


def cancelled_for_you(*, service: str, when: str) -> str:
    """The business cancelled."""
    return f"Una disculpa, tuvimos que cancelar tu cita de {service} del {when}. ¿Te busco otro horario?"


def moved_for_you(*, service: str, before: str, when: str, staff: str) -> str:
    """The business moved the appointment."""
    return f"Tu cita de {service} cambió de {before} a {when}, con {staff}. Si no te queda, contéstame por aquí."
