"""Reading a system prompt: the rules and sections of the customer agent, in whatever state they are.

`read_context` is called once per request with the text of all system messages. A section that is
missing leaves its field empty, and a foreign prompt without any section gives an empty `Context`.
Nothing here reads the conversation.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from sim.offline_model.rules import Rules, read_rules
from sim.offline_model.text import fold

_HEADER = re.compile(r"^#{2,3}\s+(.+?)\s*$", re.MULTILINE)
_FIELD = re.compile(r"\s*[-*]?\s*([^:|]{2,40}):\s*(.*\S)")
_WITH = re.compile(r"^con\s+", re.IGNORECASE)
_TITLE = re.compile(r"^#\s+Recepcionista de\s+(.+?)\s*$", re.MULTILINE | re.IGNORECASE)
_UNKNOWN = ("desconocido", "desconocida", "ninguno", "ninguna", "")
_SPEAKER = re.compile(r'^\s*[-*]?\s*"?(.{1,60}?)( \(persona\))?:\s*(.+?)"?\s*$')


class Service(msgspec.Struct, frozen=True):
    """Something the business does, worded as the prompt words it."""

    name: str
    duration: str = ""
    price: str = ""
    staff: tuple[str, ...] = ()


class Appointment(msgspec.Struct, frozen=True):
    """An upcoming appointment of the customer; `id` may be empty when only its words are known."""

    id: str
    service: str
    when: str
    staff: str = ""


class PendingFlow(msgspec.Struct, frozen=True):
    """A flow left in the middle, as the prompt tells it. Absent parts are empty."""

    kind: str
    service: str = ""
    when: str = ""
    staff: str = ""


class RelayLine(msgspec.Struct, frozen=True):
    """What somebody said while a person had the conversation."""

    speaker: str
    is_person: bool
    text: str


class Context(msgspec.Struct, frozen=True):
    """What the prompt says about the business, the customer and how to behave."""

    business: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    address: str = ""
    hours: tuple[tuple[str, str], ...] = ()
    services: tuple[Service, ...] = ()
    staff: tuple[str, ...] = ()
    dates: tuple[tuple[str, str], ...] = ()
    customer: str = ""
    visits: int = 0
    appointments: tuple[Appointment, ...] = ()
    knows_appointments: bool = False
    flow: PendingFlow | None = None
    relay: tuple[RelayLine, ...] = ()
    service_names: tuple[str, ...] = ()
    rules: Rules = Rules()

    def find_service(self, name: str) -> Service | None:
        """The service of this exact name, accents and case aside."""
        wanted = fold(name)
        return next((service for service in self.services if fold(service.name) == wanted), None)


@lru_cache(maxsize=512)
def read_context(prompt: str) -> Context:
    """Everything the prompt tells, section by section."""
    sections = _split_sections(prompt)
    facts = _read_fields(_find(sections, "negocio"))
    known = {fold(key): value for key, value in facts}
    title = _TITLE.search(prompt)
    customer = {fold(key): value for key, value in _read_fields(_find(sections, "cliente"))}
    name = customer.get("nombre", "")
    upcoming = _find(sections, "citas proximas")
    services = tuple(_read_service(line) for line in _items(_find(sections, "servicios")))
    return Context(
        business=known.get("nombre", title.group(1) if title else ""),
        facts=facts,
        address=known.get("direccion", ""),
        hours=_read_fields(_find(sections, "horario")),
        services=services,
        service_names=tuple(service.name for service in services),
        staff=tuple(line.split("|")[0].split(" (")[0].strip() for line in _items(_find(sections, "equipo"))),
        dates=_read_dates(_find(sections, "fechas")),
        customer="" if fold(name) in _UNKNOWN else name,
        visits=_read_count(customer.get("visitas", "")),
        appointments=tuple(a for line in upcoming if (a := _read_appointment(line)) is not None),
        knows_appointments=any(key.startswith("citas proximas") for key, _ in sections),
        flow=_read_flow(_find(sections, "flujo")),
        relay=_read_relay(_find(sections, "relevo")),
        rules=read_rules(prompt),
    )


def _split_sections(prompt: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found = list(_HEADER.finditer(prompt))
    ends = [*(match.start() for match in found[1:]), len(prompt)][: len(found)]
    return tuple(
        (fold(match.group(1)), tuple(line.strip() for line in prompt[match.end() : end].splitlines() if line.strip()))
        for match, end in zip(found, ends, strict=True)
    )


def _find(sections: tuple[tuple[str, tuple[str, ...]], ...], start: str) -> tuple[str, ...]:
    return next((lines for key, lines in sections if key.startswith(start)), ())


def _items(lines: tuple[str, ...]) -> list[str]:
    plain = [re.sub(r"^[-*•]\s*", "", line) for line in lines]
    return [line for line in plain if fold(line) not in _UNKNOWN and not line.startswith("(")]


def _read_fields(lines: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    matches = (_FIELD.match(line) for line in lines)
    return tuple((match.group(1).strip(), match.group(2)) for match in matches if match)


def _read_count(text: str) -> int:
    digits = re.search(r"\d{1,6}", text)
    return int(digits.group()) if digits else 0


def _read_dates(lines: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Rows of the table of dates: the date, and its everyday name or nothing."""
    rows = (line.split("=", 1) for line in lines)
    return tuple((row[0].strip(" -"), row[1].strip() if len(row) > 1 else "") for row in rows)


def _read_service(line: str) -> Service:
    parts = [part.strip() for part in line.split("|")]
    duration = next((part for part in parts[1:] if re.search(r"\d\s*(?:min|h)", part) and "$" not in part), "")
    price = next((part for part in parts[1:] if "$" in part or "gratis" in fold(part)), "")
    people = next((_WITH.sub("", part) for part in parts[1:] if _WITH.match(part)), "")
    staff = tuple(name.strip() for name in re.split(r",| y ", people) if name.strip())
    return Service(name=parts[0], duration=duration, price=price, staff=staff)


def _read_appointment(line: str) -> Appointment | None:
    parts = [part.strip() for part in re.sub(r"^[-*•]\s*", "", line).split("|")]
    if len(parts) < 3:
        return None
    staff = next((_WITH.sub("", part) for part in parts[3:] if _WITH.match(part)), "")
    return Appointment(id=re.sub(r"^id[:\s]+", "", parts[0]), service=parts[1], when=parts[2], staff=staff)


def _read_flow(lines: tuple[str, ...]) -> PendingFlow | None:
    parts = [part.strip() for part in " | ".join(lines).split("|") if part.strip()]
    if not parts or fold(parts[0]) in _UNKNOWN:
        return None
    fields = {fold(key): value.strip() for key, _, value in (part.partition(":") for part in parts[1:])}
    clean = {key: "" if fold(value) in ("-", "null", "none", *_UNKNOWN) else value for key, value in fields.items()}
    return PendingFlow(
        kind=fold(parts[0]),
        service=clean.get("servicio", ""),
        when=clean.get("cuando", ""),
        staff=clean.get("con", clean.get("personal", "")),
    )


def _read_relay(lines: tuple[str, ...]) -> tuple[RelayLine, ...]:
    """What was said; the lines that mark where it began and ended are left out."""
    matches = [match for line in lines if (match := _SPEAKER.match(line))]
    return tuple(
        RelayLine(match.group(1), match.group(2) is not None, match.group(3))
        for match in matches
        if fold(match.group(1)) != "termino"
    )
