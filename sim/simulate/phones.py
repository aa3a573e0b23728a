"""The phones on the page: whose they are, and which of our numbers each can write to.

The world gives a few; whoever plays adds more, and those are kept in a file of the home.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from runtime.domain.enums import StaffRole
from runtime.domain.errors import Rejected
from runtime.domain.identity import WHATSAPP_PREFIX, canonical_key, mexican_national_digits
from sim.worlds import World

NAMED_CUSTOMERS = (("Ana", "+5215512345678"), ("Sofía", "+525587654321"))
"""Two customers of every world: one whose number WhatsApp still spells with +521, one without."""
LONGEST_NAME = 60
MOST_PHONES = 24
CENTRAL = "Parlo"

_ROLES = {
    StaffRole.OWNER: "dueña o dueño",
    StaffRole.ADMIN: "administra",
    StaffRole.STAFF: "equipo",
    StaffRole.VIEWER: "sólo mira",
}


class OurNumber(msgspec.Struct, frozen=True):
    """One of our WhatsApp numbers. `key` is its canonical form."""

    name: str
    number: str
    key: str


class Phone(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's phone.

    Attributes:
        number: As WhatsApp spells it, for example `+5215512345678`.
        role: Who they are, in Spanish, for people.
        staff: They work at one of the businesses.
        added: By whoever plays, not by the world.
    """

    name: str
    number: str
    role: str
    staff: bool = False
    added: bool = False

    @property
    def key(self) -> str:
        """The identity behind the number."""
        return key_of(self.number)

    @property
    def id(self) -> str:
        """What the page calls it."""
        return _slug(self.key)

    @property
    def address(self) -> str:
        """What the provider calls it."""
        return WHATSAPP_PREFIX + self.number

    @property
    def initials(self) -> str:
        """Of the name, at most two."""
        return "".join(word[0] for word in self.name.split()[:2]).upper() or "?"


class Chat(msgspec.Struct, frozen=True):
    """One phone's chat with one of our numbers."""

    phone: Phone
    ours: OurNumber

    @property
    def id(self) -> str:
        """What the page calls it."""
        return f"{self.phone.id}-{_slug(self.ours.key)}"


class PhoneBook:
    """Every phone on the page.

    Args:
        world: Whose people they are.
        path: Where added ones are kept.
    """

    def __init__(self, world: World, path: Path) -> None:
        self.numbers = list_numbers(world)
        self._path = path
        self.phones = _list_phones(world)
        known = {phone.key for phone in self.phones}
        self.phones += [phone for phone in _read(path) if phone.key not in known]

    @property
    def chats(self) -> list[Chat]:
        """Every phone's chats, in order."""
        return [Chat(phone, ours) for phone in self.phones for ours in self.numbers]

    def find_chat(self, chat_id: str) -> Chat | None:
        """The chat the page calls so."""
        return next((chat for chat in self.chats if chat.id == chat_id), None)

    def add(self, name: str, number: str) -> Phone:
        """Add somebody's phone, and keep it.

        Args:
            name: Their name on WhatsApp.
            number: In any spelling; one that begins with +521 is kept so.

        Raises:
            Rejected: No name, no number, one of ours, or one that is there.
        """
        name = " ".join(name.split())[:LONGEST_NAME]
        key = canonical_key(number)
        if not name:
            raise Rejected("phone_name", "Falta el nombre.")
        if key is None or not key.value.startswith("+"):
            raise Rejected("phone_number", "Ese número no se entiende. Escríbelo así: +52 55 1234 5678 o +521…")
        if key.value in {ours.key for ours in self.numbers}:
            raise Rejected("phone_ours", "Ese número es de un negocio, no de una persona.")
        if key.value in {phone.key for phone in self.phones}:
            raise Rejected("phone_known", "Ese teléfono ya está en la página.")
        if len(self.phones) >= MOST_PHONES:
            raise Rejected("phone_many", f"Caben {MOST_PHONES} teléfonos.")
        phone = Phone(name=name, number=_spell(number, key.value), role="clienta o cliente", added=True)
        self.phones.append(phone)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_bytes(msgspec.json.encode([each for each in self.phones if each.added]))
        return phone


def list_numbers(world: World) -> list[OurNumber]:
    """The businesses' numbers in the world's order, then the central one."""
    named = [(business.name, business.channel) for business in world.organizations if business.channel]
    return [OurNumber(name, number, key_of(number)) for name, number in [*named, (CENTRAL, world.central)]]


def key_of(number: str) -> str:
    """The identity behind a number or an address; what is none stands for itself."""
    key = canonical_key(number)
    return key.value if key else number


def _list_phones(world: World) -> list[Phone]:
    """The customer everybody plays and the owner first, side by side; then the rest."""
    customers = [Phone(name=name, number=number, role="clienta nueva") for name, number in NAMED_CUSTOMERS]
    known = [
        Phone(name=customer.name, number=customer.phone, role="clienta conocida")
        for business in world.organizations
        for customer in business.customers[:1]
        if customer.name
    ]
    people: dict[str, Phone] = {}
    for business in world.organizations:
        for member in business.staff:
            role = _ROLES[member.role] + (f" · {business.name}" if len(world.organizations) > 1 else "")
            phone = Phone(name=member.name, number=member.phone, role=role, staff=True)
            people.setdefault(phone.key, phone)
    staff = list(people.values())
    found = [customers[0], *staff[:1], customers[1], *known[:1], *staff[1:]]
    return list({phone.key: phone for phone in reversed(found)}.values())[::-1]


def _read(path: Path) -> list[Phone]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Phone])
    except (OSError, msgspec.MsgspecError):
        return []


def _spell(number: str, key: str) -> str:
    """As WhatsApp would: plus and digits, with the 1 of older Mexican accounts where it was typed."""
    canonical = canonical_key(key)
    national = mexican_national_digits(canonical) if canonical else None
    digits = "".join(char for char in number if char.isdecimal())
    return f"+521{national}" if national and digits == f"521{national}" else key


def _slug(key: str) -> str:
    return "".join(char for char in key if char.isalnum())
