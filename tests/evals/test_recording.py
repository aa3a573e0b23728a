"""A suite is recorded over HTTP and replayed from its cassettes: the same conversations, to the last row."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from evals.cli import run
from evals.costs import price_tokens
from evals.datasets import SUITES_DIR, Suite, load_suite, slice_suite
from evals.estimating import estimate_recording
from evals.evaluating import Options, evaluate
from evals.recording import Recording, prepare_recording, record_cassettes
from evals.run_directory import RunReader
from runtime.agent.prompts import load_prompt
from runtime.domain.errors import Broken
from runtime.settings import Settings
from sim.cassettes.plan import LiveModel
from sim.cassettes.shelf import OFFLINE_NOTE, Shelf
from sim.live_transport import Patience
from sim.record import fingerprint

SMOKE = SUITES_DIR / "smoke"
SHIPPED = SUITES_DIR.parent / "cassettes" / "smoke"
CREATED = "2026-01-12T10:00:00+00:00"
KEY = "sk-testtesttesttesttest"


def prepare(suite: Suite, directory: Path, *, model: str = "offline", key: str | None = None) -> Recording:
    """A recording of a suite."""
    given = Settings(openai_api_key=key)
    options = Options(jobs=1, cassettes=directory)
    return prepare_recording(suite, options, models=(model, model), given=given, created=CREATED)


def prints(run_directory: Path) -> dict[str, str]:
    """Of every conversation all that was recorded: words, calls, rows, times."""
    return {each.id: fingerprint(each) for each in RunReader(run_directory).records()}


@contextmanager
def answer_with(*statuses: int) -> Iterator[tuple[str, list[str]]]:
    """A provider that answers so, in turn, the last one for ever; its address and the keys it was asked with."""
    keys: list[str] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            keys.append(self.headers["authorization"])
            self.rfile.read(int(self.headers["content-length"]))
            status = statuses[min(len(keys), len(statuses)) - 1]
            message = {"role": "assistant", "content": "Claro."}
            said = {"choices": [{"message": message}]} if status == 200 else {"error": {"message": f"no: {KEY}"}}
            body = msgspec.json.encode(said)
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", keys
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def record_live(suite: Suite, directory: Path, server_url: str, base_url: str) -> list[tuple[str, str | None]]:
    """What becomes of each conversation with that provider, which is given up on soon."""
    recording = prepare(suite, directory, model="gpt-4.1", key=KEY)
    patience = Patience(attempts=2, first_wait_s=0.01, longest_wait_s=0.02)
    live = LiveModel(base_url, KEY, patience)
    return list(record_cassettes(msgspec.structs.replace(recording, live=live), server_url))


@pytest.mark.replay
def test_the_shipped_cassettes_give_the_very_conversations_the_offline_model_gives(
    server_url: str, tmp_path: Path
) -> None:
    """Outcome, words, tool calls with arguments, final rows and virtual times, of every conversation."""
    suite = load_suite(SMOKE)
    evaluate(suite, Options(jobs=1), server_url=server_url, created=CREATED, directory=tmp_path / "model")

    replayed = evaluate(
        suite, Options(jobs=1, cassettes=SHIPPED), server_url=server_url, created=CREATED, directory=tmp_path / "tape"
    )

    assert prints(tmp_path / "tape") == prints(tmp_path / "model")
    assert replayed.summary.good
    policy = RunReader(tmp_path / "tape").info.cassettes
    assert policy is not None
    assert re.fullmatch(r"strict [0-9a-f]{64}", policy)
    assert RunReader(tmp_path / "model").info.cassettes is None


@pytest.mark.replay
def test_recorded_twice_the_bytes_are_the_same_and_those_that_are_shipped(server_url: str, tmp_path: Path) -> None:
    """Times and ids are the virtual clock's and the seed's; only the day of the recording differs."""
    suite = slice_suite(load_suite(SMOKE), ids=("relevo-fin", "reserva-ocupado"))
    folders = tmp_path / "one", tmp_path / "two"

    for folder in folders:
        assert [failure for _, failure in record_cassettes(prepare(suite, folder), server_url)] == [None, None]

    for conversation in ("relevo-fin", "reserva-ocupado"):
        one, two = ((folder / f"{conversation}.json").read_bytes() for folder in folders)
        assert one == two
        shipped = (SHIPPED / f"{conversation}.json").read_text(encoding="utf-8")
        today = re.search(r'"recorded": "[\d-]+"', shipped)
        assert today is not None
        assert one.decode().replace('"recorded": "2026-01-12"', today.group()) == shipped
    assert prepare(suite, folders[0]).transcripts == ()


def test_the_shipped_cassettes_say_what_they_are_and_hold_no_number_or_key() -> None:
    """Of the offline model over HTTP, with day, prompts and model."""
    shelf = Shelf(SHIPPED)
    suite = load_suite(SMOKE)
    digits = re.compile(r"\+\d{10}|(?<![\w])\d{10,13}(?![\w])")

    for each in suite.conversations:
        header = shelf.read_header(each.id)
        text = shelf.path_of(each.id).read_text(encoding="utf-8")
        assert header.note == OFFLINE_NOTE
        assert header.prompts["customer@1"] == load_prompt("customer@1").digest
        assert header.models["customer"] == "parlo-offline-1"
        assert not digits.search(text)
        assert "authorization" not in text.lower()
        assert "Bearer" not in text


@pytest.mark.replay
def test_a_cassette_of_another_prompt_is_refused_before_anything_runs(
    server_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 2, and without a run."""
    (tmp_path / "drafts").mkdir()
    draft = tmp_path / "drafts" / "customer@2.md"
    draft.write_text(load_prompt("customer@1").text + "\nSé breve.\n", encoding="utf-8")
    out = tmp_path / "run"
    words = ["eval", str(SMOKE), "--cassettes", str(SHIPPED), "--out", str(out)]

    code = run([*words, "--prompt", "customer@2", "--drafts", str(draft.parent)])

    assert code == 2
    shown = capsys.readouterr().err
    assert "is a cassette of another prompt: recorded with customer@1" in shown
    assert "asked with customer@2" in shown
    assert not out.exists()
    assert run([*words, "--seed", "7"]) == 2
    assert "a cassette of another seed: recorded 0, asked 7" in capsys.readouterr().err
    assert run(["eval", str(SMOKE), "--cassettes", str(tmp_path / "nothing")]) == 2
    assert "holds no cassette of this suite" in capsys.readouterr().err


