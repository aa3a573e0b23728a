"""The clock of `parlo up`: moved by one process, seen by all, and never back."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from runtime.adapters.shifted_clock import ShiftedClock
from runtime.adapters.system import SystemClock
from runtime.bootstrap import open_clock
from runtime.doctor import examine
from runtime.domain.errors import Broken, Rejected
from runtime.settings import Settings, read_settings
from sim.clock_file import ClockFile

DAY_S = 86_400.0
TELLER = """
import sys
from runtime.bootstrap import open_clock
from runtime.settings import read_settings
import os
clock = open_clock(read_settings(os.environ))
for _ in sys.stdin:
    print(clock.now().isoformat(), flush=True)
"""


@contextmanager
def _teller(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that tells the time its settings give it, whenever it is asked with a line."""
    environment = os.environ | {"PARLO_CLOCK_FILE": str(path)}
    with subprocess.Popen(
        [sys.executable, "-c", TELLER], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def _ask(process: subprocess.Popen[str]) -> datetime:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return datetime.fromisoformat(process.stdout.readline().strip())


def _ahead(moment: datetime) -> timedelta:
    return moment - SystemClock().now()


def test_a_move_is_seen_at_once_by_processes_that_run_already(tmp_path: Path) -> None:
    """Two processes and the one that moves: all say the same time, before and after."""
    file = ClockFile(tmp_path / "clock")
    with _teller(file.path) as first, _teller(file.path) as second:
        before = [_ahead(_ask(first)), _ahead(_ask(second))]

        moved_to = file.move(DAY_S)

        after = [_ahead(_ask(first)), _ahead(_ask(second)), _ahead(moved_to)]
    assert all(abs(ahead) < timedelta(seconds=5) for ahead in before)
    assert all(abs(ahead - timedelta(days=1)) < timedelta(seconds=5) for ahead in after)


def test_the_offset_outlives_whoever_moved_it(tmp_path: Path) -> None:
    """Rows of those times outlive them too."""
    ClockFile(tmp_path / "clock").move(300)
    ClockFile(tmp_path / "clock").move(DAY_S)

    assert ShiftedClock(tmp_path / "clock").offset_s == DAY_S + 300


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf"), 400 * DAY_S])
def test_time_is_moved_forward_and_by_a_sane_amount_only(tmp_path: Path, seconds: float) -> None:
    """A time that went back would put answers before their questions."""
    file = ClockFile(tmp_path / "clock")

    with pytest.raises(Rejected):
        file.move(seconds)

    assert file.clock.offset_s == 0


@pytest.mark.parametrize("written", [-5.0, float("nan"), float("inf"), 1.0])
def test_a_process_never_sees_time_go_back_whatever_is_written(tmp_path: Path, written: float) -> None:
    """Somebody else may write nonsense into the file."""
    file = ClockFile(tmp_path / "clock")
    file.move(60)
    clock = ShiftedClock(file.path)
    assert clock.offset_s == 60

    file.path.write_bytes(struct.pack("=d", written))

    assert clock.offset_s == 60


def test_a_database_that_was_written_later_than_now_pulls_the_clock_forward(tmp_path: Path) -> None:
    """A lost file must not put new messages before those that are there."""
    file = ClockFile(tmp_path / "clock")
    newest = SystemClock().now() + timedelta(days=3)

    file.reach(newest)
    file.reach(newest - timedelta(days=1))

    assert timedelta() <= file.clock.now() - newest < timedelta(seconds=5)


@pytest.mark.parametrize("content", [b"", struct.pack("=d", -3.0), struct.pack("=d", float("nan"))])
def test_a_file_that_cannot_be_used_is_made_anew(tmp_path: Path, content: bytes) -> None:
    """As after a full disk."""
    path = tmp_path / "clock"
    path.write_bytes(content)

    assert ClockFile(path).clock.offset_s == 0


@pytest.mark.parametrize("content", [None, b"", b"123"])
def test_a_process_does_not_start_with_a_clock_it_cannot_read(tmp_path: Path, content: bytes | None) -> None:
    """Real time instead would be the one thing nobody expects."""
    path = tmp_path / "clock"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(Broken, match="clock"):
        open_clock(Settings(clock_file=str(path)))


def test_without_the_setting_time_is_real() -> None:
    """Production leaves it unset."""
    assert isinstance(open_clock(read_settings({})), SystemClock)
    assert open_clock(read_settings({})).now().tzinfo is UTC


async def test_the_doctor_warns_of_a_clock_that_can_be_moved(tmp_path: Path) -> None:
    """It is no fault, since `parlo up` runs so; in production somebody must see it."""
    ClockFile(tmp_path / "clock").move(300)

    plain = await examine(Settings())
    moved = await examine(msgspec.structs.replace(Settings(), clock_file=str(tmp_path / "clock")))

    found = {finding.name: finding for finding in [*plain, *moved]}["clock"]
    assert (found.ok, bool(found.remedy)) == (True, True)
    assert "300 s ahead" in found.detail
    assert next(it for it in plain if it.name == "clock").remedy is None
