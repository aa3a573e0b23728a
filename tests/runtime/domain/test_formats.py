"""How we write, and how we notice that somebody wrote otherwise."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.domain.schedule_hours import TimeRange
from runtime.domain.spanish.formats import (
    format_date,
    format_duration,
    format_hours,
    format_now,
    format_phone,
    format_price,
    format_time,
    format_when,
    join_spanish,
)
from runtime.domain.spanish.reply_checks import find_format_problems, looks_spanish

TODAY = date(2026, 1, 12)


def test_dates_carry_the_year_only_when_it_is_another_one() -> None:
    """Lower case, weekday first."""
    assert format_date(date(2026, 1, 16), TODAY) == "viernes 16 de enero"
    assert format_date(date(2027, 1, 16), TODAY) == "sábado 16 de enero de 2027"


@pytest.mark.parametrize(
    ("moment", "wanted"),
    [
        (time(0, 0), "12:00 AM"),
        (time(9, 5), "9:05 AM"),
        (time(12, 0), "12:00 PM"),
        (time(15, 0), "3:00 PM"),
        (time(23, 59), "11:59 PM"),
    ],
)
def test_times_have_twelve_hours_and_no_leading_zero(moment: time, wanted: str) -> None:
    """Noon is PM, midnight AM."""
    assert format_time(moment) == wanted


def test_a_moment_is_a_date_and_a_time_with_a_comma() -> None:
    """The prompt's own "now" always has the year."""
    now = datetime(2026, 1, 12, 10, 0, tzinfo=UTC)

    assert format_when(datetime(2026, 1, 16, 15, 0, tzinfo=UTC), now) == "viernes 16 de enero, 3:00 PM"
    assert format_now(now) == "lunes 12 de enero de 2026, 10:00 AM"


@pytest.mark.parametrize(
    ("cents", "wanted"),
    [(15000, "$150"), (125000, "$1,250"), (125050, "$1,250.50"), (0, "$0"), (5, "$0.05"), (-15000, "-$150")],
)
def test_prices_have_commas_and_cents_only_where_there_are_some(cents: int, wanted: str) -> None:
    """No space, no trailing zeros."""
    assert format_price(cents) == wanted


@pytest.mark.parametrize(("minutes", "wanted"), [(45, "45 min"), (60, "1 h"), (90, "1 h 30 min"), (0, "0 min")])
def test_durations_are_hours_and_minutes(minutes: int, wanted: str) -> None:
    """What is zero is left out."""
    assert format_duration(minutes) == wanted


def test_opening_hours_are_joined_and_a_closed_day_says_so() -> None:
    """The end of the day is midnight."""
    assert format_hours([]) == "cerrado"
    assert format_hours([TimeRange.of("09:00", "19:00")]) == "9:00 AM a 7:00 PM"
    assert (
        format_hours([TimeRange.of("10:00", "14:00"), TimeRange.of("16:00", "24:00")])
        == "10:00 AM a 2:00 PM y 4:00 PM a 12:00 AM"
    )


def test_phones_are_grouped_the_mexican_way() -> None:
    """Two digits of area in the three largest cities, three elsewhere; anything else stays as it is."""
    assert format_phone("+525512345678") == "55 1234 5678"
    assert format_phone("+522221234567") == "222 123 4567"
    assert format_phone("+14155238886") == "+14155238886"
    assert format_phone("MX.abc123") == "MX.abc123"


def test_lists_end_in_the_conjunction_that_sounds_right() -> None:
    """The word "y" turns to "e" before i, "o" to "u" before o."""
    assert join_spanish([]) == ""
    assert join_spanish(["corte"]) == "corte"
    assert join_spanish(["a", "b", "c"]) == "a, b y c"
    assert join_spanish(["Karla", "Inés"]) == "Karla e Inés"
    assert join_spanish(["agua", "hielo"]) == "agua y hielo"
    assert join_spanish(["mañana", "hoy"], conjunction="o") == "mañana u hoy"
    assert join_spanish(["siete", "ocho"], conjunction="o") == "siete u ocho"


