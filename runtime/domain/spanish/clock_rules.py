"""The table of clock rules: hours, ranges, "después de las 6", parts of the day, "en dos horas", "al rato".

`find_times` runs it over the phrase in which the days are already masked, from the most specific rule to the
least. A time already read is masked in its turn.
"""

from __future__ import annotations

import re

import msgspec

from runtime.domain.spanish import clock_readings as read
from runtime.domain.spanish import day_parts as parts
from runtime.domain.spanish.findings import TimeFinding
from runtime.domain.spanish.phrase import MASK, mask, words_of


class ClockRule(msgspec.Struct, frozen=True):
    """A named pattern and what its words mean.

    `needs` are words one of which must be there for the pattern to be tried (`phrase.words_of`); empty is always.
    Weak: counts only where nothing else names a time.
    """

    name: str
    pattern: re.Pattern[str]
    read: read.Reader
    needs: frozenset[str]
    weak: bool = False


def find_times(text: str) -> tuple[list[TimeFinding], str]:
    """All times of day in a phrase, in the order of the text, and the phrase with them masked."""
    findings: list[TimeFinding] = []
    words = words_of(text)
    for rule in _RULES:
        if rule.needs and rule.needs.isdisjoint(words):
            continue
        for found in rule.pattern.finditer(text):
            reading = rule.read(found)
            if reading is None:
                continue
            findings.append(_finding(rule, found, reading))
            text = mask(text, found.start(), found.end())
    return sorted(findings, key=lambda finding: finding.start), text


_APPROXIMATE = re.compile(r"\b(?:tipo|aprox|como|y (?:algo|pico|fraccion))\b")


def _finding(rule: ClockRule, found: read.Found, reading: read.TimeReading) -> TimeFinding:
    return TimeFinding(
        rule=rule.name,
        start=found.start(),
        end=found.end(),
        shape=reading.shape,
        first=reading.first,
        second=reading.second,
        part=reading.part,
        offset_minutes=reading.offset_minutes,
        length_minutes=reading.length_minutes,
        approximate=reading.approximate or _APPROXIMATE.search(found[0]) is not None,
        weak=rule.weak,
        possible=reading.possible,
    )


_NEEDS = {
    "offset": "min hora",
    "ago": "hace",
    "next_hours": "hora min",
    "minutes_to": "para menos",
    "minutes_past": "pasadas pasada pasados pasado",
    "between": "entre",
    "from_to": "#",
    "range_in_numbers": "#",
    "from": "#",
    "until": "#",
    "either": "o u",
    "spelled": "#",
    "clock": "#",
    "clock_after_day": "#",
    "clock_before_day": "#",
    "noon": "mediodia",
    "midnight": "medianoche",
    "after_lunch": "comer comida almuerzo almorzar lunch mediodia",
    "before_lunch": "comer comida almuerzo almorzar",
    "lunch": "comer comida almuerzo lunch",
    "after_school": "escuela clase clases prepa uni universidad secundaria",
    "after_work": "trabajo jale chamba oficina trabajar chambear",
    "early_afternoon": "hora",
    "late_morning": "hora media",
    "early": "tempranito hora",
    "late_afternoon": "tarde tardecita media",
    "afternoon_evening": "noche",
    "day_part": "matina tarde noche madrugada",
    "later": "rato tarde transcurso",
    "now": "ahorita ahora momento instante ya vez",
    "soon": "lo antes pronto",
}


def _rule(name: str, pattern: str, reader: read.Reader, *, weak: bool = False) -> ClockRule:
    needs = frozenset(_NEEDS.get(name, "").split())
    return ClockRule(name, re.compile(rf"(?<![a-z\d])(?:{pattern})(?![a-z\d])"), reader, needs, weak)


