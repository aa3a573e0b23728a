"""Staff's turns from webhook to delivery: what a yes sets going and what it does not, what is undone, and limits."""

from __future__ import annotations

from typing import Any

import msgspec

from runtime.domain import words, words_staff
from runtime.domain.ids import ConversationId
from runtime.ports import Job
from sim.stage import MESSAGES_URL, SETTINGS, Stage
from sim.twilio.inbound import Inbound
from tests.runtime.staging import LUPITA, Salon, on_stage
from tests.runtime.test_turns import with_parts

KARLA = "+522220000102"
JORGE = "+522221230004"
CENTRAL = "+525500000000"
CANCEL = "cancela la cita de Jorge"
STATUS = (
    "select a.status::text from appointments a join customers c on c.id = a.customer_id where c.name = 'Jorge Méndez'"
)


class OnceBrokenQueue:
    """A queue whose first message crashes whoever hands it over; behind it is a real one."""

    def __init__(self, behind: Any) -> None:
        self._behind = behind
        self.broken = 0

    async def enqueue(self, job: Job, conversation_id: ConversationId) -> None:
        """Crash once."""
        if job is Job.DELIVER and not self.broken:
            self.broken = 1
            raise RuntimeError("the process is gone")
        await self._behind.enqueue(job, conversation_id)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)


async def status(salon: Salon) -> str:
    """Of Jorge's appointment."""
    return str((await salon.rows(STATUS))[0][0])


def test_a_yes_right_after_the_question_cancels_and_tells_once(database_url: str) -> None:
    """No model is asked about the yes."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        await salon.say(KARLA, CANCEL)
        asked = salon.heard(KARLA)[-1]
        models = await salon.count("select count(*) from steps where kind = 'model'")

        await salon.say(KARLA, "sí")

        assert asked.startswith("¿Cancelo la cita de Jorge Méndez")
        assert salon.heard(KARLA)[-1].startswith("Listo, cancelé")
        assert len(salon.heard(JORGE)) == 1 and "cancelar tu cita" in salon.heard(JORGE)[0]
        assert await status(salon) == "cancelled"
        assert await salon.count("select count(*) from steps where kind = 'model'") == models
        await salon.say(KARLA, "sí")
        assert len(salon.heard(JORGE)) == 1, "the yes is used up"

    on_stage(database_url, play)


def test_a_yes_that_answers_something_else_or_comes_late_sets_nothing_going(database_url: str) -> None:
    """After another message, after five minutes, with a condition, after a no."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        for between, wait_s, answer in (
            ("qué citas hay hoy?", 0, "sí"),
            (None, 301, "sí"),
            (None, 0, "sí, pero la de Elena"),
            ("no", 0, "sí"),
            ("fila", 0, "sí"),
        ):
            await salon.say(LUPITA, CANCEL)
            assert salon.heard(LUPITA)[-1].startswith("¿Cancelo")
            if between is not None:
                await salon.say(LUPITA, between)
            await salon.wait(wait_s)
            await salon.say(LUPITA, answer)

            assert await status(salon) == "confirmed", (between, wait_s, answer)
        assert salon.heard(JORGE) == []

    on_stage(database_url, play)


def test_a_yes_in_the_other_chat_is_not_the_answer(database_url: str) -> None:
    """Asked on the business's number, answered on Parlo's own: nothing; and the other way round."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        await salon.say(LUPITA, CANCEL)

        await write(salon, LUPITA, "sí", to=CENTRAL)

        assert await status(salon) == "confirmed"
        await write(salon, LUPITA, CANCEL, to=CENTRAL)
        await salon.say(LUPITA, "qué citas hay hoy?")
        await salon.say(LUPITA, "sí")
        assert await status(salon) == "confirmed"
        await write(salon, LUPITA, "sí", to=CENTRAL)
        assert await status(salon) == "cancelled", "there it is the very next message"

    on_stage(database_url, play)


async def write(salon: Salon, phone: str, text: str, *, to: str) -> None:
    """Somebody writes to another number than the business's."""
    inbound = Inbound(from_address=f"whatsapp:{phone}", to_address=f"whatsapp:{to}", text=text)
    assert await salon.scene.twilio.send_inbound(MESSAGES_URL, inbound) == 200
    await salon.scheduler.settle()


