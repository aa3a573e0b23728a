"""A change of a prompt is scored on the recorded conversations: a worse one is blocked, a harmless one passes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from evals.cli import run
from evals.datasets import SUITES_DIR, load_suite, slice_suite
from evals.evaluating import Options, choose_settings, evaluate
from evals.run_directory import RunReader, RunState
from runtime.agent.prompts import load_prompt
from runtime.domain.errors import Broken
from sim.record import fingerprint

CORE, SMOKE = SUITES_DIR / "core", SUITES_DIR / "smoke"
CREATED = "2026-01-12T10:00:00+00:00"
PRODUCTION = load_prompt("customer@1").text


def write_draft(folder: Path, version: int, text: str) -> str:
    """A prompt in the making; its reference."""
    folder.mkdir(exist_ok=True)
    (folder / f"customer@{version}.md").write_text(text, encoding="utf-8")
    return f"customer@{version}"


def leave_out(words: str) -> str:
    """Production's prompt without the line in which these words stand."""
    lines = PRODUCTION.splitlines(keepends=True)
    kept = [line for line in lines if words not in line]
    assert len(kept) == len(lines) - 1
    return "".join(kept)


def gate(first: Path, second: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit code and what was shown."""
    capsys.readouterr()
    code = run(["gate", str(first), str(second)])
    return code, capsys.readouterr().out


@pytest.mark.replay
@pytest.mark.slow
def test_a_worse_prompt_is_blocked_a_harmless_one_passes_and_too_few_cases_settle_nothing(
    server_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The worse one forgets to have a booking confirmed: as edits do, by one line that is gone."""
    drafts, suite = tmp_path / "drafts", load_suite(CORE)
    worse = write_draft(drafts, 2, leave_out("cuando confirme, agendas"))
    reworded = PRODUCTION.replace("con mensajes cortos y cálidos", "con mensajes breves y amables")
    harmless = write_draft(drafts, 3, reworded)
    assert reworded != PRODUCTION

    def score(name: str, prompts: Sequence[str]) -> Path:
        options = Options(prompts=tuple(prompts), drafts=str(drafts), jobs=2)
        evaluate(suite, options, server_url=server_url, created=CREATED, directory=tmp_path / name)
        return tmp_path / name

    before = score("before", ())
    blocked, why = gate(before, score("worse", [worse]), capsys)
    passed, _ = gate(before, score("harmless", [harmless]), capsys)

    assert blocked == 100
    assert "✗ reserva-simple: Ana reserva un corte" in why
    assert "✗ tools: called no tool, expected book_appointment" in why
    assert "prompt customer@2" in why
    assert passed == 0
    few = slice_suite(suite, ids=("pregunta-*",))
    for name, prompts in (("few-before", ()), ("few-after", (harmless,))):
        options = Options(prompts=prompts, drafts=str(drafts), jobs=1)
        evaluate(few, options, server_url=server_url, created=CREATED, directory=tmp_path / name)
    code, shown = gate(tmp_path / "few-before", tmp_path / "few-after", capsys)
    assert code == 101
    assert "further conversations" in shown


@pytest.mark.replay
def test_an_interrupted_run_goes_on_where_it_was(server_url: str, tmp_path: Path) -> None:
    """What was finished is not replayed again, and the result is that of a run in one go."""
    suite, options = load_suite(SMOKE), Options(jobs=1)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    evaluate(suite, options, server_url=server_url, created=CREATED, directory=whole)
    half = slice_suite(suite, ids=[each.id for each in suite.conversations[:5]])
    evaluate(half, options, server_url=server_url, created=CREATED, directory=cut)
    info = msgspec.structs.replace(RunReader(cut).info, state=RunState.RUNNING, suite_hash=suite.content_hash)
    (cut / "run.json").write_bytes(msgspec.json.encode(info))
    with (cut / "events.jsonl").open("ab") as file:
        file.write(b'{"type":"conversation","id":"torn')

    resumed = evaluate(suite, options, server_url=server_url, created=CREATED, directory=cut, resume=True)

    assert resumed.summary.conversations == len(suite.conversations)
    prints = [{each.id: fingerprint(each) for each in RunReader(run).records()} for run in (whole, cut)]
    assert prints[0] == prints[1]
    assert RunReader(cut).info.state is RunState.FINISHED


@pytest.mark.replay
def test_a_run_is_resumed_only_as_what_it_was(server_url: str, tmp_path: Path) -> None:
    """With another prompt it would be half of this and half of that."""
    suite = slice_suite(load_suite(SMOKE), ids=("pregunta-*",))
    evaluate(suite, Options(jobs=1), server_url=server_url, created=CREATED, directory=tmp_path / "run")
    other = write_draft(tmp_path / "drafts", 2, PRODUCTION)
    changed = Options(prompts=(other,), drafts=str(tmp_path / "drafts"))

    with pytest.raises(Broken, match="is a run of something else \\(prompts\\)"):
        evaluate(suite, changed, server_url=server_url, created=CREATED, directory=tmp_path / "run", resume=True)
    with pytest.raises(FileExistsError):
        evaluate(suite, Options(), server_url=server_url, created=CREATED, directory=tmp_path / "run")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(prompts=("customer@99",)), "there is no prompt customer@99; there are .*customer@1"),
        (Options(prompts=("customer",)), "not a prompt reference"),
        (Options(locks=("booking=magic",)), "'magic' is no strategy for booking: none, exclusion"),
        (Options(locks=("table=row",)), "'table=row' is no lock"),
    ],
)
def test_what_does_not_exist_is_named(options: Options, message: str) -> None:
    """Before anything runs."""
    with pytest.raises(Broken, match=message):
        choose_settings(options)


def test_locks_and_prompts_are_put_in_the_place_of_productions(tmp_path: Path) -> None:
    """All others stay as they are."""
    draft = write_draft(tmp_path, 2, PRODUCTION)

    chosen = choose_settings(
        Options(prompts=(draft,), drafts=str(tmp_path), locks=("booking=row", "conversation=none"))
    )

    assert (chosen.customer_prompt, chosen.asks_human_prompt) == ("customer@2", "asks_human@1")
    assert (chosen.booking_lock, chosen.conversation_lock) == ("row", "none")


def test_the_command_refuses_what_cannot_be_evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A broken line, a prompt that is not there, a run that is not there: exit 2 and what to do."""
    (tmp_path / "broken.jsonl").write_text("{\n", encoding="utf-8")

    assert run(["eval", str(tmp_path / "broken.jsonl")]) == 2
    assert "broken.jsonl:1" in capsys.readouterr().err
    assert run(["eval", str(SMOKE), "--prompt", "customer@99"]) == 2
    assert "there is no prompt customer@99" in capsys.readouterr().err
    assert run(["eval", str(SMOKE), "--resume", "no-such-run"]) == 2
    assert "no run 'no-such-run'" in capsys.readouterr().err
