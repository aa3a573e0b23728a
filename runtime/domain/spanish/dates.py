"""The date resolver: a customer's own words for a day and a time become an instant, a window, or a question.

The booking tools call `resolve`, and nothing else decides what "mañana a las 4" is: a model never does calendar
arithmetic. It reads no clock and raises on no text. The way through it:

    phrase -> day rules -> clock rules -> what is meant -> moments
    (one plain spelling) (tables of named patterns) (day_choice, time_choice) (clock_choice, moments)

Whatever can be understood in two ways is AMBIGUOUS and carries the question to ask. "a las 5" takes the half
of the day in which the business is open.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, tzinfo

import msgspec

from runtime.domain.schedule_hours import MINUTES_PER_DAY, TimeRange, WeekHours
from runtime.domain.spanish import date_questions as questions
from runtime.domain.spanish.clock_choice import Slot, slots_on
from runtime.domain.spanish.clock_rules import find_times
from runtime.domain.spanish.day_choice import DayChoice, choose_days
from runtime.domain.spanish.day_rules import find_days
from runtime.domain.spanish.findings import Clock, DayFinding, Days, Scene, Shape, TimeFinding
from runtime.domain.spanish.formats import format_date, format_time, format_when
from runtime.domain.spanish.moments import local_moment, minute_of_day, shift_moment, time_of_minute
from runtime.domain.spanish.phrase import MAX_READ_LENGTH, read_phrase
from runtime.domain.spanish.resolution import Candidate, Description, Resolution, ResolutionKind
from runtime.domain.spanish.time_choice import choose_times

__all__ = ["Candidate", "Description", "Resolution", "ResolutionKind", "describe", "resolve"]

_MOST_DAYS_ASKED = 7
_CLOSED_DAY = TimeRange(0, MINUTES_PER_DAY)
_DEFAULT_LATER_MINUTES = 180


class _Draft(msgspec.Struct, frozen=True):
    """A reading on its way to becoming a candidate. `daily` is set for a part of each of several days.

    `skipped` is an hour that the clocks leave out on that day.
    """

    candidate: Candidate
    daily: Slot | None = None
    skipped: bool = False


class _Request(msgspec.Struct, frozen=True):
    """What was understood of a text, with everything needed to turn it into moments."""

    now_local: datetime
    scene: Scene
    days: DayChoice
    times: tuple[TimeFinding, ...]

    @property
    def reason(self) -> str:
        """The names of the rules that were used."""
        day_rules = [each.rule for each in self.days.alternatives]
        return "; ".join((*day_rules, *(each.rule for each in self.times)))

    @property
    def has_day(self) -> bool:
        """Whether the text itself names a day; "en dos horas" and "ahorita" do."""
        return bool(self.days.alternatives) or any(each.shape in (Shape.OFFSET, Shape.VAGUE) for each in self.times)


def resolve(text: str, *, now_local: datetime, hours: WeekHours) -> Resolution:
    """Understand the words for a day and a time in any text.

    `now_local` is aware and in the business's zone; every moment in the answer is in that zone. Never raises
    on `text`, of which the first thousand characters are read.
    """
    scene = Scene(now_local.replace(tzinfo=None, second=0, microsecond=0), hours)
    phrase = read_phrase(_spell_out_iso(text[:MAX_READ_LENGTH], now_local))
    day_findings, rest = find_days(phrase, scene)
    time_findings, _ = find_times(rest)
    days = choose_days(day_findings, phrase, scene)
    request = _Request(
        now_local=now_local.replace(second=0, microsecond=0),
        scene=scene,
        days=_today_if_later(days, time_findings, scene),
        times=choose_times(time_findings, phrase, days.ignored),
    )
    return _answer(_settle_vague(request))


def describe(resolution: Resolution, *, now_local: datetime) -> Description:
    """A resolution in words and plain values, for people at a terminal; moments as ISO 8601 with offset."""
    first = Candidate(resolution.starts_at, resolution.ends_at) if resolution.starts_at else None
    summary = _label(first, now_local) if first is not None else "(sin fecha ni hora)"
    return Description(
        kind=resolution.kind,
        summary=resolution.question or (f"aprox. {summary}" if resolution.approximate else summary),
        reason=resolution.reason,
        starts_at=_iso(resolution.starts_at),
        ends_at=_iso(resolution.ends_at),
        approximate=resolution.approximate,
        has_day=resolution.has_day,
        has_time=resolution.has_time,
        question=resolution.question,
        candidates=tuple(_label(each, now_local) for each in resolution.candidates),
    )


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _label(candidate: Candidate, now_local: datetime) -> str:
    start, end = candidate.starts_at, candidate.ends_at
    if end is None:
        return format_when(start, now_local)
    if (end - timedelta(minutes=1)).date() == start.date():
        return f"{format_date(start.date(), now_local.date())}, de {format_time(start)} a {format_time(end)}"
    return f"de {format_when(start, now_local)} a {format_when(end, now_local)}"


# --- ISO dates, which models write ------------------------------------------------------------------------------

_ISO = re.compile(
    r"(?<!\d)(20\d{2})-(\d{2})-(\d{2})"
    r"(?:(?:T|t| |, ?)(\d{2}):(\d{2})(?::\d{2}(?:\.\d{1,9})?)?(?: ?([Zz]|[+-]\d{2}:?\d{2}))?)?(?![\d:\-])"
)


def _spell_out_iso(text: str, now_local: datetime) -> str:
    return _ISO.sub(lambda found: _iso_in_words(found, now_local), text)


def _iso_in_words(found: re.Match[str], now_local: datetime) -> str:
    year, month, day, hour, minute, offset = found.groups()
    if hour is None or int(hour) > 23 or int(minute) > 59:
        return f" {day}/{month}/{year} {found[0][10:]}"
    if offset is None:
        return f" {day}/{month}/{year} {_in_twelve_hours(int(hour), int(minute))} "
    try:
        moment = datetime.fromisoformat(f"{year}-{month}-{day}T{hour}:{minute}:00{offset.upper()}")
    except ValueError:
        return f" {day}/{month}/{year} "
    local = moment.astimezone(now_local.tzinfo)
    return f" {local.day}/{local.month}/{local.year} {_in_twelve_hours(local.hour, local.minute)} "


def _in_twelve_hours(hour: int, minute: int) -> str:
    """As the rules read it without doubt: "0:30" and "15:00" are exact, "3:00 am" too."""
    return f"{hour}:{minute:02d}" if hour == 0 or hour > 12 else f"{hour}:{minute:02d} {'am' if hour < 12 else 'pm'}"


# --- answers ----------------------------------------------------------------------------------------------------


def _settle_vague(request: _Request) -> _Request:
    """Drop "ahorita" and "en dos horas" where another day is named: they are about today."""
    other_day = any(
        option != Days.one(request.scene.today) for each in request.days.alternatives for option in each.options
    )
    times = tuple(each for each in request.times if not (other_day and each.shape in (Shape.OFFSET, Shape.VAGUE)))
    return msgspec.structs.replace(request, times=times)


def _today_if_later(days: DayChoice, times: list[TimeFinding], scene: Scene) -> DayChoice:
    """Make "al rato como a las 6" a time of today."""
    later = next((each for each in times if each.rule == "later"), None)
    if later is None or len(times) == 1 or days.alternatives or days.negated:
        return days
    return DayChoice((DayFinding("later_today", later.start, later.end, (Days.one(scene.today),)),))


def _answer(request: _Request) -> Resolution:
    if not request.days.alternatives and not request.times:
        return Resolution(ResolutionKind.NONE, "negated_day" if request.days.negated else "no_date_or_time")
    impossible = _answer_impossible(request)
    if impossible is not None:
        return impossible
    drafts = _drop_past(_drafts(request), request)
    if not drafts:
        return _ask(request, (), questions.ask_day(request.days.preface))
    if any(draft.skipped for draft in drafts):
        return _ask(request, (), questions.ask_time(drafts[0].candidate.starts_at.date(), request.scene.today))
    which_day = _answer_point_in_many_days(request, drafts)
    if which_day is not None:
        return which_day
    if len(drafts) == 1 and not request.days.preface:
        return _definite(request, drafts[0])
    candidates = tuple(draft.candidate for draft in drafts)
    question = questions.ask_which(candidates, request.now_local)
    return _ask(request, candidates, f"{request.days.preface} {question}".strip())


def _answer_impossible(request: _Request) -> Resolution | None:
    """Days the calendar lacks and hours the clock lacks."""
    if any(not each.options for each in request.days.alternatives):
        return _ask(request, (), questions.ask_day(request.days.preface))
    if not any(not each.possible for each in request.times):
        return None
    alternatives = request.days.alternatives
    day = alternatives[0].options[0].first if len(alternatives) == 1 else None
    return _ask(request, (), questions.ask_time(day, request.scene.today))


def _answer_point_in_many_days(request: _Request, drafts: list[_Draft]) -> Resolution | None:
    """Ask for the day of "la próxima semana a las 4": the hour is known, the day has to be asked for."""
    if len(drafts) <= 1 or len(request.days.alternatives) != 1 or len(request.days.alternatives[0].options) != 1:
        return None
    days = request.days.alternatives[0].options[0]
    if days.is_single:
        return None
    candidates = tuple(draft.candidate for draft in drafts)
    return _ask(request, candidates, questions.ask_day_between(days.first, days.last, request.scene.today))


def _definite(request: _Request, draft: _Draft) -> Resolution:
    candidate = draft.candidate
    return Resolution(
        kind=ResolutionKind.INSTANT if candidate.ends_at is None else ResolutionKind.WINDOW,
        reason=request.reason,
        starts_at=candidate.starts_at,
        ends_at=candidate.ends_at,
        approximate=any(each.approximate for each in request.times),
        has_day=request.has_day,
        has_time=bool(request.times),
        daily_from=None if draft.daily is None else time_of_minute(draft.daily.start),
        daily_until=None if draft.daily is None else time_of_minute(draft.daily.end or draft.daily.start),
    )


def _ask(request: _Request, candidates: tuple[Candidate, ...], question: str) -> Resolution:
    return Resolution(
        kind=ResolutionKind.AMBIGUOUS,
        reason=request.reason,
        starts_at=candidates[0].starts_at if candidates else None,
        ends_at=candidates[0].ends_at if candidates else None,
        approximate=any(each.approximate for each in request.times),
        has_day=request.has_day,
        has_time=bool(request.times),
        candidates=candidates,
        question=question,
    )


# --- readings ---------------------------------------------------------------------------------------------------


def _drafts(request: _Request) -> list[_Draft]:
    """Every reading, the likeliest first, each once."""
    alternatives, times = request.days.alternatives, request.times
    if not alternatives:
        drafts = [draft for each in times for draft in _without_day(each, request)]
    elif len(alternatives) == len(times) == 2:
        pairs = zip(alternatives, times, strict=True)
        drafts = [draft for day, each in pairs for draft in _on_day(day, each, request)]
    else:
        drafts = [draft for day in alternatives for each in times or (None,) for draft in _on_day(day, each, request)]
    return list(dict.fromkeys(drafts))


def _drop_past(drafts: list[_Draft], request: _Request) -> list[_Draft]:
    """On a Monday "el lunes" may be today, but only while the moment is still ahead."""
    if not any(each.drop_past for each in request.days.alternatives) or len(drafts) < 2:
        return drafts
    ahead = [draft for draft in drafts if (draft.candidate.ends_at or draft.candidate.starts_at) > request.now_local]
    return ahead or drafts


def _without_day(finding: TimeFinding, request: _Request) -> list[_Draft]:
    """A time alone is today while it is ahead and the business is open then, otherwise tomorrow."""
    if finding.shape in (Shape.OFFSET, Shape.VAGUE):
        return [_Draft(_from_now(finding, request))]
    today, tomorrow = request.scene.today, request.scene.today + timedelta(days=1)
    on_today = [slot for slot in slots_on(finding, today, request.scene) if _ends_ahead(slot, request)]
    is_open = any(_is_open(slot, today, request) for slot in on_today)
    on_tomorrow = slots_on(finding, tomorrow, request.scene)
    if on_today and (is_open or not any(_is_open(slot, tomorrow, request) for slot in on_tomorrow)):
        return [_draft(today, slot, request) for slot in on_today]
    return [_draft(tomorrow, slot, request) for slot in on_tomorrow]


def _ends_ahead(slot: Slot, request: _Request) -> bool:
    return (slot.start if slot.end is None else slot.end - 1) > minute_of_day(request.now_local)


def _is_open(slot: Slot, day: date, request: _Request) -> bool:
    return any(
        open_range.start_minute < (slot.end or slot.start + 1) and slot.start < open_range.end_minute
        for open_range in request.scene.hours.open_ranges(day)
    )


def _from_now(finding: TimeFinding, request: _Request) -> Candidate:
    start = shift_moment(request.now_local, finding.offset_minutes)
    if finding.shape is Shape.OFFSET:
        return Candidate(start)
    span = request.scene.hours.span(request.scene.today)
    closing = local_moment(request.scene.today, (span or _CLOSED_DAY).end_minute, _zone(request))
    if finding.length_minutes is not None:
        end = shift_moment(start, finding.length_minutes)
        is_of_today = start < closing and finding.length_minutes <= _DEFAULT_LATER_MINUTES
        return Candidate(start, min(end, closing) if is_of_today else end)
    return Candidate(start, max(closing, shift_moment(start, _DEFAULT_LATER_MINUTES)) if closing <= start else closing)


def _on_day(finding: DayFinding, time_finding: TimeFinding | None, request: _Request) -> list[_Draft]:
    if time_finding is None and finding.hour is not None:
        return _day_or_hour(finding, finding.hour, request)
    return [draft for option in finding.options for draft in _on_days(option, time_finding, request)]


def _day_or_hour(finding: DayFinding, hour: int, request: _Request) -> list[_Draft]:
    """Read "viernes 5" where no Friday is the 5th: Friday at five, or the 5th."""
    at_hour = TimeFinding("hour_after_weekday", finding.start, finding.end, Shape.POINT, first=Clock(hour))
    on_weekday = [
        _draft(finding.options[0].first, slot, request) for slot in _slots(at_hour, finding.options[0], request)
    ]
    return [*on_weekday, *(_whole(option, request) for option in finding.options[1:])]


def _slots(finding: TimeFinding, option: Days, request: _Request) -> tuple[Slot, ...]:
    return slots_on(finding, option.first, request.scene)


def _on_days(days: Days, finding: TimeFinding | None, request: _Request) -> list[_Draft]:
    if finding is None:
        return [_whole(days, request)]
    if finding.shape in (Shape.OFFSET, Shape.VAGUE):
        return [_Draft(_from_now(finding, request))]
    if days.is_single:
        return [_draft(days.first, slot, request) for slot in slots_on(finding, days.first, request.scene)]
    if finding.shape is Shape.POINT:
        return [
            _draft(day, slot, request)
            for day in _open_days(days, request)
            for slot in slots_on(finding, day, request.scene)[:1]
        ]
    return [_daily(days, slot, request) for slot in slots_on(finding, _typical_day(days, request), request.scene)]


def _open_days(days: Days, request: _Request) -> list[date]:
    """Up to a week of open days of a stretch."""
    length = min((days.last - days.first).days + 1, _MOST_DAYS_ASKED)
    every = [days.first + timedelta(days=index) for index in range(length)]
    return [day for day in every if request.scene.hours.open_ranges(day)] or every


def _typical_day(days: Days, request: _Request) -> date:
    return _open_days(days, request)[0]


def _whole(days: Days, request: _Request) -> _Draft:
    """From the first opening to the last closing; what is over of today is left out."""
    first = request.scene.hours.span(days.first) or _CLOSED_DAY
    last = request.scene.hours.span(days.last) or _CLOSED_DAY
    zone = _zone(request)
    start = local_moment(days.first, first.start_minute, zone)
    end = local_moment(days.last, last.end_minute, zone)
    return _Draft(Candidate(_not_before_now(start, end, request), end))


def _daily(days: Days, slot: Slot, request: _Request) -> _Draft:
    zone = _zone(request)
    end_minute = slot.end if slot.end is not None else slot.start
    start, end = local_moment(days.first, slot.start, zone), local_moment(days.last, end_minute, zone)
    return _Draft(Candidate(_not_before_now(start, end, request), end), slot)


def _draft(day: date, slot: Slot, request: _Request) -> _Draft:
    start = local_moment(day, slot.start, _zone(request))
    if slot.end is None:
        return _Draft(Candidate(start), skipped=minute_of_day(start) != slot.start % MINUTES_PER_DAY)
    end = max(local_moment(day, slot.end, _zone(request)), start + timedelta(minutes=1))
    return _Draft(Candidate(_not_before_now(start, end, request), end))


def _not_before_now(start: datetime, end: datetime, request: _Request) -> datetime:
    return request.now_local if start < request.now_local < end else start


def _zone(request: _Request) -> tzinfo:
    zone = request.now_local.tzinfo
    if zone is None:
        raise ValueError("now_local must be aware, in the zone of the business")
    return zone
