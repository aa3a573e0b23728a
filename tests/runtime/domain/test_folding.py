"""Cleaning and folding text, and the words that stop or resume our messages."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.domain.spanish.folding import (
    clean_text,
    expand_chat_spelling,
    fold,
    fold_words,
    is_opt_in,
    is_opt_out,
)

ANY_TEXT = st.text(st.characters(), max_size=300)


def test_folding_removes_case_accents_and_what_cannot_be_seen() -> None:
    """ñ becomes n unless it is asked to stay."""
    assert fold("  MAÑANA\u200b  a las\u00a04 ") == "manana a las 4"
    assert fold("Mañana Ñandú", keep_enye=True) == "mañana ñandu"
    assert fold("n\u0303o", keep_enye=True) == "ño"
    assert fold_words("¡Hola, Lupita! 👋 ¿cómo estás?") == "hola lupita como estas"


@given(ANY_TEXT)
def test_folding_twice_changes_nothing(text: str) -> None:
    """Folded text is stable."""
    once = fold(text)

    assert fold(once) == once


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("k tal", "que tal"),
        ("xq no", "porque no"),
        ("xfa", "por favor"),
        ("tmb bn", "tambien bien"),
        ("holaaaaa", "hola"),
        ("jajajajaja", "jaja"),
        ("JAJAJ ok", "jaja ok"),
        ("mñn", "mañana"),
        ("ntp", "no te preocupes"),
        ("calle", "calle"),
        ("perro", "perro"),
        ("hija", "hija"),
        ("caja", "caja"),
    ],
)
def test_chat_spelling_is_written_out(typed: str, plain: str) -> None:
    """Abbreviations, stretched letters and laughter; ordinary words stay."""
    assert expand_chat_spelling(typed) == plain


def test_clean_text_keeps_emoji_and_lines_and_drops_what_a_database_refuses() -> None:
    """NUL, controls, bidirectional marks and lone surrogates go."""
    got = clean_text("Hola\x00 👩‍👧\r\n\u202eadiós\ud800\x07 ❤️ ")

    assert got.text == "Hola 👩‍👧\nadiós ❤️"
    assert not got.truncated


def test_clean_text_composes_accents() -> None:
    """Decomposed letters come out as one character."""
    assert clean_text("man\u0303ana").text == "mañana"


def test_clean_text_says_when_it_cut_something_off() -> None:
    """The default is what WhatsApp allows."""
    assert clean_text("a" * 5000).truncated
    assert len(clean_text("a" * 5000).text) == 4096
    assert not clean_text("a" * 4096).truncated
    assert clean_text("hola", limit=2).text == "ho"


@given(ANY_TEXT | st.text(max_size=3000).map(lambda text: text * 4))
def test_cleaned_text_can_always_be_stored(text: str) -> None:
    """It encodes, has no NUL, is bounded and normalised, and cleaning it again changes nothing."""
    got = clean_text(text)

    assert "\x00" not in got.text
    assert got.text.encode("utf-8") is not None
    assert len(got.text) <= 4096
    assert clean_text(got.text).text == got.text
    assert unicodedata.is_normalized("NFC", got.text)


@pytest.mark.parametrize("text", ["STOP", "Baja.", "¡ALTO!", "darme de baja", "No molestar 🙏", "Cancelar suscripción"])
def test_whole_messages_that_stop_us(text: str) -> None:
    """Case, accents, punctuation and emoji do not matter."""
    assert is_opt_out(text)


@pytest.mark.parametrize(
    "text",
    ["cancelar", "Cancel", "fin", "END", "terminar", "stop por hoy", "la baja de precio", "", "👍", "alta", "para"],
)
def test_words_that_mean_something_else_never_stop_us(text: str) -> None:
    """To cancel is about an appointment, to end about a handoff; part of a message is not the message."""
    assert not is_opt_out(text)


def test_whole_messages_that_resume() -> None:
    """Only as the whole message."""
    assert is_opt_in("Alta")
    assert is_opt_in("START")
    assert not is_opt_in("dame de alta mañana")
    assert not is_opt_in("baja")
