"""Cassettes as files: what is matched, what is hidden, what a miss says, and what is no cassette."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from runtime.domain.errors import Broken
from sim.cassettes import layout
from sim.cassettes.plan import LiveModel
from sim.cassettes.secrets import Disguise
from sim.cassettes.shelf import FORMAT, Shelf
from sim.cassettes.tapes import Tape, load_tape, new_tape, put_in_place, save_tape
from sim.cassettes.transport import CassetteTransport, NoAnswer
from sim.stage import SETTINGS

URL = "https://model.example/v1/chat/completions"
PHONE = "+5212221230020"


class Parrot(httpx2.AsyncBaseTransport):
    """Says how often it was asked, with whatever a real server adds."""

    def __init__(self, words: str = "") -> None:
        self.asked = 0
        self.words = words

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked += 1
        body = {
            "id": f"chatcmpl-{self.asked}",
            "created": 1_700_000_000 + self.asked,
            "system_fingerprint": "fp_secret",
            "choices": [{"message": {"role": "assistant", "content": f"{self.words}{self.asked}"}}],
        }
        headers = {"set-cookie": "session=secret", "openai-organization": "org-secretsecret", "x-request-id": "req_1"}
        return httpx2.Response(200, json=body, headers=headers, request=request)


def ask(*contents: str, model: str = "m") -> dict[str, Any]:
    """A body; the first content is the system's."""
    roles = ["system", *("user" for _ in contents)]
    messages = [{"role": role, "content": content} for role, content in zip(roles, contents, strict=False)]
    return {"model": model, "messages": messages, "temperature": 0.2}


async def send(transport: httpx2.AsyncBaseTransport, *bodies: dict[str, Any] | bytes) -> list[str]:
    """What each is answered."""
    headers = {"authorization": "Bearer sk-abcdefghijklmnop", "cookie": "a=secret", "content-type": "application/json"}
    words = []
    async with httpx2.AsyncClient(transport=transport) as client:
        for body in bodies:
            content = body if isinstance(body, bytes) else msgspec.json.encode(body)
            answer = await client.post(URL, content=content, headers=headers)
            words.append(answer.json()["choices"][0]["message"]["content"])
    return words


async def record(
    path: Path, bodies: Sequence[dict[str, Any]], disguise: Disguise | None = None, words: str = ""
) -> Tape:
    """A written cassette of these requests."""
    disguise = disguise or Disguise()
    tape = new_tape(path, disguise)
    await send(CassetteTransport(tape, Parrot(words), disguise), *bodies)
    save_tape(tape, path, {"format": FORMAT})
    return tape


def open_replay(path: Path, disguise: Disguise | None = None) -> CassetteTransport:
    """A transport that only replays."""
    disguise = disguise or Disguise()
    return CassetteTransport(load_tape(path, disguise), NoAnswer(), disguise)


async def test_the_same_request_is_answered_in_the_order_in_which_it_was_recorded(tmp_path: Path) -> None:
    """By its meaning and its number, not by its place among others; the order of keys is no matter."""
    path = tmp_path / "one.json"
    await record(path, [ask("S", "a"), ask("S", "b"), ask("S", "a")])
    turned = msgspec.json.encode(dict(reversed(ask("S", "a").items())))

    assert await send(open_replay(path), ask("S", "b"), turned, ask("S", "a")) == ["2", "1", "3"]


async def test_a_request_asked_once_too_often_is_a_miss(tmp_path: Path) -> None:
    """No answer is given twice."""
    path = tmp_path / "one.json"
    await record(path, [ask("S", "a")])
    replay = open_replay(path)
    await send(replay, ask("S", "a"))

    with pytest.raises(httpx2.ConnectError):
        await send(replay, ask("S", "a"))

    assert replay.miss == "request 1 was recorded 1 times and is asked once more"


