"""WhatsApp's 24 hours: what is sent as a template, what is kept until somebody writes, and who is told of it."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, cast

import pytest
from sqlalchemy import text

from runtime.domain import words
from runtime.domain.enums import TemplateStatus
from runtime.domain.templates import BUSINESS_ANSWERED, CATALOGUE, CUSTOMER_WAITING, HUMAN_REQUESTED, fill
from runtime.outbox import WINDOW_CLOSED, record_status
from runtime.ports import MessageRefused, OutgoingMessage, ReceivedMessage, SentMessage
from runtime.store.database import Database, UnitOfWork
from runtime.store.templates import describe_version, save_version
from sim.stage import Stage
from tests.runtime.answers.counter import PHONES, PLEASE, Counter
from tests.runtime.staging import Salon, on_stage

DAY_MIN = 24 * 60.0


TAKE = text(
    "update outbox set state = 'submitting', submitted_at = :now, lease_until = :now, due_at = :now where id = :id"
)


class Provider:
    """The port `Messenger`, which accepts everything and reports only what a test makes it report.

    Attributes:
        before_answer: What happens between the acceptance of a message and our learning of it.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[str, OutgoingMessage]] = []
        self.before_answer: Callable[[str, OutgoingMessage], Awaitable[None]] | None = None
        self._seen = 0

    async def send(self, message: OutgoingMessage) -> SentMessage:
        """Accept it."""
        sid = f"SM{len(self.sent):032d}"
        self.sent.append((sid, message))
        if self.before_answer is not None:
            happen, self.before_answer = self.before_answer, None
            await happen(sid, message)
        return SentMessage(sid, "queued", message.body, message.from_address, message.to_address)

    async def find(self, *, to_address: str, from_address: str, since: datetime) -> list[SentMessage]:
        """What was accepted, oldest first, refused or not."""
        return [
            SentMessage(sid, "sent", each.body, each.from_address, each.to_address)
            for sid, each in self.sent
            if (each.to_address, each.from_address) == (to_address, from_address)
        ]

    async def list_received(self, *, since: datetime) -> list[ReceivedMessage]:
        """Whatever anybody wrote has reached us."""
        return []

    async def read_received(self, sid: str) -> dict[str, str]:
        """So none of it is read again."""
        raise AssertionError(sid)

    def heard(self) -> list[tuple[str, str, bool]]:
        """To whom, what, and whether as a template, since this was last asked."""
        names = {f"whatsapp:{phone}": name for name, phone in PHONES.items()}
        new, self._seen = self.sent[self._seen :], len(self.sent)
        return [(names[each.to_address], each.body, each.template is not None) for _, each in new]


async def open_counter(stage: Stage, *, approved: bool = True) -> tuple[Counter, Provider]:
    """Lupita's, where nobody has written yet, with a provider under the test's control."""
    counter, provider = await Counter.open(stage), Provider()
    scene = counter.salon.scene
    scene.parts = dataclasses.replace(scene.parts, messenger=provider)
    counter.salon = Salon(stage, scene)
    if approved:
        await approve(counter.salon)
    return counter, provider


async def approve(salon: Salon) -> None:
    """WhatsApp has approved every template of the catalogue."""
    async with salon.stage.database.platform() as uow:
        for name, template in CATALOGUE.items():
            row = describe_version(template, f"HX{name}", TemplateStatus.APPROVED, at=salon.scene.clock.now())
            await save_version(uow, row)
        await uow.commit()


async def close_window(counter: Counter, name: str) -> None:
    """Somebody has never written to the business."""
    await counter.salon.rows(
        "update conversations set last_inbound_at = null where their_key = :key returning 1", key=PHONES[name]
    )


async def report(counter: Counter, sent: tuple[str, OutgoingMessage], status: str, code: int | None = None) -> bool:
    """The provider reports what became of a message."""
    sid, message = sent
    form = {"MessageSid": sid, "MessageStatus": status, "To": message.to_address, "From": message.from_address}
    form |= {"ErrorCode": str(code)} if code else {}
    return await record_status(counter.salon.scene.parts, message.outbox_id, form)