@pytest.mark.replay
def test_a_conversation_that_asks_something_else_is_counted_and_not_scored(server_url: str, tmp_path: Path) -> None:
    """It is a failure of the harness, which says where the two first differ."""
    suite = slice_suite(load_suite(SMOKE), ids=("pregunta-*",))
    for each in suite.conversations:
        path = SHIPPED / f"{each.id}.json"
        text = path.read_text(encoding="utf-8")
        text = text.replace("Av. Juárez 123", "Av. Juárez 321") if each.id == "pregunta-precio" else text
        (tmp_path / path.name).write_text(text, encoding="utf-8")

    replayed = evaluate(
        suite, Options(jobs=1, cassettes=tmp_path), server_url=server_url, created=CREATED, directory=tmp_path / "run"
    )

    assert (replayed.summary.failed, replayed.summary.passed) == (1, len(suite.conversations) - 1)
    failures = {each.id: each.failure for each in RunReader(tmp_path / "run").records()}
    why = failures["pregunta-precio"]
    assert why is not None
    assert "pregunta-precio.json: no such request was recorded; nearest is request 1 of 1" in why
    assert "message 1 (system), line 18: recorded «Dirección: Av. Juárez 321, Centro, Puebla», asked" in why


@pytest.mark.replay
@pytest.mark.parametrize(
    ("statuses", "said", "conversations"),
    [
        ((401,), "the model refused with 401", 1),
        ((200, 401), "the model refused with 401", 1),
        ((429,), "the model refused with 429", 2),
    ],
)
def test_a_provider_that_refuses_leaves_no_cassette(
    server_url: str, tmp_path: Path, statuses: Sequence[int], said: str, conversations: int
) -> None:
    """A wrong key ends it all; who is only busy is asked again, and then for the next conversation."""
    suite = slice_suite(load_suite(SMOKE), ids=("reserva-simple", "reserva-ocupado"))

    with answer_with(*statuses) as (base_url, keys):
        done = record_live(suite, tmp_path, server_url, base_url)

    assert [failure for _, failure in done] == [said] * conversations
    assert list(tmp_path.iterdir()) == []
    assert {*keys} == {f"Bearer {KEY}"}


