"""The page's Spanish words for what the rows and the provider say."""

from __future__ import annotations

from runtime.domain.enums import HandoffEnd, HandoffOrigin, HandoffState, InboxState, OutboxKind, OutboxState, TurnState
from runtime.domain.handoff import Step
from runtime.domain.templates import CATALOGUE

ROUTES = {
    "1": "alta de un negocio",
    "1b": "sigue el alta de un negocio",
    "2a": "dueña desde el número central",
    "2b": "elige negocio en el central",
    "3": "primer mensaje de alguien del equipo",
    "4": "equipo",
    "4h": "equipo en relevo",
    "5": "clienta con el asistente",
    "5h": "clienta en relevo",
    "x-unknown-number": "número que no es de nadie",
    "x-suspended": "negocio suspendido",
    "x-opted-out": "no quiere mensajes",
    "x-unsupported": "nada que se pueda atender",
}
REASONS = {
    "no business answers on this number": "ningún negocio contesta en este número",
    "the business is suspended": "el negocio está suspendido",
    "a message is an opt-out or opt-in and nothing else": "el mensaje sólo pide alto o volver",
    "the sender had opted out and writes again": "había pedido alto y vuelve a escribir",
    "nothing in the message can be taken up": "nada del mensaje se puede atender",
    "owner of a business whose sign-up is not finished": "dueña de un negocio cuya alta no termina",
    "unknown sender on the central number": "alguien desconocido escribe al número central",
    "staff of exactly one active business": "trabaja en exactamente un negocio activo",
    "staff of two or more active businesses": "trabaja en dos o más negocios activos",
    "staff who has a customer, or is asked to take one": "atiende a una clienta, o se le pide atenderla",
    "first message of a registered member of staff": "primer mensaje de alguien registrado en el equipo",
    "known staff": "ya se conoce como equipo",
    "the conversation is handed off to a person": "la conversación está con una persona",
    "anyone else on a business number": "cualquiera que escribe a un negocio",
}
INBOX = {
    InboxState.ACCEPTED: "en espera",
    InboxState.DONE: "atendido",
    InboxState.IGNORED: "ignorado",
    InboxState.DEAD: "sin atender",
}
TURNS = {TurnState.RUNNING: "pensando", TurnState.DONE: "terminado", TurnState.DEAD: "abandonado"}
KINDS = {
    OutboxKind.REPLY: "respuesta",
    OutboxKind.RELAY: "relevo",
    OutboxKind.ALERT: "aviso",
    OutboxKind.NOTICE: "notificación",
    OutboxKind.APOLOGY: "disculpa",
}
OUTBOX = {
    OutboxState.QUEUED: "en cola",
    OutboxState.SUBMITTING: "enviándose",
    OutboxState.ACCEPTED: "aceptado",
    OutboxState.SENDING: "saliendo",
    OutboxState.SENT: "enviado",
    OutboxState.DELIVERED: "entregado",
    OutboxState.READ: "leído",
    OutboxState.UNDELIVERED: "no entregado",
    OutboxState.FAILED: "falló",
}
HELD = "en espera: ventana cerrada"
HANDOFFS = {
    HandoffState.REQUESTED: "recién pedido",
    HandoffState.WAITING: "en fila",
    HandoffState.OFFERED: "avisada",
    HandoffState.ACTIVE: "hablando",
    HandoffState.ENDED: "terminado",
}
HANDOFF_TONES = {
    HandoffState.REQUESTED: "busy",
    HandoffState.WAITING: "busy",
    HandoffState.OFFERED: "offer",
    HandoffState.ACTIVE: "good",
    HandoffState.ENDED: "plain",
}
ORIGINS = {HandoffOrigin.CUSTOMER: "lo pidió la clienta", HandoffOrigin.HUMAN: "lo tomó alguien del equipo"}
STEPS = {
    Step.REMIND: "se le recuerda a {human}",
    Step.ESCALATE: "se le pide a otra persona",
    Step.WAKE: "se le vuelve a pedir a {human}",
    Step.NUDGE: "se le recuerda a {human} que la clienta espera",
    Step.CALL_NEXT: "se entera otra persona del equipo",
    Step.LOOK: "se ve si ya hay alguien",
    Step.SILENCE: "se cierra, si nadie contesta",
    Step.GIVE_UP: "se le dice a la clienta que nadie pudo",
}
ENDINGS = {
    HandoffEnd.HUMAN: "lo terminó quien atendía",
    HandoffEnd.TIMEOUT: "30 minutos sin respuesta de quien atendía",
    HandoffEnd.CUSTOMER: "la clienta se salió",
    HandoffEnd.UNANSWERED: "nadie pudo atenderla",
    HandoffEnd.OPTED_OUT: "la clienta ya no quiere mensajes",
    HandoffEnd.SUSPENDED: "se suspendió el negocio",
}
ERRORS = {
    63005: "WhatsApp no manda archivos de ese tipo",
    63016: "pasaron 24 horas desde su último mensaje: hace falta una plantilla",
    63019: "no se pudo traer el archivo",
    63024: "el destinatario no es válido",
    63032: "WhatsApp limita a esta persona",
    63034: "el archivo pesa demasiado",
    63049: "WhatsApp decidió no entregarlo",
}


def explain_error(code: int) -> str:
    """The provider's error code in words, as far as we have them."""
    return f"{code}: {ERRORS[code]}" if code in ERRORS else f"código {code}"


def say_step(step: Step, human: str | None) -> str:
    """What happens next, in words."""
    return STEPS[step].format(human=human or "quien atiende")


def explain_template(name: str) -> str:
    """What a chip that says "plantilla" means."""
    known = name in CATALOGUE
    return f"la ventana estaba cerrada: salió la plantilla aprobada {name}" if known else f"plantilla {name}"
