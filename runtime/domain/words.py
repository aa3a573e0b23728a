"""Every sentence Parlo itself says, in one place: Mexican Spanish, tú, short and warm.

What a model says is not here; what is fixed is. Functions take what varies and return the text.
"""

from __future__ import annotations

from runtime.domain.whatsapp import MessageKind

# Whatever the model does, these are said as they stand ------------------------------------------

APOLOGY = (
    "Una disculpa, tuve un problema y no pude responder tu mensaje. Ya avisé al negocio para que una persona lo revise."
)
HOLDING = "Una disculpa, estoy tardando más de lo normal. Sigo con tu mensaje y te respondo en cuanto pueda."
DEAD_LETTER_TASK = "Un mensaje no se pudo responder después de varios intentos. Revisa la conversación."
UNKNOWN_NUMBER_TASK = "Llegó un mensaje a un número que no está conectado con ningún negocio."
UNKNOWN_NUMBER = "Este número todavía no está conectado con ningún negocio en Parlo."
SUSPENDED = "Por ahora este negocio no está recibiendo mensajes por aquí. Una disculpa."
OPTED_OUT = "Listo, ya no te enviaremos avisos. Si quieres volver a recibirlos, escribe *ALTA*."
OPTED_IN = "¡Qué gusto! Volverás a recibir nuestros avisos. ¿En qué te ayudo?"
STILL_OUT = "Tienes pausados los mensajes de este negocio. Si quieres que te atendamos por aquí, escribe *ALTA*."

_UNSUPPORTED = {
    MessageKind.AUDIO: "Todavía no puedo escuchar notas de voz. ¿Me lo escribes, por favor?",
    MessageKind.IMAGE: "Recibí tu imagen, pero todavía no puedo verla. ¿Me cuentas por escrito qué necesitas?",
    MessageKind.VIDEO: "Recibí tu video, pero todavía no puedo verlo. ¿Me cuentas por escrito qué necesitas?",
    MessageKind.DOCUMENT: "Recibí tu archivo, pero todavía no puedo abrirlo. ¿Me cuentas por escrito qué necesitas?",
    MessageKind.STICKER: "¡Jaja, qué buen sticker! ¿En qué te ayudo?",
    MessageKind.LOCATION: "Gracias por tu ubicación. ¿En qué te ayudo?",
    MessageKind.CONTACTS: "Recibí el contacto. ¿En qué te ayudo?",
}
_EMPTY = "Tu mensaje me llegó vacío. ¿En qué te ayudo?"

_PLACEHOLDERS = {
    MessageKind.AUDIO: "[nota de voz]",
    MessageKind.IMAGE: "[imagen]",
    MessageKind.VIDEO: "[video]",
    MessageKind.DOCUMENT: "[archivo]",
    MessageKind.STICKER: "[sticker]",
    MessageKind.LOCATION: "[ubicación]",
    MessageKind.CONTACTS: "[contacto]",
}


def unsupported(kind: MessageKind) -> str:
    """The answer to something that cannot be taken up yet, by what it was."""
    return _UNSUPPORTED.get(kind, _EMPTY)


def describe_message(kind: MessageKind, text: str) -> str:
    """A message as one line of history: its words, and what it carried besides."""
    mark = _PLACEHOLDERS.get(kind, "")
    return f"{mark} {text}".strip() or "[mensaje vacío]"


# Central number ----------------------------------------------------------------------------------

ONBOARD_BUSINESS = (
    "¡Hola! Soy Parlo, la recepcionista por WhatsApp para negocios de belleza. "
    "Ya registré tu interés: una persona de nuestro equipo te escribe para dar de alta tu negocio."
)
RESUME_ONBOARDING = (
    "¡Hola de nuevo! El alta de tu negocio sigue en proceso. "
    "Ya avisé a nuestro equipo que escribiste para continuar donde nos quedamos."
)
SIGNUP_TASK = "Alguien escribió al número central para dar de alta un negocio."


def choose_business(businesses: list[tuple[str, str | None]]) -> str:
    """List the businesses of a person who works for several, with the number of each."""
    lines = [f"• {name}: {number or 'número en trámite'}" for name, number in businesses]
    return "Trabajas en más de un negocio. Escribe al número del que quieras atender:\n" + "\n".join(lines)


# Staff ---------------------------------------------------------------------------------------------