async def test_a_tool_that_was_changed_is_a_miss(tmp_path: Path) -> None:
    """No header knows of tools: it is the body that no longer has the digest of the one that was recorded."""
    path = tmp_path / "one.json"
    tool = {"type": "function", "function": {"name": "book", "parameters": {"type": "object"}}}
    changed = {"type": "function", "function": {"name": "book", "parameters": {"type": "object", "required": ["day"]}}}
    await record(path, [ask("S", "a") | {"tools": [tool]}])
    replay = open_replay(path)

    with pytest.raises(httpx2.ConnectError):
        await send(replay, ask("S", "a") | {"tools": [changed]})

    assert replay.miss is not None and "tools" in replay.miss
    assert await send(open_replay(path), ask("S", "a") | {"tools": [tool]}) == ["1"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            ask("Eres Parlo.\nEres breve.", "hola", "quiero corte"),
            "nearest is request 2 of 2, which first differs in message 3 (user): "
            "recorded «quiero tinte», asked «quiero corte»",
        ),
        (
            ask("Eres Parlo.\nEres largo.", "hola"),
            "nearest is request 1 of 2, which first differs in message 1 (system), line 2: "
            "recorded «Eres breve.», asked «Eres largo.»",
        ),
        (
            ask("Eres Parlo.\nEres breve.", "hola", "quiero tinte", "otra"),
            "nearest is request 2 of 2, which first differs in message 4 (user): recorded nothing, asked «{",
        ),
        (ask("Eres Parlo.\nEres breve.", "hola", model="n"), "first differs in the model: recorded «m», asked «n»"),
        (
            ask("Eres Parlo.\nEres breve.", "hola") | {"temperature": 0.9},
            "nearest is request 1 of 2, which first differs in `temperature`: recorded «0.2», asked «0.9»",
        ),
    ],
)
async def test_a_miss_names_the_nearest_request_and_the_first_difference(
    tmp_path: Path, asked: dict[str, Any], said: str
) -> None:
    """The one that agrees longest."""
    path = tmp_path / "one.json"
    system = "Eres Parlo.\nEres breve."
    await record(path, [ask(system, "hola"), ask(system, "hola", "quiero tinte")])
    replay = open_replay(path)

    with pytest.raises(httpx2.ConnectError):
        await send(replay, asked)

    assert replay.miss is not None
    assert said in replay.miss


async def test_neither_keys_nor_numbers_are_written_and_the_replay_finds_itself_all_the_same(tmp_path: Path) -> None:
    """Headers, ids, keys in words, people's numbers in any spelling; known numbers come back in the answer."""
    path = tmp_path / "one.json"
    disguise = Disguise([PHONE, "222 123 0020"], ["a-key-of-a-local-server"])
    leaks = f"soy {PHONE}, o 222 123 0020, o 2221230020; clave sk-abcdefghijklmnop a-key-of-a-local-server"
    stranger = "el de mi prima es 55 1234 5678 o +52 1 55 8765 4321"
    body = ask("S", leaks, stranger)
    await record(path, [body], disguise, words=f"te marco al {PHONE} ")

    written = path.read_text(encoding="utf-8")
    for secret in (
        "sk-abc", "a-key-of", "Bearer", "secret", "fp_", "chatcmpl", "req_1", "model.example", "1700000",
        PHONE, PHONE[1:], "2221230020", "222 123 0020", "1234 5678", "8765",
    ):  # fmt: skip
        assert secret not in written
    assert await send(open_replay(path, disguise), body) == [f"te marco al {PHONE} 1"]


@pytest.mark.parametrize("text", ["2026-01-12 10:00", "019bb2c0-7a3e-7000-8123-456789012345", "$1,450", "9:00 AM"])
def test_dates_ids_and_prices_are_no_numbers_of_phones(text: str) -> None:
    """An answer with these in it must come back as it was."""
    assert Disguise([PHONE]).hide_text(text) == text


