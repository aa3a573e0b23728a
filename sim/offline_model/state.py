"""Where a conversation stands, rebuilt from its messages each time a completion is asked for.

`rebuild` folds over the history: the customer's messages say what is wanted, our own texts say what
was settled and asked last (they are written in fixed phrases by `phrases`, and read back here; the
texts of other writers are read as far as they resemble ours). Nothing is kept between requests.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache

import msgspec

from sim.offline_model.context import Appointment, Context
from sim.offline_model.labels import LABEL, find_labels, has_clock, is_at_time, is_on_day, split_label
from sim.offline_model.lexicon import Intent
from sim.offline_model.services import choose_by_detail
from sim.offline_model.text import fold
from sim.offline_model.understand import Understanding, understand
from sim.offline_model.when import find_when, join_when, read_bare_hour


class Goal(StrEnum):
    """What the customer is in the middle of."""

    NONE = "none"
    BOOK = "book"
    CANCEL = "cancel"
    MOVE = "move"


class Asked(StrEnum):
    """What we asked last and wait for."""

    NOTHING = "nothing"
    SERVICE = "service"
    WHEN = "when"
    NAME = "name"
    SLOT = "slot"
    CONFIRM = "confirm"
    WHICH = "which"
    CHANGE = "change"
    OFFER = "offer"


class Offer(msgspec.Struct, frozen=True):
    """A free time that was offered, as the tool named it."""

    when: str
    staff: str = ""


class State(msgspec.Struct, frozen=True):
    """What is settled so far. Absent things are empty.

    Attributes:
        day, time: The customer's own words, or the parts of a label.
        offer: The free time that was chosen; it holds until day, hour or service change.
        offers: What may be chosen from, in the order it was listed.
        choices: Services that were named in our question.
        days: Days between which our question asked to choose.
        listed: Appointments that may be chosen from, in the order they were listed.
        target: The appointment to be cancelled or moved.
        whom: For whom the appointment is, when it is somebody else.
        name: The customer's name as they gave it in this conversation.
        has_spoken: Whether we have answered before.
    """

    goal: Goal = Goal.NONE
    asked: Asked = Asked.NOTHING
    service: str = ""
    day: str = ""
    time: str = ""
    staff: str = ""
    offer: Offer | None = None
    offers: tuple[Offer, ...] = ()
    choices: tuple[str, ...] = ()
    days: tuple[str, ...] = ()
    listed: tuple[Appointment, ...] = ()
    target: Appointment | None = None
    name: str = ""
    whom: str = ""
    whom_name: str = ""
    has_spoken: bool = False

    @property
    def when(self) -> str:
        """Day and hour in one phrase."""
        return join_when(self.day, self.time)

    def keep_name(self) -> State:
        """A fresh start that remembers who we talk with."""
        return State(name=self.name, has_spoken=self.has_spoken)


_OFFER_LINE = re.compile(
    rf"^\s*(\d)[).] (?:(?P<service>[^,\n]*?), )?(?:el )?(?P<when>{LABEL})(?:,? con (?P<staff>[^,\n]+))?", re.M
)
_WITH = re.compile(r"\b[Cc]on:? ([^\W\d_][^,\n$¿?]*)")
_DAY_LABEL = re.compile(
    rf"(?:{'|'.join(('lunes', 'martes', 'miércoles', 'jueves', 'viernes', 'sábado', 'domingo'))}) \d{{1,2}} de [a-z]+"
)
_NAME_LINE = re.compile(r"^(?:\W*)(?:A nombre de|Nombre):\s*([^\n.,]+)$", re.M)
_HUMAN_MARK = re.compile(r"^\[([^\]\n]{1,60}), del negocio\]: ?")
_DONE = re.compile(
    r"\b(?:quedo (?:agendada|reservada|apartada|cancelada|para|lista|movida)|(?:fue|ha sido|esta) (?:agendada|"
    r"cancelada|reservada|confirmada)|ya no (?:la agendo|cambio nada)|la dejo como esta|no agendo nada)\b"
)
_QUESTIONS: tuple[tuple[re.Pattern[str], Goal | None, Asked], ...] = tuple(
    (re.compile(pattern), goal, asked)
    for pattern, goal, asked in (
        (r"la cancelo\?|quieres que (?:la )?cancele|"
            r"segur[oa] (?:de )?que quieres cancelar", Goal.CANCEL, Asked.CONFIRM),
        (r"la muevo(?: a esa hora| ahi)?\?|quieres que la (?:mueva|cambie)", Goal.MOVE, Asked.CONFIRM),
        (r"cual (?:de ellas )?quieres cancelar", Goal.CANCEL, Asked.WHICH),
        (r"cual (?:de ellas )?quieres (?:mover|cambiar)", Goal.MOVE, Asked.WHICH),
        (r"a que (?:dia|hora|dia y (?:a que )?hora) la (?:muevo|cambio|paso)|para cuando la (?:muevo|"
            r"cambio)", Goal.MOVE, Asked.WHEN),
        (r"quieres (?:que te )?agend\w+|(?:la )?seguimos(?: con ella)?\?", Goal.NONE, Asked.OFFER),
        (r"que (?:quieres|te gustaria) cambiar", Goal.BOOK, Asked.CHANGE),
        (r"a (?:nombre|quien) de quien|a que nombre|(?:cual es|dime|dame) tu nombre|como te llamas|"
            r"tu nombre completo", Goal.BOOK, Asked.NAME),
        (r"cual (?:te (?:queda|acomoda|gusta|late)|prefieres|eliges|opcion)|alguna (?:de (?:estas|las)|te)|"
            r"te sirve", None, Asked.SLOT),
        (r"(?:que|cual) (?:servicio|corte|tipo de cita|clase de cita)|que te (?:gustaria hacerte|"
            r"vas a hacer)", Goal.BOOK, Asked.SERVICE),
        (r"(?:la|lo) agendo\?|(?:te |lo |la )?(?:confirmo|confirmas|agendamos|reservo|aparto)\?|es correcto|"
            r"esta bien\?", Goal.BOOK, Asked.CONFIRM),
        (r"que (?:otro )?(?:dia|fecha|hora)|a que hora|para cuando|cuando (?:te|quieres|la quieres)|"
            r"otro dia u hora|te refieres", None, Asked.WHEN),
    )
)  # fmt: skip


def rebuild(context: Context, history: Iterable[tuple[bool, str]]) -> State:
    """Where things stand after a history of (is from the customer, text), oldest first."""
    state = begin(context)
    for is_customer, text in history:
        state = hear(state, understand(text, context), context) if is_customer else speak(state, text, context)
    return state


def begin(context: Context) -> State:
    """What the prompt already settles: a flow left in the middle, and what a person agreed on."""
    state = State()
    if context.flow is not None and context.flow.kind.startswith("reserva"):
        words = find_when(context.flow.when)
        state = msgspec.structs.replace(
            state, service=context.flow.service, day=words.day, time=words.time, staff=context.flow.staff
        )
    for line in context.relay:
        state = _note(state, understand(line.text, context))
    return state


def _note(state: State, said: Understanding) -> State:
    """What was said with a person: it counts, but we asked nothing."""
    return msgspec.structs.replace(
        state,
        asked=Asked.NOTHING,
        service=said.service.best or state.service,
        day=said.when.day or state.day,
        time=said.when.time or state.time,
        staff=said.staff or state.staff,
    )


def hear(state: State, said: Understanding, context: Context) -> State:
    """The state after a message of the customer."""
    state = _hear_people(state, said, context)
    goal = choose_goal(state, said, context)
    if said.has(Intent.START_OVER) or gives_up(state, said, context):
        return state.keep_name()
    if goal is not state.goal:
        state = msgspec.structs.replace(state, goal=goal, offer=None, offers=(), listed=(), target=None)
    if goal in (Goal.CANCEL, Goal.MOVE):
        return _hear_change(state, said, context)
    return _hear_booking(state, said, context)


def choose_goal(state: State, said: Understanding, context: Context) -> Goal:
    """What a message is about, given what we were in the middle of."""
    busy = state.goal is Goal.BOOK and state.asked is not Asked.NOTHING
    if said.has(Intent.MOVE) and not (busy and not said.has(Intent.CANCEL)):
        return Goal.MOVE
    if said.has(Intent.MOVE) and busy:
        mentions = "mi cita" in said.folded and context.appointments
        return Goal.MOVE if mentions else Goal.BOOK
    if said.has(Intent.CANCEL):
        return Goal.CANCEL
    if state.goal in (Goal.CANCEL, Goal.MOVE) and state.asked is not Asked.NOTHING:
        wants_new = said.has(Intent.BOOK) and not said.has(Intent.YES) and "otra" in said.folded
        return Goal.BOOK if wants_new else state.goal
    wants = said.has(Intent.BOOK, Intent.AVAILABILITY, Intent.SOONEST)
    wants = wants or (state.asked is Asked.OFFER and said.has(Intent.YES, Intent.THUMBS))
    asks = said.has(Intent.PRICE, Intent.DURATION, Intent.HOURS, Intent.MY_APPOINTMENTS) or is_follow_up(state, said)
    asks = asks or (said.has(Intent.SERVICES) and not said.has_when)
    asks = asks or said.has(Intent.RUNNING_LATE, Intent.WHO_SERVES_ME, Intent.FACT, Intent.BYE, Intent.COMPLAINT)
    names_it = said.service.best or said.service.candidates or said.has_when or said.staff or said.whom
    if wants or (names_it and not asks):
        return Goal.BOOK
    return state.goal


def is_follow_up(state: State, said: Understanding) -> bool:
    """Whether a message asks of another service what was just told of one: `¿y el manicure?`."""
    is_open = state.asked in (Asked.OFFER, Asked.NOTHING) and state.has_spoken
    return is_open and said.has(Intent.AND_THIS) and not said.has_when


def gives_up(state: State, said: Understanding, context: Context) -> bool:
    """Whether the customer drops what we were in the middle of."""
    if state.goal is Goal.NONE or state.asked is Asked.NOTHING:
        return False
    if said.has(Intent.FORGET) and not said.has_when:
        return True
    declines = said.has(Intent.NO) and not said.intents - {Intent.NO, Intent.THANKS} and len(said.folded) < 20
    if state.goal is Goal.BOOK and state.asked in (Asked.SERVICE, Asked.WHEN) and declines:
        return not state.days and not said.has_when and not said.service.best
    if state.goal is Goal.BOOK and said.has(Intent.CANCEL) and not said.has(Intent.MOVE):
        return not context.appointments and "cita del" not in said.folded
    is_change = state.goal in (Goal.CANCEL, Goal.MOVE) and state.asked in (Asked.CONFIRM, Asked.WHICH)
    return is_change and said.has(Intent.NO) and not said.has_when and not said.has(Intent.MOVE, Intent.CANCEL)


def pick_offer(state: State, said: Understanding, context: Context) -> Offer | None:
    """The offered time that a message chooses, if it chooses one."""
    offers = state.offers
    if not offers or state.asked is not Asked.SLOT:
        return None
    if said.choice and not said.when.days and abs(said.choice) <= len(offers):
        return offers[said.choice - 1 if said.choice > 0 else -1]
    fitting = [offer for offer in offers if _fits(offer.when, said, context)]
    if said.staff:
        fitting = [offer for offer in fitting if offer.staff == said.staff] if said.has_when else [
            offer for offer in offers if offer.staff == said.staff
        ]  # fmt: skip
    hour = "" if said.has_when else read_bare_hour(said.text)
    if hour:
        fitting = [offer for offer in offers if is_at_time(offer.when, hour)]
    if fitting and (said.has_when or said.staff or hour):
        same = {offer.when for offer in fitting}
        return fitting[0] if len(same) == 1 or (said.staff and not said.has_when) else None
    accepts = said.has(Intent.YES, Intent.THUMBS) or said.is_that
    if said.has(Intent.ANY) or (accepts and len(offers) == 1 and not said.has(Intent.NO)):
        return offers[0]
    return None


def find_targets(
    said: Understanding, appointments: tuple[Appointment, ...], context: Context
) -> tuple[Appointment, ...]:
    """Which of the customer's appointments a message may mean; all of them when it does not say."""
    found = appointments
    if said.service.best or said.service.candidates:
        names = (said.service.best, *said.service.candidates)
        found = tuple(a for a in found if a.service in names) or found
    if said.staff and not said.has(Intent.MOVE):
        found = tuple(a for a in found if fold(a.staff) == fold(said.staff)) or found
    days = said.when.days[:1] if not said.has(Intent.MOVE) or len(said.when.days) > 1 else _named_day(said)
    for day in days:
        found = tuple(a for a in found if is_on_day(a.when, day, context.dates)) or found
    if said.when.times and (not said.has(Intent.MOVE) or len(said.when.times) > 1):
        found = tuple(a for a in found if is_at_time(a.when, said.when.times[0])) or found
    return found


