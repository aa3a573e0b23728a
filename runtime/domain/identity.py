"""Who an address belongs to: every spelling of one phone number is one key, and people without a phone have one too.

The webhook, staff recognition and the outbox use these. A key is for matching; the raw address is what we
answer to. Nothing here raises on any text, and nothing here knows whether a number exists.

Mexican numbers are decided by their count of digits, never by how they begin: WhatsApp keeps older accounts
under +521 and ten digits, newer ones under +52 and ten digits, and people write them in a dozen ways.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache

import msgspec
import phonenumbers

WHATSAPP_PREFIX = "whatsapp:"


class AddressKind(StrEnum):
    """What an address is made of."""

    PHONE = "phone"
    BUSINESS_SCOPED = "business_scoped"
    SHORT_CODE = "short_code"


class AddressKey(msgspec.Struct, frozen=True):
    """The canonical form of an address: `+` and digits (E.164), `MX.abc123`, or the digits of a short code."""

    value: str
    kind: AddressKind


class Address(msgspec.Struct, frozen=True):
    """An address as it arrived, untouched in `raw`, together with the identity it stands for."""

    raw: str
    key: AddressKey


_MAX_RAW_LENGTH = 200
_MEXICO = "52"
_NATIONAL_DIGITS = 10
# What may stand before the ten national digits: dialling codes of today and of before 2019, with or without 00.
_MEXICAN_PREFIXES = frozenset(("", "52", "521", "01", "044", "045", "0052", "00521", "5201", "52044", "52045"))
_MEXICAN_PREFIXES_AFTER_PLUS = frozenset(("52", "521", "5201", "52044", "52045"))
_BUSINESS_SCOPED = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
_SCHEME = re.compile(r"(?:whatsapp|tel|sms)\s*:\s*", re.IGNORECASE)
_PHONE_SHAPE = re.compile(r"\+?[0-9 ().\-/]+")
_DASHES = re.compile(r"[\u2010-\u2015\u2212]")


@lru_cache(maxsize=8192)
def canonical_key(raw: str) -> AddressKey | None:
    """The identity behind any spelling of an address, or None for what is no address. Idempotent on its values."""
    if len(raw) > _MAX_RAW_LENGTH:
        return None
    bare, from_provider = _strip_scheme(_plain(raw))
    if _BUSINESS_SCOPED.fullmatch(bare):
        return AddressKey(bare, AddressKind.BUSINESS_SCOPED)
    if not _PHONE_SHAPE.fullmatch(bare):
        return None
    digits = "".join(char for char in bare if char.isdecimal())
    if bare.startswith("+"):
        return _key_after_plus(digits, from_provider=from_provider)
    return _key_without_plus(digits)


def parse_whatsapp_address(raw: str) -> Address | None:
    """Read a `From`, `To` or typed address; None where there is no identity in it."""
    key = canonical_key(raw)
    return None if key is None else Address(raw=raw, key=key)


def candidate_addresses(key: AddressKey) -> tuple[str, ...]:
    """Where a message to this person may be sent, best first: a Mexican number also has its form of before 2019."""
    national = mexican_national_digits(key)
    if national is None:
        return (key.value,)
    return (key.value, f"+{_MEXICO}1{national}")


def whatsapp_address(address: str) -> str:
    """The provider's form of an address or key: `whatsapp:+525512345678`, `whatsapp:MX.abc123`."""
    return address if address.startswith(WHATSAPP_PREFIX) else f"{WHATSAPP_PREFIX}{address}"


def mexican_national_digits(key: AddressKey) -> str | None:
    """The ten national digits of a Mexican phone, or None for anything else."""
    is_mexican = key.kind is AddressKind.PHONE and key.value.startswith(f"+{_MEXICO}")
    return key.value[3:] if is_mexican and len(key.value) == 3 + _NATIONAL_DIGITS else None


def _plain(raw: str) -> str:
    """Full-width and other digits made plain, invisible characters and odd dashes gone."""
    if raw.isascii() and raw.isprintable():
        return " ".join(raw.split())
    normal = _DASHES.sub("-", unicodedata.normalize("NFKC", raw))
    shown = "".join(_plain_char(char) for char in normal if unicodedata.category(char) not in ("Cf", "Cc", "Cs"))
    return " ".join(shown.split())


def _plain_char(char: str) -> str:
    return str(unicodedata.decimal(char)) if char.isdecimal() else char


def _strip_scheme(text: str) -> tuple[str, bool]:
    found = _SCHEME.match(text)
    if found is None:
        return text, False
    return text[found.end() :], found[0].lower().startswith("whatsapp")


def _key_after_plus(digits: str, *, from_provider: bool) -> AddressKey | None:
    mexican = _mexican_key(digits, _MEXICAN_PREFIXES_AFTER_PLUS)
    if mexican is not None:
        return mexican
    foreign = _foreign_key(digits)
    if foreign is not None:
        return foreign
    # A number the provider itself delivered from is real, whatever the numbering tables know about it.
    if from_provider and 8 <= len(digits) <= 15 and not digits.startswith(("0", _MEXICO)):
        return AddressKey(f"+{digits}", AddressKind.PHONE)
    return None


def _key_without_plus(digits: str) -> AddressKey | None:
    mexican = _mexican_key(digits, _MEXICAN_PREFIXES)
    if mexican is not None:
        return mexican
    if 3 <= len(digits) <= 6:
        return AddressKey(digits, AddressKind.SHORT_CODE)
    if len(digits) <= _NATIONAL_DIGITS:
        return None
    return _foreign_key(digits.removeprefix("00"))


def _mexican_key(digits: str, prefixes: frozenset[str]) -> AddressKey | None:
    national = digits[-_NATIONAL_DIGITS:]
    if len(national) < _NATIONAL_DIGITS or national[0] in "01" or digits[:-_NATIONAL_DIGITS] not in prefixes:
        return None
    return AddressKey(f"+{_MEXICO}{national}", AddressKind.PHONE)


def _foreign_key(digits: str) -> AddressKey | None:
    if digits.startswith(("0", _MEXICO)):
        return None
    try:
        parsed = phonenumbers.parse(f"+{digits}", None)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(parsed) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return AddressKey(
        phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164),
        AddressKind.PHONE,
    )
