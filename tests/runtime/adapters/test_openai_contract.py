"""The port `Model` as a contract: the adapter on the offline model, and on recorded answers of OpenAI's."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import httpx2
import msgspec
import pytest

from runtime.adapters.openai import OpenAIModel, Retries, decode_answer
from runtime.domain.errors import Broken
from runtime.ports import ChatMessage, ChatRole, Model, ModelRequest, Perception, PerceptionRequest, ToolSpec
from sim.offline_model import MODEL_NAME, OfflineTransport
from sim.samples import make_file
from tests.sim.offline_salon import Salon

pytestmark = pytest.mark.contract

TOOLS = tuple(
    ToolSpec(name, name, msgspec.Raw(b'{"type":"object","properties":{}}'))
    for name in ("check_availability", "handoff_to_human")
)


class Wall:
    """A clock and ids in one; nothing here waits or needs chance."""

    def now(self) -> datetime:
        """A fixed moment."""
        return datetime(2026, 1, 12, 16, tzinfo=UTC)

    async def sleep(self, seconds: float) -> None:
        """Do not wait."""

    def new(self) -> UUID:
        """A fixed identifier."""
        return UUID(int=1)

    def jitter(self) -> float:
        """No chance."""
        return 0.0


class Recorded(msgspec.Struct):
    """A recorded response."""

    status: int
    body: msgspec.Raw = msgspec.Raw()


class Exchange(msgspec.Struct):
    """A recorded exchange."""

    id: str
    response: Recorded


class Canned(httpx2.AsyncBaseTransport):
    """One answer to everything."""

    def __init__(self, status: int, body: bytes) -> None:
        self._status = status
        self._body = body

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Give the answer."""
        return httpx2.Response(self._status, content=self._body, request=request)


def build(transport: httpx2.AsyncBaseTransport) -> OpenAIModel:
    """The adapter on a transport."""
    wall = Wall()
    return OpenAIModel(
        api_key="k",
        base_url="http://model/v1",
        clock=wall,
        ids=wall,
        http_client=httpx2.AsyncClient(transport=transport),
        retries=Retries(attempts=1),
    )


def ask(text: str, *, model: str = MODEL_NAME, tools: tuple[ToolSpec, ...] = TOOLS) -> ModelRequest:
    """A question in the customer agent's form."""
    prompt = ChatMessage(ChatRole.SYSTEM, Salon(customer="Ana").prompt())
    return ModelRequest("customer", model, (prompt, ChatMessage(ChatRole.USER, text)), tools)


async def test_a_question_is_answered_in_words() -> None:
    """Text, no calls, finish `stop`, tokens counted."""
    model: Model = build(OfflineTransport())

    answer = await model.complete(ask("cuánto cuesta el peinado?"))

    assert answer.text is not None and "$350" in answer.text
    assert (answer.tool_calls, answer.finish, answer.model) == ((), "stop", MODEL_NAME)
    assert answer.input_tokens > 100 and answer.output_tokens > 0


async def test_a_wish_is_answered_with_a_call() -> None:
    """A call with an id and arguments as JSON text, finish `tool_calls`."""
    answer = await build(OfflineTransport()).complete(ask("peinado mañana a las 4"))

    assert [call.name for call in answer.tool_calls] == ["check_availability"]
    assert msgspec.json.decode(answer.tool_calls[0].arguments)["when"] == "mañana a las 4"
    assert answer.tool_calls[0].id and answer.finish == "tool_calls"


async def test_the_tools_result_leads_to_words() -> None:
    """The second round sees call and result."""
    model, request = build(OfflineTransport()), ask("peinado mañana a las 4")
    called = await model.complete(request)
    result = '{"error":{"code":"closed","message":"El martes está cerrado.","question":null,"slots":[]}}'
    messages = (
        *request.messages,
        ChatMessage(ChatRole.ASSISTANT, called.text, called.tool_calls),
        ChatMessage(ChatRole.TOOL, result, tool_call_id=called.tool_calls[0].id),
    )

    answer = await model.complete(msgspec.structs.replace(request, messages=messages))

    assert answer.text is not None and answer.text.startswith("El martes está cerrado.")


async def test_the_same_question_has_the_same_answer() -> None:
    """A journal may compare."""
    model = build(OfflineTransport())

    assert await model.complete(ask("hola")) == await model.complete(ask("hola"))


async def test_an_unknown_model_is_broken() -> None:
    """404 is nothing to retry."""
    with pytest.raises(Broken):
        await build(OfflineTransport()).complete(ask("hola", model="gpt-none"))


async def test_recorded_answers_are_all_read(shared_data: Path) -> None:
    """Every plain answer that was recorded becomes a `ModelAnswer`, every error the right one."""
    lines = (shared_data / "openai_chat/intercambios.jsonl").read_bytes()
    exchanges = [e for e in msgspec.json.Decoder(Exchange).decode_lines(lines) if bytes(e.response.body)]
    answered, refused = 0, 0

    for exchange in exchanges:
        body = bytes(exchange.response.body)
        model = build(Canned(exchange.response.status, body))
        if exchange.response.status == 200:
            answer = await model.complete(ask("hola"))
            assert answer.text or answer.tool_calls, exchange.id
            assert answer.input_tokens > 0 and answer.model, exchange.id
            assert answer == decode_answer(body)
            answered += 1
        else:
            with pytest.raises(Broken):
                await model.complete(ask("hola"))
            refused += 1

    assert (answered, refused) == (97, 3)


def show(kind: str, says: str | None, model: str = MODEL_NAME) -> PerceptionRequest:
    """A file as a question."""
    return PerceptionRequest(model, make_file(kind, says=says), kind, "¿Qué dice?")


async def test_a_recording_is_written_down() -> None:
    """In its own words, with the tokens it cost; where nothing is said there is no text."""
    perception: Perception = build(OfflineTransport())

    said = await perception.transcribe(show("audio/ogg", "mañana a las 5 ¿se puede?"))
    silence = await perception.transcribe(show("audio/ogg", None))

    assert (said.text, silence.text) == ("mañana a las 5 ¿se puede?", None)
    assert said.output_tokens == 6


async def test_a_picture_is_described() -> None:
    """By the chat model, which says that it sees nothing where that is so."""
    perception: Perception = build(OfflineTransport())

    seen = await perception.describe(show("image/png", "Un corte bob."))
    nothing = await perception.describe(show("image/png", None))

    assert (seen.text, nothing.text) == ("Un corte bob.", "NADA")


@pytest.mark.parametrize(("kind", "model"), [("audio/ogg", "gpt-9-hears"), ("application/pdf", MODEL_NAME)])
async def test_what_cannot_be_listened_to_is_refused(kind: str, model: str) -> None:
    """A model that is not there, a file that is no recording: trying again would change nothing."""
    with pytest.raises(Broken, match="refused with 40"):
        await build(OfflineTransport()).transcribe(show(kind, "hola", model))