def _named_day(said: Understanding) -> tuple[str, ...]:
    """The one day in a wish to move, when it says which appointment: `mueve mi cita del viernes`."""
    bare = [re.sub(r"^el ", "", fold(day)) for day in said.when.days]
    return said.when.days if bare and re.search(rf"\bdel (?:dia )?{re.escape(bare[0])}", said.folded) else ()


def _hear_people(state: State, said: Understanding, context: Context) -> State:
    name = said.name
    is_unknown = not context.customer and not state.name
    if not name and state.asked is Asked.NAME:
        name = said.first_name
    if not name and is_unknown and not said.intents - {Intent.GREETING} and not said.has_when:
        name = said.first_name
    if not name and state.asked is Asked.NAME and not said.intents - {Intent.THANKS, Intent.GREETING}:
        name = said.bare_name if not said.has_when and not said.service.best else ""
    if said.whom and (said.whom_name or state.asked is not Asked.NAME):
        state = msgspec.structs.replace(state, whom=said.whom, whom_name=said.whom_name)
    if name and state.whom and not state.whom_name and state.asked is Asked.NAME:
        return msgspec.structs.replace(state, whom_name=name)
    return msgspec.structs.replace(state, name=name) if name else state


def _hear_booking(state: State, said: Understanding, context: Context) -> State:
    chosen = pick_offer(state, said, context)
    if chosen is not None:
        return msgspec.structs.replace(
            state, offer=chosen, staff=said.staff or state.staff, day=split_label(chosen.when)[0],
            time=split_label(chosen.when)[1],
        )  # fmt: skip
    changes = False
    service = said.service.best or _settle_candidates(state, said)
    if service and service != state.service and not _is_only_question(said):
        state, changes = msgspec.structs.replace(state, service=service), True
    if said.staff and said.staff != state.staff:
        state, changes = msgspec.structs.replace(state, staff=said.staff), True
    elif said.has(Intent.ANY) and state.asked not in (Asked.SLOT, Asked.WHEN):
        state = msgspec.structs.replace(state, staff="")
    if not said.has(Intent.HOURS):
        moved = _hear_when(state, said)
        state, changes = moved, changes or (moved.day, moved.time) != (state.day, state.time)
    asks_change = state.asked is Asked.CHANGE or (
        state.asked is Asked.CONFIRM and len(said.folded) < 25 and not said.is_question
    )
    if asks_change and said.change and not changes and not said.has(Intent.YES):
        state = _forget_part(state, said.change)
        changes = True
    if changes:
        return msgspec.structs.replace(state, offer=None, offers=())
    return state


