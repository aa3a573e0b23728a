"""What a seed decides before anything happens: the world, who will write and what they want, and how fast things are.

Worlds differ in kind, not only in detail (how many businesses, how scarce their hours, how close together
everybody writes): a breakage that one kind of world never shows is shown by another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random
from zoneinfo import ZoneInfo

import msgspec

from runtime.domain.enums import StaffRole
from sim.simulation.errands import Around, Errand, draw_errands
from sim.simulation.knobs import Dice, Knob, Profile
from sim.simulation.manners import Manner, draw_chairs, draw_manner, draw_walls
from sim.virtual_time import derive_seed
from sim.worlds import Hours, Location, Organization, World, WorldService, WorldStaff

CENTRAL = "+525500000000"
_DAYS = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")
NAMES = (
    "Ana",
    "Beatriz",
    "Carmen",
    "Diana",
    "Elena",
    "Fernanda",
    "Gaby",
    "Irene",
    "Julia",
    "Karina",
    "Laura",
    "Marta",
)
_BUSINESSES = (("Estética Jazmín", "Jazmín"), ("Uñas Violeta", "Violeta"), ("Salón Azucena", "Azucena"))
_HELPERS = (("Rosa", "Perla"), ("Nadia", "Olga"), ("Tere", "Irma"))
_SERVICES = (
    (("Gelish", 60), ("Manicure", 45)),
    (("Corte de dama", 45), ("Peinado", 60)),
    (("Tinte completo", 120), ("Corte de niño", 30)),
)
_ZONES = ("America/Mexico_City", "America/Cancun", "America/Tijuana", "America/Hermosillo")
_QUIET_MOMENTS = ("2026-01-12T10:00", "2026-05-06T12:30", "2026-09-18T17:45")
_EDGES: Mapping[Knob, Sequence[tuple[str, str]]] = {
    Knob.CLOCK_MIDNIGHT: (("2026-06-16T23:57", "America/Hermosillo"), ("2026-06-16T23:57", "America/Mexico_City")),
    Knob.CLOCK_MONTH_END: (("2026-01-31T23:57", "America/Mexico_City"), ("2026-04-30T23:57", "America/Tijuana")),
    Knob.CLOCK_YEAR_END: (("2026-12-31T23:57", "America/Cancun"),),
    Knob.CLOCK_LEAP_DAY: (("2028-02-28T23:57", "America/Mexico_City"), ("2028-02-29T12:00", "America/Cancun")),
    Knob.CLOCK_SPRINGS_FORWARD: (("2026-03-08T01:57", "America/Tijuana"), ("2026-03-07T19:00", "America/Tijuana")),
    Knob.CLOCK_FALLS_BACK: (("2026-11-01T00:57", "America/Tijuana"), ("2026-11-01T01:57", "America/Ciudad_Juarez")),
}
"""Moments shortly before a day, a month or a year ends, and before border towns change their clocks."""
SKEW_S = 0.05
"""How far one process's clock may be from the true time, either way."""
_HOURS = ("10 de la mañana", "12 del día", "1 de la tarde", "4 de la tarde", "5 de la tarde", "6 de la tarde")
_WHEN = ("mañana", "pasado mañana")
_ANSWER_AFTER_S = (5.0, 20.0, 120.0, 400.0, 3600.0)
NEVER_S = 1e6


RUSH_LATENCY_S = 0.25


class Goal(StrEnum):
    """What a customer wants."""

    BOOK = "book"
    MOVE = "move"
    CANCEL = "cancel"
    TALK = "talk"
    ASK = "ask"
    CHATTER = "chatter"
    WAVER = "waver"
    FILE = "file"
    FLOOD = "flood"


class Customer(msgspec.Struct, frozen=True):
    """Somebody who will write.

    Attributes:
        business: Position of the business in the world.
        slot: A day and an hour in words, and another for whoever moves.
        writes_at_s: When, since the beginning.
        pause_s: How long they think before each line; 0 is a burst.
        hasty: Sends what belongs together in several messages at once.
        patience_s: How long they wait for an answer before they write again.
        manner: What they do besides.
    """

    name: str
    phone: str
    business: int
    goal: Goal
    service: str
    slot: tuple[str, str]
    writes_at_s: float
    pause_s: float
    hasty: bool
    patience_s: float
    manner: Manner = Manner.PLAIN


