"""Delivery: in order, once, and with every outcome known or looked up."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from datetime import datetime, timedelta

import pytest

from runtime.domain.enums import OutboxKind, OutboxState
from runtime.domain.errors import Unavailable
from runtime.domain.ids import OrganizationId, OutboxId
from runtime.outbox import deliver, record_status, states_below
from runtime.ports import Clock
from runtime.store.outbox import NewOutbound, queue_messages
from sim.stage import Stage
from sim.stepwise import Killed
from sim.twilio.messages import SentRecord
from tests.runtime.staging import ANA, Salon, conversation_of, on_stage

ADDRESS = f"whatsapp:{ANA}"


async def _open_line(stage: Stage) -> Salon:
    """A salon in which Ana has a conversation."""
    salon = await Salon.open(stage)
    await salon.say(ANA, "hola")
    return salon


async def _queue(salon: Salon, *texts: str) -> list[OutboxId]:
    """Commit these messages to Ana, in this order."""
    now, ids = salon.scene.clock.now(), salon.scene.parts.ids
    organization_id = OrganizationId((await salon.rows("select organization_id from inbox limit 1"))[0][0])
    new = [
        NewOutbound(OutboxId(ids.new()), conversation_of(ANA), OutboxKind.NOTICE, f"test:{ids.new()}", text, now)
        for text in texts
    ]
    async with salon.stage.database.tenant(organization_id) as uow:
        await queue_messages(uow, organization_id, None, new)
        await uow.commit()
    return [each.id for each in new]


async def _states(salon: Salon, ids: list[OutboxId]) -> list[str]:
    rows = await salon.rows("select id, state::text from outbox where id = any(:ids)", ids=list(ids))
    found = {row[0]: row[1] for row in rows}
    return [found[each] for each in ids]


def test_messages_leave_in_the_order_they_were_written(database_url: str) -> None:
    """Also when the first is refused for now: the others wait behind it."""

    async def play(stage: Stage) -> None:
        salon = await _open_line(stage)
        before = len(salon.heard(ANA))
        salon.scene.twilio.faults.inject("429", times=2, to_address=ADDRESS)
        await _queue(salon, "uno", "dos", "tres")

        await salon.scheduler.settle()

        assert salon.heard(ANA)[before:] == ["uno", "dos", "tres"]

    on_stage(database_url, play)


@pytest.mark.parametrize("kind", ["timeout_after_accept", "500_after_accept", "garbage"])
def test_a_send_whose_answer_was_lost_is_looked_up_and_not_repeated(database_url: str, kind: str) -> None:
    """The provider has the message: it is found in its list, and sent once."""

    async def play(stage: Stage) -> None:
        salon = await _open_line(stage)
        salon.scene.twilio.faults.inject("callback_missing", times=None)
        salon.scene.twilio.faults.inject(kind, times=1, to_address=ADDRESS)
        ids = await _queue(salon, "solo una vez")

        await salon.wait(120)

        assert salon.heard(ANA).count("solo una vez") == 1
        assert (await _states(salon, ids))[0] in ("accepted", "sent", "delivered")

    on_stage(database_url, play)


def test_a_failure_that_only_the_look_up_tells_of_is_a_task(database_url: str) -> None:
    """Neither the answer nor a report ever came: what the provider's list says is taken in like a report."""

    async def play(stage: Stage) -> None:
        salon = await _open_line(stage)
        salon.scene.twilio.faults.inject("callback_missing", times=None)
        salon.scene.twilio.faults.inject("63024", times=1, to_address=ADDRESS)
        salon.scene.twilio.faults.inject("timeout_after_accept", times=1, to_address=ADDRESS)
        ids = await _queue(salon, "no existe")

        await salon.wait(120)

        assert await _states(salon, ids) == ["undelivered"]
        assert await salon.rows("select error_code from outbox where error_code is not null") == [(63024,)]
        assert await salon.rows("select dedupe_key from tasks") == [(f"undelivered:{ids[0]}",)]

    on_stage(database_url, play)


@pytest.mark.parametrize("kind", ["500", "503", "timeout", "down", "429"])
def test_a_send_that_was_not_accepted_is_repeated(database_url: str, kind: str) -> None:
    """The look-up finds nothing, so it is sent, once."""

    async def play(stage: Stage) -> None:
        salon = await _open_line(stage)
        salon.scene.twilio.faults.inject(kind, times=1, to_address=None if kind == "down" else ADDRESS)
        ids = await _queue(salon, "aquí voy")

        await salon.wait(120)

        assert salon.heard(ANA).count("aquí voy") == 1
        assert await _states(salon, ids) == ["delivered"]

    on_stage(database_url, play)