def _settle_candidates(state: State, said: Understanding) -> str:
    """One of several fitting services: the one spoken of, or the one of our list that a detail or number picks."""
    if state.service in said.service.candidates:
        return state.service
    if state.asked is not Asked.SERVICE or not state.choices:
        return ""
    if said.choice and abs(said.choice) <= len(state.choices):
        return state.choices[said.choice - 1 if said.choice > 0 else -1]
    allowed = tuple(name for name in state.choices if name in said.service.candidates) or state.choices
    return choose_by_detail(said.when.rest, allowed) if len(allowed) <= 4 else ""


def _is_only_question(said: Understanding) -> bool:
    asks = said.has(Intent.PRICE, Intent.DURATION, Intent.SERVICES, Intent.FACT)
    return asks and not said.has(Intent.BOOK) and said.service.best == ""


def _forget_part(state: State, what: str) -> State:
    if what == "servicio":
        return msgspec.structs.replace(state, service="")
    if what in ("hora", "horario"):
        return msgspec.structs.replace(state, time="")
    if what in ("dia", "fecha"):
        return msgspec.structs.replace(state, day="")
    if what == "nombre":
        return msgspec.structs.replace(state, name="", whom_name="")
    return msgspec.structs.replace(state, staff="")


def _hear_when(state: State, said: Understanding) -> State:
    """Join the words of time of this message with those said before."""
    day, time = said.when.day, said.when.time
    if not time and state.asked in (Asked.WHEN, Asked.SLOT, Asked.CHANGE) and not said.intents:
        time = read_bare_hour(said.text)
    if said.half_day and state.time and has_clock(state.time):
        time = f"{state.time} {'de la mañana' if said.half_day == 'AM' else 'de la tarde'}"
    elif time and state.time and not day:
        time = _join_times(state.time, time)
    if state.days and not day and state.asked is Asked.WHEN:
        day = _pick_day(state.days, said)
    if said.minutes and not time and state.day:
        time = state.time
    if said.has(Intent.OTHER_DAY) and not day:
        return msgspec.structs.replace(state, day="", time=time)
    if not day and not time and said.has(Intent.LATER, Intent.EARLIER) and state.day:
        time = "en la mañana" if said.has(Intent.EARLIER) else "en la tarde"
    return msgspec.structs.replace(state, day=day or state.day, time=time or state.time)


