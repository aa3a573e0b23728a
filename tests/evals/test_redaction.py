"""Redaction: the same stand-in for the same value, of the same shape, that nobody can trace back; and no leaks."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable

import phonenumbers
import pytest

from evals.redaction import Known, Redactor, find_leaks, make_redactor
from evals.redaction.draws import clabe_digit, luhn_digit
from evals.redaction.lists import FEMALE, GIVEN, MALE, SURNAMES
from runtime.domain.identity import canonical_key
from runtime.domain.spanish.folding import fold

SALT = b"a salt of the tests"
KNOWN = Known(
    people=("Ana López", "Lupita", "Rosa Luna", "Abril", "Ramón Ortega Núñez", "María José de la Garza"),
    profiles=("💅 Chelo 💅", "Hola", "Mi Amor", "Princess Xóchitl"),
    businesses=("Estética Lupita", "Barbería Don Beto"),
    addresses=("Av. Juárez 123, Centro, Puebla",),
    phones=("+525512345678", "+5212221230020", "whatsapp:MX.1a2b3c4d", "+14155552671"),
    services=("Corte de dama", "Uñas Rosa"),
)


def redact(*texts: str, known: Known = KNOWN, salt: bytes = SALT) -> list[str]:
    """The texts as one export, checked for leaks."""
    redactor = make_redactor(salt, known, texts)
    done = [redactor.redact(text) for text in texts]
    assert find_leaks(done, redactor) == {}
    return done


PHONES = [
    "5512345678",
    "55 1234 5678",
    "55-1234-5678",
    "(55) 1234-5678",
    "(55) 12 34 56 78",
    "+525512345678",
    "+52 55 1234 5678",
    "+52 1 55 1234 5678",
    "+5215512345678",
    "5215512345678",
    "52 1 55 12345678",
    "044 55 1234 5678",
    "01 55 1234 5678",
    "0052 55 1234 5678",
    "5 5 1 2 3 4 5 6 7 8",
    "551 234 5678",
    "55.1234.5678",
    "55\u20111234\u20115678",
    "55\u00a01234\u00a05678",
    "55\u200b1234\u202a5678\u202c",
    "５５ １２３４ ５６７８",
    "tel:5512345678",
    "cel5512345678",
    "whatsapp:+5215512345678",
]


@pytest.mark.parametrize("spelled", PHONES)
def test_a_phone_is_the_same_stand_in_in_every_spelling_and_keeps_it(spelled: str) -> None:
    """Country, length of the area and everything that is no digit stay; the number is one that can exist."""
    canonical, shown = redact("+525512345678", f"mi número es {spelled}, gracias")

    made = phonenumbers.parse(canonical, None)
    national = canonical.removeprefix("+52")
    digits = "".join(str(unicodedata.decimal(char)) for char in shown if char.isdecimal())
    assert canonical.startswith("+52")
    assert phonenumbers.is_valid_number(made)
    assert national[:2] in ("55", "56", "33", "81")
    assert digits.endswith(national)
    assert re.sub(r"\d", "#", shown) == re.sub(r"\d", "#", f"mi número es {spelled}, gracias")


@pytest.mark.parametrize("link", ["https://wa.me/5215512345678", "wa.me/525512345678?text=hola", "WA.ME/5512345678"])
def test_a_link_to_a_chat_leads_to_the_stand_in(link: str) -> None:
    """The number in it is a number like others."""
    canonical, shown = redact("+525512345678", link)

    assert canonical.removeprefix("+52") in shown
    assert shown.lower().startswith(link.lower().split("5")[0])


def test_a_phone_without_its_area_is_known_where_it_is_known() -> None:
    """People of one town leave it out."""
    whole, short = redact("+525512345678", "márcame al 1234-5678")

    assert short == f"márcame al {whole[-8:-4]}-{whole[-4:]}"


def test_foreign_phones_and_user_ids_keep_country_and_shape() -> None:
    """`MX.` and `+1` stay; letters stay letters."""
    foreign, user_id = redact("+14155552671", "MX.1a2b3c4d")

    assert phonenumbers.is_valid_number(phonenumbers.parse(foreign, None))
    assert re.fullmatch(r"\+1\d{10}", foreign)
    assert re.fullmatch(r"MX\.\d[a-z]\d[a-z]\d[a-z]\d[a-z]", user_id)
    assert (foreign, user_id) != ("+14155552671", "MX.1a2b3c4d")


@pytest.mark.parametrize(
    "text",
    [
        "mañana a las 4:30 o a las 16:00 hrs",
        "el 3 de Abril, Abril 3, 03/04/2026, 3-4-26",
        "2026-01-12T16:00:00-06:00 y 2026-01-12 10 11",
        "cuesta $1,250.00, 250 pesos o 2500 3000",
        "la cita 0198abcd-1234-7000-8000-000000000001 y SM" + "0123456789abcdef" * 2,
        "10 11 12 de la mañana, son 45 minutos",
        "el domingo, este Domingo y los Domingos",
        "Corte de dama, UÑAS ROSA, uñas rosa",
        "uñas color rosa, en abril, luna llena, con toda el alma",
        "hola, Hola, HOLA mi amor",
    ],
)
def test_times_prices_ids_services_and_words_stay(text: str) -> None:
    """What a conversation is about must still be about it."""
    assert redact(text) == [text]


@pytest.mark.parametrize(
    "spelled",
    [
        "Ana López",
        "ANA LOPEZ",
        "ana lopez",
        "Ana  López",
        "Ana Lo\u0301pez",
        "Ana\u200b Ló\u200bpez",
        "ana_lópez",
        "Ana💅López",
    ],
)
def test_a_name_is_found_in_every_spelling_and_keeps_its_case(spelled: str) -> None:
    """Two words for two words, the first of a woman for a woman, accents only where they were."""
    given, family, shown = redact("Ana", "López", f"soy {spelled}!")

    words = re.findall(r"[^\W\d_]+", shown)[1:]
    assert given in FEMALE
    assert family in SURNAMES
    assert [fold(word) for word in words] == [fold(given), fold(family)]
    assert [word.isupper() for word in words] == [part.isupper() for part in re.findall(r"[^\W\d_]+", spelled)][:1] * 2


def test_a_first_name_alone_and_a_possessive_are_the_same_person() -> None:
    """`Ana` anywhere is the `Ana` of `Ana López`, also small, long, tiny and another's."""
    whole, *others = redact("Ana López", "ana", "Ana's", "la cita de Ana?", "Anaaaa", "Anita", "¿Ana?")

    first = whole.split()[0].lower()
    assert all(first in other.lower() for other in others)


