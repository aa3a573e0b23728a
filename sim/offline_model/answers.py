"""Answers to questions about the business, from the prompt alone, and reactions to small talk.

`policy` calls these. What the prompt does not say is not known here, and that is said.
"""

from __future__ import annotations

import re

from runtime.domain.spanish.formats import join_spanish
from sim.offline_model import phrases
from sim.offline_model.context import Context, Service
from sim.offline_model.lexicon import Intent
from sim.offline_model.state import Goal, is_follow_up
from sim.offline_model.text import fold, split_words
from sim.offline_model.turn import Turn

_WEEKDAYS = ("lunes", "martes", "miercoles", "jueves", "viernes", "sabado", "domingo")
_TOPICS = (
    (r"promo|descuento|oferta|2 ?x ?1|rebaja", "promociones", ("promo", "descuento")),
    (r"estaciona|parking|parqueadero", "estacionamiento", ("estaciona",)),
    (r"tarjeta|transfer|efectivo|pago|pag[oa]\b|aceptan|anticipo|deposito|"
        r"factura", "formas de pago", ("pago", "tarjeta")),
    (r"wifi|wi fi|internet", "internet para clientes", ("wifi", "internet")),
    (r"domicilio|vienen a", "servicio a domicilio", ("domicilio",)),
    (r"instagram|facebook|redes|pagina|correo|"
        r"e ?mail", "redes o correo", ("instagram", "facebook", "redes", "correo", "pagina")),
    (r"telefono|numero", "otro teléfono de contacto", ("telefono",)),
    (r"vacante|empleo|trabajo", "vacantes", ("vacante", "empleo")),
    (r"nin[oa]s?|bebes", "atención a niños", ("nino",)),
)  # fmt: skip

_REACTIONS = {
    Intent.RUNNING_LATE: (
        "Gracias por avisar{name}. Te esperamos; procura llegar lo antes posible.",
        "Sin problema{name}, gracias por avisar. ¡Te esperamos!",
    ),
    Intent.ON_MY_WAY: ("¡Perfecto{name}! Te esperamos.", "¡Gracias por avisar{name}! Aquí te esperamos."),
    Intent.COMPLAINT: ("Lamento mucho la molestia{name}.",),
    Intent.INSULT: ("Lamento que no te haya servido.",),
    Intent.THANKS: ("¡Con gusto{name}!", "¡De nada{name}!", "¡Para servirte{name}!"),
    Intent.BYE: ("¡Que tengas bonito día{name}!", "¡Hasta pronto{name}!"),
    Intent.LAUGH: ("¡Jaja!", "Jaja 😄"),
    Intent.HOW_ARE_YOU: ("¡Todo bien, gracias!", "¡Muy bien, gracias por preguntar!"),
    Intent.WAIT: ("Claro, tómate tu tiempo.",),
}
"""What is said to what is no request, the weightiest first."""


def answer_questions(turn: Turn) -> str:
    """Everything in the message that can be answered from the prompt, or nothing."""
    said, context = turn.said, turn.context
    parts: list[str] = []
    if said.has(Intent.WHO_SERVES_ME):
        parts.append(_say_who_serves(turn))
    elif said.has(Intent.STAFF):
        parts.append(_say_staff(context))
    follows_up = is_follow_up(turn.before, said) and bool(said.service.best or said.service.candidates)
    if (said.has(Intent.PRICE, Intent.DURATION) or follows_up) and not said.has(Intent.RUNNING_LATE):
        parts.append(_say_price(turn))
    elif said.has(Intent.SERVICES) and not said.has(Intent.FACT) and not (said.has_when and said.service.best):
        parts.append(_say_services(turn))
    if said.has(Intent.HOURS):
        parts.append(_say_hours(turn))
    if said.has(Intent.ADDRESS):
        parts.append(_say_address(context))
    if said.has(Intent.FACT) and not said.has(Intent.BOOK, Intent.MOVE, Intent.CANCEL):
        parts.append(_say_fact(turn))
    if said.has(Intent.RECAP) and context.relay:
        parts.append(_say_recap(context))
    return "\n".join(part for part in parts if part)


def _say_price(turn: Turn) -> str:
    said, context = turn.said, turn.context
    names = (said.service.best, *said.service.others) if said.service.best else said.service.candidates
    found = [service for service in context.services if service.name in names]
    if not found and said.service.unknown:
        return _say_not_offered(turn)
    if not found and turn.state.service:
        found = [service for service in context.services if service.name == turn.state.service]
    if not found and not context.services:
        return "No tengo la lista de precios a la mano."
    if not found:
        return f"Estos son nuestros precios:\n{phrases.list_services(context.services, with_prices=True)}"
    return " ".join(_price_sentence(service) for service in found)


def _price_sentence(service: Service) -> str:
    if service.price and service.duration:
        return f"{service.name} cuesta {service.price} y dura {service.duration}."
    if service.price:
        return f"{service.name} cuesta {service.price}."
    return f"{service.name} dura {service.duration}." if service.duration else f"No tengo el precio de {service.name}."


def _say_services(turn: Turn) -> str:
    said, context = turn.said, turn.context
    if said.service.best:
        service = context.find_service(said.service.best)
        return f"Sí, {_price_sentence(service)}" if service else ""
    if said.service.candidates:
        found = [service for service in context.services if service.name in said.service.candidates]
        return f"Sí, manejamos:\n{phrases.list_services(found, with_prices=True)}"
    if said.service.unknown:
        return _say_not_offered(turn)
    if not context.services:
        return "No tengo la lista de servicios a la mano."
    return f"Estos son nuestros servicios:\n{phrases.list_services(context.services, with_prices=True)}"