def _pick_day(days: tuple[str, ...], said: Understanding) -> str:
    """One of the days we asked about: by number, or the likeliest, which comes first, for a plain yes."""
    if said.choice and abs(said.choice) <= len(days):
        return days[said.choice - 1 if said.choice > 0 else -1]
    return days[0] if said.has(Intent.YES, Intent.ANY, Intent.THUMBS) and not said.has(Intent.NO) else ""


def _join_times(before: str, now: str) -> str:
    """`en la tarde`, then `a las 4`, is `a las 4 en la tarde`; and the other way round."""
    part = r"(?:en|por|de) la (?:mañana|tarde|noche)"
    if re.fullmatch(part, before) and has_clock(now) and not re.search(r"(?:am|pm|mañana|tarde|noche)$", now):
        return f"{now} {before}"
    if re.fullmatch(part, now) and has_clock(before) and not re.search(r"(?:[ap]m|mañana|tarde|noche)$", before, re.I):
        return f"{before} {now}"
    return now


def _hear_change(state: State, said: Understanding, context: Context) -> State:
    """Which appointment is meant, and, for a move, where to."""
    choices = state.listed or context.appointments
    if state.asked is Asked.WHICH and said.choice and abs(said.choice) <= len(choices):
        return msgspec.structs.replace(state, target=choices[said.choice - 1 if said.choice > 0 else -1])
    chosen = pick_offer(state, said, context)
    if chosen is not None:
        return msgspec.structs.replace(state, offer=chosen)
    fresh = state.target is None or state.asked is Asked.WHICH or said.has(Intent.CANCEL)
    target = state.target
    if fresh:
        found = find_targets(said, choices, context)
        target = found[0] if len(found) == 1 else state.target if state.target in found else None
    state = msgspec.structs.replace(state, target=target)
    names_target = state.asked is Asked.WHICH or (
        said.has(Intent.MOVE) and bool(_named_day(said)) and len(said.when.days) == 1
    )
    if state.goal is not Goal.MOVE or names_target:
        return state
    moved = _hear_when(msgspec.structs.replace(state, day=state.day, time=state.time), said)
    changed = (moved.day, moved.time) != (state.day, state.time) or said.staff
    staff = said.staff or state.staff
    if changed:
        return msgspec.structs.replace(moved, offer=None, offers=(), staff=staff)
    return msgspec.structs.replace(moved, staff=staff)