_APPROX = r"(?:(?:como|tipo|aprox|sobre|hacia|tipo a|como a) ){0,2}(?:a )?"
_LAS = r"(?:las |la (?=1\b))"
_A = read.clock_pattern("a")
_A_BARE = read.clock_pattern("a", joined_minutes=False)
_B = read.clock_pattern("b")
_TO = r"(?:a|hasta|-) (?:a )?"
_ONWARDS = r"(?: (?:en|para) (?:adelante|delante))"
_HALF = r"(?P<x>am|pm)"
_SAID_PART = r"(?:de|en|por) la (?P<p>tarde|matina|noche)"
_DIGITS = r"(?<![\d:/.\-])(?P<a>\d{1,2})-(?P<b>\d{1,2})(?![\d\-/.:])"
_SPELLED = r"(?P<h>\d{1,2}) (?P<m>0 \d|[1-5]\d)"
_NO_COUNT = r"(?! (?:dia|semana|mes|persona|min|anio|hora)\b)"
_DAY_MINUTES = 24 * 60
# A bare "las 4" is a time at the start of a phrase or after a word of agreement.
_EDGE = (
    rf"(?:^|{MASK} |(?:si|mejor|ok|va|y|pero|entonces|bueno|claro|perfecto|seria|pues|gracias|mas|confirmo|asi|ya) )"
)
# What makes a bare number an hour when it stands behind it.
_HOUR_SIGN = (
    r"(?: (?:hora )?(?:am|pm|y media|y cuarto|en punto|aprox|esta (?:noche|tarde|matina)|del (?:mediodia|dia)(?! \d)|"
    r"(?:de|en|por) (?:la|esta) (?:tarde|noche|matina|madrugada))(?![a-z])"
    r"| y (?:[1-5]\d|5) (?:am|pm|(?:de|en|por) la))"
)

