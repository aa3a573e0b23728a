"""The program `parlo`: what its commands print, and how they end."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest

from evals.cli import app, run
from runtime.adapters.system import SystemClock
from runtime.domain.errors import Broken
from runtime.domain.templates import CATALOGUE
from runtime.store.database import Database
from sim.transcripts import load_transcripts
from sim.twilio.emulator import Account, TwilioEmulator
from sim.twilio.server import EmulatorApp
from tests.sim.twilio_contract import serve

ROOT = Path(__file__).resolve().parents[1]


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """One program holds the commands of all packages."""
    code = run(["--help"])

    shown = capsys.readouterr().out
    assert code == 0
    for command in ("up", "say", "web", "worker", "ticker", "migrate", "doctor", "templates", "resolve-date", "import"):
        assert f"\n  {command} " in shown


def test_help_and_dates_start_without_the_heavy_packages() -> None:
    """Nobody waits for a database driver to see the help."""
    code = "import sys; from evals.cli import run; run(['--help']); print(*sys.modules)"

    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    loaded = set(ended.stdout.split())
    assert not loaded & {"sqlalchemy", "litestar", "openai", "twilio", "dramatiq", "redis", "psycopg", "alembic"}


def test_a_date_is_resolved_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """With its reason, in the business's zone."""
    code = run(["resolve-date", "mañana a las 4", "--now", "2026-03-11T10:00", "--json"])

    answer = msgspec.json.decode(capsys.readouterr().out)
    assert code == 0
    assert answer["starts_at"] == "2026-03-12T16:00:00-06:00"
    assert answer["reason"]


