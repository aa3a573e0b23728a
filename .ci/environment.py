"""Makes `.parlo/venv` hold exactly the packages of the lock files. Called by `./just`, and by recipes needing a group.

Uses the standard library only, since it runs before anything is installed. Packages are installed by hash, with uv
where that works (seconds) and pip where it does not (a minute or two). Calls at the same moment wait for one another.

It never names a package index: what this machine is set up with is used.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

BASE = "base"
# They would send the packages somewhere else than into the environment.
MISLEADING = (
    "PIP_USER",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_REQUIRE_VIRTUALENV",
    "PYTHONHOME",
    "PYTHONPATH",
    "VIRTUAL_ENV",
)

Install = Callable[[Path, list[Path]], None]


class SetupError(Exception):
    """The environment could not be made; the text says what to do."""


def lock_file(root: Path, group: str) -> Path:
    return root / "requirements.lock" if group == BASE else root / "requirements" / f"{group}.lock"


def stamp_file(root: Path, group: str) -> Path:
    """A copy of the lock file that was installed last."""
    return root / ".parlo" / "venv" / ".parlo" / group


def is_current(root: Path, group: str) -> bool:
    stamp = stamp_file(root, group)
    return stamp.is_file() and stamp.read_bytes() == lock_file(root, group).read_bytes()


def groups_present(root: Path) -> list[str]:
    """The groups asked for before, so that a new lock renews them too."""
    stamps = stamp_file(root, BASE).parent
    return (
        sorted(stamp.name for stamp in stamps.iterdir() if lock_file(root, stamp.name).is_file())
        if stamps.is_dir()
        else []
    )


def say(text: str) -> None:
    print(f"parlo: {text}", file=sys.stderr, flush=True)


@contextmanager
def one_at_a_time(root: Path) -> Iterator[None]:
    """Hold the set-up lock. The system lets go of it when its holder dies, so it cannot be left behind."""
    (root / ".parlo").mkdir(exist_ok=True)
    with (root / ".parlo" / "setup.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another command is setting up .parlo/venv; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def prepare(root: Path, groups: list[str], install: Install) -> bool:
    """Bring the environment up to date with the base lock and these groups; True when something was done."""
    wanted = [BASE, *groups]
    if not all(is_current(root, group) for group in wanted):
        with one_at_a_time(root):
            wanted = list(dict.fromkeys([BASE, *groups_present(root), *groups]))
            if not all(is_current(root, group) for group in wanted):
                install(root, [lock_file(root, group) for group in wanted])
                for group in wanted:
                    stamp = stamp_file(root, group)
                    stamp.parent.mkdir(exist_ok=True)
                    unfinished = stamp.with_suffix(".new")
                    shutil.copyfile(lock_file(root, group), unfinished)
                    unfinished.replace(stamp)
                return True
    return False


def run(command: list[str], settings: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    environment |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"} | (settings or {})
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, check=False
    )


def make_venv(directory: Path, uv: str | None) -> None:
    """An environment with pip in it if Python can, else without one for uv to fill."""
    python = directory / "bin" / "python"
    if python.exists() and run([str(python), "-c", "import sys"]).returncode == 0:
        return
    try:
        venv.create(directory, clear=True, with_pip=uv is None, symlinks=True)
    except subprocess.CalledProcessError as error:
        raise SetupError(
            "Python could not make an environment with pip in it. "
            "Install its venv part (Debian, Ubuntu: apt install python3-venv) or uv, and try again."
        ) from error


def pins_of(lock: str, name: str) -> str:
    """The lines of one package in a lock file: its pin and the hashes below it."""
    lines = lock.splitlines(keepends=True)
    for start, line in enumerate(lines):
        if line.startswith(f"{name}=="):
            end = start + 1
            while end < len(lines) and lines[end].startswith(" "):
                end += 1
            return "".join(lines[start:end])
    raise SetupError(f"the lock file has no package {name}")


def pip_settings(python: Path) -> dict[str, str]:
    """What pip was told on this machine, in the words of uv, which does not read pip's configuration."""
    words = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}
    found: dict[str, str] = {}
    for line in run([str(python), "-m", "pip", "config", "list"]).stdout.splitlines():
        name, separator, value = line.partition("=")
        word = words.get(name.rpartition(".")[2])
        if separator and word and word not in os.environ:
            found[word] = value.strip("'\"")
    return found


def install_with_uv(uv: str, python: Path, locks: list[Path]) -> subprocess.CompletedProcess[str]:
    # Compiled once here, since some machines tell Python not to: every process then starts in half the time.
    command = [
        uv,
        "pip",
        "sync",
        "--quiet",
        "--require-hashes",
        "--no-config",
        "--compile-bytecode",
        "--python",
        str(python),
    ]
    command += [str(lock) for lock in locks]
    settings = pip_settings(python)
    # The machine's own certificates first; a machine without any still has those uv brings.
    result = run([*command, "--system-certs"], settings)
    return result if result.returncode == 0 else run(command, settings)


def install_with_pip(python: Path, locks: list[Path]) -> subprocess.CompletedProcess[str]:
    if run([str(python), "-m", "pip", "--version"]).returncode:
        run([str(python), "-m", "ensurepip"])
    command = [str(python), "-m", "pip", "install", "--quiet", "--require-hashes"]
    for lock in locks:
        result = run([*command, "-r", str(lock)])
        if result.returncode:
            break
    return result


def own_uv(root: Path, python: Path) -> str | None:
    """The locked uv, put into the environment by pip; None when that does not work here."""
    own = python.with_name("uv")
    if not own.exists():
        pins = root / ".parlo" / "uv.txt"
        pins.write_text(pins_of(lock_file(root, BASE).read_text(), "uv"))
        install_with_pip(python, [pins])
        pins.unlink()
    return str(own) if own.exists() else None


def install_packages(root: Path, locks: list[Path]) -> None:
    """Make the environment if it is missing, and fill it."""
    directory = root / ".parlo" / "venv"
    python = directory / "bin" / "python"
    say("installing the locked packages into .parlo/venv (once; ten seconds or so)")
    uv = shutil.which("uv")
    make_venv(directory, uv)
    uv = uv or own_uv(root, python)
    result = install_with_uv(uv, python, locks) if uv else None
    if result is None or result.returncode:
        say("uv could not do it here; pip does, which takes a minute or two")
        result = install_with_pip(python, locks)
    if result.returncode:
        raise SetupError(f"the packages could not be installed:\n{result.stderr.strip()[-4000:]}")


def main(groups: list[str]) -> int:
    root = Path(__file__).resolve().parent.parent
    unknown = [group for group in groups if not lock_file(root, group).is_file()]
    try:
        if unknown:
            raise SetupError(f"there is no lock file for {', '.join(unknown)}")
        prepare(root, groups, install_packages)
    except SetupError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
