"""From several time findings to what the person means: one time, or a choice to ask about.

"en la tarde como a las 4" is one time; "después de las 3 pero antes de las 6" is a range; "a las 4 o a las 5"
is a choice; "la de las 4 pásala a las 5" means five.
"""

from __future__ import annotations

import re

import msgspec

from runtime.domain.spanish.clock_readings import clock_in_part
from runtime.domain.spanish.findings import Clock, DayPart, Shape, TimeFinding

_NO = "(?:no|comano|nocoma)"
_NOT_AFTER = re.compile(
    rf"^ (?:ya )?{_NO} (?:puedo|puede|podre|alcanzo|llego|me|mejor|gracias|sino)\b|^ (?:ya )?no$|^ nocoma "
)
_NOT_BEFORE = re.compile(r"\bno (?:puedo|me queda|alcanzo|quiero|seria|es)(?: ir| llegar)? $")
_ORIGIN = re.compile(r"\b(?:la|cita|en (?:vez|lugar)|cambi[a-z]+|muev[a-z]+|mi cita) (?:que (?:tengo|tenia) )?$")
_CHANGE = re.compile(r"\b(?:cambi|muev|muov|mov|pas[ae]|recorr|reprogram|reagend|actualiz)[a-z]*\b")
_FROM_TO = re.compile(r"^(?:de|desde) ")
_LEADING_OF = re.compile(r"^de (?:las?|la) ")


def choose_times(
    findings: list[TimeFinding], phrase: str, ignored: tuple[tuple[int, int], ...] = ()
) -> tuple[TimeFinding, ...]:
    """The times that remain, in the order of the text: none, one, or alternatives.

    `ignored` are stretches of the text about appointments or days that are not wished for.
    """
    relevant = [each for each in findings if not any(start <= each.start < end for start, end in ignored)]
    strong = [finding for finding in relevant if not finding.weak] or relevant
    wanted = [finding for finding in strong if not _is_negated(finding, phrase)]
    sensible = [finding for finding in wanted if finding.possible] or wanted[:1]
    parts = [finding for finding in sensible if finding.shape is Shape.PART]
    clocks = [_new_time(finding, phrase) for finding in sensible if finding.shape is not Shape.PART]
    if not clocks:
        return tuple(_distinct(parts))
    if parts and _are_alternatives(clocks[0], parts[-1], phrase):
        return tuple(sorted((clocks[0], parts[-1]), key=lambda finding: finding.start))
    if parts and parts[-1].part is not None:
        clocks = [_in_part(finding, parts[-1].part) for finding in clocks]
    return tuple(_destination_only(_joined_limits(_distinct(clocks)), phrase))


def _new_time(finding: TimeFinding, phrase: str) -> TimeFinding:
    """Tell "cambia mi cita de las 4 a las 5", which is five o'clock, from the range "de 4 a 5"."""
    is_change = _CHANGE.search(phrase[: finding.start]) is not None
    if finding.shape is not Shape.RANGE or not is_change or not _FROM_TO.match(phrase[finding.start :]):
        return finding
    return msgspec.structs.replace(finding, shape=Shape.POINT, first=finding.second, second=None, rule="changed_to")


def _are_alternatives(clock: TimeFinding, part: TimeFinding, phrase: str) -> bool:
    """Tell "después de las 5 o el viernes en la mañana" from "en la tarde, a las 5"."""
    between = phrase[min(clock.end, part.end) : max(clock.start, part.start)]
    return " o " in f" {between} "


def _is_negated(finding: TimeFinding, phrase: str) -> bool:
    after = _NOT_AFTER.match(phrase[finding.end : finding.end + 30])
    return after is not None or _NOT_BEFORE.search(phrase[max(0, finding.start - 30) : finding.start]) is not None


def _in_part(finding: TimeFinding, part: DayPart) -> TimeFinding:
    """Give the hours the half of the day that was named elsewhere in the sentence."""
    if finding.first is None or _has_half(finding.first) or (finding.second and _has_half(finding.second)):
        return finding
    second = clock_in_part(finding.second, part) if finding.second else None
    keeps_first = finding.shape is Shape.RANGE
    first = finding.first if keeps_first else clock_in_part(finding.first, part)
    return msgspec.structs.replace(finding, first=first, second=second, rule=f"{finding.rule}+{part.name}")


def _has_half(clock: Clock) -> bool:
    return clock.half is not None or clock.hour > 12 or clock.hour == 0


def _distinct(findings: list[TimeFinding]) -> list[TimeFinding]:
    """The same time said twice counts once; the reading that says more of it stays."""
    kept: list[TimeFinding] = []
    for finding in findings:
        twin = next((index for index, each in enumerate(kept) if _is_same(each, finding)), None)
        if twin is None:
            kept.append(finding)
        elif finding.first and _has_half(finding.first):
            kept[twin] = finding
    return kept


def _is_same(one: TimeFinding, other: TimeFinding) -> bool:
    if one.shape is not other.shape or one.part != other.part:
        return False
    if one.first is None or other.first is None:
        return one.offset_minutes == other.offset_minutes
    same_face = (one.first.hour, one.first.minute) == (other.first.hour, other.first.minute)
    return same_face and one.second == other.second


def _joined_limits(findings: list[TimeFinding]) -> list[TimeFinding]:
    """Read "después de las 3 … antes de las 6" as one range."""
    shapes = [finding.shape for finding in findings]
    if sorted(shapes) != sorted([Shape.FROM, Shape.UNTIL]):
        return findings
    start, end = findings if shapes[0] is Shape.FROM else findings[::-1]
    joined = msgspec.structs.replace(start, shape=Shape.RANGE, second=end.first, rule=f"{start.rule}+{end.rule}")
    return [joined]


def _destination_only(findings: list[TimeFinding], phrase: str) -> list[TimeFinding]:
    if len(findings) != 2:
        return findings
    before = phrase[max(0, findings[0].start - 40) : findings[0].start]
    is_origin = _LEADING_OF.match(phrase[findings[0].start :]) and _ORIGIN.search(before)
    between = phrase[findings[0].end : findings[1].start]
    return findings[1:] if is_origin or " mejor " in f" {between} " else findings
