"""The offline model for staff: one tool call for what somebody asks, then the tool's own words.

`wire` calls `decide_for_staff` where the tools are those of staff. What is wanted comes from `staff_words`; names,
services and times from the same readers as a customer's. When the last answer was a question and the message wants
nothing by itself, it is read together with the message before. A tool is called once a turn.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from sim.offline_model.context import Context
from sim.offline_model.names import find_staff, is_first_name
from sim.offline_model.services import find_services, is_service_word
from sim.offline_model.staff_messages import read_message
from sim.offline_model.staff_owners import PHONE, fill_owner
from sim.offline_model.staff_words import TOOLS, Wish, find_wish
from sim.offline_model.text import fold, split_table, split_words
from sim.offline_model.turn import Call, Step
from sim.offline_model.when import find_when, join_when

MARK = "get_schedule"
"""Only staff are offered it, and all of them."""
HELP = (
    "¿En qué te ayudo? Puedo pasarte la agenda, agendar, mover o cancelar citas, anotar quién llegó, bloquear tiempo y "
    "escribirle a un cliente."
)
_THANKS = "Con gusto."
_WHICH_CUSTOMER = ("dime el nombre completo", "cual es su telefono")
_WHICH_ONE = "dime el nombre y la hora"
_NOT_NAMES = split_table(
    """lunes martes miercoles jueves viernes sabado domingo hoy manana enero febrero marzo abril mayo junio julio agosto
    septiembre octubre noviembre diciembre dile avisale mandale agendame agenda bloquea cancela mueve pasame pasa
    sube baja quita agrega haz que el la los las por favor hola buenos buenas dias tardes no si ya un una mi
    cierra cambia pon parlo whatsapp"""
)
_SPAN = re.compile(
    r"(?:de(?:sde)? )?(?:las? )?\d{1,2}(?::\d{2})? ?(?:am|pm)?(?: y media)? (?:a|hasta) (?:las? )?\d{1,2}(?::\d{2})?"
    r"(?: y media)?(?: ?(?:am|pm)| de la (?:manana|tarde|noche))?"
)
_OF_HOUR = re.compile(
    r"\bde (las? (?:\d{1,2}(?::\d{2})?|una|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce)(?: y media)?)\b"
)
_VERBS = re.compile(
    r"^(?:por favor )?(?:oye |hola |parlo )*(?:bloquea\w*|desbloquea\w*|libera\w*|quita\w*|cierra\w*|cerramos|"
    r"no abrimos|no vengo|aparta\w*)\b"
)


class Said(msgspec.Struct, frozen=True):
    """What somebody of the staff wrote, together with what it answers.

    Attributes:
        text: As written, with the message before it where this answers a question about that.
        answer: The answer alone; nothing where nothing was asked.
        question: What was asked, folded.
    """

    text: str
    answer: str = ""
    question: str = ""

    @property
    def folded(self) -> str:
        """For patterns."""
        return fold(self.text)


class StaffAnswer(msgspec.Struct, frozen=True):
    """As much of a tool's answer as is told."""

    text: str = ""
    error: dict[str, object] | None = None


def decide_for_staff(
    context: Context, history: Sequence[tuple[bool, str]], pending: str, results: Sequence[str], tools: frozenset[str]
) -> Step:
    """What to say or call now.

    Args:
        context: The prompt, read.
        history: Earlier messages in order, each with whether staff wrote it.
        pending: What they write now.
        results: What the tools called in this turn answered, as they wrote it.
        tools: Names of those that may be called.
    """
    if results:
        return Step(_tell(results[-1]))
    said = _read(history, pending)
    wish = find_wish(said.folded)
    if wish is None or wish in (Wish.GREETING, Wish.THANKS):
        return Step(_THANKS if wish is Wish.THANKS else HELP)
    if wish is Wish.PERMISSION:
        wish = find_wish(re.sub(r"^.*?\b(?:puedo|permiso|dejas?|puede)\b", "", said.folded)) or Wish.CHANGE_SERVICE
        return _call("check_permission", {"action": TOOLS[wish][1]}) if wish in TOOLS else Step(HELP)
    tool, action = TOOLS[wish]
    if tool not in tools:
        return _call("check_permission", {"action": action})
    return _call(tool, _fill(wish, said, context))


