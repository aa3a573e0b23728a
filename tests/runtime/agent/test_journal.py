"""The journal of a turn: asked once, run once, remembered exactly, and a different question stops the turn."""

from __future__ import annotations

from datetime import datetime

import msgspec
import pytest
from sqlalchemy.exc import IntegrityError

from runtime.adapters.absent import AbsentMedia
from runtime.agent.journal import OUTAGE, Journal
from runtime.bootstrap import open_parts
from runtime.domain.enums import StepKind
from runtime.domain.errors import Broken, JournalMismatch, LeaseLost, Unavailable
from runtime.domain.ids import ConversationId, TurnId
from runtime.parts import Parts
from runtime.ports import (
    ChatMessage,
    ChatRole,
    Job,
    ModelAnswer,
    ModelRequest,
    OutgoingMessage,
    ReceivedMessage,
    SentMessage,
    ToolCall,
)
from runtime.settings import Settings
from runtime.store.conversations import Claim
from runtime.store.database import Database
from runtime.store.journal import Step, load_steps
from runtime.tools.registry import ToolResult
from tests.runtime.twins import ANA, NOW, CountedIds, open_salon, rows, run, write_and_claim

CALL = ToolCall("call-1", "book_appointment", '{"service": "Corte"}')
RESULT = ToolResult('{"status":"booked"}', ok=True, ends_turn=False)


class ScriptedModel:
    """A model that says what it is told to, and counts how often it is asked."""

    def __init__(self, *answers: ModelAnswer | Exception) -> None:
        self.asked: list[ModelRequest] = []
        self._answers = list(answers)

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """The next answer of the script."""
        self.asked.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class StoppedClock:
    """A clock that shows one moment."""

    def now(self) -> datetime:
        """Always the same."""
        return NOW

    async def sleep(self, seconds: float) -> None:
        """Nobody waits here."""


class NoWorld:
    """A provider and a broker that must not be used."""

    async def send(self, message: OutgoingMessage) -> SentMessage:
        """Nothing is sent from a journal."""
        raise AssertionError(message)

    async def find(self, *, to_address: str, from_address: str, since: datetime) -> list[SentMessage]:
        """Nothing is looked up either."""
        raise AssertionError(to_address)

    async def list_received(self, *, since: datetime) -> list[ReceivedMessage]:
        """Nor listed."""
        raise AssertionError(since)

    async def read_received(self, sid: str) -> dict[str, str]:
        """Nor read."""
        raise AssertionError(sid)

    async def enqueue(self, job: Job, conversation_id: ConversationId) -> None:
        """And nothing is handed over."""
        raise AssertionError(job)


class Turn:
    """A turn under way, and the journals of the workers that take it up one after the other."""

    def __init__(self, database: Database, claimed: Claim, turn_id: TurnId) -> None:
        self.database = database
        self.claimed = claimed
        self.turn_id = turn_id

    @classmethod
    async def open(cls, database: Database) -> Turn:
        """Ana has written, and a worker has taken it up."""
        salon = await open_salon(database)
        claimed, pending, _ = await write_and_claim(database, salon, ANA)
        return cls(database, claimed, pending[0].turn_id)

    def parts(self, model: ScriptedModel) -> Parts:
        """The runtime around a model."""
        return open_parts(
            Settings(),
            clock=StoppedClock(),
            ids=CountedIds(7),
            database=self.database,
            model=model,
            messenger=NoWorld(),
            media=AbsentMedia(),
            queue=NoWorld(),
        )

    async def journal(self, model: ScriptedModel) -> Journal:
        """What a worker has that takes the turn up now."""
        return Journal(self.parts(model), self.claimed, self.turn_id, await self.steps())

    async def steps(self) -> list[Step]:
        """What is on record."""
        async with self.database.tenant(self.claimed.organization_id) as uow:
            return await load_steps(uow, self.claimed.organization_id, self.turn_id)

    async def record(self, journal: Journal, call: ToolCall, result: ToolResult) -> None:
        """Journal a tool's result as the loop does it."""
        async with self.database.tenant(self.claimed.organization_id) as uow:
            await journal.hold(uow)
            await journal.record_call(uow, call, result)
            await uow.commit()
        journal.move_on()


@pytest.fixture
async def turn(database: Database) -> Turn:
    """A turn under way."""
    return await Turn.open(database)


def request(*texts: str, purpose: str = "customer") -> ModelRequest:
    """A question to a model."""
    return ModelRequest(purpose, "gpt", tuple(ChatMessage(ChatRole.USER, text) for text in texts))


def says(text: str | None, *calls: ToolCall) -> ModelAnswer:
    """An answer of a model."""
    return ModelAnswer(text, calls, "stop", "gpt-0", 10, 5)


async def test_an_answer_is_on_record_before_it_is_used(turn: Turn) -> None:
    """The step holds what was asked first, and the answer as it came."""
    answer = says("¿A qué hora?", CALL)
    journal = await turn.journal(ScriptedModel(answer))

    assert await journal.ask(request("hola")) == answer

    (step,) = await turn.steps()
    assert (step.number, step.kind, step.name) == (1, StepKind.MODEL, "customer")
    assert msgspec.convert(step.response, ModelAnswer) == answer
    assert journal.next_number == 2


async def test_a_resumed_turn_asks_nothing_that_was_answered_before(turn: Turn) -> None:
    """The second worker gets the first one's answers without a model, and goes on where it stopped."""
    first = await turn.journal(ScriptedModel(says(None, CALL)))
    await first.ask(request("hola"))
    await turn.record(first, CALL, RESULT)
    model = ScriptedModel(says("Listo"))

    second = await turn.journal(model)
    answer = await second.ask(request("hola"))
    known = second.recall_call(CALL)
    final = await second.ask(request("hola", "…"))

    assert answer.tool_calls == (CALL,)
    assert msgspec.convert(known, ToolResult) == RESULT
    assert (final.text, len(model.asked)) == ("Listo", 1)
    assert [(step.number, step.kind) for step in await turn.steps()] == [(1, "model"), (2, "tool"), (3, "model")]


