"""The offline model's ear: words of time, services, names and choices in chat Spanish."""

from __future__ import annotations

import pytest

from sim.offline_model.context import Appointment, Context, PendingFlow, Service, read_context
from sim.offline_model.labels import is_at_time, is_on_day, shift_hour
from sim.offline_model.names import find_bare_name, find_name, find_other_person, find_staff
from sim.offline_model.phrases import summarize
from sim.offline_model.services import find_services
from sim.offline_model.state import Asked, Goal, Offer, State, speak
from sim.offline_model.text import fold
from sim.offline_model.understand import understand
from sim.offline_model.when import find_when, read_bare_hour
from tests.sim.offline_salon import CORTE, Salon

NAMES = ("Corte de dama", "Corte de caballero", "Tinte completo", "Manicure", "Gelish", "Corte y barba", "Pedicure spa")


@pytest.mark.parametrize(
    ("text", "day", "time"),
    [
        ("hola, quiero un corte mañana a las 4", "mañana", "a las 4"),
        ("me agendas un corte pal sábado tempranito?", "el sábado", "tempranito"),
        ("ay cita pa mñn?", "mañana", ""),
        ("el vienres en la tarde", "el viernes", "en la tarde"),
        ("viernes 16 de enero, 3:00 PM", "viernes 16 de enero", "3:00 pm"),
        ("para el 26 de julio", "el 26 de julio", ""),
        ("la del 1 de sep", "el 1 de septiembre", ""),
        ("cuarto para las 6", "", "cuarto para las 6"),
        ("mañana en la mañana", "mañana", "en la mañana"),
        ("de hoy en ocho a las 11:30", "de hoy en ocho", "a las 11:30"),
        ("el sábado no puedo, mejor el domingo", "el domingo", ""),
        ("la semana que entra el martes", "la semana que entra el martes", ""),
        ("saliendo del trabajo el jueves", "el jueves", "saliendo del trabajo"),
        ("can I come tomorrow at 5 pm?", "mañana", "a las 5 pm"),
        ("on March 8th at 11:30 in the morning", "8 de marzo", "a las 11:30 en la mañana"),
        ("somos 2 personas", "", ""),
        ("me lo dejas en $150?", "", ""),
        ("llego 10 min tarde", "", ""),
        ("soy Mario", "", ""),
    ],
)
def test_words_of_time_are_found_as_said(text: str, day: str, time: str) -> None:
    """Slips are put right, the rest is left alone, and numbers of other things are no times."""
    found = find_when(text)

    assert (found.day, found.time) == (day, time)


@pytest.mark.parametrize(
    ("text", "hour"), [("4", "a las 4"), ("5 y media", "a las 5 y media"), ("99", ""), ("hola", "")]
)
def test_a_bare_number_can_be_an_hour(text: str, hour: str) -> None:
    """Only where an hour was asked for is this used."""
    assert read_bare_hour(text) == hour


@pytest.mark.parametrize(
    ("text", "best"),
    [
        ("corte de mujer", "Corte de dama"),
        ("un cote de dama", "Corte de dama"),
        ("corte de pelo para hombre", "Corte de caballero"),
        ("me kiero pintar el pelo", "Tinte completo"),
        ("gelis", "Gelish"),
        ("yelish porfa", "Gelish"),
        ("corte y barba", "Corte y barba"),
        ("un pedi", "Pedicure spa"),
        ("manicur", "Manicure"),
    ],
)
def test_everyday_words_find_the_service(text: str, best: str) -> None:
    """Synonyms, plurals and slips lead to the name on the list."""
    assert find_services(fold(text), NAMES).best == best


