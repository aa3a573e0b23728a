"""Checks on what was written to a person: is it Spanish, and in our formats?

Scorers and tests call these on finished replies; the runtime never changes a reply because of them. They
look for what our formats forbid, and stay silent on what they cannot judge.
"""

from __future__ import annotations

import re

import msgspec

from runtime.domain.spanish.folding import fold

_EXCERPT_LENGTH = 40


class _FormatRule(msgspec.Struct, frozen=True):
    code: str
    pattern: re.Pattern[str]


def _rule(code: str, pattern: str, flags: int = 0) -> _FormatRule:
    return _FormatRule(code, re.compile(pattern, flags))


_ENGLISH_DATES = (
    "monday|tuesday|wednesday|thursday|friday|saturday|sunday|january|february|march|april|june|july|august|"
    r"september|october|november|december|today|tomorrow|may(?= \d)"
)
_SPANISH_MONTHS = "Enero|Febrero|Marzo|Abril|Mayo|Junio|Julio|Agosto|Septiembre|Octubre|Noviembre|Diciembre"
_VOSEO = (
    "vos|podés|querés|tenés|sabés|venís|decís|hacés|preferís|necesitás|decime|contame|escribime|mandame|"
    "esperame|avisame|fijate|confirmame|vení|elegí|vosotros|vosotras|vuestro|vuestra|vuestros|vuestras|sois"
)

_RULES = (
    _rule("iso_date", r"\b\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2})?"),
    _rule("numeric_date", r"(?<![\d/$])(?!24/7\b|1/2\b)(?:[0-2]?\d|3[01])/(?:0?[1-9]|1[0-2])(?:/\d{2,4})?(?![\d/])"),
    _rule("time_24_hours", r"(?<![\d:])(?:1[3-9]|2[0-4]|0\d):[0-5]\d(?![\d])"),
    _rule("time_24_hours", r"\b(?:1[3-9]|2[0-3]) ?(?:hrs?|horas)\b", re.IGNORECASE),
    _rule("time_without_am_pm", r"(?<![\d:])(?:[1-9]|1[0-2]):[0-5]\d(?![\d:]| (?:AM|PM)\b)"),
    _rule("time_without_am_pm", r"\ba las? (?:[1-9]|1[0-2])(?![\d:,/])(?! ?(?:personas|citas))", re.IGNORECASE),
    _rule("english_date", rf"\b(?:{_ENGLISH_DATES})\b", re.IGNORECASE),
    _rule("capital_month", rf"\bde (?:{_SPANISH_MONTHS})\b"),
    _rule("price_in_words", r"\d ?(?:pesos|mxn|usd|dólares)\b", re.IGNORECASE),
    _rule("price_spacing", r"\$\s+\d"),
    _rule("price_thousands", r"\$(?:\d{4,}|\d{1,3}\.\d{3})(?![\d])"),
    _rule("price_cents", r"\$[\d,]+\.(?:00|\d)(?!\d)"),
    _rule("price_sign_last", r"\d ?\$(?!\d)"),
    _rule("markdown_bold", r"\*\*[^*\n]+\*\*|__[^_\n]+__"),
    _rule("markdown_link", r"\[[^\]\n]+\]\([^)\n]+\)"),
    _rule("markdown_heading", r"^#{1,6} ", re.MULTILINE),
    _rule("markdown_code", r"```"),
    _rule("voseo", rf"\b(?:{_VOSEO}|\w+(?:áis|éis))\b", re.IGNORECASE),
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ENGLISH_WORDS = _words(
    """the you your yours is are was were for with and appointment appointments please thank thanks hello hi hey can
    could would will should we our have has had what when where which who how time today tomorrow sorry see it its
    this that these those there here my of on at to from or if not be been do does did don't i i'm i'll we'll
    you're booked booking book available schedule scheduled cancel canceled cancelled confirmed sure great help
    assist welcome unfortunately services service price haircut morning afternoon evening week day business let
    know need want like any other anything understand about yes okay done good nice monday tuesday wednesday
    thursday friday saturday sunday"""
)
_SHARED_WORDS = _words("no a me he has on i or be do hi okay service")
_SPANISH_WORDS = _words(
    """el la los las un una unos unas de del al y e o u que en con por para es son esta estas estoy este esto ese
    eso tu te ti tus mi mis me se le les lo nos su sus si ya hay muy mas pero como cuando donde cual quien que
    hola gracias cita citas corte hora dia fecha listo perfecto claro favor buenos buenas dias tardes noches puedo
    puedes quieres tienes tengo tenemos queda quedo agendada agendar confirmada confirmar cancelada cancelar
    manana hoy lunes martes miercoles jueves viernes sabado domingo servicio servicios precio horario horarios
    disponible disponibles espero esperamos ayudar ayudarte ayudo aqui ahora tambien nombre mensaje persona
    sin sobre entre hasta desde porque bien vale va sale ok"""
)
_LETTERS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_LATIN_END = "\u024f"
_SPANISH_SIGNS = frozenset("ñáéíóú¿¡")
_LONG_ENOUGH_TO_JUDGE = 6


def find_format_problems(text: str) -> list[str]:
    """What in a Spanish reply breaks our formats, each as "code: excerpt", in the order of the text; [] is good."""
    found = [(match.start(), rule.code, match[0]) for rule in _RULES for match in rule.pattern.finditer(text)]
    return [f"{code}: {' '.join(excerpt.split())[:_EXCERPT_LENGTH]}" for _, code, excerpt in sorted(found)]


def looks_spanish(text: str) -> bool:
    """Whether a reply reads as Spanish. Texts too short to judge ("Listo ✅", "OK", a price) count as Spanish."""
    words = [word.replace("’", "'") for word in _LETTERS.findall(text.lower())]
    if not words:
        return True
    if sum(word[0] > _LATIN_END for word in words) * 2 > len(words):
        return False
    spanish = sum(_is_spanish(word) for word in words)
    english = sum(word in _ENGLISH_WORDS and word not in _SHARED_WORDS for word in words)
    if english:
        return spanish > english
    return spanish > 0 or len(words) < _LONG_ENOUGH_TO_JUDGE


def _is_spanish(word: str) -> bool:
    return not _SPANISH_SIGNS.isdisjoint(word) or fold(word) in _SPANISH_WORDS