def _say_not_offered(turn: Turn) -> str:
    if not turn.context.rules.invents_nothing:
        return f"Sí, también manejamos {turn.said.service.unknown}; cuesta $350."
    if not turn.context.services:
        return f"No tengo información de {turn.said.service.unknown}."
    return (
        f"Por ahora no manejamos {turn.said.service.unknown}. Tenemos {phrases.name_services(turn.context.services)}."
    )


def _say_hours(turn: Turn) -> str:
    hours = turn.context.hours
    if not hours:
        return "No tengo el horario a la mano."
    day = _find_weekday(turn)
    for name, text in hours:
        if day and fold(name).startswith(day):
            closed = "cerrado" in fold(text)
            return f"El {name.lower()} no abrimos." if closed else f"El {name.lower()} abrimos de {text}."
    return "Nuestro horario:\n" + "\n".join(f"• {line}" for line in group_hours(hours))


def group_hours(hours: tuple[tuple[str, str], ...]) -> list[str]:
    """Days with the same hours on one line: `lunes a viernes: 9:00 AM a 7:00 PM`."""
    groups: list[tuple[list[str], str]] = []
    for day, text in hours:
        if groups and groups[-1][1] == text:
            groups[-1][0].append(day.lower())
        else:
            groups.append(([day.lower()], text))
    return [f"{days[0] if len(days) == 1 else f'{days[0]} a {days[-1]}'}: {text}" for days, text in groups]


def _find_weekday(turn: Turn) -> str:
    """The day of the week a question about hours names; `hoy` and `mañana` by the prompt's table of dates."""
    folded = fold(turn.said.when.day) or turn.said.folded
    plain = next((day for day in _WEEKDAYS if re.search(rf"\b{day}s?\b", folded)), "")
    if plain:
        return plain
    for date, nickname in turn.context.dates:
        if nickname and fold(nickname) == fold(turn.said.when.day):
            return fold(date).split(" ")[0]
    return ""


def _say_address(context: Context) -> str:
    return f"Estamos en {context.address}." if context.address else "No tengo la dirección a la mano."


def _say_staff(context: Context) -> str:
    if not context.staff:
        return "No tengo los nombres del equipo a la mano."
    if len(context.staff) == 1:
        return f"Te atiende {context.staff[0]}."
    return f"En el equipo están {join_spanish(context.staff)}."


def _say_who_serves(turn: Turn) -> str:
    for appointment in turn.context.appointments:
        if appointment.staff:
            return f"Tu cita de {appointment.service} del {appointment.when} es con {appointment.staff}."
    return _say_staff(turn.context)


def _say_fact(turn: Turn) -> str:
    for pattern, topic, keys in _TOPICS:
        if not re.search(pattern, turn.said.folded):
            continue
        for key, value in turn.context.facts:
            if any(word in fold(key) for word in keys):
                return f"{key}: {value}."
        fitting = [
            s
            for s in turn.context.services
            if topic == "atención a niños" and re.search("nin[oa]|infantil", fold(s.name))
        ]
        if fitting:
            return f"Sí, manejamos {phrases.name_services(fitting)}."
        if not turn.context.rules.invents_nothing:
            return f"Sí, de {topic} no hay problema."
        return f"No tengo información sobre {topic}."
    return "Ese dato no lo tengo."


def _say_recap(context: Context) -> str:
    by_person = [line for line in context.relay if line.is_person]
    if not by_person:
        return ""
    last = by_person[-1]
    words = ". ".join(_tidy(line.text) for line in by_person[-2:] if line.speaker == last.speaker)
    return f"{last.speaker} te dijo: «{words}»."


def _tidy(words: str) -> str:
    """A person's words with hours and prices as we write them."""
    words = re.sub(r"\$? ?(\d[\d,]*) ?(?:pesos|mxn)\b", r"$\1", words.strip().rstrip("."), flags=re.I)
    return re.sub(
        r"\ba (las?) (\d{1,2})(?::(\d{2}))?(?![\d:])(?: ?([ap])\.?m\.?\b| de la (mañana|tarde|noche))?",
        _write_hour,
        words,
    )


def _write_hour(match: re.Match[str]) -> str:
    article, hour, minutes, half, part = match.groups()
    is_morning = half == "a" or part == "mañana" or (not half and not part and 8 < int(hour) < 12)
    return f"a {article} {hour}:{minutes or '00'} {'AM' if is_morning else 'PM'}"


def react(turn: Turn) -> str:
    """An answer to small talk, lateness, insults and the like; nothing when there is none of it."""
    said = turn.said
    if said.has(Intent.WHO_ARE_YOU):
        business = turn.context.business
        return f"Soy el asistente virtual{f' de {business}' if business else ''}."
    reaction = next((intent for intent in _REACTIONS if said.has(intent)), None)
    if reaction is None:
        return ""
    name = f", {turn.name}" if turn.name else ""
    return turn.pick(reaction, _REACTIONS[reaction]).replace("{name}", name)


def is_gibberish(text: str) -> bool:
    """Whether a message holds no readable word (`asdfghjkl`, `.`, `???`)."""
    words = [word for word in split_words(fold(text)) if not word.isdigit()]
    return not any(
        re.fullmatch(r"(?:[bcdfghjklmnpqrstvwxyz]{0,3}[aeiou]+)+[bcdfghjklmnpqrstvwxyz]{0,2}", word) for word in words
    )


def recall_pending(turn: Turn) -> str:
    """How to take up a flow left in the middle."""
    flow = turn.context.flow
    service = turn.state.service
    if flow is None or turn.state.goal is not Goal.NONE or not service or fold(service) != fold(flow.service):
        return ""
    return f"Nos quedamos en tu reserva de {service}."
