"""What stands in for what: drawn from an HMAC of the secret salt and the value, never twice, never a real value.

`Redactor` asks here; nothing here looks into texts. Values are in canonical form (a phone is E.164, a card its digits).
"""

from __future__ import annotations

import hashlib
import hmac
import random
import string
from collections.abc import Callable, Iterable
from enum import StrEnum

import phonenumbers

from evals.redaction.lists import FEMALE, MALE, STREETS, SURNAMES
from runtime.domain.spanish.folding import fold


def _cut(words: str) -> list[str]:
    """The words of a list that is written like a text."""
    return words.split()


_TWO_DIGIT_AREAS = ("55", "56", "33", "81")
_THREE_DIGIT_AREAS = _cut("""
    222 228 229 244 246 247 271 281 311 312 314 322 341 351 352 378 392 411 415 418 427 434 441 442 443 444 449 452
    461 462 464 465 467 473 477 481 492 493 496 612 614 615 618 622 624 625 627 631 634 639 642 644 646 653 656 661
    662 664 667 669 686 687 698 711 721 722 726 733 734 735 744 747 753 755 756 771 773 775 777 782 783 784 833 834
    841 844 861 866 867 868 871 872 878 899 913 916 917 918 919 921 922 923 924 933 937 938 951 953 954 958 961 962
    963 967 971 981 983 984 985 987 993 997 998 999
    """)
_STATES = ("AS", "BC", "CH", "CL", "DF", "GT", "JC", "MC", "MN", "NL", "OC", "PL", "QT", "SL", "SR", "TC", "VZ", "YN")
_TRIES = 400


class Kind(StrEnum):
    """What is replaced."""

    PHONE = "phone"
    USER_ID = "user-id"
    EMAIL = "e-mail"
    CARD = "card"
    CLABE = "clabe"
    RFC = "rfc"
    CURP = "curp"
    TOKEN = "token"
    HANDLE = "handle"
    GIVEN_F = "name-f"
    GIVEN_M = "name-m"
    GIVEN = "name"
    FAMILY = "surname"
    BRAND = "brand"
    NUMBER = "number"
    STREET = "street"
    PLACE = "place"
    JOINED = "joined-name"


NAMES = frozenset({Kind.GIVEN_F, Kind.GIVEN_M, Kind.GIVEN, Kind.FAMILY, Kind.BRAND, Kind.STREET})


class Draws:
    """The stand-ins of one export.

    Attributes:
        given: Every stand-in that was handed out, by kind.
    """

    def __init__(self, salt: bytes, forbidden: Iterable[str]) -> None:
        self.given: dict[Kind, set[str]] = {kind: set() for kind in Kind}
        self._salt = salt
        self._forbidden = frozenset(forbidden)
        self._chosen: dict[tuple[Kind, str], str] = {}
        self._taken: set[str] = set()
        self._left = {
            kind: [(name, key) for name in names if (key := fold(name)) not in self._forbidden]
            for kind, names in _NAMES.items()
        }

    def stand_in(self, kind: Kind, value: str) -> str:
        """What stands in for a canonical value; the same each time."""
        if (kind, value) not in self._chosen:
            self._chosen[kind, value] = self._draw(kind, value)
        return self._chosen[kind, value]

    def chance(self, kind: Kind, value: str, attempt: int = 0) -> random.Random:
        """Chance that only the salt's owner can repeat."""
        given = f"{kind}\0{value}\0{attempt}".encode()
        return random.Random(hmac.digest(self._salt, given, hashlib.sha256))

    def _draw(self, kind: Kind, value: str) -> str:
        for attempt in range(_TRIES):
            found = self._make(kind, value, attempt)
            key = fold(found) if kind in NAMES else found
            free = kind is Kind.NUMBER or (key not in self._taken and key not in self._forbidden)
            if found and found != value and free:
                self._taken.add(key)
                self.given[kind].add(key)
                return found
        raise RuntimeError(f"no stand-in is left for a {kind}")

    def _make(self, kind: Kind, value: str, attempt: int) -> str:
        chance = self.chance(kind, value, attempt)
        if kind not in NAMES:
            return _MAKERS[kind](value, chance, attempt)
        left = [name for name, folded in self._left[kind] if folded not in self._taken]
        return chance.choice(left) if left else _coin(kind, chance)


def scramble(text: str, chance: random.Random) -> str:
    """Other letters for letters and other digits for digits, of the same case; everything else stays."""
    return "".join(_scramble_char(char, chance) for char in text)


def _scramble_char(char: str, chance: random.Random) -> str:
    if char.isdecimal():
        return chance.choice(string.digits)
    if char.isalpha():
        return chance.choice(string.ascii_uppercase if char.isupper() else string.ascii_lowercase)
    return char


def luhn_digit(digits: str) -> str:
    """The check digit that a card's other digits ask for."""
    doubled = [int(digit) * (2 if index % 2 == 0 else 1) for index, digit in enumerate(reversed(digits))]
    return str(-sum(each - 9 if each > 9 else each for each in doubled) % 10)


def clabe_digit(digits: str) -> str:
    """The check digit that the first seventeen digits of a CLABE ask for."""
    weighted = (int(digit) * (3, 7, 1)[index % 3] % 10 for index, digit in enumerate(digits))
    return str(-sum(weighted) % 10)


def _digits(count: int, chance: random.Random) -> str:
    return "".join(chance.choice(string.digits) for _ in range(count))


def _letters(count: int, chance: random.Random, among: str = string.ascii_uppercase) -> str:
    return "".join(chance.choice(among) for _ in range(count))