def last_to(provider: Provider, name: str) -> tuple[str, OutgoingMessage]:
    """The latest message that left for somebody."""
    return next(each for each in reversed(provider.sent) if each[1].to_address == f"whatsapp:{PHONES[name]}")


Play = Callable[[Counter, Provider], Awaitable[None]]


def with_provider(database_url: str, play: Play, *, approved: bool = True) -> None:
    """Run a scene."""

    async def run(stage: Stage) -> None:
        await play(*await open_counter(stage, approved=approved))

    on_stage(database_url, run)


# Alerts -----------------------------------------------------------------------------------------------


def test_an_alert_to_somebody_who_never_wrote_here_goes_as_a_template(database_url: str) -> None:
    """With who, why, when and where, and the handoff in its buttons."""

    async def play(counter: Counter, provider: Provider) -> None:
        await close_window(counter, "Lupita")
        await counter.say("Ana", PLEASE)

        _, alert = last_to(provider, "Lupita")
        handoff = str(await counter.handoff_of("Ana"))
        assert alert.template is not None
        values = ("Ana", alert.template.values[1], "10:00 AM", "Estética Lupita", handoff)
        assert "persona" in values[1]
        assert alert.template.content_sid == f"HX{HUMAN_REQUESTED.name}"
        assert alert.template.values == values
        assert alert.body == fill(HUMAN_REQUESTED, values)

    with_provider(database_url, play)


@pytest.mark.parametrize(("silent_min", "as_template"), [(DAY_MIN - 11, False), (DAY_MIN - 9, True)])
def test_the_window_is_taken_to_close_ten_minutes_early(
    database_url: str, silent_min: float, as_template: bool
) -> None:
    """Nearly a day after she wrote an alert is still free words; ten minutes before the day is over it no longer is."""

    async def play(counter: Counter, provider: Provider) -> None:
        await counter.say("Lupita", "hola")
        await counter.wait(silent_min)

        await counter.say("Ana", PLEASE)

        _, alert = last_to(provider, "Lupita")
        assert (alert.template is not None) == as_template
        assert alert.body.startswith("Hola. Ana quiere" if as_template else "🙋 Ana pide")

    with_provider(database_url, play)


def test_where_no_template_is_approved_words_are_tried(database_url: str) -> None:
    """Better a message that may not arrive, and whose failure is known, than none."""

    async def play(counter: Counter, provider: Provider) -> None:
        await counter.say("Ana", PLEASE)

        assert last_to(provider, "Lupita")[1].template is None

    with_provider(database_url, play, approved=False)


# What is kept -----------------------------------------------------------------------------------------


def test_what_a_customer_says_is_kept_for_a_closed_window_and_released_in_order(database_url: str) -> None:
    """One knock for all of it; when Lupita writes, everything reaches her as it was said."""

    async def play(counter: Counter, provider: Provider) -> None:
        await close_window(counter, "Lupita")
        await counter.say("Ana", PLEASE)
        provider.heard()

        await counter.say("Ana", "uno")
        await counter.say("Ana", "dos")
        knocked = provider.heard()
        await counter.say("Lupita", "tomar")

        values = ("Ana", "1 minuto", "Estética Lupita", str(await counter.handoff_of("Ana")))
        assert knocked == [("Lupita", fill(CUSTOMER_WAITING, values), True)]
        assert provider.heard() == [
            ("Lupita", "Ana: uno", False),
            ("Lupita", "Ana: dos", False),
            ("Lupita", words.taken("Ana"), False),
        ]

    with_provider(database_url, play)


class Interrupted:
    """A database before whose platform jobs something happens."""

    def __init__(self, database: Database, happen: Callable[[], Awaitable[None]]) -> None:
        self._database = database
        self._happen = happen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    @asynccontextmanager
    async def platform(self) -> AsyncIterator[UnitOfWork]:
        """Everything else is as ever."""
        await self._happen()
        async with self._database.platform() as uow:
            yield uow


