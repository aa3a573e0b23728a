"""`./just` and the environment behind it: arguments arrive intact, set-up happens once, locks hold no address."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".parlo" / "venv"
LOCKS = [ROOT / "requirements.lock", *sorted((ROOT / "requirements").glob("*.lock"))]
ECHO = "import json, sys\nprint(json.dumps(sys.argv[1:]))\nsys.exit(7 if 'fail' in sys.argv else 0)\n"
RACER = """
import importlib.util, pathlib, sys, time
spec = importlib.util.spec_from_file_location("environment", sys.argv[1])
environment = importlib.util.module_from_spec(spec)
spec.loader.exec_module(environment)
def install(root, locks):
    time.sleep(0.3)
    (root / ".parlo" / "venv").mkdir(exist_ok=True)
print(environment.prepare(pathlib.Path(sys.argv[2]), [], install))
"""


@pytest.fixture
def environment() -> ModuleType:
    """The set-up program, which is no part of a package."""
    spec = importlib.util.spec_from_file_location("environment", ROOT / ".ci" / "environment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone in a path with spaces, ready to use, whose program only prints its arguments."""
    if not (VENV / "bin" / "just").exists() or not (VENV / ".parlo" / "base").exists():
        pytest.skip("these tests do not run in an environment made by ./just")
    clone = tmp_path / "una copia mía"
    (clone / "evals").mkdir(parents=True)
    (clone / "evals" / "cli.py").write_text(ECHO)
    (clone / ".parlo").mkdir()
    (clone / ".parlo" / "venv").symlink_to(VENV)
    for name in ("just", "justfile"):
        shutil.copy(ROOT / name, clone / name)
    shutil.copy(VENV / ".parlo" / "base", clone / "requirements.lock")
    return clone


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a lock file and no environment."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements.lock").write_text("one==1 \\\n    --hash=sha256:aa\nuv==2 \\\n    --hash=sha256:bb\n")
    (tmp_path / "requirements" / "browser.lock").write_text("two==1 \\\n    --hash=sha256:cc\n")
    return tmp_path


def run_just(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The wrapper as a person with an almost empty environment calls it, from another folder."""
    return subprocess.run(
        [str(clone / "just"), *words],
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin"},
    )


def test_arguments_arrive_as_they_were_typed(clone: Path) -> None:
    """Spaces, quotes, stars, empty words and what looks like an option of somebody else."""
    words = [
        "resolve-date",
        "mañana a las 4",
        "",
        "*",
        "it's",
        'a "b"',
        "--now",
        "x=y",
        "--",
        "$HOME",
        "a\\b",
        "`id`",
        "#",
    ]

    result = run_just(clone, "parlo", *words)

    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == words
    assert result.stderr == ""


def test_the_exit_status_of_a_recipe_is_passed_on(clone: Path) -> None:
    """Callers can tell failure from success, and one failure from another."""
    result = run_just(clone, "parlo", "fail")

    assert result.returncode == 7


def test_just_alone_lists_the_recipes(clone: Path) -> None:
    """A newcomer sees what there is, with a line about each."""
    result = run_just(clone)

    for recipe in ("demo", "up", "test", "check", "bench", "parlo"):
        assert re.search(rf"^ *{recipe}\b.*# \w+", result.stdout, re.MULTILINE), recipe


def test_a_machine_without_python_is_told_what_to_install(clone: Path, tmp_path: Path) -> None:
    """The words name the version and the way there, and nothing is made."""
    (clone / ".parlo" / "venv").unlink()
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "dirname", "cmp"):
        os.symlink(shutil.which(name) or f"/bin/{name}", tools / name)

    result = subprocess.run([str(clone / "just"), "test"], capture_output=True, text=True, env={"PATH": str(tools)})

    assert result.returncode == 1
    assert "Python 3.11 or newer" in result.stderr
    assert list((clone / ".parlo").iterdir()) == []


def test_two_first_commands_install_once(root: Path) -> None:
    """The second waits for the first, and then finds everything there."""
    command = [sys.executable, "-c", RACER, str(ROOT / ".ci" / "environment.py"), str(root)]

    racers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for _ in range(3)]
    answers = sorted(racer.communicate(timeout=30)[0].strip() for racer in racers)

    assert answers == ["False", "False", "True"]


def test_a_changed_lock_is_installed_again_with_every_group_asked_for_before(
    root: Path, environment: ModuleType
) -> None:
    """A group is asked for once, and follows the lock from then on."""
    installed: list[list[str]] = []

    def install(root: Path, locks: list[Path]) -> None:
        (root / ".parlo" / "venv").mkdir(exist_ok=True)
        installed.append([lock.name for lock in locks])

    environment.prepare(root, [], install)
    environment.prepare(root, ["browser"], install)
    environment.prepare(root, ["browser"], install)
    (root / "requirements.lock").write_text("one==2\n")
    environment.prepare(root, [], install)

    assert installed == [["requirements.lock"], ["requirements.lock", "browser.lock"], installed[1]]


def test_a_failed_installation_is_tried_again(root: Path, environment: ModuleType) -> None:
    """Nothing is marked as done before it is."""

    def fail(root: Path, locks: list[Path]) -> None:
        raise environment.SetupError("no network")

    with pytest.raises(environment.SetupError):
        environment.prepare(root, [], fail)

    assert not environment.is_current(root, "base")


def test_the_pins_of_one_package_are_found_with_their_hashes(environment: ModuleType) -> None:
    """uv itself is installed by hash before it installs the rest."""
    lock = "one==1 \\\n    --hash=sha256:aa\nuv==2 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\nuvicorn==3\n"

    assert environment.pins_of(lock, "uv") == "uv==2 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_file_has_hashes_and_no_address(lock: Path) -> None:
    """Every package is pinned by hash, and where it comes from is the machine's own affair."""
    text = lock.read_text()

    packages = re.split(r"\n(?=\S)", text.split("\n", 2)[2].strip())

    assert "://" not in text
    assert not [
        package for package in packages if not re.match(r"[\w.-]+==\S+ (;[^\\]*)?\\\n +--hash=sha256:", package)
    ]
