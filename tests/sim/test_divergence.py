"""Where a recorded line no longer fits: hand-made moments, each where a reader would put the divergence or not."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from sim.divergence import Moment, Now, find_misfit, read_then
from sim.divergence.words import Asks, Pick, agrees, list_asked, read_clock, read_pick, says_no, says_yes
from sim.transcripts import Say, list_participants, load_transcripts

HEADER = (
    '{"type":"transcript","version":1,"id":"caso","now":"2026-01-12T10:00:00-06:00","world":"estetica-lupita","people":'
    '{"ana":{"role":"customer","name":"Ana López","phone":"+525512345678"},"eva":{"role":"customer","phone":'
    '"+525512345679"},"lupita":{"role":"owner"}}}'
)
SUMMARY = "Te confirmo los datos:\nServicio: Corte de dama\nCuándo: martes 13 de enero, 4:00 PM\n¿La agendo?"
BOOKED = "¡Listo! Tu cita de Corte de dama quedó agendada para el martes 13 de enero, 4:00 PM. ¡Te esperamos!"
OFFERS = "A esa hora ya está ocupado. Tengo:\n1) martes 13 de enero, 5:00 PM\n2) martes 13 de enero, 6:00 PM\n{}"
BOOK, HANDOFF = frozenset({"book_appointment"}), frozenset({"handoff_to_human"})

FIRST = '{"type":"say","by":"ana","text":"quiero un corte de dama mañana a las 4"}'
ASKED_TO_CONFIRM = '{"type":"said","by":"parlo","to":"ana","text":"Corte de dama, martes 13, 4:00 PM. ¿La agendo?"}'
LOOKED = '{"type":"expect","tools":[{"name":"check_availability","ok":true}],"reply":{"to":"ana"}}'
DID_BOOK = '{"type":"expect","tools":[{"name":"book_appointment","ok":true}],"reply":{"to":"ana"}}'
RECORDED_BOOKING = (
    '{"type":"tool","name":"book_appointment","outcome":"ok","arguments":{"service":"Corte de dama","when":"mañana a '
    'las 4"},"result":{"service":"Corte de dama","when":"martes 13 de enero, 4:00 PM","staff":"Lupita"}}'
)
WAS_PUT_THROUGH = '{"type":"expect","tools":[{"name":"handoff_to_human","ok":true}],"reply":{"to":"ana"}}'


def say(text: str, by: str = "ana", **more: object) -> str:
    return msgspec.json.encode({"type": "say", "by": by, "text": text, **more}).decode()


def booked(when: str = "martes 13 de enero, 4:00 PM", service: str = "Corte de dama") -> Now:
    details = {"book_appointment": {"service": service, "when": when, "staff": "Lupita"}}
    return Now(texts=(BOOKED,), done=BOOK, details=details)


class Case(msgspec.Struct, frozen=True):
    """Recorded lines, which of them is judged, what the system did before it, and the rule that should speak."""

    id: str
    lines: tuple[str, ...]
    now: Now
    rule: str | None
    index: int = -1


CASES = (
    Case("sí to a question", (FIRST, ASKED_TO_CONFIRM, say("sí")), Now(texts=(SUMMARY,)), None),
    Case("sí where nothing was asked", (FIRST, say("sí")), Now(texts=("No la encuentro.",)), "nothing-asked"),
    Case("no where nothing was asked", (FIRST, say("no")), Now(texts=(BOOKED,)), "nothing-asked"),
    Case("ok also acknowledges", (FIRST, say("ok, perfecto")), Now(texts=(BOOKED,)), None),
    Case("sí, gracias ends a talk", (FIRST, say("sí, gracias")), Now(texts=(BOOKED,)), None),
    Case("sí, cancélala insists", (FIRST, say("sí, cancélala")), Now(texts=("Solo veo tus citas.",)), None),
    Case("sí under buttons", (FIRST, say("sí")), Now(texts=("Elige una opción",), buttons=("Sí", "No")), None),
    Case("sí to an open question", (FIRST, say("sí")), Now(texts=("¿A qué hora te gustaría?",)), "other-question"),
    Case("sí to one of two questions", (FIRST, say("sí")), Now(texts=("¿La agendo? ¿A qué nombre?",)), None),
    Case("a name that was asked for", (FIRST, say("Ana López")), Now(texts=("¿A nombre de quién queda?",)), None),
    Case("a name to a confirmation", (FIRST, say("Ana López")), Now(texts=(SUMMARY,)), "other-question"),
    Case("to introduce oneself", (FIRST, say("me llamo Ana López")), Now(texts=(SUMMARY,)), None),
    Case("a time for a name", (FIRST, say("a las 5")), Now(texts=("¿A qué nombre?",)), "other-question"),
    Case("another time for a confirmation", (FIRST, say("mejor a las 5")), Now(texts=(SUMMARY,)), None),
    Case("the second of two", (FIRST, say("la 2")), Now(texts=(OFFERS.format("¿Cuál te queda?"),)), None),
    Case("the third of two", (FIRST, say("la tercera")), Now(texts=(OFFERS.format("¿Cuál?"),)), "not-offered"),
    Case("a number without a list", (FIRST, say("la 1")), Now(texts=("Está ocupado, disculpa.",)), "not-offered"),
    Case("a number to how many", (FIRST, say("2")), Now(texts=("¿Cuántas personas son?",)), None),
    Case("that of six", (FIRST, say("la de las 6")), Now(texts=(OFFERS.format("¿Cuál te queda?"),)), None),
    Case("that of eleven", (FIRST, say("la de las 11")), Now(texts=(OFFERS.format("¿Cuál?"),)), "not-offered"),
    Case("which of hers, unlisted", (FIRST, say("la del sábado")), Now(texts=("¿Cuál quieres cancelar?",)), None),
    Case(
        "a time that only the recording offered",
        (FIRST, '{"type":"said","by":"parlo","to":"ana","text":"Tengo 1) 7:00 PM 2) 8:00 PM"}', say("a las 7")),
        Now(texts=(OFFERS.format("¿Cuál te queda mejor?"),)),
        "not-offered",
    ),
    Case("a time of her own", (FIRST, say("a las 7")), Now(texts=(OFFERS.format("¿Cuál te queda mejor?"),)), None),
    Case("booked before she agreed", (FIRST, LOOKED, say("sí"), DID_BOOK), booked(), "done-already", 2),
    Case("booked when she agreed", (FIRST, LOOKED, say("sí"), DID_BOOK), Now(texts=(SUMMARY,)), None, 2),
    Case("ok, but booked already", (FIRST, LOOKED, say("va"), DID_BOOK), booked(), "done-already", 2),
    Case("thanks for what was booked", (FIRST, DID_BOOK, say("gracias")), booked(), None),
    Case("thanks for nothing", (FIRST, DID_BOOK, say("gracias")), Now(texts=(SUMMARY,)), "other-changes"),
    Case("booked and not asked to", (FIRST, LOOKED, say("cuánto cuesta?")), booked(), "other-changes"),
    Case("booked as recorded", (FIRST, RECORDED_BOOKING, say("y mi prima?")), booked(), None),
    Case(
        "booked for another day",
        (FIRST, RECORDED_BOOKING, say("y mi prima?")),
        booked(when="miércoles 14 de enero, 4:00 PM"),
        "other-changes",
    ),
    Case("changes are not recorded", (FIRST, say("cuánto cuesta?")), booked(), None),
    Case(
        "to a person who is not there",
        (FIRST, say("es por mi tinte"), '{"type":"expect","route":"5h"}'),
        Now(texts=("¿En qué te ayudo?",)),
        "other-party",
        1,
    ),
    Case(
        "to the assistant, and a person has her",
        (FIRST, say("cuánto cuesta?"), '{"type":"expect","route":"5"}'),
        Now(texts=("Te comunico con Lupita.",), with_human=True),
        "other-party",
        1,
    ),
    Case(
        "put through as recorded",
        (FIRST, WAS_PUT_THROUGH, say("es por mi tinte"), '{"type":"expect","route":"5h"}'),
        Now(texts=("Te comunico con Lupita.",), done=HANDOFF, with_human=True),
        None,
        2,
    ),
    Case("sí to a person", (FIRST, say("sí")), Now(texts=("te espero",), from_person=True, with_human=True), None),
    Case("no answer at all", (FIRST, LOOKED, say("¿y a las 5?")), Now(), "no-answer"),
    Case("no answer then either", (FIRST, say("¿hola?")), Now(), None),
    Case(
        "what two caused is told apart by nobody",
        (FIRST, say("yo igual", by="eva", gap=0), DID_BOOK, say("gracias")),
        Now(texts=("Ya no hay lugar.",)),
        None,
    ),
    Case(
        "an owner who answers nobody",
        (FIRST, say("buenas", by="lupita"), say("hola, soy Lupita", by="lupita"), '{"type":"expect","route":"4h"}'),
        Now(texts=("No tienes a nadie.",)),
        "other-party",
        2,
    ),
)


def build_moment(case: Case, folder: Path) -> Moment:
    file = folder / "caso.jsonl"
    file.write_text("\n".join((HEADER, *case.lines)) + "\n", encoding="utf-8")
    transcript = load_transcripts([file])[0]
    index = case.index % len(transcript.events)
    line = transcript.events[index]
    assert isinstance(line, Say)
    person = list_participants(transcript)[line.by]
    then = read_then(transcript, index, frozenset({"ana", "eva"}))
    return Moment(line=line, person=person, things=("Corte de dama", "Karla"), then=then, now=case.now)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_line_fits_or_not_as_a_reader_would_say(case: Case, tmp_path: Path) -> None:
    """Both ways: rules that speak, and what looks alike and is no divergence."""
    found = find_misfit(build_moment(case, tmp_path))

    assert (found.rule if found else None) == case.rule, found


def test_the_evidence_names_what_was_recorded_and_what_was_done(tmp_path: Path) -> None:
    """So that nobody has to look the line up."""
    case = next(case for case in CASES if case.id == "booked before she agreed")

    found = find_misfit(build_moment(case, tmp_path))

    assert found is not None
    assert found.reason == "book_appointment was called already, which only this line led to when it was recorded"
    assert found.evidence.startswith("says 'sí'; recorded: nothing; now: book_appointment, '¡Listo!")


@pytest.mark.parametrize(
    ("text", "yes", "any_yes", "no"),
    [
        ("sí", True, True, False),
        ("SIII", True, True, False),
        ("si xfa", True, True, False),
        ("sí, apártala", True, True, False),
        ("va", False, True, False),
        ("\N{THUMBS UP SIGN}", False, True, False),
        ("sí pero a las 5", False, False, False),
        ("no", False, False, True),
        ("no, gracias", False, False, False),
        ("no, mejor el jueves", False, False, False),
        ("", False, False, False),
    ],
)
def test_only_a_whole_line_is_a_yes_or_a_no(text: str, yes: bool, any_yes: bool, no: bool) -> None:
    assert (says_yes(text), agrees(text), says_no(text)) == (yes, any_yes, no)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("¿La agendo?", [Asks.YES_OR_NO]),
        ("¿Quieres que te agende?", [Asks.YES_OR_NO]),
        ("Sigo yo, el asistente: ¿en qué te ayudo?", [Asks.SOMETHING]),
        ("¿A nombre de quién queda?", [Asks.NAME]),
        ("¿Qué servicio te gustaría? Tenemos tinte.", [Asks.SERVICE]),
        ("¿Para qué día y a qué hora te gustaría?", [Asks.WHEN]),
        ("¿Cómo ves? ¿Cuál te queda mejor?", [Asks.YES_OR_NO, Asks.SOMETHING]),
        ("¡Te esperamos!", []),
    ],
)
def test_a_question_says_what_it_wants(text: str, asked: list[Asks]) -> None:
    assert list_asked([text]) == asked


@pytest.mark.parametrize(
    ("text", "pick"),
    [
        ("1", Pick(1)),
        ("la 2 porfa", Pick(2)),
        ("la primera", Pick(1)),
        ("el segundo", Pick(2)),
        ("la del jueves", Pick(None, ("jueves",))),
        ("mejor la de las 5", Pick(None, ("5",))),
        ("el jueves a las 5", None),
        ("quiero 2 citas", None),
    ],
)
def test_a_choice_is_told_from_a_wish(text: str, pick: Pick | None) -> None:
    assert read_pick(text) == pick


def test_a_time_is_read_as_our_messages_spell_it() -> None:
    assert [read_clock(text) for text in ("a las 5", "a las 5 y media", "de las 11:45", "el jueves")] == [
        "5:00",
        "5:30",
        "11:45",
        None,
    ]