def _make_phone(value: str, chance: random.Random, attempt: int) -> str:
    if value.startswith("+52") and len(value) == 13:
        short = value[3:5] in _TWO_DIGIT_AREAS
        area = chance.choice(_TWO_DIGIT_AREAS if short else _THREE_DIGIT_AREAS)
        made = f"+52{area}{chance.choice('123456789')}{_digits(9 - len(area), chance)}"
    else:
        parsed = phonenumbers.parse(value, None)
        country = f"+{parsed.country_code}"
        national = value[len(country) :]
        # an area is kept at first, so that most draws are numbers that can exist
        kept = national[:2] if attempt < _TRIES // 2 else national[:1]
        made = country + kept + _digits(len(national) - len(kept), chance)
    valid = phonenumbers.is_valid_number(phonenumbers.parse(made, None))
    return made if valid or attempt > _TRIES * 3 // 4 else ""


def _make_user_id(value: str, chance: random.Random, _: int) -> str:
    country, dot, rest = value.rpartition(".")
    return country + dot + scramble(rest, chance)


def _make_email(value: str, chance: random.Random, _: int) -> str:
    return f"{scramble(value.partition('@')[0], chance)}@example.com"


def _make_card(value: str, chance: random.Random, _: int) -> str:
    bare = ("37828" if len(value) == 15 else "424242") + _digits(len(value) - (6 if len(value) == 15 else 7), chance)
    return bare + luhn_digit(bare)


def _make_clabe(_: str, chance: random.Random, __: int) -> str:
    bare = "999" + _digits(14, chance)
    return bare + clabe_digit(bare)


def _birthday(chance: random.Random) -> str:
    return f"{chance.randrange(100):02}{chance.randrange(1, 13):02}{chance.randrange(1, 29):02}"


def _make_rfc(value: str, chance: random.Random, _: int) -> str:
    initials = _letters(len(value) - 9, chance)
    return f"{initials}{_birthday(chance)}{_letters(2, chance)}{_digits(1, chance)}"


def _make_curp(value: str, chance: random.Random, _: int) -> str:
    initials = _letters(1, chance) + chance.choice("AEIOU") + _letters(2, chance)
    inner = _letters(3, chance, "BCDFGHJKLMNPQRSTVWXYZ")
    return f"{initials}{_birthday(chance)}{value[10]}{chance.choice(_STATES)}{inner}{_digits(2, chance)}"


def _make_scrambled(value: str, chance: random.Random, _: int) -> str:
    return scramble(value, chance)


def _make_number(value: str, chance: random.Random, _: int) -> str:
    return chance.choice("123456789") + _digits(len(value.rpartition("|")[2]) - 1, chance)


def _make_place(_: str, chance: random.Random, __: int) -> str:
    return f"{chance.uniform(17.5, 22.5):.4f},{chance.uniform(-103.0, -97.5):.4f}"


def _coin(kind: Kind, chance: random.Random) -> str:
    """A name nobody has, for exports in which everybody has a name of the list."""
    starts, ends = _COINED[Kind.STREET if kind is Kind.BRAND else kind]
    return chance.choice(starts) + chance.choice(_MIDDLES) + chance.choice(ends)


_NAMES = {
    Kind.GIVEN_F: FEMALE,
    Kind.GIVEN_M: MALE,
    Kind.GIVEN: FEMALE + MALE,
    Kind.FAMILY: SURNAMES,
    Kind.BRAND: STREETS,
    Kind.STREET: STREETS,
}
_MIDDLES = _cut("ba ce da de di fa le li lo ma me mi na ne ni no ra re ri ro sa si ta te ti va ve vi")
_COINED = {
    Kind.GIVEN_F: (
        _cut("Ai Ana Bela Cari Dara Eli Fani Gala Ile Jana Kari Leo Mari Noe Oria Pao Risa Xa Yare Zu"),
        _cut("la lia lina mara na nia ra ria risa tza"),
    ),
    Kind.GIVEN_M: (
        _cut("Adel Ari Bel Cami Dari Eva Fabi Gar Hila Isa Jona Leo Mar Noel Osca Quin Rai Sandi Uli Zeno"),
        _cut("lio mir nel nio no rdo rio ro so to"),
    ),
    Kind.GIVEN: (
        _cut("Ale Ari Bel Cami Dari Eli Fani Gari Isa Jana Leo Mari Noe Ori Qui Rai San Uli Ya Ze"),
        _cut("l li m n ne r ri s x z"),
    ),
    Kind.FAMILY: (
        _cut("Alba Bara Cala Dura Esca Fari Gara Hina Iba Jura Lara Mala Nava Olma Pera Quira Sala Tara Ura Vala Zura"),
        _cut("bal che dal gal les ndez nes rán rez ro vedo zar"),
    ),
    Kind.STREET: (
        _cut("Alame Bosque Cami Fuente Jardi Lade Mira Pala Prade Vereda"),
        _cut("la lar les na nal ra res ros sal tal"),
    ),
}

_MAKERS: dict[Kind, Callable[[str, random.Random, int], str]] = {
    Kind.PHONE: _make_phone,
    Kind.USER_ID: _make_user_id,
    Kind.EMAIL: _make_email,
    Kind.CARD: _make_card,
    Kind.CLABE: _make_clabe,
    Kind.RFC: _make_rfc,
    Kind.CURP: _make_curp,
    Kind.TOKEN: _make_scrambled,
    Kind.HANDLE: _make_scrambled,
    Kind.NUMBER: _make_number,
    Kind.PLACE: _make_place,
}