def test_who_writes_in_the_moment_their_message_would_be_kept_gets_it_at_once(database_url: str) -> None:
    """It is claimed while the window is closed; Lupita writes; nobody would release it before she writes again."""

    async def play(counter: Counter, provider: Provider) -> None:
        await counter.give("Ana")
        await close_window(counter, "Lupita")
        scene = counter.salon.scene
        whole = scene.parts.database

        async def write() -> None:
            claimed = "select count(*) from outbox where state = 'submitting' and kind = 'relay'"
            if await counter.salon.count(claimed) and not wrote:
                wrote.append("¿qué necesitas?")
                await counter.post("Lupita", wrote[0])

        wrote: list[str] = []
        provider.heard()
        scene.parts = dataclasses.replace(scene.parts, database=cast(Database, Interrupted(whole, write)))
        counter.salon = Salon(counter.salon.stage, scene)
        await counter.say("Ana", "uno")
        kept = await counter.salon.count("select count(*) from outbox where held")

        assert provider.heard()[0] == ("Lupita", "Ana: uno", False)
        assert kept == 0

    with_provider(database_url, play)


async def write_to_a_silent_customer(counter: Counter) -> None:
    """Ana has been silent for more than a day when Lupita takes her conversation and writes twice."""
    await counter.say("Ana", "hola")
    await counter.wait(DAY_MIN + 60)
    await counter.say("Lupita", "tomar ana")
    await counter.say("Lupita", "Hola Ana, ¿cómo estás?")
    await counter.say("Lupita", "¿te esperamos mañana?")


def test_what_a_human_says_to_a_customer_of_yesterday_waits_and_the_human_knows(database_url: str) -> None:
    """The customer gets one template, the human one explanation, and with the answer everything arrives in order."""

    async def play(counter: Counter, provider: Provider) -> None:
        await write_to_a_silent_customer(counter)
        before = provider.heard()
        await counter.say("Ana", "¡hola!")
        after = provider.heard()

        knock = fill(BUSINESS_ANSWERED, ("Ana", "Estética Lupita"))
        assert [each for each in before if each[0] == "Ana"][-1:] == [("Ana", knock, True)]
        assert [each[1] for each in before].count(knock) == 1
        assert [each[1] for each in before].count(words.window_closed("Ana")) == 1
        assert [body for name, body, _ in after if name == "Ana"][:2] == [
            "Hola Ana, ¿cómo estás?",
            "¿te esperamos mañana?",
        ]
        assert ("Lupita", "Ana: ¡hola!", False) in after

    with_provider(database_url, play)


def test_each_closed_window_is_knocked_at_once(database_url: str) -> None:
    """After Ana has written and fallen silent for another day, she is knocked at again."""

    async def play(counter: Counter, provider: Provider) -> None:
        await write_to_a_silent_customer(counter)
        await counter.say("Ana", "¡hola!")
        await counter.say("Lupita", "listo")
        provider.heard()

        await counter.wait(DAY_MIN + 60)
        await counter.say("Lupita", "tomar ana")
        await counter.say("Lupita", "¿sigues ahí?")

        knocks = [body for name, body, template in provider.heard() if name == "Ana" and template]
        assert knocks.count(fill(BUSINESS_ANSWERED, ("Ana", "Estética Lupita"))) == 1

    with_provider(database_url, play)


# The provider knows better ----------------------------------------------------------------------------


async def open_window_and_ask(counter: Counter, provider: Provider) -> tuple[str, OutgoingMessage]:
    """Lupita wrote an hour ago, so the alert went as words."""
    await counter.say("Lupita", "hola")
    await counter.say("Ana", PLEASE)
    alert = last_to(provider, "Lupita")
    assert alert[1].template is None
    provider.heard()
    return alert


def test_an_alert_that_is_refused_for_the_window_goes_again_as_a_template(database_url: str) -> None:
    """Once; what is still reported of the refused one says nothing of the new one."""

    async def play(counter: Counter, provider: Provider) -> None:
        alert = await open_window_and_ask(counter, provider)

        assert await report(counter, alert, "failed", WINDOW_CLOSED)
        await counter.wait(0.5)
        again = last_to(provider, "Lupita")
        late = [
            await report(counter, alert, status, code)
            for status, code in (("failed", WINDOW_CLOSED), ("undelivered", WINDOW_CLOSED), ("sent", None))
        ]
        await counter.wait(0.5)

        assert again[1].outbox_id == alert[1].outbox_id and again[1].template is not None
        assert late == [False, False, False]
        assert last_to(provider, "Lupita") == again
        assert await counter.salon.count("select count(*) from tasks") == 0
        assert await report(counter, again, "delivered")

    with_provider(database_url, play)