def welcome_staff(name: str, business: str) -> str:
    """First message of a registered member of staff."""
    return (
        f"¡Hola, {name}! Ya quedaste como parte del equipo de {business}. "
        "Escríbeme cuando quieras por aquí y te paso las citas de hoy."
    )


def todays_schedule(day: str, lines: list[str]) -> str:
    """The business's appointments of a day."""
    if not lines:
        return f"Hoy, {day}, no hay citas agendadas."
    return f"Citas de hoy, {day}:\n" + "\n".join(lines)


def schedule_line(time: str, service: str, customer: str, staff: str) -> str:
    """One appointment of a schedule."""
    return f"• {time} {service}, {customer} (con {staff})"


def new_booking(*, customer: str, service: str, when: str, staff: str) -> str:
    """Tell the owner and the member of staff of a new appointment."""
    return f"📅 Nueva cita: {customer}, {service}, {when}, con {staff}."


def booking_cancelled(*, customer: str, service: str, when: str, staff: str) -> str:
    """Tell the business that a customer cancelled."""
    return f"❌ {customer} canceló su cita: {service}, {when}, con {staff}."


def booking_moved(*, customer: str, service: str, before: str, when: str, staff: str) -> str:
    """Tell the business that a customer moved an appointment."""
    return f"🔁 {customer} cambió su cita: {service}, de {before} a {when}, con {staff}."


# Handoff -------------------------------------------------------------------------------------------


def connected(human: str) -> str:
    """Tell the customer a person has them now."""
    return f"Te comunico con {human}. En un momento te escribe por aquí."


def waiting(place: int) -> str:
    """Tell the customer they are in line."""
    if place <= 1:
        return "En este momento la persona que atiende está con alguien más. Eres quien sigue en la fila y te aviso."
    return f"En este momento la persona que atiende está ocupada. Estás en la fila, en el lugar {place}, y te aviso."


def still_waiting(place: int) -> str:
    """Answer a customer who writes while in line."""
    turn = "eres quien sigue" if place <= 1 else f"vas en el lugar {place}"
    return f"Sigues en la fila: {turn}. Le paso tus mensajes a la persona en cuanto te comunique."


ASKED_FOR_A_PERSON = "lo pidió"
NO_HUMAN = "Ahora no hay una persona disponible por aquí. Ya dejé tu recado para que te busquen."
NO_HUMAN_TASK = "Un cliente pidió hablar con una persona y no hay a quién avisar."


def alert_human(*, customer: str, reason: str, recap: list[str]) -> str:
    """Tell the human who asks for them, why, and what was said last."""
    lines = "\n".join(f"  {line}" for line in recap)
    said = f"\nLo último que se dijo:\n{lines}" if recap else ""
    return (
        f"🙋 {customer} pide hablar con una persona. Motivo: {reason}.{said}\n"
        f"Todo lo que escribas aquí le llega a {customer}. Para terminar escribe *listo*."
    )


def relay_to_human(customer: str, text: str) -> str:
    """The customer's words, as the human sees them."""
    return f"{customer}: {text}"


def how_to_end(customer: str) -> str:
    """Said when it was not clear whether the human meant to end."""
    return f"Le pasé tu mensaje a {customer}. Si ya terminaste, escribe *listo*."


def ended_for_customer(human: str) -> str:
    """The human ended the handoff."""
    return f"{human} terminó la conversación. Sigo yo, el asistente: ¿te ayudo en algo más?"


def ended_for_human(customer: str) -> str:
    """Confirm the end to the human."""
    return f"Listo, terminó la conversación con {customer}. El asistente la sigue atendiendo."


TIMED_OUT_FOR_CUSTOMER = "Pasaron 30 minutos sin respuesta de la persona. Sigo yo, el asistente: ¿te ayudo en algo más?"


def timed_out_for_human(customer: str) -> str:
    """Tell the human their silence ended the handoff."""
    return f"Pasaron 30 minutos sin mensajes tuyos. El asistente volvió a atender a {customer}."


def marker_started(human: str) -> str:
    """Where a person took over, for the assistant's memory."""
    return f"{human} (persona del negocio) tomó la conversación."


def marker_ended(human: str, how: str) -> str:
    """Where the person left, for the assistant's memory."""
    return f"terminó: {human} ({how})"


NAMELESS = "Un cliente"