def _tell(result: str) -> str:
    try:
        answer = msgspec.json.decode(result, type=StaffAnswer)
    except msgspec.MsgspecError:
        return "No pude hacerlo."
    if answer.error is None:
        return answer.text or "Listo."
    parts = (answer.error.get("message"), answer.error.get("question"), _list_slots(answer.error.get("slots")))
    return "\n".join(str(part) for part in parts if part)


def _list_slots(slots: object) -> str:
    if not isinstance(slots, list):
        return ""
    return "\n".join(f"• {slot['when']} con {slot['staff']}" for slot in slots if isinstance(slot, dict))


def _call(tool: str, arguments: dict[str, object]) -> Step:
    given = {key: value for key, value in arguments.items() if value is not None and value is not False and value != ""}
    return Step(calls=(Call(tool, msgspec.json.encode(given).decode()),))


def _read(history: Sequence[tuple[bool, str]], pending: str) -> Said:
    """The message, with the one it carries on."""
    asked = history[-1][1] if history and not history[-1][0] else ""
    before = next((text for theirs, text in reversed(history) if theirs), "")
    question = fold(asked.rpartition("¿")[2]) if "¿" in asked else ""
    carries_on = bool(question) and "responde *si*" not in fold(asked) and find_wish(fold(before)) is not None
    wish = find_wish(fold(pending))
    if carries_on and wish in (None, Wish.SCHEDULE, Wish.THANKS) and len(pending) < 80:
        return Said(f"{before}\n{pending}", pending, question)
    return Said(pending)


def _fill(wish: Wish, said: Said, context: Context) -> dict[str, object]:
    if wish is Wish.MESSAGE:
        return _fill_message(said)
    if wish in (Wish.NO_SHOW, Wish.COMPLETED):
        return {"outcome": wish.value, "customer": _name(said, context), "when": _when(said)}
    if wish is Wish.CANCEL:
        return {"customer": _name(said, context), "when": _when(said)}
    if wish in (Wish.BLOCK, Wish.UNBLOCK, Wish.CLOSE, Wish.REOPEN):
        whole = wish in (Wish.CLOSE, Wish.REOPEN)
        staff = None if whole else find_staff(said.text, context.staff)
        return {"when": _span(said), "whole_business": whole, "staff": staff or None}
    if wish is Wish.AVAILABILITY:
        off = re.search(r"\bno (?:trabaj|vengo)|\bdescans", said.folded) is not None
        staff = find_staff(said.text, context.staff)
        return {"days": said.text, "hours": "" if off else said.text, "off": off, "staff": staff}
    if wish is Wish.MOVE:
        return _fill_move(said, context)
    if wish in (Wish.BOOK, Wish.WALK_IN):
        return _fill_booking(wish, said, context)
    if wish is Wish.HISTORY:
        return {"customer": _name(said, context) or _after(said, r"(?:de|tiene|vino|venido)")}
    if wish in (Wish.NEXT, Wish.SCHEDULE):
        return _fill_schedule(wish, said, context)
    return fill_owner(wish, said.text, context, _name(said, context))


def _fill_message(said: Said) -> dict[str, object]:
    to, when, message = read_message(said.text.partition("\n")[0] if said.answer else said.text)
    if said.answer and any(mark in said.question for mark in _WHICH_CUSTOMER):
        to = _bare(said.answer)
    elif said.answer and not message:
        message = said.answer
    return {"customer": to, "when": when, "message": message}


def _fill_schedule(wish: Wish, said: Said, context: Context) -> dict[str, object]:
    found = find_when(said.text)
    week = "semana" in said.folded
    day = join_when(found.day or ("esta semana" if week else ""), found.time if found.time.startswith("en la") else "")
    staff = find_staff(said.text, context.staff)
    whose = "todos" if re.search(r"\b(?:todos|todas|todo el negocio|de la estetica)\b", said.folded) else staff
    if not whose and re.search(r"\b(?:mi|mis|tengo|me toca)\b", said.folded):
        whose = "mía" if re.search(r"\b(?:mi|mis)\b", said.folded) else ""
    return {"day": day, "whose": whose, "only_next": wish is Wish.NEXT and not day}


