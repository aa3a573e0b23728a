"""The embedded Postgres: started once, found again, never lost, whoever calls and whatever was killed before."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from runtime.adapters.embedded import (
    EmbeddedServerError,
    ServerStatus,
    choose_database_url,
    choose_redis_url,
    ensure_postgres,
    find_home,
    status,
    stop_postgres,
)
from runtime.adapters.embedded.place import find_binary, find_place

ROOT = Path(__file__).resolve().parents[3]
START = """
import pathlib, sys
from runtime.adapters.embedded import ensure_postgres
print(ensure_postgres(pathlib.Path(sys.argv[1]), durable=False))
"""

pytestmark = pytest.mark.integration
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to hand its servers to another user")


def make_folder() -> Iterator[Path]:
    """A folder that every user can enter, unlike pytest's own; its servers are stopped in the end."""
    folder = Path(tempfile.mkdtemp(prefix="parlo-test-"))
    folder.chmod(0o755)
    umask = os.umask(0o022)
    yield folder
    os.umask(umask)
    for home in folder.rglob(".parlo"):
        stop_postgres(home)
        if (home / "shelter").exists():
            shutil.rmtree((home / "shelter").read_text().strip())
    shutil.rmtree(folder)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of the test's own, with nothing in it."""
    yield from make_folder()


@pytest.fixture(scope="module")
def used_home() -> Iterator[Path]:
    """A home whose durable cluster was made by some test before, running or not: making one takes a second."""
    for folder in make_folder():
        yield folder / ".parlo"


