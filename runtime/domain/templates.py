"""The catalogue of WhatsApp templates: what may be said to somebody whose 24 hours are over, word for word.

`runtime.templates` has every entry approved; the outbox fills one in where a free message may not be sent. To add
one, add it to `CATALOGUE`: a test checks it against WhatsApp's rules (`list_faults`). A template whose values come
to mean something else takes a new name, since an older text of the same name may still be in use.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType

import msgspec

from runtime.domain.errors import Broken

VALUE_LIMIT = 250
"""Longest value of a variable, in characters."""

EMPTY_VALUE = "—"
"""Stands in for a value that has nothing in it: WhatsApp refuses an empty one."""

TEXT_LIMIT = 1024
"""Longest text of a template with its values."""

TITLE_LIMIT = 20
PAYLOAD_LIMIT = 200
MOST_BUTTONS = 3
CATEGORIES = ("UTILITY", "MARKETING", "AUTHENTICATION")

_VARIABLE = re.compile(r"\{\{([0-9]{1,3})\}\}")
_ADJACENT = re.compile(r"\}\}\W{0,2}\{\{")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:_[A-Z]{2})?")
_SPACES = re.compile(r"\s+")
_UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f\u200b\u2060\ufeff\ud800-\udfff]")
_EDGE = " \n.,;:!?¡¿*_~"


class Button(msgspec.Struct, frozen=True):
    """A quick reply. `payload` comes back when it is tapped, and may hold variables; `title` may not."""

    title: str
    payload: str


class Template(msgspec.Struct, frozen=True):
    """A text that WhatsApp approves, with `{{1}}`… for what differs each time.

    Attributes:
        name: Small letters, digits and _; what it is called in our tables.
        samples: One for each variable, the buttons' included, in the order of their numbers.
        category: WhatsApp's. A utility is about something the person asked for; one sentence of promotion makes it
            marketing.
    """

    name: str
    body: str
    samples: tuple[str, ...]
    buttons: tuple[Button, ...] = ()
    language: str = "es_MX"
    category: str = "UTILITY"


_HANDOFF_ID = "01920000-0000-7000-8000-000000000001"

HUMAN_REQUESTED = Template(
    name="solicitud_humano",
    body=(
        "Hola. {{1}} quiere hablar con una persona de {{4}}.\n"
        "Motivo: {{2}}\n"
        "Escribió a las {{3}} y está esperando. ¿Lo puedes atender?"
    ),
    samples=("Ana López", "Cambio de cita", "3:15 PM", "Estética Lupita", _HANDOFF_ID),
    buttons=(Button("Tomar", "take:{{5}}"), Button("En 15 min", "snz:{{5}}"), Button("No puedo", "dec:{{5}}")),
)
"""To an owner: 1 customer, 2 reason, 3 time, 4 business, 5 handoff id (in the buttons only)."""

CUSTOMER_WAITING = Template(
    name="cliente_esperando",
    body="Hola. {{1}} te espera en el chat de {{3}} desde hace {{2}}. ¿Quieres ver sus mensajes?",
    samples=("Ana López", "10 minutos", "Estética Lupita", _HANDOFF_ID),
    buttons=(Button("Ver mensajes", "take:{{4}}"), Button("No puedo", "dec:{{4}}")),
)
"""To an owner: 1 customer, 2 how long as words ("10 minutos"), 3 business, 4 handoff id (in the buttons only)."""

BUSINESS_ANSWERED = Template(
    name="respuesta_negocio",
    body="Hola, {{1}}. Ya hay respuesta a tu mensaje en {{2}}. Toca el botón y te la mostramos.",
    samples=("Ana", "Estética Lupita"),
    buttons=(Button("Ver mensaje", "see"),),
)
"""To a customer after 24 hours: 1 name, 2 business."""

BUSINESS_CHANGED = Template(
    name="cambio_de_cita",
    body="Hola, {{1}}. Te escribe {{2}} por tu cita: {{3}} Puedes contestar por aquí.",
    samples=("Ana", "Estética Lupita", "Tu cita de Corte de dama cambió al martes 13 de enero, 5:00 PM."),
)
"""To a customer after 24 hours: 1 name, 2 business, 3 what the business did with their appointment."""

CATALOGUE: Mapping[str, Template] = MappingProxyType(
    {template.name: template for template in (HUMAN_REQUESTED, CUSTOMER_WAITING, BUSINESS_ANSWERED, BUSINESS_CHANGED)}
)
"""Every template there is, by name."""


def fill(template: Template, values: Sequence[str]) -> str:
    """What a person reads: the body with the values in it. The buttons are not part of it.

    Raises:
        Broken: Too few values or too many; the provider would show people its samples.
    """
    if len(values) != len(template.samples):
        raise Broken(f"template {template.name} takes {len(template.samples)} values, not {len(values)}")
    return fill_body(template.body, values)


def fill_body(body: str, values: Sequence[str]) -> str:
    """The same for the bare text of an older version, whose values mean the same."""
    return _VARIABLE.sub(lambda found: values[int(found[1]) - 1], body)


def clean_value(text: str, limit: int = VALUE_LIMIT) -> str:
    """A text as a variable may hold it: one line, no runs of spaces, not empty, cut at a word with … where too long."""
    flat = _SPACES.sub(" ", _UNPRINTABLE.sub("", text)).strip()
    if not flat:
        return EMPTY_VALUE
    if len(flat) <= limit:
        return flat
    kept = flat[: limit - 1]
    if flat[limit - 1] != " ":
        # in the middle of a word: back to where it begins, unless it is all there is
        kept = kept[: kept.rfind(" ")] if " " in kept else kept
    return kept.rstrip(" ,;:") + "…"


def list_faults(template: Template) -> list[str]:
    """Every rule of WhatsApp's that a template breaks, in words for a developer; empty if none."""
    faults: list[str] = []
    if not _NAME.fullmatch(template.name):
        faults.append("name: small letters, digits and _ only")
    if not _LANGUAGE.fullmatch(template.language):
        faults.append("language: not a code like es_MX")
    if template.category not in CATEGORIES:
        faults.append(f"category: none of {', '.join(CATEGORIES)}")
    return faults + _list_body_faults(template) + _list_sample_faults(template) + _list_button_faults(template)


