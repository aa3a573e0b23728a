"""From several day findings to what the person means: one day, a run of days, or a choice to ask about.

A weekday next to a date only confirms it; "la próxima semana … el martes" is one day; "hoy o mañana" is a
choice; "la del jueves pásala al viernes" means Friday; a day that somebody cannot come on is no wish.
"""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec

from runtime.domain.spanish.findings import DayFinding, Days, Scene


class DayChoice(msgspec.Struct, frozen=True):
    """The days that remain. `alternatives` are wishes in the order of the text; each has its own readings.

    `negated` is True where days were named, but only as days that do not suit. `ignored` are the stretches of
    the text about days that are not wished for; hours in them are not wished for either.
    """

    alternatives: tuple[DayFinding, ...] = ()
    negated: bool = False
    preface: str = ""
    ignored: tuple[tuple[int, int], ...] = ()


_ABLE = r"(?:puedo|puede|podre|podria|podemos|voy a poder|vamos a poder|alcanzo|quiero|llego|voy a llegar|podria ir)"
_NO = "(?:no|comano|nocoma)"
_AT = r"(?: (?:a|de) las? [\d:]{1,5}(?: (?:am|pm))?)?"
_NOT_AFTER = re.compile(
    rf"^{_AT} (?:ya )?{_NO} (?:{_ABLE}|me (?:queda|acomoda|conviene|da tiempo)|gracias|mejor|porque|sino)\b"
    r"|^ (?:ya )?no$"
)
_NOT_THIS_ONE = re.compile(r"^ (?:ya )?nocoma(?: (?:mejor|para|en|el))* $|^ (?:ya )?no mejor(?: el)? $")
_NOT_BEFORE = re.compile(
    rf"\bcomano (?:para )?(?:el )?$|\b{_NO} (?:{_ABLE}|me (?:queda|acomoda)|(?:seria|es|era)) ?"
    r"(?:ir|llegar|asistir|venir)?(?: (?:el|para|para el|la del?|en|hasta))?(?: dia)? $"
)
_ORIGIN = re.compile(
    r"\b(?:la|cita|lo|turno|reserva|en (?:vez|lugar)|cambi[a-z]+|muev[a-z]+|mover|pas[a-z]+)"
    r"(?: mi cita)?(?: que (?:tengo|tenia))? (?:del? |el |para el )?$"
)
_DESTINATION = re.compile(r"\b(?:para|al?|mejor|sino)(?: el)?(?: dia)? $")
_ADJACENT = re.compile(r"^[ ]*(?:(?:el|dia|del?|este|o sea|osea|que es|en|la|para)[ ]*)*$")
_TO = re.compile(r"^ (?:hasta|al?|-)(?: el)?(?: dia)? $")
_AND = re.compile(r"^ y(?: el)?(?: dia)? $")
_ENTRE = re.compile(r"\bentre(?: el)?(?: dia)? $")
_AFTERWARDS = re.compile(r"(?P<word>a partir|despues|desde|antes|a mas tardar|maximo)(?: del?)?(?: el)? ?$")
_FURTHER_DAYS = 6
_MONTH_DAYS = 32


def choose_days(findings: list[DayFinding], phrase: str, scene: Scene) -> DayChoice:
    """Settle what several mentions of days amount to."""
    strong = [finding for finding in findings if not finding.weak] or findings
    wanted, ignored = _drop_negated(strong, phrase)
    if not wanted:
        return DayChoice(negated=bool(strong), ignored=tuple(ignored))
    merged: list[DayFinding] = []
    for finding in wanted:
        _merge_into(merged, finding, phrase)
    if len(merged) == 2:
        merged, origin = _destination_only(merged, phrase)
        ignored += origin
    merged = [_open_ended(finding, phrase, scene) for finding in merged]
    preface = next((finding.preface for finding in merged if finding.preface), "")
    return DayChoice(tuple(merged), preface=preface, ignored=tuple(ignored))


_Stretch = tuple[int, int]


def _drop_negated(findings: list[DayFinding], phrase: str) -> tuple[list[DayFinding], list[_Stretch]]:
    """Drop "mañana no puedo, el viernes sí": a "no" belongs to one day, to the one before it rather than the next."""
    wanted: list[DayFinding] = []
    ignored: list[_Stretch] = []
    claimed_until = 0
    for index, finding in enumerate(findings):
        following = findings[index + 1].start if index + 1 < len(findings) else len(phrase)
        after = _NOT_AFTER.match(phrase[finding.end : finding.end + 40])
        is_refused = after is not None or _NOT_THIS_ONE.match(phrase[finding.end : following]) is not None
        before = _NOT_BEFORE.search(phrase[max(claimed_until, finding.start - 40) : finding.start])
        if is_refused:
            claimed_until = following
            ignored.append((finding.start, following if after is None else finding.end + after.end()))
        elif before is None:
            wanted.append(finding)
    return wanted, ignored


def _merge_into(merged: list[DayFinding], finding: DayFinding, phrase: str) -> None:
    for index, earlier in enumerate(merged):
        together = _merge(earlier, finding, phrase)
        if together is not None:
            merged[index] = together
            return
    merged.append(finding)


