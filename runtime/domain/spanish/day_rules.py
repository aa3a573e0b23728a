"""The table of day rules: calendar dates, weekdays, "pasado mañana", "de hoy en ocho", weeks, months, holidays.

`find_days` runs it from the most specific rule to the least; what a rule has read is masked, so that no later
rule reads it again. Patterns are over the plain spelling of `phrase.read_phrase`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from runtime.domain.spanish import day_readings as read
from runtime.domain.spanish.date_words import MONTH_PATTERN, WEEKDAY_PATTERN
from runtime.domain.spanish.findings import DayFinding, Scene
from runtime.domain.spanish.phrase import mask, words_of

Reader = Callable[[read.Found, Scene], read.DayReading | None]


class DayRule(msgspec.Struct, frozen=True):
    """A named pattern and what its words mean.

    `needs` are words one of which must be there for the pattern to be tried (`phrase.words_of`); empty is always.
    Weak: counts only where nothing else names a day.
    """

    name: str
    pattern: re.Pattern[str]
    read: Reader
    needs: frozenset[str]
    weak: bool = False


def find_days(text: str, scene: Scene) -> tuple[list[DayFinding], str]:
    """All days named in a phrase, in the order of the text, and the phrase with them masked."""
    findings: list[DayFinding] = []
    words = words_of(text)
    for rule in _RULES:
        if rule.needs and rule.needs.isdisjoint(words):
            continue
        for found in rule.pattern.finditer(text):
            reading = rule.read(found, scene)
            if reading is None:
                continue
            findings.append(_finding(rule, found, reading))
            text = mask(text, found.start(), found.end())
    return sorted(findings, key=lambda finding: finding.start), text


def _finding(rule: DayRule, found: read.Found, reading: read.DayReading) -> DayFinding:
    return DayFinding(
        rule=rule.name,
        start=found.start(),
        end=found.end(),
        options=reading.options,
        weekday=reading.weekday,
        drop_past=reading.drop_past,
        hour=reading.hour,
        past=reading.past,
        preface=reading.preface,
        weak=rule.weak,
    )


_WD = rf"(?P<wd>{WEEKDAY_PATTERN})"
_MO = rf"(?P<mo>{MONTH_PATTERN})"
_DD = r"(?<![\d:/.\-])(?P<dd>\d{1,2})"
_D1 = r"(?<![\d:/.\-])(?P<d1>\d{1,2})"
_D2 = r"(?P<d2>\d{1,2})"
_D_OF_MO = rf"(?:de |del )?(?:mes de )?{_MO}"
_YEAR = r"(?:(?: de| del)?(?: anio)? (?P<yy>20\d{2})\b)?"
_COMING = r"(?:que (?:viene|entra|sigue)|proxim[oa]|siguiente|entra)"
_NEXT_WEEK = rf"(?:(?:la )?(?:proxima|siguiente|otra) semana|(?:la )?semana {_COMING})"
_THIS_WEEK = r"(?:esta (?:misma )?semana|(?:la )?semana (?:actual|en curso))"
_NEXT_MONTH = rf"(?:(?:el )?(?:proximo|siguiente|otro) mes|(?:el )?mes {_COMING})"
_PERIOD = rf"(?P<period>{_NEXT_WEEK}|{_THIS_WEEK}|{_NEXT_MONTH}|este mes|(?:la )?semana|(?:el )?mes)"
_SLICE = r"(?P<slice>resto|principios?|inicios?|comienzos?|mediados?|final(?:es)?|fines|fin|primer dia|primeros dia)"
_TO = r"(?: al? | hasta | y | - |-)"
_PART = r"de la (?:matina|tarde|noche|madrugada)"
# A number followed by any of these is an hour (or an amount), not a day of the month.
_NOT_A_TIME = (
    r"(?![\d:/.\-])(?! ?(?:am|pm|hora|min|%|en punto|y media|y cuarto|menos)\b)"
    rf"(?! (?:y (?:\d\d|5) )?{_PART})"
)


_NEEDS = {
    "numeric_date": "#",
    "days_of_month": "#",
    "days_of_next_month": "#",
    "named_date": "@month",
    "day_of_this_month": "#",
    "day_of_next_month": "#",
    "nth_weekday": "@weekday",
    "weekday_in_eight": "8 15",
    "day_in_eight": "8 15",
    "weekday_next_week": "semana",
    "weekday_this_week": "semana",
    "week_of": "semana",
    "this_weekday": "@weekday",
    "next_weekday": "@weekday",
    "other_weekday": "otro",
    "last_weekday": "pasado",
    "weekday_and_number": "@weekday",
    "in_days": "dia semana mes",
    "days_ago": "hace",
    "next_days": "dia semana mes",
    "weekend": "semana",
    "working_days": "semana",
    "part_of_period": "semana mes",
    "tomorrow_or_after": "manana",
    "after_tomorrow": "manana",
    "weekday": "@weekday",
    "fortnight": "quincena mitad",
    "payday": "quincena",
    "long_weekend": "puente",
    "period": "semana mes",
    "day_range": "#",
    "either_day_number": "o u",
    "last_day_of_month": "ultimo",
    "day_number": "#",
    "month": "@month",
}


def _rule(name: str, pattern: str, reader: Reader, *, weak: bool = False) -> DayRule:
    needs = frozenset(_NEEDS.get(name, "").split())
    return DayRule(name, re.compile(rf"(?<![a-z\d])(?:{pattern})(?![a-z\d])"), reader, needs, weak)


_RULES = (
    _rule(
        "numeric_date",
        r"(?:el |dia |del ){0,3}(?<![\d:])(?P<dd>\d{1,2})[/.\-](?P<mm>\d{1,2})[/.\-](?P<yyyy>20\d{2}|\d{2})",
        read.read_numeric,
    ),
    _rule(
        "days_of_month",
        rf"(?:del?|desde|entre)? ?(?:el )?(?:dia )?{_D1}{_TO}(?:el )?(?:dia )?{_D2} {_D_OF_MO}",
        read.read_days_of_month,
    ),
    _rule(
        "days_of_next_month",
        rf"(?:del?|desde)? ?(?:el )?{_D1}{_TO}(?:el )?{_D2} del? {_NEXT_MONTH}",
        read.read_days_of_next_month,
    ),
    _rule("named_date", rf"(?:el |dia |del ){{0,3}}{_DD} {_D_OF_MO}{_YEAR}", read.read_named),
    _rule("named_date", rf"(?:el )?{_MO} (?P<dd>\d{{1,2}}){_NOT_A_TIME}", read.read_named),
    _rule(
        "day_of_this_month",
        rf"(?:el |dia ){{0,3}}{_DD} (?:del? )?(?:este mes|mes en curso|presente(?: mes)?)",
        read.read_day_of_this_month,
    ),
    _rule("day_of_next_month", rf"(?:el |dia ){{0,3}}{_DD} del? {_NEXT_MONTH}", read.read_day_of_next_month),
    _rule("day_of_next_month", rf"{_NEXT_MONTH} (?:el |dia ){{1,3}}{_DD}", read.read_day_of_next_month),
    _rule(
        "numeric_date",
        r"(?:el |dia ){0,3}(?<![\d:.\-/])(?P<dd>\d{1,2})/(?P<mm>\d{1,2})(?![\d:./\-])",
        read.read_numeric_without_year,
    ),
    _rule(
        "numeric_date",
        r"(?:el |dia ){1,3}(?P<dd>\d{1,2})-(?P<mm>\d{1,2})(?![\d:./\-])",
        read.read_numeric_without_year,
    ),
    _rule(
        "numeric_date",
        r"(?<![\d:.\-/])(?P<dd>0\d|1[3-9]|2\d|3[01])-(?P<mm>\d{1,2})(?![\d:./\-])",
        read.read_numeric_without_year,
    ),
    _rule(
        "numeric_date",
        rf"(?:el |dia ){{0,3}}(?<!las )(?<!la ){_DD} del (?P<mm>[1-9]|1[0-2])(?! ?(?:am|pm|de))",
        read.read_numeric_without_year,
    ),
    _rule(
        "nth_weekday",
        rf"(?P<nth>primer|segundo|tercer|cuarto|ultimo|[1-4]) {_WD} (?:de |del |en )?"
        rf"(?:(?P<next>{_NEXT_MONTH})|(?:mes de )?{_MO}|(?:este )?mes)",
        read.read_nth_weekday,
    ),
    _rule(
        "weekday_in_eight",
        rf"(?:del? |el )?(?:proximo )?{_WD} en (?P<n>8|15)(?: dia)?",
        read.read_weekday_in_eight,
    ),
    _rule("day_in_eight", r"(?:de )?(?P<day>hoy|manana) en (?P<n>8|15)(?: dia)?", read.read_day_in_eight),
    _rule("weekday_next_week", rf"(?:el )?{_WD} (?:de |en |para )?{_NEXT_WEEK}", read.read_weekday_next_week),
    _rule(
        "weekday_next_week",
        rf"{_NEXT_WEEK} (?:para |en |de )?(?:el |dia ){{0,3}}{_WD}",
        read.read_weekday_next_week,
    ),
    _rule("weekday_this_week", rf"(?:el )?{_WD} (?:de |en )?{_THIS_WEEK}", read.read_weekday_this_week),
    _rule("weekday_this_week", rf"{_THIS_WEEK} (?:el )?{_WD}", read.read_weekday_this_week),
    _rule(
        "week_of",
        rf"(?:la )?semana (?:del?|que empieza el) (?:dia )?{_DD}(?! de (?:{MONTH_PATTERN}))",
        read.read_week_of,
    ),
    _rule("this_weekday", rf"este (?:mismo )?{_WD} {_COMING}", read.read_coming_weekday),
    _rule("next_weekday", rf"(?:proximo|siguiente) (?:dia )?{_WD}(?! \d)", read.read_next_weekday),
    _rule("next_weekday", rf"{_WD} {_COMING}", read.read_next_weekday),
    _rule("other_weekday", rf"otro {_WD}(?! \d)", read.read_other_weekday),
    _rule("last_weekday", rf"{_WD} pasado(?! manana)", read.read_last_weekday),
    _rule("last_weekday", rf"pasado {_WD}", read.read_last_weekday),
    _rule(
        "weekday_and_number",
        rf"{_WD}(?: (?P<plain>(?=\d))| (?:el |dia ){{1,3}}){_DD}{_NOT_A_TIME}(?! (?:a|y|o) \d{{1,2}}\b)",
        read.read_weekday_and_number,
    ),
    _rule(
        "in_days",
        r"(?P<n>\d{1,3}) (?P<unit>dia|semana|mes) "
        r"(?:despues de|a partir de|contando desde|desde) (?P<base>hoy|manana)",
        read.read_in_days,
    ),
    _rule(
        "in_days",
        r"(?:en|dentro de|de aqui a|a|a los) (?:unos )?(?P<n>\d{1,3}) (?P<unit>dia|semana|mes)"
        r"(?! (?:siguiente|proximo|que viene))",
        read.read_in_days,
    ),
    _rule("days_ago", r"hace (?P<n>\d{1,3}) (?P<unit>dia|semana)", read.read_days_ago),
    _rule("next_days", r"proxim[oa] (?P<n>\d{1,2}) (?P<unit>dia|semana|mes)", read.read_next_days),
    _rule("next_days", r"(?P<n>\d{1,2}) proxim[oa] (?P<unit>dia|semana|mes)", read.read_next_days),
    _rule("next_days", r"(?P<n>\d{1,2}) (?P<unit>dia|semana|mes) (?:siguiente|que viene)", read.read_next_days),
    _rule("weekend", rf"fin de semana (?:de |en )?{_NEXT_WEEK}", read.read_weekend_of_next_week),
    _rule(
        "weekend",
        r"(?:este )?(?:(?P<next>proximo|siguiente) |(?P<other>otro) )?fin de semana(?! pasado)"
        rf"(?P<after> {_COMING})?",
        read.read_weekend,
    ),
    _rule("working_days", r"entre semana", read.read_working_days),
    _rule("part_of_period", rf"{_SLICE} (?:del? |en )?(?:la )?{_PERIOD}", read.read_week_or_month),
    _rule("tomorrow_or_after", r"manana o (?:el )?pasado(?: manana)?", read.read_tomorrow_or_after),
    _rule("after_tomorrow", r"pasado manana|(?:el )?dia despues de manana", read.relative(2)),
    _rule("tomorrow", r"(?:el )?(?:dia siguiente|siguiente dia|proximo dia)", read.relative(1)),
    _rule("tomorrow", r"(?:el dia de )?manana(?: mismo)?", read.relative(1)),
    _rule("today", r"(?:el dia de )?hoy(?: mismo)?|este (?:mismo )?dia|resto del dia", read.relative(0)),
    _rule("today", r"esta(?= (?:matina|tarde|tardecita|noche|madrugada))", read.relative(0)),
    _rule("before_yesterday", r"antier|antes de ayer", read.relative(-2)),
    _rule("yesterday", r"ayer|anoche", read.relative(-1)),
    _rule("weekday", _WD, read.read_weekday),
    _rule(
        "fortnight",
        rf"(?P<nth>1|primera|segunda|2) (?:quincena|mitad)(?: del?)? (?:(?P<next>{_NEXT_MONTH})|(?:este )?mes)",
        read.read_fortnight,
    ),
    _rule("payday", r"(?:la |esta |en |proxima |dia de ){0,3}quincena", read.read_payday),
    _rule("long_weekend", r"(?:en |este |el |proximo ){1,3}puente", read.read_long_weekend),
    _rule("holiday", rf"(?P<holiday>{'|'.join(read.HOLIDAYS)})", read.read_holiday),
    _rule(
        "period",
        rf"(?P<period>{_NEXT_WEEK}|{_THIS_WEEK}|{_NEXT_MONTH}|este mes|semana pasada)",
        read.read_week_or_month,
    ),
    _rule(
        "day_range",
        rf"(?:del|desde el|entre el)(?: dia)? {_D1} (?:al|hasta el|y el|y) (?:dia )?{_D2}{_NOT_A_TIME}",
        read.read_day_range,
    ),
    _rule(
        "either_day_number",
        rf"(?:el |dia ){{1,2}}{_D1} [ou] (?:el )?(?:dia )?{_D2}{_NOT_A_TIME}",
        read.read_either_day_number,
    ),
    _rule("last_day_of_month", r"ultimo dia (?:del|de este) mes", read.read_last_day_of_month),
    _rule("day_number", rf"(?:(?:el|del|dia) ){{1,3}}{_DD}{_NOT_A_TIME}(?! \d\d\b)", read.read_day_number),
    _rule("month", rf"(?:en|para|durante|todo) (?:el mes de )?{_MO}(?! \d)", read.read_month, weak=True),
)
