"""When a message explicitly asks for a person, and when it only speaks of people."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from runtime.domain.spanish.asks_person import asks_for_person

STAFF = ("Lupita", "Karla")
ASKS = """quiero hablar con una persona
pásame al encargado
no quiero contestadora
que me responda alguien del local
¿me marcan por favor?
me pasas al encargado porfa
kiero ablar con una persona porfa
me comunicas con la dueña?
puedo hablar con alguien?
quiero hablar con Lupita
pasame a lupita porfa
no te entiendo, mejor pásame con un humano
prefiero que me atienda una persona
hola buenas tardes me podrían comunicar con la encargada por favor
un asesor por favor
me pueden llamar por favor
quiero que me llame alguien
no entiendes nada! quiero una persona de verdad
hay alguien real ahí?
quisiera platicar con la dueña
ya no quiero hablar con un robot, pásame a una persona
can I speak to a human?
nesesito hablar cn la encargada
quisiera que me contestara una persona
dile a Karla que me llame
quiero hablar con Rosita
pásame a Rosita por favor
puede alguien llamarme?
que me conteste Lupita, no tú
me urge una persona
cómo hablo con una persona
quiero quejarme con el gerente
con el encargado por favor
necesito que me llamen hoy
quiero hablar con una personaaaaa
¿podría alguien de ustedes devolverme la llamada?
me regresan la llamada porfa
no quiero atención de un bot, quiero una persona""".splitlines()
DOES_NOT_ASK = """somos dos personas
no ocupo que me llamen, con el mensaje basta
no requiero que me hablen
márcame bien la línea del contorno
hablar por teléfono me da mucha pena
¿atienden personas mayores?
mi pareja quiere hablar con un asesor
no quiero hablar con una persona, contesta tú
con quién me toca
emergencia
una persona me recomendó el local
¿qué hace un asesor?
si necesito un asesor después, les aviso
la misma muchacha
es para mi hijo
¿atienden niños?
¿hablo a la estética X?
eres un robot?
quiero cita con Lupita
es para alguien mas
quisiera hablar contigo
no sirves para nada
me pasas los precios porfa
quiero una cita para dos personas
quiero un corte con la dueña
hay alguien que corte barba?
me llaman Pepe
quiero agendar con la misma persona de la otra vez
que me atienda Karla por favor
esto es urgente
ya hablé con la encargada y me dijo que a las 4
no me llamen por favor
me llama la atención el tinte
necesito alguien que me haga las uñas
quiero hablar del precio
me puede atender alguien el sabado?
me marcan si se desocupa un lugar?
odio hablar con máquinas
quiero hablar con mi esposo antes
pásame a la tarde
me pasas a mañana
alguien me puede atender hoy a las 6?
que me atienda una mujer
mejor paso al local a platicar con la dueña
no quiero hablar con la dueña
no hace falta que me llamen
dile a Lupita que gracias
que me conteste rápido por favor
¿qué pasa con el tercero?
llámame Lalo
con otra persona que no sea Toño""".splitlines()


class Phrase(msgspec.Struct):
    """A labelled phrase of the public set."""

    text: str
    lang: str
    label: str


class Turn(msgspec.Struct):
    """A turn of a recorded session."""

    role: str
    text: str | None = None


class Session(msgspec.Struct):
    """A recorded session."""

    turns: list[Turn]


@pytest.mark.parametrize("text", ASKS)
def test_an_explicit_request_is_heard(text: str) -> None:
    """In the customer's own name, for now, to a human being of the business."""
    assert asks_for_person(text, STAFF)


@pytest.mark.parametrize("text", DOES_NOT_ASK)
def test_speaking_of_people_is_no_request(text: str) -> None:
    """Frustration, companions, reports, refusals and wishes for later are not requests."""
    assert not asks_for_person(text, STAFF)


def test_the_public_phrases_are_told_apart(shared_data: Path) -> None:
    """Every Spanish request is heard, and nothing else in Spanish; English is weaker, but near."""
    rows = msgspec.json.Decoder(Phrase).decode_lines((shared_data / "pide_persona/frases.jsonl").read_bytes())

    def heard(lang: str, label: str) -> tuple[int, int]:
        fitting = [row for row in rows if row.lang == lang and row.label == label]
        return sum(asks_for_person(row.text) for row in fitting), len(fitting)

    assert heard("es", "human_request") == (15, 15)
    assert heard("es", "implicit")[0] == heard("es", "other")[0] == 0
    found, total = heard("en", "human_request")
    assert found / total >= 0.85
    assert heard("en", "implicit")[0] == 0
    assert heard("en", "other")[0] <= 5


def test_nobody_in_the_recorded_sessions_asks_for_a_person(shared_data: Path) -> None:
    """609 real messages to an appointment bot, and no request among them."""
    sessions = msgspec.json.Decoder(Session).decode_lines(
        (shared_data / "sesiones_citas_es/sesiones.jsonl").read_bytes()
    )
    texts = [turn.text for session in sessions for turn in session.turns if turn.role == "customer" and turn.text]

    assert len(texts) > 500
    assert [text for text in texts if asks_for_person(text)] == []