def _fill_move(said: Said, context: Context) -> dict[str, object]:
    """The last time that was said is the new one; one before it tells which appointment."""
    found = find_when(said.text)
    times, days = found.times, found.days
    old = times[0] if len(times) > 1 else ""
    if not old and len(days) > 1:
        old = days[0]
    which = re.search(r"\b(?:el|la) de (las? \d{1,2}(?::\d{2})?)", said.folded)
    old = old or (which.group(1) if which and len(times) > 1 else "")
    new_time = times[-1] if times and (len(times) > 1 or not which) else ""
    new_day = days[-1] if days else ""
    return {
        "customer": _name(said, context),
        "when": old or (which.group(1) if which else ""),
        "new_when": join_when(new_day, new_time),
        "staff": _with(said, context),
    }


def _fill_booking(wish: Wish, said: Said, context: Context) -> dict[str, object]:
    found = find_when(said.text)
    phone = PHONE.search(said.text)
    service = find_services(found.rest, context.service_names)
    name = _name(said, context)
    if said.answer and "a nombre de" in said.question:
        name = _bare(said.answer)
    return {
        "service": service.best or (fold(service.candidates[0]).split()[0] if service.candidates else "") or "cita",
        "when": join_when(found.day, found.time),
        "customer": name,
        "phone": phone.group().strip() if phone else "",
        "staff": _with(said, context),
        "walk_in": wish is Wish.WALK_IN,
    }


def _with(said: Said, context: Context) -> str:
    match = re.search(r"\bcon (?:la |el )?(\w+)", said.folded)
    return find_staff(match.group(1), context.staff) if match else ""


def _when(said: Said) -> str:
    """The day and hour that were said, as they were said."""
    found = find_when(said.text)
    which = _OF_HOUR.search(said.folded)
    return join_when(found.day, found.time or (which.group(1) if which else ""))


def _span(said: Said) -> str:
    """The words for a stretch of time: all that is left without the verb."""
    # "mañana no vengo" is no refusal of tomorrow, as it would be of a customer's
    found = find_when(re.sub(r"\bno\b", " ", said.text))
    stretch = _SPAN.search(said.folded)
    # after a name that ends in "la" `find_when` does not take it for a day
    day = found.day or ("mañana" if re.search(r"(?<!en la )(?<!de la )\bmanana\b", said.folded) else "")
    if stretch is not None:
        return f"{day} {stretch.group()}".strip()
    if day or found.time:
        return join_when(day, found.time)
    return _VERBS.sub("", said.folded).strip() or said.folded


def _bare(answer: str) -> str:
    """A name given as an answer."""
    return re.sub(r"^(?:a |la |el |es |de |no[, ]+)+", "", answer.strip().rstrip(".!"), flags=re.IGNORECASE)


def _after(said: Said, start: str) -> str:
    match = re.search(rf"\b{start} (?:la |el )?(\w+(?: \w+)?)\s*\??$", said.folded)
    return match.group(1) if match else ""


def _name(said: Said, context: Context) -> str:
    """The customer's name in a message: first names and what is written with a capital after them."""
    if said.answer and (any(mark in said.question for mark in _WHICH_CUSTOMER) or _WHICH_ONE in said.question):
        name = _find_name(said.answer, context)
        if name:
            return name
    return _find_name(said.text, context)


def _find_name(text: str, context: Context) -> str:
    team = {fold(name) for name in context.staff}
    words = re.findall(r"[^\W\d_]+|[.!?\n]", text)
    for position, word in enumerate(words):
        if not _begins_name(words, position, team):
            continue
        name = [word]
        for following in words[position + 1 : position + 3]:
            plain = fold(following)
            if (following[:1].isupper() and plain not in _NOT_NAMES) or (is_first_name(plain) and plain not in team):
                name.append(following)
            else:
                break
        return " ".join(name)
    return ""


def _begins_name(words: Sequence[str], position: int, team: set[str]) -> bool:
    word, plain = words[position], fold(words[position])
    if plain in _NOT_NAMES or plain in team or is_service_word(plain) or len(plain) < 3:
        return False
    if is_first_name(plain):
        return True
    starts = position == 0 or words[position - 1] in ".!?\n"
    return word[:1].isupper() and not starts and not word.isupper() and bool(split_words(plain))