async def test_a_cassette_is_read_as_it_was_written_and_written_as_it_was_read(tmp_path: Path) -> None:
    """A system message is written once, and a like one by what differs."""
    path = tmp_path / "one.json"
    lines = [f"línea {n}" for n in range(40)]
    changed = [*lines[:7], "otra", *lines[8:]]
    tools = [{"type": "function", "function": {"name": "book"}}]
    bodies = [ask("\n".join(each), "hola") | {"tools": tools} for each in (lines, changed, lines)]
    tape = await record(path, bodies)

    text = path.read_text(encoding="utf-8")
    assert text.count("línea 30") == 1
    assert layout.serialize(layout.deserialize(text)) == text
    assert [msgspec.json.decode(each.body) for each in load_tape(path, Disguise()).requests] == bodies
    assert len(tape) == 3


def _write(path: Path, size: int, times: int) -> None:
    for _ in range(times):
        put_in_place(path, b"x" * size)


def test_several_processes_leave_one_whole_file(tmp_path: Path) -> None:
    """Whoever is last wins; nobody reads a part, and no draft stays."""
    path = tmp_path / "one.json"
    context = get_context("fork")
    writers = [context.Process(target=_write, args=(path, size, 40)) for size in (10_000, 70_000)]
    for writer in writers:
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in writers):
        if path.exists():
            seen.add(len(path.read_bytes()))
    for writer in writers:
        writer.join()

    assert seen <= {10_000, 70_000}
    assert [each.name for each in tmp_path.iterdir()] == ["one.json"]


def test_a_file_that_cannot_be_put_in_place_leaves_nothing_behind(tmp_path: Path) -> None:
    """The draft goes too."""
    (tmp_path / "one.json").mkdir()

    with pytest.raises(OSError, match=r"one\.json"):
        put_in_place(tmp_path / "one.json", b"x")

    assert [each.name for each in tmp_path.iterdir()] == ["one.json"]


SHIPPED = Path(__file__).resolve().parents[2] / "fixtures" / "cassettes" / "smoke"


def _cut(text: str) -> str:
    return text[: len(text) // 2]


def _renew(text: str) -> str:
    return text.replace('"format": 1', '"format": 2', 1)


def _lose(text: str) -> str:
    whole = msgspec.json.decode(text)
    whole["interactions"].pop()
    return msgspec.json.encode(whole).decode()


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (_cut, r"reserva-simple\.json is no whole cassette .*: it was cut or edited; record it again"),
        (_renew, r"of format 2, and this program reads up to 1: use a newer Parlo"),
        (_lose, r"says 6 calls and holds 5; record it again"),
        (lambda _: "[]", r"is no whole cassette"),
        (lambda _: "", r"is no whole cassette"),
    ],
)
def test_what_is_no_whole_cassette_is_named(tmp_path: Path, harm: Callable[[str], str], message: str) -> None:
    """With what to do about it."""
    text = (SHIPPED / "reserva-simple.json").read_text(encoding="utf-8")
    (tmp_path / "reserva-simple.json").write_text(harm(text), encoding="utf-8")

    with pytest.raises(Broken, match=message):
        Shelf(tmp_path).read_header("reserva-simple")


def test_a_shelf_without_a_cassette_says_so(tmp_path: Path) -> None:
    """None at all, or some that are missing."""
    with pytest.raises(Broken, match="holds no cassette of this suite; record them with `parlo record`"):
        Shelf(tmp_path).check({"a": "x"}, SETTINGS, "free", 0)
    with pytest.raises(Broken, match=r"lacks 2 of 3 conversations \(a, b\)"):
        Shelf(SHIPPED).check({"a": "x", "b": "x", "reserva-simple": "x"}, SETTINGS, "free", 0)
    with pytest.raises(Broken, match="of the conversation or its world as it was before"):
        Shelf(SHIPPED).check({"reserva-simple": "x"}, SETTINGS, "free", 0)


def test_a_key_is_shown_nowhere() -> None:
    """Not in a message that shows the whole plan."""
    assert "sk-secret" not in repr(LiveModel("http://x/v1", "sk-secret"))