class Human(msgspec.Struct, frozen=True):
    """Somebody of the team, how they treat customers who want a person, and what they order besides.

    Attributes:
        answers_after_s: How long until they look at their phone; long ones let customers wait.
        declines: Says no to the first they are asked to take.
        says: How many messages they write before they end it; ends by falling silent where `ends` is false.
    """

    name: str
    phone: str
    business: int
    answers_after_s: float
    declines: bool
    says: int
    ends: bool
    errands: tuple[Errand, ...] = ()


class Plan(msgspec.Struct, frozen=True):
    """Everything a seed decides beforehand.

    Attributes:
        latency_s: How long a round trip to the database takes on average; other things in proportion.
        workers: How many worker processes, each with `threads` jobs at once.
        tickers: How many tickers.
        rate_scale: How much of each fault's rate holds.
        tick_s: How often a ticker looks.
        lingers_s: How long the world goes on after the last word, so that what nobody ended comes to its own end.
        skewed: Every process has a clock of its own, wrong by up to `SKEW_S`.
        walls: The database's policies hold; where not, the code's own filters must keep businesses apart.
    """

    seed: int
    world: World
    starts_at: datetime
    customers: tuple[Customer, ...]
    humans: tuple[Human, ...]
    latency_s: float
    workers: int
    threads: int
    tickers: int
    rate_scale: float
    tick_s: float = 1.0
    lingers_s: float = 0.0
    skewed: bool = False
    walls: bool = True


def draw_plan(seed: int, profile: Profile) -> tuple[Plan, Dice]:
    """Everything that follows from a seed, and the dice for the rest."""
    random = Random(derive_seed(seed, "plan"))
    scale = random.choice((0.3, 1.0, 1.0, 2.0))
    dice = Dice(Random(derive_seed(seed, "dice")), scale, profile)
    count = random.choice((1, 1, 2, 3))
    zones = [random.choice(_ZONES) for _ in range(count)]
    starts = random.choice(_QUIET_MOMENTS)
    if (edge := dice.pick(*_EDGES)) is not None:
        # drawn apart: the rest of the world must not hang on which faults there are
        starts, zones[0] = Random(derive_seed(seed, "edge")).choice(_EDGES[edge])
    organizations = tuple(_draw_business(random, index, zones[index]) for index in range(count))
    window_s = random.choice((0.5, 20.0, 300.0))
    slots = [(random.choice(_WHEN), hour) for hour in random.sample(_HOURS, random.choice((1, 2, 5)))]
    people = random.randrange(4, 9)
    customers = tuple(_draw_customer(random, index, organizations, slots, window_s) for index in range(people))
    humans = tuple(
        _draw_human(random, member, index, dice)
        for index, business in enumerate(organizations)
        for member in business.staff
    )
    apart = Random(derive_seed(seed, "also customers"))
    customers += tuple(
        _draw_customer(apart, people + index, organizations, slots, window_s, also=human)
        for index, human in enumerate(humans)
        if count > 1 and dice.strikes(Knob.HUMAN_IS_CUSTOMER)
    )
    lingers = random.random() < 0.1
    plan = Plan(
        seed=seed,
        world=World(name=f"seed-{seed}", central=CENTRAL, organizations=_furnish(seed, organizations)),
        starts_at=datetime.fromisoformat(starts).replace(tzinfo=ZoneInfo(zones[0])),
        customers=tuple(_give_manner(seed, customer) for customer in customers),
        humans=tuple(_give_errands(seed, human, organizations, customers, slots) for human in humans),
        latency_s=random.choice((0.001, 0.005, 0.05)),
        workers=random.choice((1, 2, 3)),
        threads=random.choice((1, 4)),
        tickers=2 if dice.strikes(Knob.PROCESS_TWO_SWEEPERS) else 1,
        rate_scale=scale,
        tick_s=20.0 if lingers else random.choice((0.25, 1.0, 1.0, 1.0)),
        lingers_s=9_000.0 if lingers else 0.0,
        skewed=dice.strikes(Knob.CLOCK_SKEWED),
        walls=draw_walls(seed),
    )
    return _rush(seed, plan), dice


def _furnish(seed: int, organizations: tuple[Organization, ...]) -> tuple[Organization, ...]:
    return tuple(draw_chairs(seed, organization) for organization in organizations)


