"""A customer's message rewritten in one plain spelling, with everything that is no date taken out.

Only the date resolver uses this. Result: lower-case words and numbers separated by single spaces, number
words as digits, abbreviations and misspellings as whole words, "la mañana" told apart from "mañana", and
telephone numbers, prices, amounts, addresses, durations and greetings replaced by tildes. Every pattern here is
linear: no nested repetition, bounded counts, and the text is cut before it is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from runtime.domain.spanish.date_words import (
    COUNTED_UNITS,
    EXPANSIONS,
    MONTH_NUMBERS,
    MONTH_PATTERN,
    NOT_THINGS,
    NUMBER_WORDS,
    SPELLINGS,
    WEEKDAY_NUMBERS,
)
from runtime.domain.spanish.folding import fold

MAX_READ_LENGTH = 1000
MASK = "·"
NOISE_MASK = "~"

_REPEATED = re.compile(r"([a-z])\1{2,}")
_AM_PM = re.compile(r"(?<![a-z])([ap])\.? ?m\b\.?(?! ?(?:diodia|edio))")
_ORDINAL = re.compile(r"(\d)(?: ?[ºª°]|(?:ro|ra|er|vo|va|to|ta|mo|ma)\b)")
_TOKEN = re.compile(r"\$ ?\d[\d,.]*|\d+(?:[:;]\d+)+|\d+(?:[/.\-]\d+){1,2}(?![:;])|\d+|[a-z]+|[%#+\-]")
_DIGIT = re.compile(r"\d")
_NO_THEN_COMMA = re.compile(r"\bno ?[,.;]")
_COMMA_THEN_NO = re.compile(r"[,.;] ?no\b(?! ?[,.;])")
_DASHES = re.compile("[\u2010-\u2015\u2212]")
_COLON_TIME = re.compile(r"(\d{1,2})[:;](\d{2})(?:[:;]\d{2})?")
_DOT_RANGE = re.compile(r"(?<![\d.])(\d{1,2})\.(\d{2}) ?- ?(\d{1,2})\.(\d{2})(?![\d.])")


def read_phrase(text: str) -> str:
    """Rewrite a message for the rules; the result is empty where nothing readable is in it."""
    plain = fold(_ORDINAL.sub(r"\1 ", text[:MAX_READ_LENGTH]))[:MAX_READ_LENGTH]
    plain = _AM_PM.sub(r" \1m ", _DASHES.sub("-", _REPEATED.sub(r"\1", plain)))
    # Commas go, but which day "no" belongs to hangs on one: "hoy no, mañana" and "el viernes, no el sábado".
    plain = _COMMA_THEN_NO.sub(" comano ", _NO_THEN_COMMA.sub(" nocoma ", plain))
    plain = _DOT_RANGE.sub(r"\1:\2 - \3:\4", plain)
    words = _join_numbers([word for token in _TOKEN.findall(plain) for word in _spell(token)])
    return _mask_noise(_settle_contexts(" ".join(words)))


def words_of(text: str) -> frozenset[str]:
    """The words of a phrase, with "#" for any digit, "@weekday" for any weekday and "@month" for any month."""
    words = set(text.split())
    if _DIGIT.search(text):
        words.add("#")
    if not WEEKDAY_NUMBERS.keys().isdisjoint(words):
        words.add("@weekday")
    if not MONTH_NUMBERS.keys().isdisjoint(words):
        words.add("@month")
    return frozenset(words)


def mask(text: str, start: int, end: int) -> str:
    """Put dots over what has been understood, so that no later rule reads it again."""
    return f"{text[:start]}{MASK * (end - start)}{text[end:]}"


def _spell(token: str) -> list[str]:
    if token[0].isdigit():
        time_of_day = _COLON_TIME.fullmatch(token)
        return [f"{time_of_day[1]}:{time_of_day[2]}"] if time_of_day else [token]
    if token in EXPANSIONS:
        return EXPANSIONS[token].split()
    word = SPELLINGS.get(token, token)
    number = NUMBER_WORDS.get(word)
    return [word] if number is None else [str(number)]


def _join_numbers(words: list[str]) -> list[str]:
    """Make "30 y 1" (treinta y uno) 31, and "una" 1, this only where something is counted or told by the clock."""
    joined: list[str] = []
    position = 0
    while position < len(words):
        word = words[position]
        following = words[position + 1 : position + 3]
        if word in ("20", "30", "40", "50") and _is_unit_after_and(following):
            joined.append(str(int(word) + int(following[1])))
            position += 3
            continue
        joined.append("1" if _is_one(word, joined[-1:], following) else word)
        position += 1
    return joined


def _is_unit_after_and(following: list[str]) -> bool:
    return len(following) == 2 and following[0] == "y" and following[1] in tuple("123456789")


def _is_one(word: str, before: list[str], after: list[str]) -> bool:
    if word not in ("una", "un"):
        return False
    if word == "una" and after in (["y", "media"], ["y", "cuarto"]):
        return True
    return bool(after and after[0] in COUNTED_UNITS | {"am", "pm"}) or (
        word == "una" and before[:1] in (["la"], ["las"], ["tipo"])
    )


Replacement = str | Callable[[re.Match[str]], str]


def _compile(table: list[tuple[str, Replacement]]) -> tuple[tuple[re.Pattern[str], Replacement], ...]:
    return tuple((re.compile(pattern), replacement) for pattern, replacement in table)


def _march(found: re.Match[str]) -> str:
    return f"{found[1]} de marzo" if found[1] else "martes"


_CONTEXTS = _compile(
    [
        (r"\b(la|esta|una|de|en|por) mananita\b", r"\1 matina"),
        (r"\b(la|esta|toda la) manana\b", r"\1 matina"),
        (r"\b(por|en) manana\b(?= (?:a|como|tipo|tempran|\d))", r"\1 la matina"),
        (r"(?<!y )\bmedia manana\b", "media matina"),
        (r"\bmananas\b", "matina"),
        (r"\bmedio dia\b", "mediodia"),
        (r"\bmedia noche\b", "medianoche"),
        (r"\bnoche vieja\b", "nochevieja"),
        (r"\bnoche buena\b", "nochebuena"),
        (r"\bmedia hora\b", "30 min"),
        (r"\b1 hora y media\b", "90 min"),
        (r"\b(\d{1,2}) hora y media\b", lambda found: f"{int(found[1]) * 60 + 30} min"),
        (r"\b(\d{1,2}) ?-? ?(?:de )?mar\b|\bmar(?= \d{1,2}\b(?! ?(?:am|pm)))", _march),
        (r"\b(\d{1,2}) (?:de )?may\b", r"\1 de mayo"),
        (rf"\b(\d{{1,2}})-({MONTH_PATTERN})\b", r"\1 de \2"),
        (rf"\b(\d{{1,2}}) - ({MONTH_PATTERN})\b", r"\1 de \2"),
        (
            r"^mar\b|\b(el|este|proximo|para) mar\b|(?<!al )(?<!del )\bmar$",
            lambda found: f"{found[1] or ''} martes".strip(),
        ),
        (r"\bprimero? (?:de|dia de) (?=" + MONTH_PATTERN + ")", "1 de "),
        (r"\bfin de anio\b", "nochevieja"),
        (r"\bel fin\b(?! del? (?:mes|semana|nino|anio))", "el fin de semana"),
        (r"\b(?:proximo|siguiente|este|otro) fin\b(?! de)", lambda found: f"{found[0]} de semana"),
        (r"\bpor ahi (?:como )?(?:del?|a)\b", "tipo a"),
        (r"\b(?:a eso (?:como )?|alrededor |cerca )del?\b|\bcomo (?:a eso )?(?:de|a)\b(?= las?\b)", "tipo a"),
        (r"\bmas o menos\b", "aprox"),
        (r"(?<!\d)(\d{1,2})(?:\.|;)([0-5]\d)(?= ?(?:am|pm|hora)\b)", r"\1:\2"),
        (r"\b(las?) (\d{1,2})\.([0-5]\d)\b", r"\1 \2:\3"),
        (r"(?<![\d.])(1\d|2[0-3])\.([0-5][05])(?![\d.])", r"\1:\2"),
        (r"(?<![\d:])(\d{1,2}) hora (\d{2})\b", r"\1:\2"),
        (r"\b(antes|despues|pasado|partir) (?:del? )?mediodia\b", r"\1 de las 12 pm"),
        (r"(?<!hoy )\bhasta manana\b(?! (?:a las|en la|por la))", "~"),
        (r"\b(\d{1,2})([0-5]\d) (?=am|pm|hora)", r"\1:\2 "),
    ]
)


def _settle_contexts(text: str) -> str:
    """Words that mean different things next to different words are given different spellings."""
    for pattern, replacement in _CONTEXTS:
        text = pattern.sub(replacement, text)
    return text


_THINGS = (
    rf"(?!(?:{NOT_THINGS})\b)(?:[a-z]{{3,}}(?<!mo)s|persona|gente|corte|cita|vez|servicio|tinte|nino|nina|mujer|hombre|"
    r"adulto|hijo|hija|mani|pedi|kilo|litro|por ciento)"
)
_LATER_WORDS = r"(?:manana|al rato|mas tarde|ahorita|despues|en 1 rato|en un rato)"
_TELLING = r"(?:confirm|avis|dig|escrib|marc|llam|habl|mand)"
_NOISE = tuple(
    re.compile(pattern)
    for pattern in (
        r"\$ ?\d[\d,.]*(?: (?:pesos|mxn|mil))?",
        r"(?:\+ ?)?\b\d{5,}\b",
        r"\b\d+(?:[.,]\d+)? ?(?:pesos|peso|mxn|varos|baros|bolas|mil|%|por ciento|grados|metros|kg)\b|\d+ %",
        r"\b(?:calle|av|avenida|colonia|col|blvd|boulevard|sucursal|plaza|esquina|calzada|privada|cerrada|fracc"
        rf"|barrio|parque|metro|escuela|clinica) \d{{1,2}} de (?:{MONTH_PATTERN})(?: (?:num |no |# )?\d+)?\b",
        r"(?:\b(?:num|numero|no|local|depto|departamento|interior|int|cp|piso|opcion|edificio|codigo|clave|folio)|#) "
        r"\d+\b",
        r"\bbuen(?:o|a)?s? (?:dia|tarde|noche)\b",
        r"\b(?:bonit|lind|excelente|feliz|gran|hermos|bell)[a-z]* (?:dia|tarde|noche|fin de semana|semana|finde)\b",
        r"\b24/7\b(?!/)|\b1/2\b(?!/)(?= (?:hora|kilo|litro|dia)|$)|\b\d+ por \d+\b",
        r"(?<!las )(?<!la )(?<!el )(?<!dia )(?<!tipo )(?<!\d:)(?<!s )(?<!sabado )(?<!domingo )"
        rf"\b\d{{1,3}} (?:de )?{_THINGS}\b",
        r"\b(?:somos|soy|son) (?:las? |los )?\d{1,2}\b(?! (?:y|para|de la|en punto|am|pm|menos|min|pasad))",
        r"\b(?:tengo|tiene|cumple|cumplo|de) \d{1,2} anio\b|\b\d{1,2} anio\b",
        r"\b(?:a|otra|una|1|tal) vez\b|\bpor si las dudas\b",
        rf"\b{_LATER_WORDS}(?: mas)? (?:yo )?(?:te|les|le) {_TELLING}[a-z]*\b",
        rf"\b(?:te|les|le) {_TELLING}[a-z]* {_LATER_WORDS}\b",
        r"\b(?:llego|llegamos|voy|vamos|estoy|estamos)(?: [a-z]+)? en (?:como )?\d{1,2} min\b",
        r"\ben (?:como )?\d{1,2} min (?:llego|llegamos|voy|estoy|estamos)\b",
        r"\b(?:antes|despues) (?:de )?(?:que|todo|pagar|confirmar|agendar|reservar)\b",
    )
)
_PHONE = re.compile(r"(?:\+ )?\b\d{2,4}(?:[ \-]{1,3}\d{2,4}){1,5}\b(?![:;/])")
_PHONE_DIGITS = 8
_NUMERIC_DATE = re.compile(r"\d{1,2}[ /.\-]\d{1,2}[ /.\-](?:20)?\d{2}|20\d{2}-\d{1,2}-\d{1,2}")


def _mask_noise(text: str) -> str:
    """Cover what has numbers or day words in it and still is no date."""
    text = _PHONE.sub(_mask_phone, text)
    for pattern in _NOISE:
        text = pattern.sub(_cover, text)
    return text


def _mask_phone(found: re.Match[str]) -> str:
    digits = sum(char.isdigit() for char in found[0])
    if digits < _PHONE_DIGITS or _NUMERIC_DATE.fullmatch(found[0]):
        return found[0]
    return _cover(found)


def _cover(found: re.Match[str]) -> str:
    return NOISE_MASK * len(found[0])
