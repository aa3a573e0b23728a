"""What a seed decides before anything happens: the world, who will write and what they want, and how fast things are.

Worlds differ in kind, not only in detail (how many businesses, how scarce their hours, how close together
everybody writes): a breakage that one kind of world never shows is shown by another.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from random import Random
from zoneinfo import ZoneInfo

import msgspec

from runtime.domain.enums import StaffRole
from sim.simulation.knobs import Dice, Knob, Profile
from sim.virtual_time import derive_seed
from sim.worlds import Hours, Location, Organization, World, WorldService, WorldStaff

CENTRAL = "+525500000000"
_DAYS = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")
_NAMES = (
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
_EDGES = (
    ("2026-01-31T23:50", "America/Mexico_City"),
    ("2026-12-31T23:40", "America/Cancun"),
    ("2028-02-28T23:55", "America/Mexico_City"),
    ("2026-03-08T01:40", "America/Tijuana"),
    ("2026-11-01T00:40", "America/Tijuana"),
    ("2026-11-01T01:50", "America/Ciudad_Juarez"),
)
"""Midnight at the end of a month, a year, a leap February; and nights in which border towns change their clocks."""
_HOURS = ("10 de la mañana", "12 del día", "1 de la tarde", "4 de la tarde", "5 de la tarde", "6 de la tarde")
_WHEN = ("mañana", "pasado mañana")


class Goal(StrEnum):
    """What a customer wants."""

    BOOK = "book"
    MOVE = "move"
    CANCEL = "cancel"
    TALK = "talk"
    ASK = "ask"
    CHATTER = "chatter"


class Customer(msgspec.Struct, frozen=True):
    """Somebody who will write.

    Attributes:
        business: Position of the business in the world.
        slot: A day and an hour in words, and another for whoever moves.
        writes_at_s: When, since the beginning.
        pause_s: How long they think before each line; 0 is a burst.
        hasty: Sends what belongs together in several messages at once.
        patience_s: How long they wait for an answer before they write again.
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


class Human(msgspec.Struct, frozen=True):
    """Somebody of the team, and how they treat customers who want a person.

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


class Plan(msgspec.Struct, frozen=True):
    """Everything a seed decides beforehand.

    Attributes:
        latency_s: How long a round trip to the database takes on average; other things in proportion.
        workers: How many worker processes, each with `threads` jobs at once.
        tickers: How many tickers.
        rate_scale: How much of each fault's rate holds.
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


def draw_plan(seed: int, profile: Profile) -> tuple[Plan, Dice]:
    """Everything that follows from a seed, and the dice for the rest."""
    random = Random(derive_seed(seed, "plan"))
    scale = random.choice((0.3, 1.0, 1.0, 2.0))
    dice = Dice(Random(derive_seed(seed, "dice")), scale, profile)
    count = random.choice((1, 1, 2, 3))
    zones = [random.choice(_ZONES) for _ in range(count)]
    starts = random.choice(_QUIET_MOMENTS)
    if dice.strikes(Knob.CLOCK_EDGE):
        starts, zones[0] = random.choice(_EDGES)
    organizations = tuple(_draw_business(random, index, zones[index]) for index in range(count))
    window_s = random.choice((0.5, 20.0, 300.0))
    slots = [(random.choice(_WHEN), hour) for hour in random.sample(_HOURS, random.choice((1, 2, 5)))]
    people = random.randrange(4, 9)
    customers = tuple(_draw_customer(random, index, organizations, slots, window_s) for index in range(people))
    humans = tuple(
        _draw_human(random, member, index) for index, business in enumerate(organizations) for member in business.staff
    )
    plan = Plan(
        seed=seed,
        world=World(name=f"seed-{seed}", central=CENTRAL, organizations=organizations),
        starts_at=datetime.fromisoformat(starts).replace(tzinfo=ZoneInfo(zones[0])),
        customers=customers,
        humans=humans,
        latency_s=random.choice((0.001, 0.005, 0.05)),
        workers=random.choice((1, 2, 3)),
        threads=random.choice((1, 4)),
        tickers=random.choice((1, 1, 2)),
        rate_scale=scale,
    )
    return plan, dice


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
        channel=f"+52222000010{index}",
        locations=(Location(name="Centro", address=f"Calle {index + 1} Norte 12", hours=hours),),
        services=services,
        staff=tuple(staff),
    )


def _draw_customer(
    random: Random, index: int, organizations: tuple[Organization, ...], slots: list[tuple[str, str]], window_s: float
) -> Customer:
    business = random.randrange(len(organizations))
    first, second = random.choice(slots), random.choice(slots)
    return Customer(
        name=f"{_NAMES[index]} López",
        phone=f"+5255120000{index:02d}",
        business=business,
        goal=random.choice((Goal.BOOK, Goal.BOOK, Goal.BOOK, Goal.MOVE, Goal.CANCEL, Goal.TALK, Goal.TALK, *Goal)),
        service=random.choice(organizations[business].services).name,
        slot=(" a las ".join(first), " a las ".join(second)),
        writes_at_s=random.uniform(0.0, window_s),
        pause_s=random.choice((0.0, 3.0, 20.0)),
        hasty=random.random() < 0.3,
        patience_s=random.choice((40.0, 90.0)),
    )


def _draw_human(random: Random, member: WorldStaff, business: int) -> Human:
    return Human(
        name=member.name,
        phone=member.phone,
        business=business,
        answers_after_s=random.choice((5.0, 20.0, 120.0, 400.0, 3600.0)),
        declines=random.random() < 0.15,
        says=random.randrange(0, 4),
        ends=random.random() < 0.7,
    )


def find_latest_start(plan: Plan) -> datetime:
    """When the last customer begins."""
    return plan.starts_at + timedelta(seconds=max(customer.writes_at_s for customer in plan.customers))
