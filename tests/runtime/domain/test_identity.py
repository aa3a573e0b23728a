"""One person behind every spelling of an address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.domain.identity import (
    AddressKey,
    AddressKind,
    candidate_addresses,
    canonical_key,
    mexican_national_digits,
    parse_whatsapp_address,
    whatsapp_address,
)

NATIONAL = st.from_regex(r"[2-9][0-9]{9}", fullmatch=True)
SPELLINGS = [
    "whatsapp:+521{a}{b}{c}",
    "whatsapp:+52{a}{b}{c}",
    "+52 1 {a} {b} {c}",
    "+52 {a} {b} {c}",
    "+52 ({a}) {b}-{c}",
    "+52-1-{a}-{b}-{c}",
    "{a} {b} {c}",
    "{a}{b}{c}",
    "({a}) {b} {c}",
    "{a}.{b}.{c}",
    "044 {a} {b} {c}",
    "045{a}{b}{c}",
    "01 {a} {b} {c}",
    "52 1 {a} {b} {c}",
    "521{a}{b}{c}",
    "52{a}{b}{c}",
    "0052 {a} {b}{c}",
    "+52 044 {a} {b} {c}",
    "+52 01 {a} {b} {c}",
    "tel:+52{a}{b}{c}",
    "\u202a+52 1 {a} {b} {c}\u202c",
    "+52\u00a0{a}\u00a0{b}\u00a0{c}",
    "  +52{a}{b}{c}\n",
    "+52 {a}\u2011{b}\u2011{c}",
]


@given(NATIONAL)
def test_every_spelling_of_a_mexican_number_is_one_key(national: str) -> None:
    """With and without the old mobile 1, prefixes of before 2019, spaces, brackets and invisible marks."""
    wanted = AddressKey(f"+52{national}", AddressKind.PHONE)

    keys = {
        spelling: canonical_key(spelling.format(a=national[:2], b=national[2:6], c=national[6:]))
        for spelling in SPELLINGS
    }

    assert {spelling: key for spelling, key in keys.items() if key != wanted} == {}


@given(NATIONAL)
def test_numbers_that_begin_like_a_prefix_are_decided_by_their_count_of_digits(national: str) -> None:
    """Ten digits that begin with 52 are a national number."""
    tricky = f"52{national[2:]}"

    assert canonical_key(tricky) == AddressKey(f"+52{tricky}", AddressKind.PHONE)
    assert canonical_key(f"52{tricky}") == AddressKey(f"+52{tricky}", AddressKind.PHONE)


@given(
    st.text(max_size=60)
    | st.from_regex(r"\+?[0-9 ()\-]{0,20}", fullmatch=True)
    | st.text("0123456789+ .MX", max_size=25)
)
def test_any_text_has_a_stable_key_or_none(raw: str) -> None:
    """Nothing raises, and the key of a key is that key."""
    key = canonical_key(raw)

    assert key is None or canonical_key(key.value) == key


@given(NATIONAL)
def test_the_raw_address_is_kept_for_answering(national: str) -> None:
    """Matching uses the key, sending the address that wrote to us."""
    raw = f"whatsapp:+521{national}"

    address = parse_whatsapp_address(raw)

    assert address is not None
    assert address.raw == raw
    assert address.key.value == f"+52{national}"


def test_a_mexican_number_may_be_reached_under_two_addresses() -> None:
    """The form of today first; others have one form."""
    mexican = AddressKey("+525512345678", AddressKind.PHONE)
    american = AddressKey("+14155238886", AddressKind.PHONE)
    hidden = AddressKey("MX.abc123", AddressKind.BUSINESS_SCOPED)

    assert candidate_addresses(mexican) == ("+525512345678", "+5215512345678")
    assert candidate_addresses(american) == ("+14155238886",)
    assert candidate_addresses(hidden) == ("MX.abc123",)
    assert {canonical_key(each) for each in candidate_addresses(mexican)} == {mexican}


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("whatsapp:+14155238886", "+14155238886"),
        ("14155238886", "+14155238886"),
        ("+44 20 7946 0958", "+442079460958"),
        ("whatsapp:+5491123456789", "+5491123456789"),
        ("+54 9 11 2345-6789", "+5491123456789"),
        ("whatsapp:+5511987654321", "+5511987654321"),
        ("+55 11 98765-4321", "+5511987654321"),
        ("0034 612 345 678", "+34612345678"),
    ],
)
def test_other_countries_are_e164(raw: str, value: str) -> None:
    """The Argentine 9 and the ninth digit of Brazil stay."""
    assert canonical_key(raw) == AddressKey(value, AddressKind.PHONE)


@pytest.mark.parametrize(
    ("raw", "value"),
    [("whatsapp:MX.abc123", "MX.abc123"), ("MX.AbC123", "MX.AbC123"), ("MX.ENT.9aB", "MX.ENT.9aB")],
)
def test_people_without_a_phone_have_their_scoped_id(raw: str, value: str) -> None:
    """It is case-sensitive and kept as it is."""
    assert canonical_key(raw) == AddressKey(value, AddressKind.BUSINESS_SCOPED)


def test_ids_that_differ_in_case_are_two_people() -> None:
    """Folding would merge them."""
    assert canonical_key("MX.abc") != canonical_key("MX.ABC")


def test_short_codes_are_kept() -> None:
    """Three to six digits."""
    assert canonical_key("24365") == AddressKey("24365", AddressKind.SHORT_CODE)


@pytest.mark.parametrize(
    "raw",
    [
        "", " ", "hola", "+", "12", "1234567", "12345678", "0000000000", "+52 55 1234", "+52 0 1234 56789", "mx.abc",
        "MX.", "MX.a b", "whatsapp:", "55 1234 5678 ext 4", "+" + "9" * 30, "9" * 300, "\x00", "++525512345678",
    ],
)  # fmt: skip
def test_what_is_no_address_has_no_key(raw: str) -> None:
    """None, and never an exception."""
    assert canonical_key(raw) is None
    assert parse_whatsapp_address(raw) is None


def test_a_number_the_provider_delivered_from_is_believed() -> None:
    """Numbering tables grow old: a sender on WhatsApp exists."""
    assert canonical_key("whatsapp:+999123456789") == AddressKey("+999123456789", AddressKind.PHONE)


def test_the_providers_form_of_an_address() -> None:
    """The prefix is put once."""
    assert whatsapp_address("+525512345678") == "whatsapp:+525512345678"
    assert whatsapp_address("whatsapp:MX.abc123") == "whatsapp:MX.abc123"


def test_the_national_digits_of_a_key() -> None:
    """Only of a Mexican phone."""
    assert mexican_national_digits(AddressKey("+525512345678", AddressKind.PHONE)) == "5512345678"
    assert mexican_national_digits(AddressKey("+14155238886", AddressKind.PHONE)) is None
    assert mexican_national_digits(AddressKey("MX.abc123", AddressKind.BUSINESS_SCOPED)) is None