GOOD_REPLIES = [
    "¡Listo! Tu cita quedó para el viernes 16 de enero, 3:00 PM con Lupita. Cuesta $1,250.50.",
    "Abrimos de 9:00 AM a 7:00 PM y los domingos está cerrado.",
    "Tengo estos horarios: 3:00 PM, 4:30 PM o 5:00 PM. ¿Cuál te queda bien?",
    "Llámanos al 55 1234 5678. Estamos en Av. Juárez 123, abierto 24/7.",
    "El corte dura 45 min y cuesta $250. Somos 3 personas.",
    "Listo ✅",
    "Además después estás en el país, quizás jamás más. Seis meses de interés.",
    "*Importante*: tu cita es mañana",
    "del 12 al 18 de enero",
]


@pytest.mark.parametrize("reply", GOOD_REPLIES)
def test_a_reply_in_our_formats_has_no_problems(reply: str) -> None:
    """The checker is silent on what we write ourselves."""
    assert find_format_problems(reply) == []
    assert looks_spanish(reply)


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("Te espero a las 15:00", "time_24_hours"),
        ("Abrimos a las 09:00 AM", "time_24_hours"),
        ("a las 16 hrs", "time_24_hours"),
        ("Te espero a las 3:00", "time_without_am_pm"),
        ("Te espero a las 4", "time_without_am_pm"),
        ("a las 3:00 p. m.", "time_without_am_pm"),
        ("Tu cita es el Friday", "english_date"),
        ("el 16 de january", "english_date"),
        ("nos vemos tomorrow", "english_date"),
        ("el 2026-01-16", "iso_date"),
        ("el 16/01/2026", "numeric_date"),
        ("el 16/01", "numeric_date"),
        ("viernes 16 de Enero", "capital_month"),
        ("Cuesta 150 pesos", "price_in_words"),
        ("Cuesta $ 150", "price_spacing"),
        ("Cuesta $1250", "price_thousands"),
        ("Cuesta $1.250", "price_thousands"),
        ("Cuesta $150.00", "price_cents"),
        ("Cuesta 150$", "price_sign_last"),
        ("**Importante**", "markdown_bold"),
        ("[aquí](https://example.com)", "markdown_link"),
        ("# Horarios", "markdown_heading"),
        ("```json", "markdown_code"),
        ("¿Podés venir?", "voseo"),
        ("¿Y vos?", "voseo"),
        ("¿Cuándo tenéis tiempo?", "voseo"),
    ],
)
def test_what_breaks_our_formats_is_found(reply: str, code: str) -> None:
    """Each problem is reported with its code and the words."""
    problems = find_format_problems(reply)

    assert code in [problem.split(":")[0] for problem in problems]


@pytest.mark.parametrize(
    "reply",
    [
        "Hello, your appointment is booked",
        "Sure! What time would you like?",
        "Your appointment for Friday has been cancelled.",
        "Thanks!",
        "I'm sorry, I can't help with that",
        "Здравствуйте",
        "您好",
    ],
)
def test_other_languages_do_not_look_spanish(reply: str) -> None:
    """English above all, however short."""
    assert not looks_spanish(reply)


@pytest.mark.parametrize("reply", ["", "OK", "Listo ✅", "👍", "$250", "Claro que sí", "3:00 PM", "Ana López", "No"])
def test_short_replies_count_as_spanish(reply: str) -> None:
    """What cannot be judged is not held against the writer."""
    assert looks_spanish(reply)


@given(st.text(max_size=500))
def test_the_checkers_take_any_text(text: str) -> None:
    """They answer for anything."""
    assert isinstance(looks_spanish(text), bool)
    assert all(": " in problem for problem in find_format_problems(text))


@given(st.integers(0, 10_000_000))
def test_our_own_prices_pass_our_own_check(cents: int) -> None:
    """Writer and checker agree."""
    assert find_format_problems(f"Cuesta {format_price(cents)}.") == []


@given(st.times(), st.dates(date(2025, 1, 1), date(2030, 12, 31)))
def test_our_own_moments_pass_our_own_check(at: time, day: date) -> None:
    """Writer and checker agree here too."""
    label = format_when(datetime.combine(day, at, tzinfo=UTC), datetime(2026, 1, 12, tzinfo=UTC))

    assert find_format_problems(f"Tu cita es el {label}.") == []
