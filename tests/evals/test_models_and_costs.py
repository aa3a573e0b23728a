"""Which model talks to customers in a run, and what it cost."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from evals.cli import run
from evals.commands import show_replayed
from evals.comparing.comparison import compare_runs
from evals.comparing.showing import describe_comparison
from evals.costs import Usage, add_usages, describe_usage, find_price, measure_usage
from evals.datasets import SUITES_DIR, load_suite, slice_suite
from evals.evaluating import Options, choose_settings, evaluate
from evals.run_directory import RunInfo, RunReader, RunState, RunWriter
from evals.scorers import score
from runtime.domain.errors import Broken
from sim.model_transport import choose_transport
from sim.offline_model import MODEL_NAME, OfflineTransport
from sim.record import ConversationRecord, ModelData
from sim.stage import SETTINGS
from sim.story import Story

SMOKE = SUITES_DIR / "smoke"
CREATED = "2026-01-12T10:00:00+00:00"


def tell(name: str) -> Story:
    """Somebody asks and is answered."""
    story = Story(name)
    story.say("ana", "¿a qué hora abren?")
    story.send("ana", "Abrimos a las 9:00 AM.")
    return story


@pytest.mark.parametrize("name", [None, "offline", MODEL_NAME])
def test_the_offline_model_needs_no_key(name: str | None) -> None:
    """By either of its names, and by default."""
    settings = choose_settings(Options(model=name))

    assert settings.customer_model == MODEL_NAME
    assert isinstance(choose_transport(settings), OfflineTransport)


@pytest.mark.parametrize(
    ("key", "message"),
    [(None, "needs a key and there is none: set OPENAI_API_KEY"), ("sk-1", "nothing may reach a live model")],
)
def test_a_real_model_is_refused_and_told_what_to_do(key: str | None, message: str) -> None:
    """Without a key, and with one: a replay never reaches a live model by itself."""
    with pytest.raises(Broken, match=message) as refused:
        choose_settings(Options(model="gpt-4.1", openai_api_key=key))

    assert "--model parlo-offline-1" in str(refused.value)
    assert "sk-1" not in str(refused.value)


def test_the_command_ends_with_2_before_anything_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line on standard error."""
    code = run(["eval", str(SMOKE), "--model", "gpt-4.1", "--out", str(tmp_path / "run")])

    assert code == 2
    assert capsys.readouterr().err.startswith("parlo: the model 'gpt-4.1' needs a key")
    assert not (tmp_path / "run").exists()


def test_a_stage_refuses_a_real_model_too() -> None:
    """Whoever opens one, by whatever way."""
    with pytest.raises(Broken, match="needs a key"):
        choose_transport(msgspec.structs.replace(SETTINGS, customer_model="gpt-4.1"))


def test_a_run_of_another_model_is_not_gone_on_with(server_url: str, tmp_path: Path) -> None:
    """It would be half of this and half of that."""
    suite = slice_suite(load_suite(SMOKE), ids=("pregunta-precio",))
    info = RunInfo(id="a", created=CREATED, suite_hash=suite.content_hash, model="gpt-4.1", state=RunState.RUNNING)
    (tmp_path / "run.json").write_bytes(msgspec.json.encode(info))

    with pytest.raises(Broken, match="something else \\(prompts, locks, model\\)"):
        evaluate(suite, Options(), server_url=server_url, created=CREATED, directory=tmp_path, resume=True)


def test_runs_of_two_models_are_compared_and_both_are_named(tmp_path: Path) -> None:
    """A change of model is a change like any other."""
    for name, model in (("a", MODEL_NAME), ("b", "gpt-4.1")):
        info = RunInfo(id=name, created=CREATED, suite_hash="a" * 64, model=model)
        with RunWriter(tmp_path / name, info) as writer:
            for number in range(3):
                writer.add(record := tell(f"c{number}").end(), score(record))
            writer.finish(1.0)

    found = compare_runs(RunReader(tmp_path / "a"), RunReader(tmp_path / "b"))

    assert found.incomparable == ()
    assert list(describe_comparison(found))[1] == f"model {MODEL_NAME}, now gpt-4.1"


def call(model: str, *counts: int) -> ConversationRecord:
    """A conversation in which a model was asked once: tokens in, of these cached, and out."""
    story = tell("c0")
    story.add("parlo", ModelData("customer", counts[0], counts[2], cached_tokens=counts[1], model=model))
    return story.end()


@pytest.mark.parametrize(
    ("model", "counts", "cost"),
    [
        ("gpt-4.1", (1_000_000, 0, 0), 2.00),
        ("gpt-4.1-2025-04-14", (1_000_000, 400_000, 100_000), 0.6 * 2.00 + 0.4 * 0.50 + 0.1 * 8.00),
        ("gpt-4.1-nano", (0, 0, 1_000_000), 0.40),
        (MODEL_NAME, (900, 0, 40), 0.0),
        ("nobody-knows", (900, 0, 40), None),
        ("nobody-knows", (0, 0, 0), 0.0),
    ],
)
def test_a_call_costs_what_the_table_says(model: str, counts: tuple[int, int, int], cost: float | None) -> None:
    """Of a million tokens each; an unknown model costs nobody knows what, never nothing."""
    usage = measure_usage(call(model, *counts))

    assert (usage.model_calls, usage.input_tokens, usage.cached_tokens, usage.output_tokens) == (1, *counts)
    assert usage.cost_usd == (None if cost is None else pytest.approx(cost))
    assert (find_price(model) is None) == (model == "nobody-knows")


def test_an_unknown_cost_makes_the_sum_unknown_and_says_so() -> None:
    """A sum with a gap in it would be too small."""
    known, unknown = Usage(1, 10, 0, 5, 0.25), Usage(1, 20, 5, 5, None)

    assert add_usages([known, known]) == Usage(2, 20, 0, 10, 0.5)
    assert add_usages([unknown, known]) == Usage(2, 30, 5, 10, None)
    assert "cost unknown" in describe_usage(add_usages([known, unknown]), "gpt-4.1")
    assert describe_usage(known, "gpt-4.1").endswith("cost $0.2500 at prices of 2025-04")


def test_a_run_keeps_what_each_conversation_and_all_of_them_cost(
    server_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On disk, as JSON and for people; the offline model costs nothing and says so."""
    suite = slice_suite(load_suite(SMOKE), ids=("pregunta-*",))
    found = evaluate(suite, Options(jobs=1), server_url=server_url, created=CREATED, directory=tmp_path / "run")

    show_replayed(found, as_json=False)
    shown = capsys.readouterr().out
    show_replayed(found, as_json=True)
    printed = msgspec.json.decode(capsys.readouterr().out)

    stored = RunReader(tmp_path / "run").info.summary
    assert stored is not None
    assert [each.conversation for each in stored.usages] == [each.id for each in suite.conversations]
    assert stored.usage == add_usages(each.usage for each in stored.usages)
    assert stored.usage.model_calls >= 2 and stored.usage.input_tokens > 100
    assert stored.usage.cost_usd == 0.0
    assert "cost $0: the offline model" in shown
    assert printed["usage"] == msgspec.to_builtins(stored.usage)


def test_what_did_not_run_was_paid_for_too(tmp_path: Path) -> None:
    """Infrastructure failures are not scored, but they are on the bill."""
    record = msgspec.structs.replace(call("gpt-4.1", 1_000_000, 0, 0), failure="no database")
    with RunWriter(tmp_path, RunInfo(id="a", created=CREATED)) as writer:
        writer.add(record, score(record))
        summary = writer.finish(1.0)

    assert summary.failed == 1
    assert summary.usage.cost_usd == pytest.approx(2.0)