def test_a_send_of_unknown_fate_is_not_repeated_while_the_providers_list_cannot_be_read(database_url: str) -> None:
    """A look-up that fails has found nothing out: the next try looks again."""

    async def play(stage: Stage) -> None:
        salon = await _open_line(stage)
        faults = salon.scene.twilio.faults
        faults.inject("callback_missing", times=None)
        faults.inject("500_after_accept", times=1, to_address=ADDRESS)

        def hide_the_list(_sent: SentRecord) -> None:
            faults.inject("down", times=1)

        salon.scene.twilio.subscribe(hide_the_list)
        ids = await _queue(salon, "solo una vez")

        await salon.wait(120)

        assert salon.heard(ANA).count("solo una vez") == 1
        assert (await _states(salon, ids))[0] in ("accepted", "sent", "delivered")

    on_stage(database_url, play)


def test_a_claim_whose_answer_is_lost_keeps_the_line_waiting_for_seconds_only(database_url: str) -> None:
    """The worker lives, so it gives the message back and need not wait for its own lease to run out."""

    async def play(stage: Stage) -> None:
        salon = await _open_line(stage)
        ids = await _queue(salon, "enseguida")
        stage.switch.lose_after = stage.switch.round_trips + 1

        with pytest.raises(Unavailable):
            await deliver(salon.scene.parts, conversation_of(ANA))
        await salon.wait_running(5)

        assert salon.heard(ANA).count("enseguida") == 1
        assert await _states(salon, ids) == ["delivered"]

    on_stage(database_url, play)


def test_a_database_that_is_away_after_a_send_hears_of_it_when_it_is_back(database_url: str) -> None:
    """The provider's answer is kept meanwhile; what waits behind the message follows within seconds."""

    async def play(stage: Stage) -> None:
        salon = await _open_line(stage)
        before = len(salon.heard(ANA))
        salon.scene.twilio.faults.inject("callback_missing", times=None)
        await _queue(salon, "uno", "dos")

        def go_away(sent: SentRecord) -> None:
            if sent.body == "uno":
                stage.switch.take_down(salon.scene.clock, salon.scene.parts.after(4))

        salon.scene.twilio.subscribe(go_away)

        await deliver(salon.scene.parts, conversation_of(ANA))

        assert salon.heard(ANA)[before:] == ["uno", "dos"]
        assert salon.scene.clock.elapsed_s < 10

    on_stage(database_url, play)


def test_two_equal_texts_are_two_messages(database_url: str) -> None:
    """Looking up one does not mistake the other for it."""

    async def play(stage: Stage) -> None:
        salon = await _open_line(stage)
        ids = await _queue(salon, "ok")
        await salon.scheduler.settle()
        salon.scene.twilio.faults.inject("503", times=1, to_address=ADDRESS)
        ids += await _queue(salon, "ok")

        await salon.wait(120)

        assert salon.heard(ANA).count("ok") == 2
        assert await _states(salon, ids) == ["delivered", "delivered"]

    on_stage(database_url, play)


def test_a_refusal_for_good_leaves_a_task_and_does_not_hold_up_the_line(database_url: str) -> None:
    """A bad address fails the message; what comes after it is sent."""

    async def play(stage: Stage) -> None:
        salon = await _open_line(stage)
        salon.scene.twilio.faults.inject("21211", times=1, to_address=ADDRESS)
        ids = await _queue(salon, "no llega", "sí llega")

        await salon.scheduler.settle()

        assert await _states(salon, ids) == ["failed", "delivered"]
        assert await salon.count("select count(*) from tasks where kind = 'undelivered'") == 1

    on_stage(database_url, play)


def test_a_provider_that_stays_down_fails_the_message_after_the_last_try(database_url: str) -> None:
    """No silence: a failed message is a task for a person."""

    async def play(stage: Stage) -> None:
        salon = await _open_line(stage)
        salon.scene.twilio.faults.inject("503", times=None, to_address=ADDRESS)
        ids = await _queue(salon, "nunca sale")

        await salon.wait(1800)

        assert await _states(salon, ids) == ["failed"]
        assert await salon.count("select count(*) from tasks where kind = 'undelivered'") == 1
        assert "nunca sale" not in salon.heard(ANA)

    on_stage(database_url, play)


def test_several_senders_at_once_send_each_message_once(database_url: str) -> None:
    """The head of the line is claimed by one of them."""

    async def play(stage: Stage) -> None:
        salon = await _open_line(stage)
        before = len(salon.heard(ANA))
        await _queue(salon, *"abcdef")

        await asyncio.gather(*(deliver(salon.scene.parts, conversation_of(ANA)) for _ in range(5)))
        await salon.scheduler.settle()

        assert salon.heard(ANA)[before:] == list("abcdef")

    on_stage(database_url, play)


