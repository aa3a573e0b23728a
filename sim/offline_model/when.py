"""Finding the words for a day and an hour in a message, so that they can be passed on as they were said.

`find_when` is used by `understand`. It knows which words speak of time and where they stand; it
never works out a date. Slips in names of days and months are put right, English is put in Spanish.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from sim.offline_model.text import fold, is_alike, split_table

_DAYS = ("lunes", "martes", "miercoles", "jueves", "viernes", "sabado", "domingo")
_MONTHS = (
    *("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio"),
    *("agosto", "septiembre", "octubre", "noviembre", "diciembre"),
)
_EXACT = {
    **{short: day for day in _DAYS for short in (day[:3], day[:4])},
    **{"mierc": "miercoles", "sep": "septiembre", "sept": "septiembre", "setiembre": "septiembre"},
    **{"ago": "agosto", "dic": "diciembre", "nov": "noviembre", "oct": "octubre", "ene": "enero", "feb": "febrero"},
}
del _EXACT["mart"], _EXACT["mar"], _EXACT["dom"], _EXACT["juev"]
_NOT_SLIPS = split_table(
    """manera marta mario maria marca junto juntos junta julia julian abrir abren abrira domingos sabados
    eneros mayor mayores maya enera juega vienes vernes viene vienen tierno martin sabadito saldado sabido
    sabida abrio abres lunas"""
)
_MONTHS_IN_ENGLISH = (
    *(("january", "enero"), ("february", "febrero"), ("march", "marzo"), ("april", "abril"), ("may", "mayo")),
    *(("june", "junio"), ("july", "julio"), ("august", "agosto"), ("september", "septiembre")),
    *(("october", "octubre"), ("november", "noviembre"), ("december", "diciembre")),
)
_ENGLISH = (
    (r"\bday after tomorrow\b", "pasado manana"),
    (r"\btomorrow\b", "manana"),
    (r"\b(?:today|tonight)\b", "hoy"),
    (r"\bnext week\b", "la proxima semana"),
    (r"\bin the morning\b|\bmornings?\b", "en la manana"),
    (r"\bin the (?:afternoon|evening)\b|\bafternoons?\b|\bevenings?\b", "en la tarde"),
    (r"\bnoon\b", "mediodia"),
    (r"\b(next|this) (?=(?:mon|tues|wednes|thurs|fri|satur|sun)day)", "el "),
    (r"\bat (?=\d{1,2}\b)", "a las "),
    (r"\bone(?= ?(?:am|pm|oclock))", "1"),
    (r"\btwo(?= ?(?:am|pm|oclock))", "2"),
    (r"\bthree(?= ?(?:am|pm|oclock))", "3"),
    (r"\bfour(?= ?(?:am|pm|oclock))", "4"),
    (r"\bfive(?= ?(?:am|pm|oclock))", "5"),
    (r"\bhalf past (\d{1,2})\b", r"a las \1 y media"),
    (r"\bquarter past (\d{1,2})\b", r"a las \1 y cuarto"),
    (r"\bmonday\b", "lunes"),
    (r"\btuesday\b", "martes"),
    (r"\bwednesday\b", "miercoles"),
    (r"\bthursday\b", "jueves"),
    (r"\bfriday\b", "viernes"),
    (r"\bsaturday\b", "sabado"),
    (r"\bsunday\b", "domingo"),
    *((rf"\b(?:on )?(?:the )?(\d{{1,2}})(?:st|nd|rd|th)? of {en}\b", rf"\1 de {es}") for en, es in _MONTHS_IN_ENGLISH),
    *((rf"\b{en} (?:the )?(\d{{1,2}})(?:st|nd|rd|th)?\b", rf"\1 de {es}") for en, es in _MONTHS_IN_ENGLISH),
)
_ENGLISH_DAY_OF_MONTH = re.compile(r"\b(?:on )?the (\d{1,2})(?:st|nd|rd|th)\b(?: of this month)?")
_TO_SPANISH = tuple((re.compile(pattern), spanish) for pattern, spanish in _ENGLISH)
_LOOKS_ENGLISH = re.compile(
    r"\b(?:the|at|for|my|you|an|next|today|tonight|tomorrow|(?:mon|tues|wednes|thurs|fri|satur|sun)day|noon"
    r"|morning|afternoon|evening|(?:one|two|three|four|five) ?[ap]m|\d(?:st|nd|rd|th)"
    r"|january|february|march|april|june|july|august|september|october|november|december)\b"
)

_HOUR_WORD = r"una|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce"
_CLOCK = rf"(?:\d{{1,2}}(?:[:.]\d{{2}})?|{_HOUR_WORD})"
_PAST = r"(?: y (?:media|cuarto|pico|\d{1,2}|diez|veinte|cinco)| menos (?:cuarto|diez))?"
_HALF = (
    r"(?: ?(?:a\.? ?m\b\.?|p\.? ?m\b\.?|hrs?\b|horas?\b|h\b)"
    r"| (?:de|en|por) la (?:manana|tarde|noche|madrugada)| del? (?:medio ?dia|la manana))*"
)
_MONTH = "|".join(_MONTHS)
_DAY = "|".join(_DAYS)
_NOT_CLOCK = (
    r"(?![:.]\d| ?(?:am|pm|a\.m|p\.m|hrs?|horas?|minutos?|min|pesos|personas|y media|y cuarto)\b|"
    r" de la (?:ma|ta|no)|\d)"
)
_DAY_PATTERN = re.compile(
    r"(?<![a-z])(?:"
    r"(?:de |desde )?(?:hoy|manana) en (?:ocho|quince|8|15)(?: dias)?"
    r"|pasado manana"
    r"|fin(?:de)? de semana|finde(?: semana)?|este fin\b"
    rf"|(?:el |este |esta |proximo |otro |siguiente )*(?:{_DAY})(?: (?:que viene|que entra|proximo|siguiente"
    r"|en (?:ocho|8|quince|15)|de la (?:proxima|otra|siguiente) semana|de (?:esta|la) semana"
    r"|de la semana que (?:viene|entra)))?"
    rf"(?:,? (?:el )?\d{{1,2}}{_NOT_CLOCK}(?: de(?:l)? (?:{_MONTH}))?(?: del? \d{{4}})?)?"
    rf"|(?:(?:para el |del |el )?(?:dia )?)?\d{{1,2}} de(?:l)? (?:mes de )?(?:{_MONTH})(?: del? \d{{4}})?"
    rf"|primero de (?:{_MONTH})"
    r"|\d{1,2}/\d{1,2}(?:/\d{2,4})?|\d{4}-\d{2}-\d{2}|\d{1,2}-\d{1,2}-\d{2,4}"
    rf"|(?:el dia|dia|el|para el|del) (?:\d{{1,2}}|primero){_NOT_CLOCK}(?! (?:de cada|por ciento|servicio))"
    r"|(?<!la )(?<!las )(?<!cada )manana(?! (?:es|sera))"
    r"|hoy(?: mismo)?|ahorita|al rato|en un rati?to|esta (?:tarde|noche|manana|semana)|ya mismo"
    r"|(?:la )?(?:proxima|otra|siguiente) semana|(?:la )?semana (?:que (?:viene|entra)|proxima|siguiente)"
    r"|en (?:una|dos|tres|\d{1,2}) (?:semanas?|dias?)|en (?:ocho|quince) dias|dentro de (?:una|dos|tres|"
    r"\d{1,2}) (?:semanas?|dias?)"
    r"|(?:la |para la )quincena|entre semana"
    r")(?![a-z])"
)
_TIME_PATTERN = re.compile(
    r"(?<![a-z\d:$/])(?:"
    r"cuarto para las? (?:\d{1,2}|" + _HOUR_WORD + r")" + _HALF + r"|"
    r"entre (?:las? )?" + _CLOCK + r" y (?:las? )?" + _CLOCK + _HALF + r"|"
    r"(?:despues|antes|a partir|luego) de (?:las? )" + _CLOCK + _PAST + _HALF + r"|"
    r"(?:despues|antes) de(?:l)? (?:comer|la comida|medio ?dia|mi trabajo|trabajar|la escuela)|"
    r"(?:a )?(?:eso de )?(?:como |tipo |sobre |por ahi de )*(?:a )?las? "
    + _CLOCK
    + r"(?![a-z/])"
    + _PAST
    + _HALF
    + r"|"
    r"(?:tipo|como|por ahi de|a) (?:\d{1,2}(?:[:.]\d{2})?)(?![\d/])" + _PAST + _HALF + r"|"
    r"\d{1,2}(?:[:.]\d{2})?" + r" ?(?:a\.? ?m\b\.?|p\.? ?m\b\.?|hrs\b|horas\b|h\b)(?! (?:mas|antes|despues))|"
    r"(?:\d{1,2}|" + _HOUR_WORD + r")(?:[:.]\d{2})? (?:de|en|por) la (?:manana|tarde|noche)|"
    r"\d{1,2}:\d{2}" + _HALF + r"|"
    r"(?:\d{1,2}|" + _HOUR_WORD + r") y (?:media|cuarto)" + _HALF + r"|"
    r"(?:al? )?medio ?dia|(?:en|por|de) la (?:mananita|manana|tardecita|tarde|noche)|tempranito|(?:mas )?temprano|"
    r"(?:a )?primera hora|a ultima hora|saliendo d(?:el|e mi|e la|e) (?:trabajo|chamba|escuela|oficina)"
    r")(?![a-z])"
)
_SPLIT_ALTERNATIVES = re.compile(r"\b(?:o|u)\b")
_ACCENTS = {
    **{"manana": "mañana", "mananita": "mañanita", "miercoles": "miércoles", "sabado": "sábado", "dia": "día"},
    **{"mediodia": "mediodía", "proximo": "próximo", "proxima": "próxima", "despues": "después", "dias": "días"},
    **{"ultima": "última"},
}
_NUMBER = re.compile(r"^(?:como |tipo |a )*(\d{1,2})(?:[:.](\d{2}))?( y (?:media|cuarto))?[ .!?]*$")


class When(msgspec.Struct, frozen=True):
    """The words of a message that speak of time.

    Attributes:
        days: Every mention of a day, in order, in plain Spanish.
        times: Every mention of an hour or part of the day, in order.
        rest: The folded message without those words.
    """

    days: tuple[str, ...]
    times: tuple[str, ...]
    rest: str

    @property
    def day(self) -> str:
        """The day that holds: the last one said, together with its week when that was said too."""
        if len(self.days) > 1 and any("semana" in day for day in self.days[-2:]):
            return " ".join(self.days[-2:])
        return self.days[-1] if self.days else ""

    @property
    def time(self) -> str:
        """The hour that holds: the last one said, or nothing."""
        return self.times[-1] if self.times else ""


@lru_cache(maxsize=4096)
def find_when(text: str) -> When:
    """Split a message into words of time and the rest."""
    folded = _put_right(_put_in_spanish(fold(text)))
    days, without_days = _take(_DAY_PATTERN, folded)
    times, rest = _take(_TIME_PATTERN, without_days)
    return When(tuple(write_accents(day) for day in days), tuple(write_accents(time) for time in times), rest)


def read_bare_hour(text: str) -> str:
    """The hour in an answer like `4`, `5 y media` or `tipo 4`, as `a las 4`; else nothing."""
    match = _NUMBER.match(fold(text))
    if match is None or int(match.group(1)) > 24:
        return ""
    minutes = f":{match.group(2)}" if match.group(2) else ""
    return f"a las {match.group(1)}{minutes}{match.group(3) or ''}"


def join_when(day: str, time: str) -> str:
    """One phrase from a day and an hour, either of which may be missing."""
    if day and re.match(r"\d", time):
        return f"{day} a las {time}"
    return " ".join(part for part in (day, time) if part)


def write_accents(words: str) -> str:
    """The everyday spelling of words of time."""
    return " ".join(_ACCENTS.get(word.strip(","), word) if word in _ACCENTS else word for word in words.split())


def _put_in_spanish(folded: str) -> str:
    if not _LOOKS_ENGLISH.search(folded):
        return folded
    for pattern, spanish in _TO_SPANISH:
        folded = pattern.sub(spanish, folded)
    return _ENGLISH_DAY_OF_MONTH.sub(r"el \1", folded)


@lru_cache(maxsize=8192)
def _right_word(word: str) -> str:
    if word in _EXACT:
        return _EXACT[word]
    if len(word) < 5 or word in _NOT_SLIPS or word in _DAYS or word in _MONTHS:
        return word
    return next((meant for meant in (*_DAYS, *_MONTHS) if is_alike(word, meant)), word)


def _put_right(folded: str) -> str:
    return re.sub(r"[a-z]{3,}", lambda match: _right_word(match.group()), folded)


def _take(pattern: re.Pattern[str], folded: str) -> tuple[tuple[str, ...], str]:
    """What the pattern finds, without what is refused (`el viernes no`), and the text without it."""
    found: list[str] = []
    pieces: list[str] = []
    position = 0
    for match in pattern.finditer(folded):
        pieces.append(folded[position : match.start()])
        position = match.end()
        refused = re.match(r" no\b(?! se)(?! importa)", folded[match.end() :]) and len(folded) - match.end() > 4
        if refused or re.search(r"(?:no puedo|que no sea|menos) $", pieces[-1]):
            continue
        if found and _SPLIT_ALTERNATIVES.fullmatch(pieces[-1].strip()):
            continue
        found.append(_clean(match.group()))
    pieces.append(folded[position:])
    return tuple(found), re.sub(r" +", " ", " ".join(pieces)).strip()


def _clean(words: str) -> str:
    words = re.sub(r"^(?:para el|del) ", "el ", words.strip(" ,"))
    return re.sub(r"(?<=\d)( ?[ap]m)\.$", r"\1", words)