def _fits(label: str, said: Understanding, context: Context) -> bool:
    if not said.has_when:
        return False
    on_day = not said.when.days or is_on_day(label, said.when.day, context.dates)
    return on_day and (not said.when.times or is_at_time(label, said.when.time))


def speak(state: State, text: str, context: Context) -> State:
    """The state after a text of ours, or of a person of the business who had the conversation."""
    if mark := _HUMAN_MARK.match(text):
        return _note(msgspec.structs.replace(state, has_spoken=True), understand(text[mark.end() :], context))
    folded = fold(text)
    state = msgspec.structs.replace(state, has_spoken=True)
    goal, asked = _read_question(folded)
    if _DONE.search(folded) and asked is Asked.NOTHING:
        return state.keep_name()
    goal = goal or (Goal.BOOK if asked in (Asked.WHEN, Asked.SLOT) and state.goal is Goal.NONE else state.goal)
    lines = list(_OFFER_LINE.finditer(text))
    if lines and asked is Asked.WHICH:
        listed = tuple(
            _find_appointment(m.group("when"), m.group("service") or "", m.group("staff") or "", context) for m in lines
        )
        return msgspec.structs.replace(state, goal=goal, asked=asked, listed=listed)
    if lines and asked in (Asked.SLOT, Asked.WHEN, Asked.NOTHING):
        offers = tuple(Offer(m.group("when"), (m.group("staff") or "").strip(" .")) for m in lines)
        goal = Goal.BOOK if goal is Goal.NONE else goal
        return msgspec.structs.replace(
            _read_target(state, text, context), goal=goal, asked=Asked.SLOT, offers=offers, offer=None
        )
    if asked is Asked.NOTHING and "?" in text and state.goal is not Goal.NONE:
        asked = (
            Asked.WHEN
            if re.search(r"enero|febrero|marzo|abril|mayo|ju[nl]io|agosto|bre\b|\d:\d\d", folded)
            else Asked.NOTHING
        )
    if asked is Asked.SERVICE:
        at = {service.name: folded.find(fold(service.name)) for service in context.services}
        choices = tuple(sorted((name for name, place in at.items() if place >= 0), key=lambda name: at[name]))
        return msgspec.structs.replace(state, goal=goal, asked=asked, choices=choices or state.choices)
    days = tuple(dict.fromkeys(_DAY_LABEL.findall(text))) if asked is Asked.WHEN and state.goal is not Goal.MOVE else ()
    state = msgspec.structs.replace(state, goal=goal, asked=asked, days=days if len(days) > 1 else ())
    return _read_settled(state, text, context) if asked in (Asked.NAME, Asked.CONFIRM, Asked.WHEN) else state


