"""An owner answers on Parlo's own number: understood where it is clear who is meant, asked where it is not."""

from __future__ import annotations

from runtime.domain import words
from sim.stage import Stage
from tests.runtime.answers.counter import CENTRAL, PHONES, PLEASE, Counter
from tests.runtime.staging import on_stage

HAIR = "+523330000001"
NAILS = "+523330000002"


def test_an_answer_on_the_central_number_reaches_the_one_customer_there_is(database_url: str) -> None:
    """It leaves from the business's number, is confirmed where it was written, and takes the customer."""

    async def play(stage: Stage) -> None:
        counter = await Counter.open(stage)
        await counter.say("Ana", PLEASE)

        heard = await counter.say("Lupita", "Hola Ana, dime", to=CENTRAL)

        assert sorted(heard) == [
            ("Ana", "Hola Ana, dime"),
            ("Lupita", words.answers_elsewhere("Ana", "Estética Lupita")),
        ]
        assert await counter.states() == {"Ana": ("active", "Lupita")}
        senders = {each.body: each.from_address for each in counter.salon.scene.twilio.sent}
        assert senders["Hola Ana, dime"] == f"whatsapp:{counter.number}"
        assert senders[words.answers_elsewhere("Ana", "Estética Lupita")] == f"whatsapp:{CENTRAL}"

    on_stage(database_url, play)


def test_orders_on_the_central_number_are_obeyed_and_answered_there(database_url: str) -> None:
    """Taking, the line and the end, without writing to the business's number once."""

    async def play(stage: Stage) -> None:
        counter = await Counter.open(stage)
        await counter.say("Ana", PLEASE)

        taken = await counter.say("Lupita", "tomar", to=CENTRAL)
        line = await counter.say("Lupita", "fila", to=CENTRAL)
        ended = await counter.say("Lupita", "listo", to=CENTRAL)

        assert taken == [("Lupita", words.taken("Ana"))]
        assert line == [("Lupita", words.line(["1. Ana: con Lupita"]))]
        assert ("Ana", words.ended_for_customer("Lupita")) in ended and (
            "Lupita",
            words.ended_for_human("Ana"),
        ) in ended
        assert await counter.states() == {"Ana": ("ended", "Lupita")}

    on_stage(database_url, play)


def test_a_picture_on_the_central_number_is_asked_for_in_the_business_chat(database_url: str) -> None:
    """It cannot cross from one business's files to another's; the owner is told where it can."""

    async def play(stage: Stage) -> None:
        counter = await Counter.open(stage)
        await counter.give("Ana")

        heard = await counter.photograph("Lupita", "mira", to=CENTRAL)

        assert heard == [("Lupita", words.files_elsewhere("Estética Lupita"))]

    on_stage(database_url, play)


async def open_two(stage: Stage) -> Counter:
    """Rubí has Ana at the hair salon and Beto at the nail salon."""
    counter = await Counter.open(stage, "dos-negocios")
    for customer, number in (("Ana", HAIR), ("Beto", NAILS)):
        await counter.say(customer, PLEASE, to=number)
        await counter.say("Rubí", "tomar", to=number)
    assert await counter.states() == {"Ana": ("active", "Rubí"), "Beto": ("active", "Rubí")}
    return counter


def test_with_a_customer_in_each_of_two_businesses_she_is_asked_whom_she_means(database_url: str) -> None:
    """Nothing is sent to anybody."""

    async def play(stage: Stage) -> None:
        counter = await open_two(stage)

        heard = await counter.say("Rubí", "a las cinco está bien", to=CENTRAL)

        assert [name for name, _ in heard] == ["Rubí"]
        assert "no sé para quién" in heard[0][1]
        assert "Ana, de Estética Rubí" in heard[0][1] and "Beto, de Uñas Rubí" in heard[0][1]

    on_stage(database_url, play)


def test_a_quote_decides_between_two_businesses(database_url: str) -> None:
    """What she quotes tells whom she means, though she writes elsewhere."""

    async def play(stage: Stage) -> None:
        counter = await open_two(stage)
        await counter.say("Beto", "¿a las cinco?", to=NAILS)
        quoted = counter.sid_of("Rubí", "¿a las cinco?")

        heard = await counter.say("Rubí", "a las cinco está bien", to=CENTRAL, replied_to_sid=quoted)

        assert sorted(heard) == [
            ("Beto", "a las cinco está bien"),
            ("Rubí", words.answers_elsewhere("Beto", "Uñas Rubí")),
        ]

    on_stage(database_url, play)


def test_in_the_chat_of_each_business_its_own_customer_is_meant(database_url: str) -> None:
    """There is no question there."""

    async def play(stage: Stage) -> None:
        counter = await open_two(stage)

        hair = await counter.say("Rubí", "te espero a las cinco", to=HAIR)
        nails = await counter.say("Rubí", "te espero a las seis", to=NAILS)

        assert hair == [("Ana", "te espero a las cinco")]
        assert nails == [("Beto", "te espero a las seis")]

    on_stage(database_url, play)


def test_an_alert_never_leaves_from_a_persons_own_phone(database_url: str) -> None:
    """Everything anybody got came from the business's number."""

    async def play(stage: Stage) -> None:
        counter = await Counter.open(stage)
        await counter.give("Ana")

        senders = {each.from_address for each in counter.salon.scene.twilio.sent}

        assert senders == {f"whatsapp:{counter.number}"}
        assert not senders & {f"whatsapp:{phone}" for phone in PHONES.values()}

    on_stage(database_url, play)