def test_a_name_without_accents_gets_none() -> None:
    """Who writes `ramon` writes no other accents."""
    known = Known(people=("Ramón",))
    salts = [f"salt number {n}".encode() for n in range(60)]

    made = [redact("Ramón ramon", known=known, salt=salt)[0].split() for salt in salts]

    assert any(not with_accent.isascii() for with_accent, _ in made)
    assert all(without == fold(with_accent, keep_enye=True) for with_accent, without in made)


def test_gender_is_kept_where_it_is_known() -> None:
    """A man's name for a man's, so that the grammar around it still fits."""
    known = Known(people=(*FEMALE[:40], *MALE[:40]))

    made = redact(*FEMALE[:40], *MALE[:40], known=known)

    assert [GIVEN[fold(name)] for name in made] == ["f"] * 40 + ["m"] * 40
    assert len(set(made)) == 80


def test_names_that_are_words_go_with_a_capital_and_stay_without() -> None:
    """Over-redaction is chosen: `Rosa pastel` at the start of a sentence loses its colour."""
    small, capital, shouted, start = redact(
        "color rosa", "me atiende Rosa", "QUIERO UÑAS ROSAS CON ROSA", "Rosa pastel"
    )

    assert small == "color rosa"
    assert "Rosa" not in capital
    assert not shouted.endswith("ROSA")
    assert "Rosa" not in start


def test_a_month_is_nobody() -> None:
    """Abril works there, and the appointment is in April."""
    name, date = redact("Abril", "el 3 de Abril")

    assert name != "Abril"
    assert date == "el 3 de Abril"


def test_profiles_that_are_greetings_do_not_take_the_greetings_away() -> None:
    """Whoever is called `Hola` on WhatsApp."""
    assert redact("Hola, buenas", "mi amor") == ["Hola, buenas", "mi amor"]
    assert "Xóchitl" not in redact("soy princess xóchitl")[0]


def test_somebody_nobody_knows_is_redacted_by_first_name_and_surname() -> None:
    """A sister who is only spoken of."""
    shown = redact("mi hermana Fernanda Ruiz va con Gabriel")[0]

    assert not {"Fernanda", "Ruiz", "Gabriel"} & set(shown.split())


def test_businesses_and_addresses_are_redacted_with_their_shape() -> None:
    """The kind of business and of street stays, the number has as many digits."""
    name, business, address, part, short = redact(
        "Lupita", "ESTÉTICA LUPITA", "Av. Juárez 123, Centro, Puebla", "en av juarez 123", "estamos en Juárez 123"
    )

    assert business == f"ESTÉTICA {name.upper()}"
    assert re.fullmatch(r"Av\. \w+ \d{3}, Centro, \w+", address)
    assert "Juárez" not in address
    assert part.split()[-1] == short.split()[-1] == address.split()[2].rstrip(",")


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("vivo en calle Hidalgo 45", "Hidalgo"),
        ("Av. de las Palmas #1204 int 3", "Palmas"),
        ("col. Del Valle, cp 03100", "03100"),
        ("avenida insurgentes sur 1602", "insurgentes"),
    ],
)
def test_addresses_are_found_by_rule(text: str, gone: str) -> None:
    """As far as one can tell them."""
    assert gone not in redact(text)[0]


