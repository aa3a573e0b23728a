"""The catalogue of templates keeps WhatsApp's rules, and what fills it does too."""

from __future__ import annotations

import msgspec
import pytest

from runtime.domain.errors import Broken
from runtime.domain.templates import (
    BUSINESS_ANSWERED,
    CATALOGUE,
    CUSTOMER_WAITING,
    EMPTY_VALUE,
    HUMAN_REQUESTED,
    Button,
    Template,
    clean_value,
    digest,
    digest_values,
    fill,
    list_faults,
)

PLAIN = Template(name="aviso", body="Hola {{1}}, te esperamos en {{2}} mañana.", samples=("Ana", "Lupita"))


@pytest.mark.parametrize("template", CATALOGUE.values(), ids=str)
def test_every_template_of_the_catalogue_keeps_whatsapps_rules(template: Template) -> None:
    """And is listed under its own name."""
    assert list_faults(template) == []
    assert CATALOGUE[template.name] is template


def test_a_template_is_filled_with_its_values_in_any_order_of_the_text() -> None:
    """What a value holds is not filled in again, and the handoff id is not shown."""
    shown = fill(HUMAN_REQUESTED, ("Ana {{2}}", "cambio de cita", "3:15 PM", "Estética Lupita", "h1"))

    assert shown == (
        "Hola. Ana {{2}} quiere hablar con una persona de Estética Lupita.\n"
        "Motivo: cambio de cita\n"
        "Escribió a las 3:15 PM y está esperando. ¿Lo puedes atender?"
    )
    assert fill(CUSTOMER_WAITING, ("Ana", "10 minutos", "Lupita", "h1")) == (
        "Hola. Ana te espera en el chat de Lupita desde hace 10 minutos. ¿Quieres ver sus mensajes?"
    )


@pytest.mark.parametrize("values", [("Ana",), ("Ana", "Lupita", "más")], ids=["too few", "too many"])
def test_a_template_is_never_filled_with_another_number_of_values(values: tuple[str, ...]) -> None:
    """The provider would put its samples in their place."""
    with pytest.raises(Broken):
        fill(BUSINESS_ANSWERED, values)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  dos\nlíneas\t y     espacios ", "dos líneas y espacios"),
        ("", EMPTY_VALUE),
        (" \n ", EMPTY_VALUE),
        ("\u200b", EMPTY_VALUE),
        ("con\x00nulo", "connulo"),
        ("x" * 250, "x" * 250),
        ("x" * 251, "x" * 249 + "…"),
        ("palabra " * 40, "palabra " * 30 + "palabra…"),
    ],
)
def test_a_value_is_one_line_that_fits(text: str, cleaned: str) -> None:
    """Cut at a word, with room for the sign that says so."""
    assert clean_value(text) == cleaned
    assert clean_value(cleaned) == cleaned


def test_a_value_may_be_cut_shorter() -> None:
    """At a word where there is one; a word that ends just there stays whole."""
    assert clean_value("quiero cambiar mi cita", 16) == "quiero cambiar…"
    assert clean_value("quiero cambiar mi cita", 15) == "quiero cambiar…"
    assert clean_value("quiero cambiar mi cita", 14) == "quiero…"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"name": "Aviso"}, "name"),
        ({"language": "español"}, "language"),
        ({"category": "OTHER"}, "category"),
        ({"body": "  "}, "body: empty"),
        ({"body": "{{1}}, te esperamos en {{2}} mañana."}, "starts or ends"),
        ({"body": "Hola {{1}}, te esperamos en {{2}}."}, "starts or ends"),
        ({"body": "Hola {{1}} {{2}} y adiós"}, "next to each other"),
        ({"body": "Hola {{1}}, {{2}} y adiós"}, "next to each other"),
        ({"body": "Hola    {{1}}, te esperamos en {{2}} mañana."}, "four spaces"),
        ({"body": "Hola {{nombre}}, {{1}} te espera en {{2}} mañana."}, "braces"),
        ({"body": "Hola {{1}}, te esperamos en {{3}} mañana."}, "numbered from 1"),
        ({"samples": ("Ana",)}, "one for each variable"),
        ({"samples": ("Ana", "")}, "is no value"),
        ({"body": "Hola, te esperamos en {{2}} mañana.", "buttons": (Button("Sí", "ok:{{1}}"),)}, "come first"),
        ({"body": "x" * 900 + "{{1}} y {{2}} más"}, "longer than 1024"),
        ({"buttons": (Button("Un título demasiado largo", "x"),)}, "title"),
        ({"buttons": (Button("Sí {{1}}", "x"),)}, "title"),
        ({"buttons": (Button("Sí", ""),)}, "payload"),
        ({"buttons": (Button("Sí", "a"), Button("Sí", "b"))}, "same title"),
        ({"buttons": tuple(Button(str(n), "a") for n in range(4))}, "more than 3"),
    ],
)
def test_what_whatsapp_would_refuse_is_found_before_it_is_submitted(changes: dict[str, object], fault: str) -> None:
    """Each rule is named when it is broken."""
    assert list_faults(PLAIN) == []

    faults = list_faults(msgspec.structs.replace(PLAIN, **changes))

    assert [each for each in faults if fault in each] != []


def test_a_digest_changes_with_anything_that_is_submitted() -> None:
    """Another text of the same values can stand in for the newer one; other values cannot."""
    reworded = msgspec.structs.replace(PLAIN, body="Hola {{1}}, nos vemos en {{2}} mañana.")
    with_button = msgspec.structs.replace(PLAIN, buttons=(Button("Sí", "ok"),))

    assert digest(PLAIN) == digest(msgspec.structs.replace(PLAIN))
    assert len({digest(PLAIN), digest(reworded), digest(with_button)}) == 3
    assert digest_values(PLAIN) == digest_values(reworded)
    assert digest_values(PLAIN) != digest_values(msgspec.structs.replace(PLAIN, samples=("Lupita", "Ana")))
    assert digest_values(PLAIN) != digest_values(with_button)
