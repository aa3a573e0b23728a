"""Every sentence Parlo itself says, in one place: Mexican Spanish, tú, short and warm.

What a model says is not here; what is fixed is. Functions take what varies and return the text.
"""

from __future__ import annotations

from runtime.domain.enums import HandoffState
from runtime.domain.quoting import shorten
from runtime.domain.whatsapp import MessageKind

# Whatever the model does, these are said as they stand ------------------------------------------

APOLOGY = (
    "Una disculpa, tuve un problema y no pude responder tu mensaje. Ya avisé al negocio para que una persona lo "
    "revise. Si prefieres que te comunique con alguien ahora, escribe *persona*."
)
HOLDING = "Una disculpa, estoy tardando más de lo normal. Sigo con tu mensaje y te respondo en cuanto pueda."
DEAD_LETTER_TASK = "Un mensaje no se pudo responder después de varios intentos. Revisa la conversación."
UNKNOWN_NUMBER_TASK = "Llegó un mensaje a un número que no está conectado con ningún negocio."
UNKNOWN_NUMBER = "Este número todavía no está conectado con ningún negocio en Parlo."
SUSPENDED = "Por ahora este negocio no está recibiendo mensajes por aquí. Una disculpa."
OPTED_OUT = "Listo, ya no te enviaremos avisos. Si quieres volver a recibirlos, escribe *ALTA*."
OPTED_IN = "¡Qué gusto! Volverás a recibir nuestros avisos. ¿En qué te ayudo?"
STILL_OUT = "Tienes pausados los mensajes de este negocio. Si quieres que te atendamos por aquí, escribe *ALTA*."

MODEL_LIMIT = (
    "Hoy recibimos muchísimos mensajes y ya no puedo responderte más por hoy. Mañana sigo por aquí con gusto. "
    "Si te urge, escribe *persona* y te comunico con alguien del negocio."
)
MODEL_LIMIT_TASK = "El asistente llegó a su límite de respuestas del día. Los clientes pueden pedir una persona."
MODEL_LIMIT_NOTICE = (
    "⚠️ Tu asistente llegó a su límite de respuestas de hoy. Hasta la medianoche les digo a tus clientes que escriban "
    "*persona* si les urge; mañana sigo como siempre."
)