@lru_cache(maxsize=2048)
def _read_question(folded: str) -> tuple[Goal | None, Asked]:
    """What the last question of a text asks for."""
    best: tuple[int, Goal | None, Asked] = (-1, None, Asked.NOTHING)
    for pattern, goal, asked in _QUESTIONS:
        match = pattern.search(folded)
        if match is not None and match.start() > best[0]:
            best = (match.start(), goal, asked)
    return best[1], best[2]


def _read_target(state: State, text: str, context: Context) -> State:
    """The appointment of the customer that a text of ours speaks of (`tu cita de Tinte del viernes …`)."""
    match = re.search(rf"tu cita de (?P<service>[^\n]+?) (?:del?|es el) (?P<when>{LABEL})", text)
    if match is None:
        return state
    target = _find_appointment(match.group("when"), match.group("service"), "", context)
    return msgspec.structs.replace(state, target=target)


def _read_settled(state: State, text: str, context: Context) -> State:
    """The time, service, staff and name that a question of ours repeats."""
    state = _read_target(state, text, context)
    old = state.target.when if state.target else ""
    labels = [label for label in find_labels(text) if state.goal is Goal.BOOK or label != old]
    if not labels or state.goal is Goal.CANCEL or state.asked is Asked.WHEN:
        return state
    offer = Offer(labels[0], _read_staff(text[text.index(labels[0]) :], context))
    names = sorted((s.name for s in context.services if fold(s.name) in fold(text)), key=len)
    state = msgspec.structs.replace(state, offer=offer, day=split_label(labels[0])[0], time=split_label(labels[0])[1])
    if names and state.goal is Goal.BOOK:
        state = msgspec.structs.replace(state, service=names[-1])
    name = _NAME_LINE.search(text)
    if (
        state.asked is Asked.CONFIRM
        and name
        and fold(name.group(1)) not in (fold(context.customer), fold(state.whom_name))
    ):
        return msgspec.structs.replace(state, name=name.group(1).strip())
    return state


def _read_staff(text: str, context: Context) -> str:
    """Who serves, as a text of ours says after `con`."""
    match = _WITH.search(text)
    if match is None:
        return ""
    words = match.group(1)
    known = [name for name in context.staff if words.startswith(name)]
    return max(known, key=len) if known else words.split(". ")[0].strip(" .")


def _find_appointment(when: str, service: str, staff: str, context: Context) -> Appointment:
    for known in context.appointments:
        if fold(known.when) == fold(when) and (not service or fold(known.service) == fold(service)):
            return known
    return Appointment(id="", service=service.strip(), when=when, staff=staff.strip())