async def test_the_first_question_is_kept_whole_for_whoever_resumes(turn: Turn) -> None:
    """The world may change between two workers; the resumed turn asks from the same prompt as before."""
    journal = await turn.journal(ScriptedModel(says("a"), says("b")))
    assert journal.first_messages is None
    await journal.ask(request("el prompt", "hola"))
    await journal.ask(request("el prompt", "hola", "más"))

    resumed = await turn.journal(ScriptedModel())

    assert resumed.first_messages == request("el prompt", "hola").messages
    assert [step.request is None for step in await turn.steps()] == [False, True]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(request("adiós"), id="other-words"),
        pytest.param(request("hola", purpose="owner_intent"), id="other-purpose"),
        pytest.param(request("hola", "hola"), id="more-words"),
    ],
)
async def test_a_different_question_than_the_first_time_is_a_mismatch(turn: Turn, other: ModelRequest) -> None:
    """It is never guessed which answer belongs to it, and no model is asked."""
    await (await turn.journal(ScriptedModel(says("hola")))).ask(request("hola"))
    model = ScriptedModel()

    with pytest.raises(JournalMismatch, match="step 1: journaled model customer") as raised:
        await (await turn.journal(model)).ask(other)

    assert isinstance(raised.value, Broken)
    assert model.asked == []


@pytest.mark.parametrize(
    "other",
    [
        ToolCall("call-1", "cancel_appointment", CALL.arguments),
        ToolCall("call-1", CALL.name, '{"service": "Otro"}'),
    ],
)
async def test_a_different_tool_call_than_the_first_time_is_a_mismatch(turn: Turn, other: ToolCall) -> None:
    """Neither another tool nor other arguments get the stored result."""
    await turn.record(await turn.journal(ScriptedModel()), CALL, RESULT)

    with pytest.raises(JournalMismatch):
        (await turn.journal(ScriptedModel())).recall_call(other)


async def test_asking_where_a_tool_was_run_is_a_mismatch(turn: Turn) -> None:
    """A step is what it was: a model's answer is never taken from a tool's row."""
    await turn.record(await turn.journal(ScriptedModel()), CALL, RESULT)

    with pytest.raises(JournalMismatch):
        await (await turn.journal(ScriptedModel(says("x")))).ask(request("hola"))


async def test_the_id_of_a_call_is_no_part_of_what_was_asked(turn: Turn) -> None:
    """Providers give new ids to the same call; name and arguments are what counts."""
    await turn.record(await turn.journal(ScriptedModel()), CALL, RESULT)

    known = (await turn.journal(ScriptedModel())).recall_call(ToolCall("call-9", CALL.name, CALL.arguments))

    assert known is not None


async def test_a_model_that_is_down_leaves_no_step(turn: Turn) -> None:
    """The turn may be tried again from the same place."""
    journal = await turn.journal(ScriptedModel(Unavailable("503"), says("hola")))
    with pytest.raises(Unavailable):
        await journal.ask(request("hola"))

    assert await turn.steps() == []
    assert (await journal.ask(request("hola"))).text == "hola"


async def test_an_outage_that_is_tolerated_is_remembered_as_the_answer(turn: Turn) -> None:
    """Whoever resumes decides the same way again, though the model is back by then."""
    down = await (await turn.journal(ScriptedModel(Unavailable("503")))).ask(request("hola"), tolerate_outage=True)
    again = await (await turn.journal(ScriptedModel(says("relay")))).ask(request("hola"), tolerate_outage=True)

    assert down == again
    assert (down.text, down.finish, down.tool_calls) == (None, OUTAGE, ())


async def test_an_answer_that_no_database_can_hold_is_cleaned_before_it_is_used(turn: Turn) -> None:
    """NUL and lone surrogates go; what is used is what is on record."""
    garbage = says("ho\x00la\ud800", ToolCall("c", "bo\x00ok", '{"when": "\x00"}'))
    journal = await turn.journal(ScriptedModel(garbage))

    answer = await journal.ask(request("hola"))

    assert answer.text == "hola\ufffd"
    assert answer.tool_calls == (ToolCall("c", "book", '{"when": ""}'),)
    assert msgspec.convert((await turn.steps())[0].response, ModelAnswer) == answer


async def test_a_worker_that_lost_its_lease_records_nothing(turn: Turn, database: Database) -> None:
    """Its answer is thrown away: somebody newer is at work on the same turn."""
    journal = await turn.journal(ScriptedModel(says("tarde")))
    await run(database, "update conversations set fence = fence + 1")

    with pytest.raises(LeaseLost):
        await journal.ask(request("hola"))

    assert await turn.steps() == []


async def test_the_same_step_cannot_be_recorded_twice(turn: Turn) -> None:
    """Even without the lease's protection the primary key of the journal refuses a second step of a number."""
    one, other = await turn.journal(ScriptedModel()), await turn.journal(ScriptedModel())
    await turn.record(one, CALL, RESULT)

    with pytest.raises(IntegrityError, match="steps_pkey"):
        await turn.record(other, CALL, RESULT)


async def test_a_result_that_is_not_committed_is_not_remembered(turn: Turn, database: Database) -> None:
    """The journal row stands or falls with the tool's own transaction."""
    journal = await turn.journal(ScriptedModel())
    async with database.tenant(turn.claimed.organization_id) as uow:
        await journal.record_call(uow, CALL, RESULT)

    assert await rows(database, "select count(*) from steps") == [(0,)]
    assert journal.next_number == 1