def test_a_refused_try_is_not_taken_for_the_next_one_whose_outcome_is_unknown(database_url: str) -> None:
    """Whoever took it up again was killed before sending: the provider's list holds the refused one alone."""

    async def play(counter: Counter, provider: Provider) -> None:
        alert = await open_window_and_ask(counter, provider)
        assert await report(counter, alert, "failed", WINDOW_CLOSED)
        now = counter.salon.scene.clock.now()
        async with counter.salon.stage.database.platform() as uow:
            await uow.run(TAKE, {"id": alert[1].outbox_id, "now": now})
            await uow.commit()

        await counter.wait(1)

        again = last_to(provider, "Lupita")
        assert again[1].outbox_id == alert[1].outbox_id and again[1].template is not None
        assert await counter.salon.count("select count(*) from outbox where state = 'submitting'") == 0

    with_provider(database_url, play)


def test_a_template_that_fails_too_is_a_failure(database_url: str) -> None:
    """There is nothing left to fall back to: a task."""

    async def play(counter: Counter, provider: Provider) -> None:
        await close_window(counter, "Lupita")
        await counter.say("Ana", PLEASE)

        assert await report(counter, last_to(provider, "Lupita"), "failed", WINDOW_CLOSED)

        assert await counter.salon.count("select count(*) from tasks where kind = 'undelivered'") == 1

    with_provider(database_url, play)


def test_a_refusal_that_overtakes_the_answer_to_the_sending_is_not_forgotten(database_url: str) -> None:
    """The callback comes first: the message is queued again and leaves as a template."""

    async def play(counter: Counter, provider: Provider) -> None:
        await counter.say("Lupita", "hola")
        await counter.say("Ana", "hola")

        async def refuse(sid: str, message: OutgoingMessage) -> None:
            if message.to_address == f"whatsapp:{PHONES['Lupita']}":
                assert await report(counter, (sid, message), "failed", WINDOW_CLOSED)
            else:
                provider.before_answer = refuse

        provider.before_answer = refuse
        await counter.say("Ana", PLEASE)
        await counter.wait(1)

        alerts = [each for _, each in provider.sent if "Ana" in each.body and "persona" in each.body]
        to_lupita = [each for each in alerts if each.to_address == f"whatsapp:{PHONES['Lupita']}"]
        assert [each.template is not None for each in to_lupita] == [False, True]
        assert len({each.outbox_id for each in to_lupita}) == 1

    with_provider(database_url, play)


def test_a_refusal_for_the_window_at_the_door_is_the_same_refusal(database_url: str) -> None:
    """Some are told before there is a message to report on: it leaves as a template all the same."""

    async def play(counter: Counter, provider: Provider) -> None:
        await counter.say("Lupita", "hola")

        async def refuse(sid: str, message: OutgoingMessage) -> None:
            if message.to_address != f"whatsapp:{PHONES['Lupita']}":
                provider.before_answer = refuse
                return
            raise MessageRefused(WINDOW_CLOSED, "the window is closed")

        provider.before_answer = refuse
        await counter.say("Ana", PLEASE)

        alerts = [each for _, each in provider.sent[1:] if each.to_address == f"whatsapp:{PHONES['Lupita']}"]
        assert [each.template is not None for each in alerts] == [False, True]
        assert await counter.salon.count("select count(*) from tasks") == 0

    with_provider(database_url, play)