def test_an_unclear_service_has_candidates_and_a_missing_one_a_name() -> None:
    """`un corte` could be two things; a massage is not on the list."""
    assert find_services("quiero un corte", NAMES[:3]).candidates == NAMES[:2]
    assert find_services("quiero un masaje", NAMES).unknown == "masajes"
    assert find_services("tinte y manicure", NAMES).others == ("Manicure",)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("soy Ana", "Ana"),
        ("M3 llamo cumbia", "Cumbia"),
        ("Hola, quiero un corte, soy Miguel López", "Miguel López"),
        ("a nombre de Luis de la Torre por favor", "Luis de la Torre"),
        ("mi nombre es José y quiero cita", "José"),
        ("me llamo simon", "Simon"),
        ("soy nueva", ""),
        ("soy clienta", ""),
        ("soy alérgica", ""),
    ],
)
def test_names_are_found_where_they_are_told(text: str, name: str) -> None:
    """A name follows certain words; what a customer is does not."""
    assert find_name(text) == name


def test_bare_names_relatives_and_staff() -> None:
    """Answers to a question for a name, somebody else's appointment, and people of the business."""
    assert find_bare_name("Carlos Rodríguez") == "Carlos Rodríguez"
    assert find_bare_name("sí") == find_bare_name("corregir") == find_bare_name("1") == ""
    assert find_other_person("es para mi tia claudia") == ("tu tía", "Claudia")
    assert find_other_person("para el viernes") == ("", "")
    assert find_staff("con karal pls", ("Lupita", "Karla")) == "Karla"
    assert find_staff("con la doctora mora", ("Dra. Mora", "Dr. León")) == "Dra. Mora"


@pytest.mark.parametrize(
    ("text", "choice"), [("la segunda", 2), ("la 1", 1), ("3", 3), ("la última", -1), ("la de las 4", 0)]
)
def test_choices_from_a_list(text: str, choice: int) -> None:
    """Ordinals and numbers choose; an hour does not."""
    assert understand(text, Context()).choice == choice


def test_labels_compare_with_everyday_words() -> None:
    """`mañana` is looked up in the prompt's table, hours without a half match either."""
    dates = (("martes 13 de enero", "mañana"),)

    assert is_on_day("martes 13 de enero, 4:00 PM", "mañana", dates)
    assert is_on_day("martes 13 de enero, 4:00 PM", "el 13", ())
    assert not is_on_day("martes 13 de enero, 4:00 PM", "el miércoles", ())
    assert is_at_time("martes 13 de enero, 4:30 PM", "a las 4 y media")
    assert not is_at_time("martes 13 de enero, 4:00 PM", "a las 4 de la mañana")
    assert shift_hour("11:30 AM", 60) == "12:30 PM"
    assert shift_hour("11:30 PM", 60) == ""


def test_a_summary_is_read_back_as_it_was_written() -> None:
    """What was settled survives in our own words."""
    context = Context(services=(Service("Corte de dama"),), service_names=("Corte de dama",), staff=("Dra. Mora",))
    offer = Offer("viernes 16 de enero, 3:00 PM", "Dra. Mora")

    state = speak(State(), summarize("Corte de dama", offer, "$250", ("Ana López", "")), context)

    assert (state.goal, state.asked) == (Goal.BOOK, Asked.CONFIRM)
    assert (state.service, state.offer, state.name) == ("Corte de dama", offer, "Ana López")


def test_a_prompt_is_read_section_by_section() -> None:
    """Everything the contract of the prompt holds is found."""
    salon = Salon(customer="Ana López", visits=(CORTE,), flow="reserva | servicio: Gelish | cuándo: viernes | paso: x")

    context = read_context(salon.prompt())

    assert context.business == "Estética Lupita"
    assert context.address == "Av. Juárez 123, Centro, Puebla"
    assert context.customer == "Ana López"
    assert context.services[0] == Service("Corte de dama", "45 min", "$250", ("Lupita", "Karla"))
    assert context.appointments == (Appointment(CORTE.id, CORTE.service, CORTE.when, CORTE.staff),)
    assert context.flow == PendingFlow("reserva", "Gelish", "viernes")
    assert dict(context.hours)["domingo"] == "cerrado"
    assert context.dates[1] == ("martes 13 de enero", "mañana")


def test_an_empty_prompt_is_an_empty_context() -> None:
    """Nothing is invented where nothing is said."""
    assert read_context("") == Context()