def test_documents_cards_and_e_mail_keep_their_shape() -> None:
    """And their check digits, so that code which looks at them takes the same way."""
    email, card, spaced, clabe, rfc, curp = redact(
        "Ana.Lopez+1@gmail.com",
        "4111111111111111",
        "4111 1111 1111 1111",
        "032180000118359719",
        "LOAA900101AB1 loaa 900101 ab1",
        "LOAA900101MDFPNN09",
    )

    assert re.fullmatch(r"[a-z]{3}\.[a-z]{5}\+\d@example\.com", email)
    assert luhn_digit(card[:-1]) == card[-1]
    assert spaced.replace(" ", "") == card != "4111111111111111"
    assert clabe_digit(clabe[:-1]) == clabe[-1]
    assert re.fullmatch(r"[A-Z]{4}\d{6}[A-Z]{2}\d [a-z]{4} \d{6} [a-z]{2}\d", rfc)
    assert rfc.split()[0].lower() == "".join(rfc.split()[1:])
    assert re.fullmatch(r"[A-Z]{4}\d{6}M[A-Z]{5}\d\d", curp)


def test_tokens_in_addresses_of_pages_go_and_the_host_stays() -> None:
    """A link that opens an account opens none any more."""
    shown, social = redact(
        "https://x.example/reset?token=abc123def456", "instagram.com: https://instagram.com/esteticalupita"
    )

    assert shown.startswith("https://x.example/")
    assert "abc123def456" not in shown
    assert "lupita" not in social


