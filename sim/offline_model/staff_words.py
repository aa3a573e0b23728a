"""What staff ask for, as patterns over folded words: which tool they mean, and the permission it needs.

`staff` uses these. The first that fits decides, so the order is the meaning: "llegó un cliente sin cita" is a booking
before it is an attendance.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Wish(StrEnum):
    """What somebody of the staff wants."""

    MESSAGE = "message"
    WALK_IN = "walk_in"
    PERMISSION = "permission"
    ADD_STAFF = "add_staff"
    REMOVE_STAFF = "remove_staff"
    CHANGE_ROLE = "change_role"
    NO_SHOW = "no_show"
    UNBLOCK = "unblock"
    REOPEN = "reopen"
    HOURS = "hours"
    AVAILABILITY = "availability"
    CLOSE = "close"
    BLOCK = "block"
    CANCEL = "cancel"
    RETIRE_SERVICE = "retire_service"
    ADD_SERVICE = "add_service"
    CHANGE_SERVICE = "change_service"
    MOVE = "move"
    STATS = "stats"
    HISTORY = "history"
    BOOK = "book"
    NEXT = "next"
    SCHEDULE = "schedule"
    COMPLETED = "completed"
    GREETING = "greeting"
    THANKS = "thanks"


TOOLS = {
    Wish.MESSAGE: ("send_message_to_customer", "message_customers"),
    Wish.WALK_IN: ("book_for_customer", "book_for_customers"),
    Wish.ADD_STAFF: ("add_staff", "manage_staff"),
    Wish.REMOVE_STAFF: ("remove_staff", "manage_staff"),
    Wish.CHANGE_ROLE: ("change_permission", "change_permissions"),
    Wish.NO_SHOW: ("mark_appointment", "mark_attendance"),
    Wish.COMPLETED: ("mark_appointment", "mark_attendance"),
    Wish.UNBLOCK: ("unblock_time", "block_own_time"),
    Wish.REOPEN: ("unblock_time", "close_business"),
    Wish.HOURS: ("change_hours", "change_hours"),
    Wish.AVAILABILITY: ("set_availability", "block_own_time"),
    Wish.CLOSE: ("block_time", "close_business"),
    Wish.BLOCK: ("block_time", "block_own_time"),
    Wish.CANCEL: ("cancel_for_customer", "change_appointments"),
    Wish.RETIRE_SERVICE: ("change_service", "change_services"),
    Wish.ADD_SERVICE: ("change_service", "change_services"),
    Wish.CHANGE_SERVICE: ("change_service", "change_services"),
    Wish.MOVE: ("reschedule_for_customer", "change_appointments"),
    Wish.STATS: ("get_stats", "see_stats"),
    Wish.HISTORY: ("customer_history", "see_customers"),
    Wish.BOOK: ("book_for_customer", "book_for_customers"),
    Wish.NEXT: ("get_schedule", "see_schedule"),
    Wish.SCHEDULE: ("get_schedule", "see_schedule"),
}
"""The tool of each wish, and the permission to ask about where it is not offered."""

_WEEKDAY = r"(?:lunes|martes|miercoles|jueves|viernes|sabados?|domingos?)"
_PATTERNS: tuple[tuple[Wish, str], ...] = (
    (Wish.MESSAGE, r"\b(?:di[lg]e(?:le|les|s)?|digale|avis[ae]le|mand[ae]le|escrib[ae]le|recuerd[ae]le)\b"),
    (Wish.WALK_IN, r"\bsin cita\b|\bwalk ?in\b|\b(?:llego|vino|entro) (?:un|una|alguien)\b"),
    (
        Wish.PERMISSION,
        r"\b(?:puedo|tengo permiso|me dejas?|quien puede)\b.*\b(?:precio|permiso|horario|numeros|equipo)",
    ),
    (
        Wish.CHANGE_ROLE,
        r"\b(?:haz|hazla|hazlo|vuelve|pon|ponle|dale|cambia|cambiale|quitale)\b.*"
        r"\b(?:administra\w+|admin|permisos?|duen[ao]|empleada|empleado|solo (?:ver|consulta\w*))\b",
    ),
    (
        Wish.ADD_STAFF,
        r"\b(?:agreg\w+|da de alta|dar de alta|contrat\w+|suma|anade)\b.*"
        r"\b(?:equipo|empleada|empleado|estilista|barbero|barbera|persona|personal|trabaj\w+)\b|\bda(?:r)? de alta a\b",
    ),
    (
        Wish.REMOVE_STAFF,
        r"\b(?:quita|elimina|saca|borra|da de baja|dar de baja)\b.*\bequipo\b|\bda(?:r)? de baja a\b"
        r"|\bya no trabaja\b|\bquitame (?:a mi )?del equipo\b",
    ),
    (
        Wish.NO_SHOW,
        r"\bno (?:llego|llega|vino|se presento|asistio|aparecio|ha llegado)\b|\bplantad[ao]\b|\bfalto\b"
        r"|\bnunca llego\b|\bno show\b",
    ),
    (Wish.REOPEN, r"\bsi (?:vamos a abrir|abrimos|abro)\b|\bsiempre si abrimos\b|\b(?:abre|reabre) el negocio\b"),
    (
        Wish.UNBLOCK,
        r"\bdesbloqu\w+|\bquit\w+ (?:el |los |mi )?bloqueos?\b|\bliber[ae]\w*\b"
        r"|\bsi (?:voy a |puedo )?(?:vengo|venir|trabajo|trabajar|estar|estoy)\b",
    ),
    (
        Wish.AVAILABILITY,
        rf"\bmi horario (?:es|va|queda|sera)\b|\b(?:trabaj\w+|descans\w+|vengo|entro|salgo)\b.*\b(?:los|de|entre) "
        rf"(?:{_WEEKDAY}|semana)\b|\b(?:los|de|entre) (?:{_WEEKDAY}|semana)\b.*"
        r"\b(?:trabaj\w+|descans\w+|vengo|entro|salgo)\b",
    ),
    (
        Wish.HOURS,
        rf"\bhorario\b.*\b(?:de|a|desde)\b.*\d|\blos {_WEEKDAY}\b.*\b(?:abrimos|cerramos|abre|cierra|cerrado)\b"
        rf"|\b(?:abrimos|cerramos|no abrimos)\b.*\b(?:los|las) {_WEEKDAY}\b|\bcambia\w* el horario\b",
    ),
    (
        Wish.CLOSE,
        r"\bno (?:abrimos|abro|vamos a abrir|abriremos|se abre)\b|\b(?:cerramos|cierra|cierro|vamos a cerrar|cerrar)\b",
    ),
    (
        Wish.BLOCK,
        r"\bbloqu\w+|\bno (?:vengo|voy a (?:venir|trabajar|estar|poder)|trabajo|estare|estoy|puedo atender)\b"
        r"|\bdia libre\b|\bdescanso\b|\bno (?:me )?agend\w+\b|\bapart\w+ (?:mi|me)\b",
    ),
    (Wish.RETIRE_SERVICE, r"\b(?:quita|elimina|retira|borra)\b.*\bservicio\b|\bya no (?:hacemos|ofrecemos|damos)\b"),
    (Wish.ADD_SERVICE, r"\b(?:agrega|anade|nuevo|da de alta|pon)\b.*\bservicio\b|\bservicio nuevo\b"),
    (
        Wish.CHANGE_SERVICE,
        r"\b(?:sub\w+|baj\w+|aument\w+|cambi\w+|pon\w*|ajust\w+|cuest\w+|vale)\b.*"
        r"(?:\$ ?-?\d|\bpesos\b|\bprecio\b|\ba -?\d{2,}|\b\d+ ?min)",
    ),
    (Wish.CANCEL, r"\bcancel\w+|\b(?:quita|borra|elimina)\w* (?:la|su) cita\b"),
    (
        Wish.MOVE,
        r"\b(?:muev\w+|mover\w*|pas[ae](?:la|lo|le|me)?|cambi\w+|recorr\w+|recorre|reagend\w+|reprogram\w+)\b"
        r"(?=.*\b(?:cita|las \d|para el|al |a las|el de|la de)\b)(?!.*\b(?:agenda|citas)\b)",
    ),
    (
        Wish.STATS,
        r"\bcuanto (?:vendi\w*|gan\w+|llev\w+|se vendio|hicimos|entro)|\bestadisticas?\b|\bnumeros\b|\bventas\b"
        r"|\bcomo (?:vamos|nos fue|va el negocio)\b|\bcuant[ao]s (?:citas|clientes) (?:tuvimos|atendimos|hubo)\b",
    ),
    (
        Wish.HISTORY,
        r"\bhistorial\b|\bcuantas veces (?:ha venido|vino)\b|\bcuando (?:vino|fue la ultima)\b"
        r"|\bque se (?:hizo|ha hecho)\b|\bha (?:venido|faltado)\b",
    ),
    (
        Wish.BOOK,
        r"\bagend(?:ame|ale|ar|arle|e|eme|es|ele|alo|ala)\b|\bagenda (?:a|al|un|una)\b"
        r"|\b(?:apart|anot|reserv)\w+ (?:a|un|una|para)\b|\b(?:aparta|anota|reserva)(?:me|le)\b"
        r"|\bpon(?:me|le)? (?:a .* )?(?:una )?cita\b|\bhaz(?:le)? (?:una )?cita\b",
    ),
    (
        Wish.NEXT,
        r"\bque sigue\b|\bquien (?:sigue|viene)\b|\bque me toca\b|\b(?:la|mi) (?:proxima|siguiente)\b|\bsiguiente\b",
    ),
    (
        Wish.SCHEDULE,
        r"\bagenda\b|\bcitas?\b|\bque (?:tengo|hay|tenemos|trae|trabajo)\b|\bcomo (?:viene|esta|ando|vengo) \w+"
        r"|\bquienes vienen\b|\bhorario\b|\bpendientes\b",
    ),
    (
        Wish.COMPLETED,
        r"\b(?:ya |si )?(?:llego|vino|asistio|termine|termino|atendi|acabe|quedo list[ao]|completad[ao]|atendid[ao])\b",
    ),
    (Wish.GREETING, r"^(?:hola|buen\w+|que tal|hey|oye)\b"),
    (Wish.THANKS, r"\bgracias\b|\bperfecto\b|\bexcelente\b"),
)
_COMPILED = tuple((wish, re.compile(pattern)) for wish, pattern in _PATTERNS)


def find_wish(folded: str) -> Wish | None:
    """What is wanted, or None."""
    return next((wish for wish, pattern in _COMPILED if pattern.search(folded)), None)