def test_a_worker_that_dies_after_the_yes_was_used_cancels_once_and_answers(database_url: str) -> None:
    """The turn is taken up again with the journaled result: no second notice, no question what was meant."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        await salon.say(KARLA, CANCEL)
        queue = OnceBrokenQueue(salon.scene.parts.queue)
        salon = with_parts(salon, queue=queue)

        await salon.say(KARLA, "sí")
        await salon.wait(120)

        assert queue.broken
        assert len(salon.heard(JORGE)) == 1
        assert salon.heard(KARLA)[-1].startswith("Listo, cancelé")
        assert await salon.count("select count(*) from steps where name = 'cancel_for_customer'") == 2
        assert await salon.count("select count(*) from inbox where state <> 'done'") == 0

    on_stage(database_url, play)


def test_whoever_loses_the_right_before_the_yes_is_refused(database_url: str) -> None:
    """The role is read where the tool runs, not where the question was asked."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        await salon.say(KARLA, CANCEL)
        await salon.rows("update staff set role = 'viewer' where name = 'Karla' returning 1")

        await salon.say(KARLA, "sí")

        assert "No tienes permiso" in salon.heard(KARLA)[-1]
        assert await status(salon) == "confirmed"
        assert await salon.count("select count(*) from events where kind = 'permission_refused'") == 1

    on_stage(database_url, play)


def test_what_was_done_is_undone_within_half_a_minute_and_once(database_url: str) -> None:
    """On either number; later, or twice, it is too late."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        blocks = "select count(*) from staff_blocks"
        await salon.say(LUPITA, "bloquea mañana de 2 a 4")
        done = await salon.count(blocks)
        await salon.say(LUPITA, "deshaz")
        assert (done, await salon.count(blocks)) == (1, 0)
        assert salon.heard(LUPITA)[-1] == words_staff.UNDONE
        await salon.say(LUPITA, "me equivoqué")
        assert salon.heard(LUPITA)[-1] == words_staff.CANNOT_UNDO

        await write(salon, LUPITA, "bloquea mañana de 2 a 4", to=CENTRAL)
        await write(salon, LUPITA, "me equivoqué", to=CENTRAL)
        assert await salon.count(blocks) == 0
        await salon.say(LUPITA, "bloquea mañana de 2 a 4")
        await salon.wait(40)
        await salon.say(LUPITA, "me equivoqué")
        assert await salon.count(blocks) == 1

    on_stage(database_url, play)


def test_an_order_about_a_handoff_comes_first(database_url: str) -> None:
    """ "Deshacer" right after the end of a handoff takes that end back, though something was blocked before."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        await salon.say(LUPITA, "bloquea mañana de 2 a 4")
        await salon.say("+525512345678", "quiero hablar con una persona")
        await salon.say(LUPITA, "tomar")
        await salon.say(LUPITA, "listo")

        await salon.say(LUPITA, "deshacer")

        assert salon.heard(LUPITA)[-1] == words.undone("Ana")
        assert await salon.count("select count(*) from staff_blocks") == 1

    on_stage(database_url, play)


def test_a_conversation_with_staff_is_kept_and_read_with_the_next_turn(database_url: str) -> None:
    """An answer to a question of the assistant's is understood with what was said before."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        await salon.say(LUPITA, "agéndame a Ana para un corte mañana a las 5")
        question = salon.heard(LUPITA)[-1]

        await salon.say(LUPITA, "de caballero")

        assert "Corte de caballero" in question
        assert salon.heard(LUPITA)[-1].startswith(
            "Listo, agendé a Ana: Corte de caballero, martes 13 de enero, 5:00 PM"
        )
        authors = await salon.rows("select author::text from messages where text like '%corte mañana%' limit 1")
        assert [tuple(row) for row in authors] == [("staff",)]

    on_stage(database_url, play)


def test_a_business_without_calls_left_tells_its_staff_the_day_all_the_same(database_url: str) -> None:
    """The limit of the day is the business's, staff's turns included; the schedule needs no model."""
    limited = msgspec.structs.replace(SETTINGS, business_calls_per_day=2)

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        await salon.say(LUPITA, "qué citas hay mañana?")

        await salon.say(LUPITA, "bloquea mañana de 2 a 4")

        assert words_staff.MODEL_LIMIT in salon.heard(LUPITA)[-1]
        assert "11:00 AM" in salon.heard(LUPITA)[-1]
        assert await salon.count("select count(*) from staff_blocks") == 0

    on_stage(database_url, play, settings=limited)


def test_a_turn_on_the_central_number_changes_the_business_and_nothing_of_the_platforms(database_url: str) -> None:
    """Its journal is the platform's, its rows are the business's, and the notice leaves from the business's number."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        await write(salon, LUPITA, CANCEL, to=CENTRAL)
        await write(salon, LUPITA, "sí", to=CENTRAL)

        assert await status(salon) == "cancelled"
        sent = [each for each in salon.scene.twilio.sent if each.to_address == f"whatsapp:{JORGE}"]
        assert [each.from_address for each in sent] == ["whatsapp:+522220000001"]
        tools = "select count(distinct organization_id) from steps where kind = 'tool'"
        assert await salon.count(tools) == 1
        events = (
            "select o.name from events e join organizations o using (organization_id)"
            " where e.kind = 'appointment_cancelled'"
        )
        assert [tuple(row) for row in await salon.rows(events)] == [("Estética Lupita",)]

    on_stage(database_url, play)