@cache
def digest(template: Template) -> str:
    """A hash of everything that is submitted: another text, sample or button gives another (64 hexadecimal digits)."""
    return hashlib.sha256(msgspec.json.encode(template, order="deterministic")).hexdigest()


def name_version(template: Template) -> str:
    """What this very text is called at the provider's, such as `solicitud_humano_1a2b3c4d`: a name is taken once."""
    return f"{template.name}_{digest(template)[:8]}"


@cache
def digest_values(template: Template) -> str:
    """A hash of what the values mean: two texts for which it is the same can be filled with the same values."""
    meaning = (template.name, template.language, template.samples, [button.payload for button in template.buttons])
    return hashlib.sha256(msgspec.json.encode(meaning)).hexdigest()


def _list_body_faults(template: Template) -> list[str]:
    faults: list[str] = []
    body = template.body.strip(_EDGE)
    if not body:
        return ["body: empty"]
    if _VARIABLE.match(body) or body.endswith("}}"):
        faults.append("body: starts or ends with a variable")
    if _ADJACENT.search(template.body):
        faults.append("body: two variables stand next to each other")
    if "\t" in template.body or "    " in template.body or "\n\n\n" in template.body:
        faults.append("body: tabs, four spaces or three line breaks in a row")
    if template.body.count("{{") != len(_VARIABLE.findall(template.body)):
        faults.append("body: braces that are no variable")
    if len(_VARIABLE.sub("", template.body)) + VALUE_LIMIT // 2 * len(_numbers(template.body)) > TEXT_LIMIT:
        faults.append(f"body: may come out longer than {TEXT_LIMIT} characters")
    return faults


def _list_sample_faults(template: Template) -> list[str]:
    faults: list[str] = []
    shown = _numbers(template.body)
    used = shown.union(*(_numbers(button.payload) for button in template.buttons))
    if used != set(range(1, len(template.samples) + 1)):
        faults.append("samples: one for each variable, numbered from 1 without gaps")
    if shown != set(range(1, len(shown) + 1)):
        faults.append("body: its variables come first, those of the buttons alone last")
    faults += [f"samples: {sample!r} is no value" for sample in template.samples if clean_value(sample) != sample]
    return faults


def _list_button_faults(template: Template) -> list[str]:
    faults: list[str] = []
    titles = [button.title for button in template.buttons]
    if len(titles) > MOST_BUTTONS:
        faults.append(f"buttons: more than {MOST_BUTTONS}")
    if len(set(titles)) != len(titles):
        faults.append("buttons: two have the same title")
    for button in template.buttons:
        if not 0 < len(button.title.strip()) <= TITLE_LIMIT or "{{" in button.title:
            faults.append(f"buttons: title {button.title!r} is empty, longer than {TITLE_LIMIT}, or has a variable")
        if not 0 < len(button.payload) <= PAYLOAD_LIMIT:
            faults.append(f"buttons: payload of {button.title!r} is empty or longer than {PAYLOAD_LIMIT}")
    return faults


def _numbers(text: str) -> set[int]:
    return {int(number) for number in _VARIABLE.findall(text)}