def test_a_relay_that_is_refused_for_the_window_is_kept_and_its_sender_told(database_url: str) -> None:
    """The human's words wait for the customer's next ones, and are then sent once."""

    async def play(counter: Counter, provider: Provider) -> None:
        await counter.give("Ana")
        await counter.say("Lupita", "te espero mañana")
        relay = last_to(provider, "Ana")
        provider.heard()

        assert await report(counter, relay, "failed", WINDOW_CLOSED)
        await counter.wait(0.5)
        kept = provider.heard()
        assert not await report(counter, relay, "failed", WINDOW_CLOSED)
        await counter.say("Ana", "¿hola?")

        assert sorted(kept) == [
            ("Ana", fill(BUSINESS_ANSWERED, ("Ana", "Estética Lupita")), True),
            ("Lupita", words.window_closed("Ana"), False),
        ]
        assert [body for name, body, _ in provider.heard() if name == "Ana"] == ["te espero mañana"]

    with_provider(database_url, play)


# Failures and receipts ----------------------------------------------------------------------------------


def test_a_refusal_that_crosses_the_receivers_own_message_keeps_nothing(database_url: str) -> None:
    """Her words opened the window and her turn is over: what was refused goes again as it was, with no knock."""

    async def play(counter: Counter, provider: Provider) -> None:
        await counter.give("Ana")
        await counter.say("Ana", "uno")
        relay = last_to(provider, "Lupita")
        await counter.wait(1)
        await counter.say("Lupita", "¿qué necesitas?")
        provider.heard()

        assert await report(counter, relay, "failed", WINDOW_CLOSED)
        await counter.wait(1)

        assert [each for each in provider.heard() if each[0] == "Lupita"] == [("Lupita", "Ana: uno", False)]

    with_provider(database_url, play)


def test_a_human_is_told_what_did_not_reach_the_customer(database_url: str) -> None:
    """Their own words in it, once, and a task."""

    async def play(counter: Counter, provider: Provider) -> None:
        await counter.give("Ana")
        await counter.say("Lupita", "te espero mañana")
        relay = last_to(provider, "Ana")
        provider.heard()

        await report(counter, relay, "undelivered", 63024)
        await report(counter, relay, "failed", 63024)
        await counter.wait(0.5)

        assert provider.heard() == [("Lupita", words.not_delivered("Ana", "te espero mañana"), False)]
        assert await counter.salon.count("select count(*) from tasks where kind = 'undelivered'") == 1

    with_provider(database_url, play)


def test_a_customer_is_told_when_their_words_did_not_reach_the_human(database_url: str) -> None:
    """Without names or codes."""

    async def play(counter: Counter, provider: Provider) -> None:
        await counter.give("Ana")
        await counter.say("Ana", "¿a qué hora?")
        relay = last_to(provider, "Lupita")
        provider.heard()

        await report(counter, relay, "failed", 63003)
        await counter.wait(0.5)

        assert provider.heard() == [("Ana", words.NOT_PASSED_ON, False)]

    with_provider(database_url, play)


def test_a_human_hears_once_that_all_they_wrote_has_arrived(database_url: str) -> None:
    """One receipt for what was said in one go, when the last of it is there; a repeated report adds none."""

    async def play(counter: Counter, provider: Provider) -> None:
        await counter.give("Ana")
        await counter.post("Lupita", "te espero mañana")
        await counter.say("Lupita", "a las cinco")
        relays = [each for each in provider.sent if each[1].body in ("te espero mañana", "a las cinco")]
        provider.heard()

        await report(counter, relays[0], "delivered")
        await counter.wait(0.5)
        half = provider.heard()
        await report(counter, relays[1], "delivered")
        await report(counter, relays[1], "delivered")
        await report(counter, relays[0], "read")
        await counter.wait(0.5)

        assert len(relays) == 2
        assert half == []
        assert provider.heard() == [("Lupita", words.delivered("Ana"), False)]

    with_provider(database_url, play)


def test_what_a_customer_says_is_not_receipted(database_url: str) -> None:
    """WhatsApp shows them that by itself."""

    async def play(counter: Counter, provider: Provider) -> None:
        await counter.give("Ana")
        await counter.say("Ana", "¿a qué hora?")
        relay = last_to(provider, "Lupita")
        provider.heard()

        await report(counter, relay, "delivered")
        await counter.wait(0.5)

        assert provider.heard() == []

    with_provider(database_url, play)