def _merge(earlier: DayFinding, later: DayFinding, phrase: str) -> DayFinding | None:
    """Two mentions of one wish as one finding, or None where they are two wishes."""
    between = phrase[earlier.end : later.start]
    span = _span_of_two(earlier, later, between, phrase)
    if span is not None:
        return _joined(earlier, later, (span,))
    common = _common_options(earlier, later)
    if common:
        return _joined(earlier, later, common)
    if _ADJACENT.match(between) and not _is_range(earlier) and not _is_range(later):
        # "viernes 15" where the 15th is a Thursday: both are offered.
        return _joined(earlier, later, (*_dates_first(earlier, later),))
    return None


def _joined(earlier: DayFinding, later: DayFinding, options: tuple[Days, ...]) -> DayFinding:
    return DayFinding(
        rule=f"{earlier.rule}+{later.rule}",
        start=earlier.start,
        end=later.end,
        options=options,
        preface=_remaining_preface(earlier, later, options),
    )


def _remaining_preface(earlier: DayFinding, later: DayFinding, options: tuple[Days, ...]) -> str:
    """What has to be said before asking; nothing once a weekday has confirmed which year is meant."""
    is_confirmed = len(options) == 1 and (earlier.weekday is not None or later.weekday is not None)
    if is_confirmed and all(each.options for each in (earlier, later)):
        return ""
    return earlier.preface or later.preface


def _is_range(finding: DayFinding) -> bool:
    return any(not option.is_single for option in finding.options)


def _dates_first(earlier: DayFinding, later: DayFinding) -> tuple[Days, ...]:
    pair = (later, earlier) if earlier.weekday is not None else (earlier, later)
    return tuple(dict.fromkeys(option for finding in pair for option in finding.options[-1:]))


def _span_of_two(earlier: DayFinding, later: DayFinding, between: str, phrase: str) -> Days | None:
    """Read "de lunes a viernes", "entre hoy y el jueves"."""
    if _ORIGIN.search(phrase[max(0, earlier.start - 40) : earlier.start]):
        return None
    linked = _TO.match(between) or (_AND.match(between) and _ENTRE.search(phrase[: earlier.start]))
    if not linked or not earlier.options or not later.options:
        return None
    first, last = earlier.options[-1].first, later.options[-1].last
    if earlier.weekday is not None and later.weekday is None:
        # "entre miércoles y viernes de la próxima semana": the week belongs to both.
        first = max(first, last - timedelta(days=(last.weekday() - earlier.weekday) % 7))
    elif last < first and later.weekday is not None:
        last += timedelta(weeks=1)
    return Days(first, last) if first < last <= first + timedelta(days=366) else None


def _common_options(earlier: DayFinding, later: DayFinding) -> tuple[Days, ...]:
    if earlier.weekday is not None and later.weekday is None:
        return _on_weekday(later, earlier.weekday)
    if later.weekday is not None and earlier.weekday is None:
        return _on_weekday(earlier, later.weekday)
    shared = tuple(
        Days(max(one.first, other.first), min(one.last, other.last))
        for one in earlier.options
        for other in later.options
        if max(one.first, other.first) <= min(one.last, other.last)
    )
    return tuple(dict.fromkeys(shared))


def _on_weekday(finding: DayFinding, weekday: int) -> tuple[Days, ...]:
    """The days of a finding that fall on a weekday; "viernes 16 de enero" may be the one just over."""
    if finding.past is not None and finding.past.weekday() == weekday:
        return (Days.one(finding.past),)
    stretches = [option for option in finding.options if (option.last - option.first).days < _MONTH_DAYS]
    dates = [each.first + timedelta(days=(weekday - each.first.weekday()) % 7) for each in stretches]
    return tuple(Days.one(day) for day, each in zip(dates, stretches, strict=True) if day <= each.last)


def _destination_only(pair: list[DayFinding], phrase: str) -> tuple[list[DayFinding], list[_Stretch]]:
    """Read "cambia la del jueves al viernes": only the new day is a wish."""
    before = [f"{phrase[max(0, each.start - 40) : each.start]}{_leading(each, phrase)}" for each in pair]
    origins = [_ORIGIN.search(words) is not None for words in before]
    targets = [_DESTINATION.search(words) is not None for words in before]
    if origins == [True, False] or (targets == [False, True] and "mejor" in before[1]):
        return pair[1:], [(pair[0].start, pair[1].start)]
    if origins == [False, True]:
        return pair[:1], [(pair[1].start, len(phrase))]
    return pair, []


def _leading(finding: DayFinding, phrase: str) -> str:
    """The preposition that belongs to the finding itself ("del 15")."""
    word = phrase[finding.start : finding.start + 4]
    return "del " if word == "del " else ""


def _open_ended(finding: DayFinding, phrase: str, scene: Scene) -> DayFinding:
    """Read "a partir del lunes" is the week from then on; "antes del viernes" is from now until the day before."""
    found = _AFTERWARDS.search(phrase[max(0, finding.start - 20) : finding.start])
    if found is None or len(finding.options) != 1 or _is_range(finding):
        return finding
    day = finding.options[0]
    if found["word"] == "antes":
        until = day.first - timedelta(days=1)
        options = (Days(min(scene.today, until), until),)
    elif found["word"] in ("a mas tardar", "maximo"):
        options = (Days(min(scene.today, day.last), day.last),)
    else:
        start = day.last + timedelta(days=1) if found["word"] == "despues" else day.first
        options = (Days(start, max(day.last, start + timedelta(days=_FURTHER_DAYS))),)
    return msgspec.structs.replace(finding, options=options, rule=f"{finding.rule}+{found['word'].replace(' ', '_')}")