_UNSUPPORTED = {
    MessageKind.AUDIO: "Todavía no puedo escuchar notas de voz. ¿Me lo escribes, por favor?",
    MessageKind.IMAGE: "Recibí tu imagen, pero todavía no puedo verla. ¿Me cuentas por escrito qué necesitas?",
    MessageKind.VIDEO: "Recibí tu video, pero todavía no puedo verlo. ¿Me cuentas por escrito qué necesitas?",
    MessageKind.DOCUMENT: "Recibí tu archivo, pero todavía no puedo abrirlo. ¿Me cuentas por escrito qué necesitas?",
    MessageKind.STICKER: "¡Jaja, qué buen sticker! ¿En qué te ayudo?",
    MessageKind.LOCATION: "Gracias por tu ubicación. ¿En qué te ayudo?",
    MessageKind.CONTACTS: "Recibí el contacto. ¿En qué te ayudo?",
}
_NOT_UNDERSTOOD = {
    MessageKind.AUDIO: "No logré entender tu nota de voz. ¿Me lo escribes, por favor?",
    MessageKind.IMAGE: "Recibí tu imagen, pero no logro verla bien. ¿Me cuentas por escrito qué necesitas?",
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


def unsupported(kind: MessageKind, *, tried: bool = False) -> str:
    """The answer to something that cannot be taken up, by what it was; `tried`: somebody listened or looked."""
    known = {**_UNSUPPORTED, **_NOT_UNDERSTOOD} if tried else _UNSUPPORTED
    return known.get(kind, _EMPTY)


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


# Handoff: what the customer reads ---------------------------------------------------------------------


def connected(human: str) -> str:
    """Tell the customer a person has been called."""
    return f"Te comunico con {human}. En un momento te escribe por aquí."


def connected_off_hours(human: str, opens: str | None) -> str:
    """The same outside everybody's hours: honest about when somebody will read it."""
    when = f" (atendemos a partir de {opens})" if opens else ""
    return (
        f"A esta hora ya no hay nadie atendiendo{when}, pero le avisé a {human}. "
        "Si no te responde en 30 minutos, sigo yo y dejo tu recado."
    )


def joined(human: str) -> str:
    """A human takes a conversation that did not ask for one, or that somebody else had."""
    return f"Te sigue atendiendo {human}, en persona. En un momento te escribe por aquí."


LEAVE_HINT = "Si ya no quieres esperar, escribe *salir*."


def waiting(place: int) -> str:
    """Tell the customer they are in line."""
    if place <= 1:
        line = "En este momento la persona que atiende está con alguien más. Eres quien sigue en la fila y te aviso."
    else:
        line = (
            f"En este momento la persona que atiende está ocupada. Estás en la fila, en el lugar {place}, y te aviso."
        )
    return f"{line} {LEAVE_HINT}"


def still_waiting(place: int) -> str:
    """Answer a customer who writes while in line."""
    turn = "eres quien sigue" if place <= 1 else f"vas en el lugar {place}"
    return f"Sigues en la fila: {turn}. Le paso tus mensajes a la persona en cuanto te comunique. {LEAVE_HINT}"


def back_in_line(place: int) -> str:
    """Whoever had been called cannot come after all."""
    turn = "Eres quien sigue en la fila" if place <= 1 else f"Estás en la fila, en el lugar {place},"
    return f"La persona que te iba a atender ya no puede en este momento. {turn} y te aviso. {LEAVE_HINT}"


ASKED_FOR_A_PERSON = "lo pidió"
NO_HUMAN = "Ahora no hay una persona disponible por aquí. Ya dejé tu recado para que te busquen."
NO_HUMAN_TASK = "Un cliente pidió hablar con una persona y no hay a quién avisar."
UNANSWERED_TASK = "Un cliente pidió hablar con una persona y nadie le respondió. Búscalo en cuanto puedas."
GAVE_UP = "Una disculpa, por ahora nadie te pudo atender en persona. Ya dejé tu recado para que te busquen. " + (
    "Mientras, sigo yo, el asistente: ¿te ayudo en algo?"
)
LEFT_THE_LINE = "Listo, ya no esperas a nadie. Sigo yo, el asistente: ¿en qué te ayudo?"
OPTED_OUT_IN_HANDOFF = (
    "Listo, ya no te enviaremos avisos y cerré la conversación con la persona. "
    "Si quieres volver a recibirlos, escribe *ALTA*."
)
TIMED_OUT_FOR_CUSTOMER = "Pasaron 30 minutos sin respuesta de la persona. Sigo yo, el asistente: ¿te ayudo en algo más?"


def snoozed_for_customer(human: str) -> str:
    """The human asked for a quarter of an hour."""
    return f"{human} ya vio tu mensaje y te escribe en unos 15 minutos."


def ended_for_customer(human: str) -> str:
    """The human ended the handoff."""
    return f"{human} terminó la conversación. Sigo yo, el asistente: ¿te ayudo en algo más?"


def resumed_for_customer(human: str) -> str:
    """The human took the end back."""
    return f"{human} sigue contigo."


# Handoff: what the human reads --------------------------------------------------------------------------


def alert_human(*, customer: str, reason: str, summary: str | None, recap: list[str], facts: list[str]) -> str:
    """Ask a human to take a customer: who, why, what is known and what was said last."""
    lines = [f"🙋 {customer} pide hablar con una persona. Motivo: {reason}."]
    lines += [f"Resumen: {summary}"] if summary else []
    lines += facts
    lines += ["Lo último que se dijo:", *(f"  {line}" for line in recap)] if recap else []
    lines.append(
        f"Contéstale aquí mismo: todo lo que escribas le llega a {customer}. "
        "También puedes responder *tomar*, *15 min* o *no puedo*. Para terminar escribe *listo*."
    )
    return "\n".join(lines)


def known_appointment(service: str, when: str, staff: str) -> str:
    """What a human wants to know before answering: an appointment to come."""
    return f"Cita: {service}, {when}, con {staff}."


def known_wish(service: str) -> str:
    """What the customer was arranging with the assistant."""
    return f"Estaba viendo: {service}."


def relay_to_human(customer: str, text: str) -> str:
    """The customer's words, as the human sees them."""
    return f"{customer}: {text}"


_SENT = {
    MessageKind.AUDIO: "una nota de voz 🎤",
    MessageKind.IMAGE: "una foto 📷",
    MessageKind.VIDEO: "un video 🎥",
    MessageKind.DOCUMENT: "un archivo 📄",
    MessageKind.STICKER: "un sticker",
    MessageKind.LOCATION: "una ubicación 📍",
    MessageKind.CONTACTS: "un contacto 👤",
}
_REFUSALS = {
    "too_big": "pesa demasiado para WhatsApp",
    "forbidden_type": "es de un tipo que no se puede pasar",
    "expired": "ya no está disponible",
    "forbidden_host": "no viene de WhatsApp",
}


def sent_file(name: str | None, kind: MessageKind) -> str:
    """Introduces a file that carries no words of its own; without a name, for the customer."""
    what = _SENT.get(kind, "un archivo")
    return f"{name} mandó {what}" if name else f"Te mando {what}"


def file_lost(name: str | None, kind: MessageKind, refusal: str) -> str:
    """To the receiver: something was sent that cannot be passed on."""
    who = name or "La persona que te atiende"
    return f"{who} mandó {_SENT.get(kind, 'un archivo')} que no se pudo pasar: {_REFUSALS.get(refusal, refusal)}."


def file_refused(kind: MessageKind, refusal: str) -> str:
    """To the sender: what became of it."""
    what = _SENT.get(kind, "un archivo")
    return f"No pude pasar lo que mandaste ({what}): {_REFUSALS.get(refusal, refusal)}. Lo demás sí llegó."


def place(label: str | None, latitude: float, longitude: float) -> str:
    """A shared location as words anybody can open."""
    name = f"{label}: " if label else ""
    return f"📍 {name}https://maps.google.com/?q={latitude:.6f},{longitude:.6f}"


def taken(customer: str) -> str:
    """The human has the customer now."""
    return f"Ya tienes a {customer}. Todo lo que escribas aquí le llega. Para terminar escribe *listo*."


def taken_already(customer: str) -> str:
    """The same button twice."""
    return f"Ya tienes a {customer}: escríbele por aquí."


def taken_by(human: str, customer: str) -> str:
    """Somebody else was quicker."""
    return f"{human} ya atiende a {customer}."


def declined(customer: str) -> str:
    """The human cannot take the customer."""
    return f"De acuerdo. Busco quién más puede atender a {customer}."


def snoozed(customer: str) -> str:
    """The human wants to be asked again."""
    return f"De acuerdo. Le avisé a {customer} y te lo recuerdo en 15 minutos."


def passed_on(customer: str, human: str) -> str:
    """The human gave the customer to another."""
    return f"Listo, le pasé a {human} la conversación con {customer}."


def cannot_pass_on(names: list[str], busy: str | None) -> str:
    """A transfer to nobody, or to somebody who has a customer."""
    if busy is not None:
        return f"{busy} está con otra persona en este momento. Tú sigues con la conversación."
    if not names:
        return "No hay nadie más que pueda atenderla. Tú sigues con la conversación."
    return f"¿A quién se la paso? Escribe *pasar* y el nombre: {', '.join(names)}."


def escalated(human: str | None) -> str:
    """The next human was asked, since this one did not answer; whoever writes first has the customer."""
    return f"Como no respondiste, también le avisé a {human or 'alguien más'}. Si puedes, todavía te toca: *tomar*."


def reminder(customer: str, minutes: int) -> str:
    """The customer still waits for the human to take them."""
    return f"⏳ {customer} sigue esperando desde hace {minutes} minutos. Responde *tomar*, *15 min* o *no puedo*."


def nudge(customer: str, minutes: int) -> str:
    """The customer wrote, and the human has not answered."""
    return f"⏳ {customer} espera tu respuesta desde hace {minutes} minutos. Si ya terminaste, escribe *listo*."


def call_next(customer: str, human: str, minutes: int) -> str:
    """Another human may step in."""
    return (
        f"⏳ {customer} espera a {human} desde hace {minutes} minutos. Si puedes atender, escribe *tomar {customer}*."
    )


def how_to_end(customer: str) -> str:
    """Said when it was not clear whether the human meant to end."""
    return f"Le pasé tu mensaje a {customer}. Si ya terminaste, escribe *listo*."


def ask_to_end(customer: str) -> str:
    """An end that carried words for the customer: they have them, and the human is asked."""
    return f"Le pasé tu mensaje a {customer}. ¿Ya terminaste con la conversación? Escribe *listo* y sigo yo."


def kept_aside(customer: str) -> str:
    """What the human wrote was judged to be for Parlo."""
    return f"Esto no se lo mandé a {customer}. Si era para ella o él, escribe *enviar* y se lo paso tal cual."


CANNOT_DO_YET = "Eso todavía no lo puedo hacer por aquí."
NOTHING_KEPT = "No tengo ningún mensaje guardado para enviar."


def relayed_by_quote(customer: str) -> str:
    """An answer to a quoted message went to somebody other than the customer who is served."""
    return f"✉️ Se lo mandé a {customer}."


def delivered(customer: str) -> str:
    """The customer's phone has what the human wrote."""
    return f"✓ Entregado a {customer}."


def not_delivered(customer: str, text: str) -> str:
    """The customer did not get what the human wrote."""
    quote = shorten(text, 60)
    said = f" «{quote}»" if quote else ""
    return f"⚠️ Tu mensaje{said} no le llegó a {customer}. Inténtalo otra vez o llámale por teléfono."


NOT_PASSED_ON = "Una disculpa, tu último mensaje no le llegó a la persona que te atiende. ¿Se lo mandas otra vez?"


def window_closed(customer: str) -> str:
    """WhatsApp lets nobody write freely to a customer who has been silent for a day."""
    return (
        f"{customer} lleva más de 24 horas sin escribir y WhatsApp no deja entregarle mensajes libres. "
        "Le mandé un aviso: en cuanto responda le llega lo que escribiste."
    )


def ended_for_human(customer: str) -> str:
    """Confirm the end to the human."""
    return f"Listo, terminó la conversación con {customer}. Sigo yo. Si fue un error, escribe *deshacer*."


def undone(customer: str) -> str:
    """The end was taken back."""
    return f"De acuerdo, sigues con {customer}. Todo lo que escribas aquí le llega."


CANNOT_UNDO = "Ya no se puede deshacer: pasaron más de 30 segundos o ya hay alguien más atendiendo."


def timed_out_for_human(customer: str) -> str:
    """Tell the human their silence ended the handoff."""
    return f"Pasaron 30 minutos sin mensajes tuyos. El asistente volvió a atender a {customer}."


def left_for_human(customer: str) -> str:
    """The customer no longer wants to wait or to talk."""
    return f"{customer} prefirió seguir con el asistente. La conversación terminó."


def opted_out_for_human(customer: str, said: str) -> str:
    """The customer wants no messages; the word is quoted, since it may have meant something else."""
    return f"{customer} escribió «{said}» y ya no quiere recibir mensajes. La conversación terminó."


def suspended_for_human(customer: str) -> str:
    """The business is no longer served."""
    return f"El servicio del negocio está en pausa: terminó la conversación con {customer}."


def removed_for_human(customer: str) -> str:
    """The human no longer takes customers here."""
    return f"Ya no atiendes clientes en este negocio. {customer} pasa con otra persona."


OPTED_IN_AGAIN = "Volverás a recibir nuestros avisos."
NOT_ASKED_ANY_MORE = "Ya no hace falta: esa conversación ya no te espera."


def files_elsewhere(business: str) -> str:
    """A file that came in on the central number."""
    return f"Las fotos y archivos mándalos en el chat de {business}, por favor: desde aquí no los puedo pasar."


_STATES = {
    HandoffState.REQUESTED: "acaba de pedirlo",
    HandoffState.WAITING: "espera",
    HandoffState.OFFERED: "le avisé a {human}",
    HandoffState.ACTIVE: "con {human}",
}


def describe_state(state: HandoffState, human: str | None) -> str:
    """Where a conversation stands, in the line."""
    return _STATES.get(state, "terminó").format(human=human or NAMELESS_PERSON)


NOTHING_OPEN = "Ahora no tienes ninguna conversación abierta con un cliente."
NOBODY_WAITS = "Nadie está esperando."


def line(lines: list[str]) -> str:
    """Who waits for a person, and who is with whom."""
    return "Conversaciones con personas:\n" + "\n".join(lines)


def line_entry(number: int, customer: str, what: str) -> str:
    """One conversation of the line."""
    return f"{number}. {customer}: {what}"


def finish_first(customer: str) -> str:
    """A human serves one customer at a time."""
    return f"Primero termina con {customer} (*listo*) o pásala a alguien más (*pasar* y el nombre)."


def which_customer(names: list[str]) -> str:
    """Several customers fit what the human wrote."""
    return "¿A quién? " + " · ".join(f"*tomar {name}*" for name in names)


def unknown_customer(name: str) -> str:
    """Nobody fits."""
    return f"No encontré a ningún cliente que se llame «{name}» entre los que han escrito."


HANDOFF_OVER = "Esa conversación ya terminó. Si quieres retomarla, escribe *tomar* y el nombre."

HANDOFF_HELP = (
    "Cuando atiendes a un cliente, lo que escribes aquí le llega tal cual. Además puedes escribir:\n"
    "• *tomar* o *tomar* y un nombre: quedarte con la conversación\n"
    "• *15 min* o *no puedo*: contestar a un aviso\n"
    "• *pasar* y un nombre: dársela a alguien más\n"
    "• *fila*: ver quién espera\n"
    "• *parlo,* y algo: hablarme a mí sin que el cliente lo lea\n"
    "• *enviar*: mandar lo último que no mandé\n"
    "• *listo*: terminar; *deshacer*: retomarla (30 segundos)"
)


def answers_elsewhere(customer: str, business: str) -> str:
    """A human answered on the central number: where the customer's words come in."""
    return f"✉️ Se lo pasé a {customer}. Sus respuestas te llegan en el chat de {business}."


def choose_conversation(open_ones: list[tuple[str, str, str | None]]) -> str:
    """A human of several businesses has a customer in more than one: whose turn is it."""
    lines = [
        f"• {customer}, de {business}: {number or 'número en trámite'}" for customer, business, number in open_ones
    ]
    return (
        "Tienes más de una conversación abierta y no sé para quién es tu mensaje; no lo mandé. "
        "Escribe en el chat de cada negocio o responde citando su mensaje:\n" + "\n".join(lines)
    )


def undelivered_task(code: int | None) -> str:
    """A message did not arrive."""
    return f"Un mensaje no pudo entregarse (código {code or 'desconocido'})."


# Handoff: the assistant's memory -----------------------------------------------------------------------


def marker_started(human: str) -> str:
    """Where a person took over."""
    return f"{human} (persona del negocio) tomó la conversación."


def marker_ended(human: str, how: str) -> str:
    """Where the person left."""
    return f"terminó: {human} ({how})"


TAKEN_OVER = "la tomó por su cuenta"
NAMELESS = "Un cliente"
NAMELESS_PERSON = "La persona"