def test_now_may_have_an_offset_and_the_zone_may_be_another(capsys: pytest.CaptureFixture[str]) -> None:
    """16:00 UTC is nine in the morning in Tijuana, the day the words count from."""
    words = ["--now", "2026-03-11T16:00:00Z", "--zone", "America/Tijuana"]

    code = run(["resolve-date", "hoy a las 11 de la mañana", *words])

    assert code == 0
    assert "2026-03-11T11:00:00-07:00" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["resolve-date", "mañana", "--now", "ayer"],
        ["resolve-date", "mañana", "--now", "2026-03-11T10:00", "--zone", "Mars/Olympus"],
        ["resolve-date", "mañana"],
        ["import", "esperanto", "x.jsonl"],
        ["nonsense"],
        ["web", "--port", "0"],
    ],
)
def test_words_that_cannot_be_used_end_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong is said on standard error, and nothing on standard output."""
    code = run(words)

    shown = capsys.readouterr()
    assert code == 2
    assert shown.out == ""
    assert shown.err


def test_a_malformed_recording_ends_with_2_and_names_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that a person can mend it."""
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"id": "a"}\n{"id": ', encoding="utf-8")

    code = run(["import", "sesiones", str(bad), "--out", str(tmp_path / "out.jsonl")])

    assert code == 2
    assert f"{bad}:2" in capsys.readouterr().err
    assert not (tmp_path / "out.jsonl").exists()


def test_an_imported_chat_is_a_transcript(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What `import` writes, `replay` reads."""
    chat = tmp_path / "chat.txt"
    chat.write_text(
        "12/01/26, 10:05 - Ana: hola, ¿tienen lugar mañana?\n12/01/26, 10:06 - Estética Lupita: ¡Hola! Sí.\n",
        encoding="utf-8",
    )
    out = tmp_path / "chat.jsonl"
    options = ["--business", "Estética Lupita", "--out", str(out), "--json"]

    code = run(["import", "whatsapp-export", str(chat), *options])

    assert code == 0
    assert msgspec.json.decode(capsys.readouterr().out)["conversations"] == 1
    assert len(load_transcripts([out])) == 1


def test_an_error_of_ours_is_one_line_and_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback for what a person can mend."""
    monkeypatch.setenv("PARLO_HOME", str(tmp_path))

    code = run(["say", "hola", "--as", "+5215512345678"])

    assert code == 1
    assert capsys.readouterr().err == "parlo: nothing is up: start it with `parlo up`\n"


def test_a_setting_nobody_knows_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A typing error in a variable must not pass for the default."""
    monkeypatch.setenv("PARLO_QIUET_S", "3")

    code = run(["doctor"])

    assert code == 1
    assert "qiuet_s" in capsys.readouterr().out


@pytest.fixture
def _own_commands() -> Iterator[None]:
    """Commands that a test adds to the program are gone after it."""
    before = list(app.registered_commands)
    yield
    app.registered_commands[:] = before


@pytest.mark.usefixtures("_own_commands")
def test_ctrl_c_ends_with_130() -> None:
    """As every program does that is interrupted."""

    @app.command("interrupted-for-a-test", hidden=True)
    def interrupted() -> None:
        raise KeyboardInterrupt

    assert run(["interrupted-for-a-test"]) == 130


@pytest.mark.usefixtures("_own_commands")
def test_what_a_command_raises_on_purpose_is_said_and_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever command it comes from."""

    @app.command("broken-for-a-test", hidden=True)
    def broken() -> None:
        raise Broken("the roof is on fire")

    assert run(["broken-for-a-test"]) == 1
    assert capsys.readouterr().err == "parlo: the roof is on fire\n"


@pytest.mark.integration
def test_the_doctor_finds_what_is_well_and_says_what_to_do_about_the_rest(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A migrated database without broker, model key and templates: each finding that is bad has its remedy."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "one,two")
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("delete from templates")

    code = run(["doctor", "--json"])

    report = msgspec.json.decode(capsys.readouterr().out)
    bad = {check["name"]: check["remedy"] for check in report["checks"] if not check["ok"]}
    assert (code, report["ok"]) == (1, False)
    assert set(bad) == {"broker", "model key", "templates"}
    assert all(bad.values())


@pytest.mark.integration
async def test_templates_are_registered_and_shown(database: Database, database_url: str) -> None:
    """To look changes nothing and says that something is to be done; after a run nothing is, not for the doctor."""
    account = Account()
    emulator = TwilioEmulator(SystemClock(), account=account)

    async def parlo(*words: str) -> tuple[int | None, str]:
        environment = {
            **os.environ,
            "DATABASE_URL": database_url,
            "TWILIO_BASE_URL": base_url,
            "TWILIO_ACCOUNT_SID": account.account_sid,
            "TWILIO_AUTH_TOKEN": account.auth_token,
            "REDIS_URL": "redis://127.0.0.1:1/0",
        }
        ran = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "evals.cli", *words, cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE
        )
        shown, _ = await ran.communicate()
        return ran.returncode, shown.decode()

    async with serve(EmulatorApp(emulator)) as base_url:
        looked = await parlo("templates", "--check", "--json")
        synced = await parlo("templates")
        checked = await parlo("templates", "--check", "--json")
        emulator.contents.decide(str(checked_sids(checked[1])[0]), "rejected", "TAG_CONTENT_MISMATCH")
        rejected = await parlo("templates")
        _, examined = await parlo("doctor")

    assert (looked[0], checked_sids(looked[1])) == (1, [None] * len(CATALOGUE))
    assert synced[0] == checked[0] == 0
    assert [line.split()[:2] for line in synced[1].splitlines()[1:]] == [[name, "approved"] for name in CATALOGUE]
    assert rejected[0] == 1
    assert "TAG_CONTENT_MISMATCH" in rejected[1]
    assert "FAIL  templates: solicitud_humano rejected (TAG_CONTENT_MISMATCH)" in examined


def checked_sids(shown: str) -> list[str | None]:
    """The sids a run told of as JSON."""
    return [each["content_sid"] for each in msgspec.json.decode(shown)["templates"]]


@pytest.mark.integration
def test_migrate_says_which_revision_was_reached(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may be run as often as one likes."""
    monkeypatch.setenv("DATABASE_URL", database_url)

    codes = [run(["migrate", "--json"]), run(["migrate", "--json"])]

    first, second = capsys.readouterr().out.splitlines()
    assert codes == [0, 0]
    assert first == second
    assert msgspec.json.decode(first)["revision"]


def test_the_date_command_answers_within_a_moment() -> None:
    """It is made for trying out phrases, one after the other."""
    words = [sys.executable, "-m", "evals.cli", "resolve-date", "mañana a las 4", "--now", "2026-03-11T10:00"]
    began = time.perf_counter()

    ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)

    assert "2026-03-12T16:00" in ended.stdout
    assert time.perf_counter() - began < 10.0, "seconds, on a machine that does other things"