@pytest.mark.replay
def test_a_busy_provider_is_asked_again_and_the_key_is_not_written(server_url: str, tmp_path: Path) -> None:
    """What was refused at first is no part of the recording; the replay needs no server and no key."""
    suite = slice_suite(load_suite(SMOKE), ids=("pregunta-precio",))

    with answer_with(429, 503, 200) as (base_url, _):
        recording = prepare(suite, tmp_path / "tapes", model="gpt-4.1", key=KEY)
        live = LiveModel(base_url, KEY, Patience(first_wait_s=0.01, longest_wait_s=0.02))
        done = list(record_cassettes(msgspec.structs.replace(recording, live=live), server_url))
    replayed = evaluate(
        suite,
        Options(jobs=1, cassettes=tmp_path / "tapes"),
        server_url=server_url,
        created=CREATED,
        directory=tmp_path / "run",
    )

    assert done == [("pregunta-precio", None)]
    text = (tmp_path / "tapes" / "pregunta-precio.json").read_text(encoding="utf-8")
    assert KEY not in text
    assert "429" not in text
    assert "127.0.0.1" not in text
    assert replayed.summary.failed == 0
    assert RunReader(tmp_path / "run").info.model == "gpt-4.1"


def test_recording_asks_before_it_spends_and_refuses_what_cannot_be_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No key, a folder that is none, two models of which one is offline: exit 2, and nothing is written."""
    (tmp_path / "file").write_text("", encoding="utf-8")

    assert run(["record", str(SMOKE), "--model", "gpt-4.1", "--cassettes", str(tmp_path / "out")]) == 2
    assert "the model 'gpt-4.1' needs OPENAI_API_KEY; --model offline needs none" in capsys.readouterr().err
    assert run(["record", str(SMOKE), "--cassettes", str(tmp_path / "file")]) == 2
    assert "cassettes cannot be written to" in capsys.readouterr().err
    assert run(["record", str(SMOKE), "--classifier", "gpt-4.1", "--cassettes", str(tmp_path / "out")]) == 2
    assert "the offline model is recorded alone" in capsys.readouterr().err
    assert run(["record", str(SMOKE), "--prompt", "customer@99"]) == 2
    assert "there is no prompt customer@99" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.replay
def test_what_a_recording_would_cost_is_counted_by_a_replay(server_url: str, tmp_path: Path) -> None:
    """Calls and tokens as the offline model counts them; a price that nobody knows stays unknown."""
    suite = slice_suite(load_suite(SMOKE), ids=("reserva-simple",))
    estimate = estimate_recording(prepare(suite, tmp_path, model="gpt-4.1", key=KEY), server_url)

    calls = Shelf(SHIPPED).read_header("reserva-simple").calls
    assert (estimate.conversations, estimate.calls) == (1, calls)
    assert estimate.usd == price_tokens(("gpt-4.1",), estimate.input_tokens, estimate.output_tokens)
    assert price_tokens(("gpt-4.1", "gpt-4.1-nano"), 1_000_000, 100_000) == pytest.approx(2.80)
    assert price_tokens(("nobody-knows", "gpt-4.1"), 1, 1) is None
    assert price_tokens(("parlo-offline-1",), 1_000_000, 1_000_000) == 0.0
    assert list(tmp_path.iterdir()) == []


def test_a_run_with_cassettes_is_resumed_only_with_the_same_ones(server_url: str, tmp_path: Path) -> None:
    """Half from a model and half from cassettes is neither."""
    suite = slice_suite(load_suite(SMOKE), ids=("pregunta-precio",))
    evaluate(suite, Options(jobs=1), server_url=server_url, created=CREATED, directory=tmp_path / "run")

    with pytest.raises(Broken, match=r"is a run of something else \(cassettes\)"):
        evaluate(
            suite,
            Options(cassettes=SHIPPED),
            server_url=server_url,
            created=CREATED,
            directory=tmp_path / "run",
            resume=True,
        )