def start_elsewhere(home: Path) -> subprocess.Popen[str]:
    """Another command that wants the same server."""
    return subprocess.Popen(
        [sys.executable, "-c", START, str(home)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def only_status(home: Path) -> ServerStatus:
    (found,) = status(home)
    return found


def kill(home: Path) -> None:
    """End the server the hard way."""
    pid = only_status(home).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def ask(address: str, query: str) -> object:
    with psycopg.connect(address) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def run(address: str, command: str) -> None:
    with psycopg.connect(address) as connection:
        connection.execute(command.encode())


def test_a_second_call_finds_the_running_server(used_home: Path) -> None:
    """The next command is warm: same process, same address, no new server."""

    first = ensure_postgres(used_home)
    pid = only_status(used_home).pid
    second = ensure_postgres(used_home)

    assert first == second
    assert only_status(used_home).pid == pid
    assert ask(first, "SELECT current_setting('timezone')") == "UTC"
    assert ask(first, "SELECT current_setting('synchronous_commit')") == "on"


def test_committed_rows_survive_kill_9_and_the_address_stays(used_home: Path) -> None:
    """A killed server comes back with what was committed, where long-lived processes look for it."""
    address = ensure_postgres(used_home)
    run(address, "CREATE TABLE note AS SELECT 'kept' AS text")

    kill(used_home)

    assert ensure_postgres(used_home) == address
    assert ask(address, "SELECT text FROM note") == "kept"


def test_commands_racing_for_a_server_share_one(folder: Path) -> None:
    """Four first commands at the same moment end up with one server, and none hangs on its output."""
    home = folder / ".parlo"

    racers = [start_elsewhere(home) for _ in range(4)]
    addresses = {racer.communicate(timeout=60)[0] for racer in racers}

    assert [racer.returncode for racer in racers] == [0, 0, 0, 0]
    assert addresses == {f"{ensure_postgres(home, durable=False)}\n"}


def test_a_first_command_killed_half_way_leaves_nothing_in_the_way(folder: Path) -> None:
    """A cluster that was never finished is thrown away and made again."""
    home = folder / ".parlo"
    starter = start_elsewhere(home)
    while not (home / "postgres-fast" / "data.new").exists():
        assert starter.poll() is None
        time.sleep(0.005)

    starter.kill()
    starter.communicate()

    assert ask(ensure_postgres(home, durable=False), "SELECT 1") == 1


def test_a_foreign_program_on_the_recorded_port_is_left_alone(used_home: Path) -> None:
    """Somebody else's port is not ours, however often we used it."""
    ensure_postgres(used_home)
    port = only_status(used_home).port
    stop_postgres(used_home)
    assert port is not None

    with socket.socket() as foreign:
        foreign.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        foreign.bind(("127.0.0.1", port))
        foreign.listen()
        address = ensure_postgres(used_home)

    assert only_status(used_home).port != port
    assert ask(address, "SELECT 1") == 1


def test_a_pid_file_naming_a_stranger_does_not_keep_the_server_from_starting(used_home: Path) -> None:
    """After kill -9 the process id in the pid file may be used again by another program of the same user."""
    address = ensure_postgres(used_home)
    directory = only_status(used_home).directory
    pid_file = (directory / "data" / "postmaster.pid").read_text().split("\n", 1)
    kill(used_home)
    owner = (directory / "data").stat()
    credentials = {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}

    with subprocess.Popen(["sleep", "60"], **credentials) as stranger:  # type: ignore[call-overload]  # two optional ints
        (directory / "data" / "postmaster.pid").write_text(f"{stranger.pid}\n{pid_file[1]}")
        again = ensure_postgres(used_home)
        alive = stranger.poll() is None
        stranger.kill()

    assert again == address
    assert alive
    assert ask(again, "SELECT 1") == 1


def test_the_server_refuses_who_has_no_password(used_home: Path) -> None:
    """Another user of the machine can reach the port and nothing more; the password is for us alone to read."""
    ensure_postgres(used_home)
    found = only_status(used_home)

    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(host="127.0.0.1", port=found.port, user="parlo", dbname="parlo")

    assert stat.S_IMODE((found.directory / "password").stat().st_mode) == 0o600


def test_stopping_ends_the_server_and_status_says_so(used_home: Path) -> None:
    """Stopped is stopped, and stopping twice is fine."""
    ensure_postgres(used_home)
    running = only_status(used_home)

    stop_postgres(used_home)
    stop_postgres(used_home)

    stopped = only_status(used_home)
    assert (running.running, stopped.running, stopped.pid) == (True, False, None)
    assert running.log.exists()


def test_a_copy_of_a_running_home_gets_a_server_of_its_own(folder: Path) -> None:
    """Copying a project that is in use must not make two projects share rows; long paths with spaces are fine."""
    home = folder / ".parlo"
    address = ensure_postgres(home, durable=False)
    copy = folder / "carpeta con eñes y espacios" / ("largo" * 30) / ".parlo"
    shutil.copytree(home, copy)

    copied = ensure_postgres(copy, durable=False)
    run(copied, "CREATE TABLE only_here ()")

    assert copied != address
    assert ask(address, "SELECT to_regclass('only_here')") is None
    assert len(str(only_status(copy).directory)) > 150


def test_a_broken_disposable_cluster_is_made_anew(folder: Path) -> None:
    """Tests and replays go on, whatever happened to the cluster that does not wait for the disk."""
    home = folder / ".parlo"
    ensure_postgres(home, durable=False)
    directory = only_status(home).directory
    stop_postgres(home)
    (directory / "data" / "global" / "pg_control").write_bytes(b"nonsense")

    address = ensure_postgres(home, durable=False)

    assert ask(address, "SELECT 1") == 1


def test_a_broken_durable_cluster_is_left_as_it_is(used_home: Path) -> None:
    """Nobody's rows are thrown away: the error shows the end of the server's log."""
    ensure_postgres(used_home)
    control = only_status(used_home).directory / "data" / "global" / "pg_control"
    stop_postgres(used_home)
    whole = control.read_bytes()
    control.write_bytes(b"nonsense")

    with pytest.raises(EmbeddedServerError, match="pg_control"):
        ensure_postgres(used_home)

    assert control.read_bytes() == b"nonsense"
    control.write_bytes(whole)


def test_a_cluster_of_another_major_version_is_refused_by_name(used_home: Path) -> None:
    """After an upgrade of the wheel the words say what happened, and the files stay."""
    ensure_postgres(used_home)
    version = only_status(used_home).directory / "data" / "PG_VERSION"
    stop_postgres(used_home)
    whole = version.read_text()
    version.write_text("9\n")

    with pytest.raises(EmbeddedServerError, match="another major version"):
        ensure_postgres(used_home)

    version.write_text(whole)


@as_root
def test_a_home_the_servers_user_cannot_enter_is_sheltered(folder: Path) -> None:
    """Root's clone in a closed folder works, no folder above ours is opened for it, and deleting it starts afresh."""
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    home = closed / "project" / ".parlo"

    address = ensure_postgres(home)
    run(address, "CREATE TABLE old ()")
    kill(home)
    again = ensure_postgres(home)
    found = only_status(home)
    kept = ask(again, "SELECT to_regclass('old')")
    shutil.rmtree(home)
    afresh = ensure_postgres(home)

    assert (again, kept) == (address, "old")
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert not found.directory.is_relative_to(folder)
    assert pwd.getpwuid((found.directory / "data").stat().st_uid).pw_name == "nobody"
    assert ask(afresh, "SELECT to_regclass('old')") is None


@as_root
def test_a_program_the_servers_user_cannot_reach_is_copied_to_the_shelter(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment may lie in root's own home; then the wheel's folder is copied, once."""
    packages = folder / "closed" / "site-packages"
    (packages / "somewheel" / "bin").mkdir(parents=True)
    (folder / "closed").chmod(0o700)
    (packages / "somewheel" / "bin" / "tool").write_text("#!/bin/sh\nexit 0\n")
    (packages / "somewheel" / "bin" / "tool").chmod(0o700)
    (packages / "somewheel-1.0.dist-info").mkdir()
    (packages / "somewheel-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: somewheel\nVersion: 1.0\n"
    )
    monkeypatch.syspath_prepend(packages)
    place = find_place(folder / ".parlo", "postgres")

    binary = find_binary(place, "somewheel", "bin/tool")

    assert binary.name == "tool"
    assert not binary.is_relative_to(packages)
    assert binary == find_binary(place, "somewheel", "bin/tool")
    assert stat.S_IMODE((folder / "closed").stat().st_mode) == 0o700


def test_a_home_that_was_never_used_has_no_servers(tmp_path: Path) -> None:
    """Asking for the status starts and makes nothing."""
    home = tmp_path / ".parlo"

    found = status(home)
    stop_postgres(home)

    assert found == ()
    assert not home.exists()


def test_addresses_from_outside_win_and_start_nothing(tmp_path: Path) -> None:
    """DATABASE_URL and REDIS_URL decide."""
    environ = {"DATABASE_URL": "postgresql://db/x", "REDIS_URL": "redis://r/1", "PARLO_HOME": str(tmp_path / "home")}

    database, redis = choose_database_url(environ), choose_redis_url(environ)

    assert (database, redis) == ("postgresql://db/x", "redis://r/1")
    assert not (tmp_path / "home").exists()


def test_the_home_is_beside_the_packages_unless_told_otherwise(tmp_path: Path) -> None:
    """PARLO_HOME moves it."""
    assert find_home({}) == ROOT / ".parlo"
    assert find_home({"PARLO_HOME": str(tmp_path)}) == tmp_path