_RULES = (
    _rule(
        "offset",
        r"(?:en|dentro de|de aqui a|a) (?:como )?(?P<n>\d{1,4}) (?P<unit>min|hora)(?: y (?P<extra>\d{1,2})(?: min)?)?",
        read.read_offset,
    ),
    _rule(
        "offset",
        r"(?P<n>\d{1,4}) (?P<unit>min|hora) (?:a partir de|desde|despues de) ahora",
        read.read_offset,
    ),
    _rule("ago", r"hace (?P<n>\d{1,3}) (?P<unit>min|hora)", read.read_ago),
    _rule("next_hours", r"proxim[oa] (?P<n>\d{1,2}) (?P<unit>hora|min)", read.read_next_hours),
    _rule("next_hours", r"(?:la )?(?:proxima|siguiente) hora", read.read_next_hours),
    _rule("minutes_to", rf"(?:al? |el )?(?P<less>cuarto|5|10|15|20|25)(?: min)? para {_LAS}{_A}", read.read_minutes_to),
    _rule("minutes_to", rf"(?:faltan )?(?P<less>\d{{1,2}}) min para {_LAS}{_A}", read.read_minutes_to),
    _rule("minutes_to", rf"{_APPROX}{_LAS}?{_A} menos (?P<less>cuarto|5|10|15|20|25)", read.read_minutes_to),
    _rule(
        "minutes_past",
        rf"(?P<more>cuarto|\d{{1,2}})(?: min)? pasad[oa]s? (?:de )?{_LAS}{_A}",
        read.read_minutes_past,
    ),
    _rule(
        "between",
        rf"entre (?:como )?(?:a )?{_LAS}?{_A_BARE} (?:y|a|hasta|-) (?:a )?{_LAS}?{_B}",
        read.read_range,
    ),
    _rule(
        "from_to",
        rf"(?:como |tipo |aprox )?(?:de|desde|tipo|a) (?:como )?(?:a )?{_LAS}?{_A} {_TO}{_LAS}?{_B}{_NO_COUNT}",
        read.read_range,
    ),
    _rule("from_to", rf"{_A} {_TO}{_LAS}?{_B}{_NO_COUNT}(?! {MASK})", read.read_range),
    _rule(
        "range_in_numbers",
        rf"(?:de|entre|desde|las|tipo|{MASK}) {_DIGITS}(?: {_HALF})?(?: {_SAID_PART})?",
        read.read_range_in_numbers,
    ),
    _rule("range_in_numbers", rf"{_DIGITS} (?:{_HALF}|{_SAID_PART})", read.read_range_in_numbers),
    _rule("until", rf"(?:(?<!no )antes|no despues|no mas tarde|no mas) (?:de |a )?{_LAS}?{_A}", read.read_until),
    _rule(
        "from",
        rf"(?:(?<!no )despues|a partir|mas tarde|no antes|posterior) (?:de |a )?(?:como )?{_LAS}?{_A}{_ONWARDS}?",
        read.read_from,
    ),
    _rule("from", rf"pasad[oa]s? (?:de )?{_LAS}{_A}", read.read_from),
    _rule("from", rf"(?:de|desde|ya) {_LAS}{_A}{_ONWARDS}?(?! (?:a|hasta) )", read.read_onwards_or_point),
    _rule("from", rf"{_LAS}?{_A}(?:{_ONWARDS}| o (?:mas tarde|despues))", read.read_from),
    _rule("until", rf"(?:hasta|maximo|max|a mas tardar) (?:a )?{_LAS}{_A}", read.read_until),
    _rule(
        "either",
        rf"{_APPROX}{_LAS}?{_A_BARE} [ou] (?:a )?(?:como a )?{_LAS}?{_B}{_NO_COUNT}",
        read.read_either,
    ),
    _rule(
        "spelled",
        rf"(?:(?:al?|para|tipo) )?las? {_SPELLED}(?: {_HALF})?(?: {_SAID_PART})?",
        read.read_spelled_point,
    ),
    _rule("spelled", rf"{_SPELLED} (?:{_HALF}|{_SAID_PART})", read.read_spelled_point),
    _rule("clock", rf"{_APPROX}(?:a|al|para|de|tipo) (?:eso de )?{_LAS}{_A}", read.read_point),
    _rule("clock", rf"{_APPROX}{_LAS}?(?=\d{{1,2}}(?::\d\d)?{_HOUR_SIGN}){_A}(?! (?:hora|min))", read.read_sure_point),
    _rule(
        "clock",
        rf"{_APPROX}(?<![\d:/.\-])(?P<ah>\d{{1,2}}):(?P<am>[0-5]\d)(?!\d)(?: hora)?",
        read.read_point,
    ),
    _rule("clock", rf"{_EDGE}(?:a )?las {_A}(?! (?:opcion|chic|persona))", read.read_sure_point),
    _rule("clock", rf"(?:tipo|aprox|sobre|hacia) (?:a )?{_LAS}?{_A}{_NO_COUNT}", read.read_sure_point),
    _rule("clock", rf"{_LAS}?(?P<ah>1[3-9]|2[0-3]) hora", read.read_sure_point),
    _rule("clock", rf"(?:a |para )?{_LAS}\d{{1,2}}:\d{{2,}}", read.read_impossible),
    _rule(
        "clock_after_day",
        rf"{MASK} (?:a |como )?(?P<ah>[1-9]|1[0-2])(?: y (?P<ay>media|cuarto))?"
        r"(?=$| (?:por favor|esta bien|gracias|me|con|para|si|o)\b)",
        read.read_sure_point,
    ),
    _rule(
        "clock_before_day",
        rf"^(?P<ah>[1-9]|1[0-2])(?: y (?P<ay>media|cuarto))? (?=(?:del?|el) {MASK}|{MASK})",
        read.read_sure_point,
    ),
    _rule("noon", rf"{_APPROX}(?:al? |del? |el )?mediodia", read.read_noon),
    _rule("midnight", rf"{_APPROX}(?:a |la ){{0,2}}medianoche", read.read_midnight),
    _rule(
        "after_lunch",
        r"(?:despues|saliendo|terminando|acabando) de(?:l| la)? (?:comer|comida|almuerzo|almorzar|lunch|mediodia)",
        read.read_part(parts.AFTER_LUNCH),
    ),
    _rule(
        "before_lunch",
        r"antes de(?:l| la)? (?:comer|comida|almuerzo|almorzar)",
        read.read_part(parts.BEFORE_LUNCH),
    ),
    _rule(
        "lunch",
        r"(?:a|en) (?:la )?hora (?:de |del )?(?:la )?(?:comida|comer|almuerzo|lunch)",
        read.read_part(parts.LUNCH),
    ),
    _rule(
        "after_school",
        r"(?:saliendo|al salir|despues|cuando salga|salgo) de (?:la )?"
        r"(?:escuela|clase|clases|prepa|uni|universidad|secundaria)",
        read.read_part(parts.AFTER_SCHOOL),
    ),
    _rule(
        "after_work",
        r"(?:saliendo|al salir|despues|cuando salg[ao]|en cuanto salga|a la salida) del? (?:la )?"
        r"(?:trabajo|jale|chamba|oficina|trabajar|chambear)",
        read.read_part(parts.AFTER_WORK),
    ),
    _rule(
        "early_afternoon",
        r"(?:a )?(?:la )?primeras? hora (?:de|por|en) la tarde",
        read.read_part(parts.EARLY_AFTERNOON),
    ),
    _rule("early", r"(?:a )?(?:las )?primeras hora (?:de|por|en) la matina", read.read_part(parts.EARLY)),
    _rule("late_morning", r"(?:a|en la|en|por la) media matina", read.read_part(parts.LATE_MORNING)),
    _rule("late_afternoon", r"(?:a|en la|en|por la) media tarde", read.read_part(parts.LATE_AFTERNOON)),
    _rule(
        "first_hour",
        r"(?:a )?(?:la )?primera hora(?: (?:de|por|en) la matina)?|"
        r"(?:en cuanto|cuando|apenas) abr(?:an|en|as|es)|al abrir|recien abierto",
        read.read_part(parts.FIRST_HOUR),
    ),
    _rule(
        "late_morning",
        r"(?:a )?(?:la )?ultim[ao]s? hora (?:de|por|en) la matina",
        read.read_part(parts.LATE_MORNING),
    ),
    _rule(
        "last_hour",
        r"(?:a )?(?:la )?ultim[ao]s? hora(?: (?:de|por|en) la (?:tarde|noche))?|antes de (?:cerrar|que cierren)|"
        rf"al cerrar|lo mas tarde posible|al final(?:izar)? (?:del?|el) dia|al final(?:izar)? (?=(?:del |el )?{MASK})",
        read.read_part(parts.LAST_HOUR),
    ),
    _rule(
        "early",
        r"(?:mas |muy |lo mas )?tempranito(?: (?:posible|en la matina|por la matina|de la matina))?",
        read.read_part(parts.EARLY),
    ),
    _rule(
        "late_afternoon",
        r"(?:en |por |a )?(?:la |esta )?tardecita|(?:ya )?(?:mas )?tarde en la tarde|mas por la tarde",
        read.read_part(parts.LATE_AFTERNOON),
    ),
    _rule("afternoon_evening", r"(?:en |por |a )?(?:la )?tarde noche", read.read_part(parts.AFTERNOON_EVENING)),
    _rule(
        "day_part",
        r"(?:(?:en|por|de|a|para|durante|toda|pero|o)(?: toda)? la|esta|la|una|misma|toda la) "
        r"(?P<p>matina|tarde|noche|madrugada)",
        read.read_named_part,
    ),
    _rule(
        "day_part",
        rf"{MASK} (?:(?:en|por|de|al?) )?(?P<p>matina|madrugada|tarde|noche)(?=$| )",
        read.read_named_part,
    ),
    _rule(
        "day_part",
        rf"(?:^|(?:mejor|si|y|o|pero|de|por|en) )(?P<p>matina|tarde|noche)(?=$| (?:por|o)\b| (?:del? |el )?{MASK})",
        read.read_named_part,
    ),
    _rule(
        "later",
        r"(?:mas )?al rato|en (?:un|1) rato|mas rato|en el transcurso del dia",
        read.read_vague(60, None),
        weak=True,
    ),
    _rule(
        "later",
        r"(?<!llegar )(?<!llego )(?<!poco )(?<!poquito )(?<!min )(?<!hora )(?<!un )mas tarde(?: (?:hoy|al rato))?",
        read.read_vague(60, None),
        weak=True,
    ),
    _rule(
        "now",
        r"ahorita(?: mismo)?|en este momento|en este instante|ya mismo|ahora mismo|de una vez|justo ahora|"
        r"(?<!por )(?<!no )ahora(?! (?:si|no|que|bien|comano|nocoma)\b)",
        read.read_vague(0, 120),
        weak=True,
    ),
    _rule(
        "soon",
        r"lo (?:mas |antes )(?:pronto |antes )?(?:que )?(?:sea )?(?:posible|se pueda|pued[ae][ns]?)|lo mas pronto|"
        r"cuanto antes|cuando antes|tan pronto (?:como )?(?:sea )?(?:posible|podamos|puedan|se pueda)",
        read.read_vague(0, 7 * _DAY_MINUTES),
        weak=True,
    ),
)