def _rush(seed: int, plan: Plan) -> Plan:
    """The same world; in one of five everybody wants the same of one business at once, over a slow connection."""
    random = Random(derive_seed(seed, "rush"))
    if random.random() >= 1 / 5:
        return plan
    goal, first = random.choice((Goal.BOOK, Goal.BOOK, Goal.TALK)), plan.customers[0]
    rushing = tuple(
        msgspec.structs.replace(
            each,
            business=first.business,
            service=first.service,
            slot=first.slot,
            goal=goal,
            writes_at_s=each.writes_at_s % 0.5,
            pause_s=0.0,
            hasty=False,
        )
        for each in plan.customers
    )
    # all of them are served at the same time: who waits for a free worker meets nobody
    return msgspec.structs.replace(plan, customers=rushing, latency_s=RUSH_LATENCY_S, workers=3, threads=4)


def _give_errands(
    seed: int,
    human: Human,
    organizations: Sequence[Organization],
    customers: Sequence[Customer],
    slots: Sequence[tuple[str, str]],
) -> Human:
    business = organizations[human.business]
    role = next(it.role for it in business.staff if it.phone == human.phone)
    names = tuple(it.name for it in customers if it.business == human.business)
    around = Around(business, names, tuple(" a las ".join(slot) for slot in slots))
    return msgspec.structs.replace(human, errands=draw_errands(seed, human.phone, role, around))


def _give_manner(seed: int, customer: Customer) -> Customer:
    return msgspec.structs.replace(customer, manner=draw_manner(seed, customer.phone))


def _draw_business(random: Random, index: int, zone: str) -> Organization:
    name, owner = _BUSINESSES[index]
    helpers = _HELPERS[index][: random.randrange(0, 3)]
    staff = [WorldStaff(key="duena", name=owner, role=StaffRole.OWNER, phone=f"+52222{index}000101")]
    staff += [
        WorldStaff(key=f"admin{n}", name=helper, role=StaffRole.ADMIN, phone=f"+52222{index}00020{n}")
        for n, helper in enumerate(helpers)
    ]
    working = tuple(member.key for member in staff[: random.choice((1, 1, 2))])
    services = tuple(
        WorldService(name=service, minutes=minutes, price_cents=(index + 1) * 11_100 + position * 700, staff=working)
        for position, (service, minutes) in enumerate(_SERVICES[index])
    )
    hours: Hours = {day: (("09:00", "20:00" if random.random() < 0.9 else "23:30"),) for day in _DAYS}
    return Organization(
        key=f"negocio{index}",
        name=name,
        timezone=zone,
        channel=f"+52229900000{index}",
        locations=(Location(name="Centro", address=f"Calle {index + 1} Norte 12", hours=hours),),
        services=services,
        staff=tuple(staff),
    )


def _draw_customer(
    random: Random,
    index: int,
    organizations: tuple[Organization, ...],
    slots: list[tuple[str, str]],
    window_s: float,
    *,
    also: Human | None = None,
) -> Customer:
    """Somebody who writes; `also` is one of the team of another business than the one they are a customer of."""
    others = [place for place in range(len(organizations)) if also is None or place != also.business]
    business = random.choice(others)
    first, second = random.choice(slots), random.choice(slots)
    return Customer(
        name=f"{NAMES[index % len(NAMES)]} López",
        phone=f"+5255120000{index:02d}" if also is None else also.phone,
        business=business,
        goal=random.choice((Goal.BOOK, Goal.BOOK, Goal.BOOK, Goal.MOVE, Goal.CANCEL, Goal.TALK, Goal.TALK, *Goal)),
        service=random.choice(organizations[business].services).name,
        slot=(" a las ".join(first), " a las ".join(second)),
        writes_at_s=random.uniform(0.0, window_s),
        pause_s=random.choice((0.0, 3.0, 20.0)),
        hasty=random.random() < 0.3,
        patience_s=random.choice((40.0, 90.0)),
    )


def _draw_human(random: Random, member: WorldStaff, business: int, dice: Dice) -> Human:
    answers_after_s = random.choice(_ANSWER_AFTER_S)
    return Human(
        name=member.name,
        phone=member.phone,
        business=business,
        answers_after_s=NEVER_S if dice.strikes(Knob.HUMAN_NEVER_ANSWERS) else answers_after_s,
        declines=random.random() < 0.15,
        says=random.randrange(0, 4),
        ends=random.random() < 0.7,
    )


def find_latest_start(plan: Plan) -> datetime:
    """When the last customer begins."""
    return plan.starts_at + timedelta(seconds=max(customer.writes_at_s for customer in plan.customers))