HOSTILE = [
    "",
    "\x00\x01\x1b[31m",
    "\u202eana\u202c \u200f\u200eLópez\u200f",
    "A\x00na L\x07ópez",
    "👩‍👩‍👧‍👦🇲🇽💅🏽 𝓐𝓷𝓪 Ａｎａ",
    "Z̷̢a̶l̵g̷o̴ Ána",
    "+" * 500 + "5" * 500,
    "((((((((5512345678))))))))",
    "5512345678" * 30,
    "@" * 300,
    "https://" * 50,
    "Ana" * 2000,
    "'; drop table people; -- Ana",
    "a@b" + ".c" * 200,
    "1 " * 2000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_break_nothing(text: str) -> None:
    """Control characters, marks from right to left, four-byte letters, endless repeats."""
    shown = redact(text, "Ana López +525512345678")[0]

    assert "5512345678" not in shown or "5512345678" * 2 in text
    assert not re.search(r"\bana\b", fold(shown))


def spell_phone(national: str, chance: random.Random) -> str:
    """A phone as somebody may type it."""
    prefix = chance.choice(["", "+52", "+521", "52", "521", "+52 1 ", "+52-", "044 ", "01 "])
    gap = chance.choice(["", " ", "-", ".", "\u00a0", "\u2011"])
    return prefix + gap.join([national[:2], national[2:6], national[6:]])


def spell_name(name: str, chance: random.Random) -> str:
    """A name as somebody may type it."""
    spellings = [name, name.upper(), name.lower(), fold(name), unicodedata.normalize("NFD", name)]
    return chance.choice(spellings)


def test_nothing_leaks_and_nothing_collides_in_many_exports_by_chance() -> None:
    """Consistent, injective, never a real value, and the same again with the same salt."""
    for seed in range(40):
        chance = random.Random(seed)
        names = [f"{chance.choice(FEMALE + MALE)} {chance.choice(SURNAMES)}" for _ in range(12)]
        phones = [f"{chance.choice(['55', '22', '66', '99'])}{chance.randrange(10**7, 10**8)}" for _ in range(12)]
        known = Known(people=tuple(names), phones=tuple(f"+52{phone}" for phone in phones))
        texts = [
            f"soy {spell_name(chance.choice(names), chance)} y mi cel es {spell_phone(chance.choice(phones), chance)}."
            for _ in range(40)
        ]
        salt = f"a salt for {seed:06}".encode()
        redactor = make_redactor(salt, known, texts)
        again = make_redactor(salt, known, reversed(texts))

        made = {phone: redactor.redact_address(f"+52{phone}") for phone in phones}
        done = [redactor.redact(text) for text in texts]

        assert find_leaks(done, redactor) == {}
        assert len(set(made.values())) == len(set(phones))
        assert not {f"+52{phone}" for phone in phones} & set(made.values())
        assert [again.redact(text) for text in texts] == done
        assert {fold(word) for name in names for word in name.split()}.isdisjoint(
            fold(redactor.redact(word)) for name in names for word in name.split()
        )


def test_a_name_in_one_word_is_the_same_name_in_one_word() -> None:
    """`analopez` becomes what `Ana López` became, and `AnaLopez` keeps a capital."""
    whole, joined, capital = redact("Ana López", "soy analopez", "AnaLopez")

    assert joined == f"soy {fold(whole).replace(' ', '')}"
    assert capital.lower() == fold(whole).replace(" ", "")
    assert capital[0].isupper()


def test_a_name_field_is_redacted_whole_however_it_is_written() -> None:
    """A customer who is filed as `rosa` is not a colour."""
    redactor = make_redactor(SALT, KNOWN, ["rosa luna"])

    made = [redactor.redact_name(name) for name in ("rosa", "Rosa", "ABRIL", "rosa luna")]

    assert not {"rosa", "luna", "abril"} & {fold(word) for name in made for word in name.split()}
    assert made[0] == made[1].lower()


def test_another_salt_gives_other_stand_ins() -> None:
    """Without the salt nobody can try the phones there are and see which fits."""
    made = {redact("+525512345678", salt=f"a salt with {n:02}".encode())[0] for n in range(20)}

    assert len(made) == 20


def test_more_people_than_the_list_has_names_still_get_one_each() -> None:
    """Names nobody has are made up."""
    people = tuple(f"{first}{second.lower()}" for first in FEMALE[:30] for second in FEMALE[:20])

    made = redact(*people, known=Known(people=people))

    assert len({fold(name) for name in made}) == len({fold(name) for name in people})


def test_a_salt_that_could_be_guessed_is_refused() -> None:
    """Eleven letters are too few."""
    with pytest.raises(ValueError, match="12 bytes"):
        make_redactor(b"short salt!", KNOWN, [])


CANARIES: list[tuple[str, str]] = [
    *((spelled, "phone") for spelled in PHONES),
    ("wa.me/5512345678", "phone"),
    ("55/12/34/56/78", "phone"),
    ("Ana", "name"),
    ("ANA", "name"),
    ("ana lopez", "name"),
    ("LÓPEZ", "name"),
    ("L\u200bópez", "name"),
    ("analopez", "name"),
    ("AnaLopez", "name"),
    ("núñez", "name"),
    ("nunez", "name"),
    ("Rosa", "name"),
    ("esteticalupita", "name"),
    ("Av Juarez 123", "name"),
    ("quien.sea@otra.mx", "e-mail"),
    ("5500000000000004", "card"),
    ("5500 0000 0000 0004", "card"),
    ("002010077777777771", "clabe"),
    ("GODE561231GR8", "rfc"),
    ("gode561231gr8", "rfc"),
    ("GODE561231MDFLRN09", "curp"),
    ("+1 415 555 2671", "phone"),
    ("MX.1a2b3c4d", "user-id"),
    ("81 8345 6789", "phone"),
]


@pytest.mark.parametrize(("canary", "kind"), CANARIES)
@pytest.mark.parametrize("wrap", ["{}", "hola {}, gracias", "x:{}\n"], ids=["alone", "inside", "line"])
def test_the_check_finds_what_was_planted_and_never_says_it(canary: str, kind: str, wrap: str) -> None:
    """In every spelling, real values and whatever only looks like one; kinds and counts are all it tells."""
    texts = ["hola, soy Ana López", "mi cel 5512345678"]
    redactor = make_redactor(SALT, KNOWN, texts)
    done = [redactor.redact(text) for text in texts]

    found = find_leaks([*done, wrap.format(canary)], redactor)

    assert kind in found
    assert find_leaks(done, redactor) == {}
    assert canary not in str(found)


def each_value(redactor: Redactor) -> list[str]:
    return [redactor.redact_address("whatsapp:+5215512345678"), str(redactor.redact_place(19.0433, -98.1981))]


def test_addresses_of_the_provider_and_places_have_stand_ins() -> None:
    """With what stands before the number; a point of the country for a point."""
    redactor = make_redactor(SALT, KNOWN, [])

    address, place = each_value(redactor)

    assert each_value(redactor) == [address, place]
    assert address.startswith("whatsapp:+521")
    assert canonical_key(address) == canonical_key(redactor.redact("+525512345678"))
    assert place != str((19.0433, -98.1981))


def test_values_inside_json_are_redacted_and_keys_are_not() -> None:
    """Arguments of tools."""
    redact_value: Callable[[object], object] = make_redactor(SALT, KNOWN, ["Ana López"]).redact_value

    made = redact_value({"name": "Ana López", "n": 3, "when": ["2026-01-12T16:00", None, True]})

    assert isinstance(made, dict)
    assert made["name"] != "Ana López"
    assert {key: made[key] for key in ("n", "when")} == {"n": 3, "when": ["2026-01-12T16:00", None, True]}