# a killed process closes nothing, and Python tells so when it collects what is left of it
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
def test_a_sender_killed_at_any_round_trip_sends_once(database_url: str) -> None:
    """Also between the provider's yes and our note of it: the sid is found afterwards."""

    async def play(stage: Stage) -> None:
        # one statement claims, one records
        for at, lost in itertools.product((1, 2), (False, True)):
            salon = await _open_line(stage)
            salon.scene.twilio.faults.inject("callback_missing", times=None)
            ids = await _queue(salon, "una sola vez")
            switch = stage.switch
            if lost:
                switch.kill_after = switch.round_trips + at
            else:
                switch.kill_before = switch.round_trips + at

            with pytest.raises(Killed):
                await deliver(salon.scene.parts, conversation_of(ANA))
            await stage.restart()
            await salon.wait(120)

            assert salon.heard(ANA).count("una sola vez") == 1, (at, lost)
            # found in the list of the provider, it has the state it has there
            assert (await _states(salon, ids))[0] in ("accepted", "delivered"), (at, lost)

    on_stage(database_url, play, kills=True)


def test_a_sender_that_was_stopped_past_its_lease_leaves_the_message_to_whoever_is_next(database_url: str) -> None:
    """Several of them may wake up at once, and each would have sent it."""

    async def play(stage: Stage) -> None:
        salon = await _open_line(stage)
        await _queue(salon, "una sola vez")
        stopped = dataclasses.replace(salon.scene.parts, clock=_StoppedAfterClaim(stage, salon.scene.clock))

        await deliver(stopped, conversation_of(ANA))
        woken = salon.heard(ANA).count("una sola vez")
        await salon.wait(120)

        assert woken == 0
        assert salon.heard(ANA).count("una sola vez") == 1

    on_stage(database_url, play)


class _StoppedAfterClaim:
    """The clock as a process sees it that is stopped for a minute as soon as it has asked the database once."""

    def __init__(self, stage: Stage, clock: Clock) -> None:
        self._switch = stage.switch
        self._clock = clock
        self._asked = stage.switch.round_trips

    def now(self) -> datetime:
        asleep = timedelta(minutes=1) if self._switch.round_trips > self._asked else timedelta()
        return self._clock.now() + asleep

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)


def test_a_long_answer_is_sent_in_parts_in_order(database_url: str) -> None:
    """WhatsApp takes 1,600 characters; a longer text is cut at words, and nothing is lost."""

    async def play(stage: Stage) -> None:
        salon = await _open_line(stage)
        before = len(salon.heard(ANA))

        await salon.say(ANA, "palabra " * 700)

        assert all(len(each) <= 1600 for each in salon.heard(ANA)[before:])
        assert await salon.count("select count(*) from inbox where state = 'done'") == 2

    on_stage(database_url, play)


def test_reports_converge_whatever_their_order(database_url: str) -> None:
    """A callback only moves a message up its rank: late and repeated ones change nothing."""

    async def play(stage: Stage) -> None:
        salon = await _open_line(stage)
        salon.scene.twilio.faults.inject("callback_missing", times=None)
        for order in itertools.permutations(("queued", "sent", "delivered", "read")):
            (outbox_id,) = await _queue(salon, "hola")
            await salon.scheduler.settle()

            for status in (*order, *order):
                form = {"MessageSid": f"SM{status}", "MessageStatus": status, "To": ADDRESS, "From": "whatsapp:+52"}
                await record_status(salon.scene.parts, outbox_id, form)

            assert await _states(salon, [outbox_id]) == ["read"], order

    on_stage(database_url, play)


def test_a_report_that_comes_before_the_answer_settles_a_message(database_url: str) -> None:
    """The callback carries our own id, so it resolves a row whose send was cut off."""

    async def play(stage: Stage) -> None:
        salon = await _open_line(stage)
        salon.scene.twilio.faults.inject("callback_early", times=1, to_address=ADDRESS)
        salon.scene.twilio.faults.inject("timeout_after_accept", times=1, to_address=ADDRESS)
        ids = await _queue(salon, "temprano")

        await salon.wait(120)

        assert salon.heard(ANA).count("temprano") == 1
        assert await _states(salon, ids) == ["delivered"]

    on_stage(database_url, play)


@pytest.mark.parametrize("final", [OutboxState.DELIVERED, OutboxState.READ])
def test_a_failure_never_takes_back_a_delivery(final: OutboxState) -> None:
    """A delivery is believed after a failure, never the other way round."""
    for failure in (OutboxState.FAILED, OutboxState.UNDELIVERED):
        assert final not in states_below(failure)
        assert failure in states_below(final)
    assert OutboxState.FAILED not in states_below(OutboxState.UNDELIVERED)
