"""Who lives in a chaos run: five businesses with their teams, and customers for so many messages."""

from __future__ import annotations

from datetime import datetime
from random import Random
from zoneinfo import ZoneInfo

from runtime.domain.enums import StaffRole
from sim.simulation.plan import CENTRAL, NAMES, Customer, Goal, Human, Plan
from sim.virtual_time import derive_seed
from sim.worlds import WEEKDAYS, Hours, Location, Organization, World, WorldService, WorldStaff

ZONE = "America/Mexico_City"
MESSAGES_EACH = 4.2
"""What a customer and whoever talks to them write on average."""
LAST_BEGIN_S = 15.0
"""Nobody begins in the last seconds of the first phase."""

# Names and prices are each business's own: a leak would show. No staff's name is a customer's.
_BUSINESSES = ("Estética Jazmín", "Uñas Violeta", "Salón Azucena", "Estudio Dalia", "Barbería Cedro")
_TEAMS = (
    ("Perla", "Nadia", "Olga", "Zaira"),
    ("Irma", "Wendy", "Yolanda", "Tere"),
    ("Ramona", "Petra", "Ofelia", "Macaria"),
    ("Leticia", "Hortensia", "Filomena", "Gudelia"),
    ("Teodora", "Nicolasa", "Xóchitl", "Brígida"),
)
_SERVICES = (("Gelish", 60), ("Manicure", 45), ("Corte de dama", 45), ("Peinado", 60))
_OPEN: Hours = {weekday: (("08:00", "21:00"),) for weekday in WEEKDAYS}
_SURNAMES = (
    "López",
    "Pérez",
    "García",
    "Ruiz",
    "Torres",
    "Flores",
    "Ortiz",
    "Vargas",
    "Romero",
    "Castro",
    "Soto",
    "Luna",
)
_DAYS = ("mañana", "pasado mañana", "el lunes", "el martes", "el miércoles", "el jueves", "el viernes", "el sábado")
_HOURS = ("9 de la mañana", "10 de la mañana", "11 de la mañana", "12 del día", "1 de la tarde", "3 de la tarde",
          "4 de la tarde", "5 de la tarde", "6 de la tarde", "7 de la noche")  # fmt: skip
_GOALS = (*(Goal.BOOK,) * 8, *(Goal.MOVE,) * 3, *(Goal.CANCEL,) * 3, *(Goal.ASK,) * 3, *(Goal.TALK,) * 3, Goal.CHATTER)


def draw_town(seed: int, *, messages: int, seconds: float, now: datetime) -> Plan:
    """Everybody there is, and what they want.

    Args:
        seed: Decides it all.
        messages: How many are to be written, roughly.
        seconds: Of the first phase.
        now: When it begins.
    """
    random = Random(derive_seed(seed, "town"))
    organizations = tuple(_compose_business(index) for index in range(len(_BUSINESSES)))
    window_s = max(seconds - LAST_BEGIN_S, seconds / 2)
    return Plan(
        seed=seed,
        world=World(name=f"chaos-{seed}", central=CENTRAL, organizations=organizations),
        starts_at=now.astimezone(ZoneInfo(ZONE)),
        customers=tuple(
            _draw_customer(random, index, window_s) for index in range(max(1, round(messages / MESSAGES_EACH)))
        ),
        humans=tuple(
            _draw_human(random, member, index)
            for index, business in enumerate(organizations)
            for member in business.staff
        ),
        latency_s=0.0,
        workers=0,
        threads=0,
        tickers=0,
        rate_scale=1.0,
    )


def _compose_business(index: int) -> Organization:
    owner, *others = _TEAMS[index]
    staff = [WorldStaff(key="duena", name=owner, role=StaffRole.OWNER, phone=f"+52222{index}000101")]
    staff += [
        WorldStaff(key=f"admin{n}", name=name, role=StaffRole.ADMIN, phone=f"+52222{index}00020{n}")
        for n, name in enumerate(others)
    ]
    services = tuple(
        WorldService(
            name=name,
            minutes=minutes,
            price_cents=(index + 1) * 11_100 + position * 700,
            staff=tuple(member.key for member in staff),
        )
        for position, (name, minutes) in enumerate(_SERVICES)
    )
    return Organization(
        key=f"negocio{index}",
        name=_BUSINESSES[index],
        timezone=ZONE,
        channel=f"+52222000010{index}",
        locations=(Location(name="Centro", address=f"Calle {index + 1} Norte 12", hours=_OPEN),),
        services=services,
        staff=tuple(staff),
    )


def _draw_customer(random: Random, index: int, window_s: float) -> Customer:
    slots = [f"{random.choice(_DAYS)} a las {random.choice(_HOURS)}" for _ in range(2)]
    return Customer(
        name=f"{random.choice(NAMES)} {random.choice(_SURNAMES)}",
        phone=f"+52551{index:07d}",
        business=random.randrange(len(_BUSINESSES)),
        goal=random.choice(_GOALS),
        service=random.choice(_SERVICES)[0],
        slot=(slots[0], slots[1]),
        writes_at_s=random.uniform(0.0, window_s),
        pause_s=random.choice((0.0, 0.5, 3.0)),
        hasty=random.random() < 0.3,
        patience_s=random.choice((40.0, 90.0)),
    )


def _draw_human(random: Random, member: WorldStaff, business: int) -> Human:
    return Human(
        name=member.name,
        phone=member.phone,
        business=business,
        answers_after_s=random.choice((2.0, 5.0, 15.0)),
        declines=random.random() < 0.15,
        says=random.randrange(0, 4),
        ends=random.random() < 0.9,
    )
