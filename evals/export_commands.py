"""The commands that take conversations out of Parlo's database: `export-transcripts` and `fixture`.

`evals.cli` puts them into the program `parlo`. They read DATABASE_URL as production does, and write nothing that did
not pass the leak check.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from evals.exporting import Export
    from runtime.store.exports import Wanted

app = typer.Typer()

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
_SALT = "A secret of 12 letters or more: the same one gives the same stand-ins. By default a new one for each export."
Salt = Annotated[str | None, typer.Option("--salt", help=_SALT)]


@app.command("export-transcripts")
def export(  # noqa: PLR0913 - each is an option
    out: Annotated[Path, typer.Option("--out", help="A directory that is empty or not there yet.")],
    organization: Annotated[
        list[str] | None, typer.Option("--organization", help="Only of this business, by id or name.")
    ] = None,
    conversation: Annotated[list[str] | None, typer.Option("--conversation", help="Only this one, by id.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="Messages from this date or moment on (UTC).")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Messages before this date or moment (UTC).")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many, the latest first.")] = None,
    salt: Salt = None,
    as_json: AsJson = False,
) -> None:
    """Take customers' conversations out of the database, redacted, as a suite of transcripts.

    Exit 1 when there is none, or something real would have been written (nothing is); 2 when an option is wrong.
    """
    from evals.exporting import write_directory
    from runtime.store.exports import Wanted

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise typer.BadParameter(f"{out} is there already and is not empty", param_hint="--out")
    wanted = Wanted(
        organizations=tuple(organization or ()),
        conversations=tuple(conversation or ()),
        since=_read_date(since, "--since"),
        until=_read_date(until, "--until"),
        limit=limit,
    )
    export = _prepare(wanted, salt)
    _write(out, lambda: write_directory(export.redact(), out))
    _tell_done(export, out, as_json=as_json)


@app.command("fixture")
def make_fixture(
    conversation: Annotated[str, typer.Argument(help="Its id in the inbox.")],
    out: Annotated[Path, typer.Option("--out", help="The file to write; it must not be there yet.")],
    salt: Salt = None,
    as_json: AsJson = False,
) -> None:
    """Make a fixture of one conversation of the inbox, redacted."""
    from evals.exporting import write_fixture
    from runtime.store.exports import Wanted

    if out.exists():
        raise typer.BadParameter(f"{out} is there already", param_hint="--out")
    export = _prepare(Wanted(conversations=(conversation,)), salt)

    def write() -> None:
        # all there is, which is one: only then it has passed the check
        (transcript,) = export.redact()
        write_fixture(transcript, out)

    _write(out, write)
    _tell_done(export, out, as_json=as_json)


def _prepare(wanted: Wanted, salt: str | None) -> Export:
    from evals.exporting import prepare_export_from
    from evals.redaction.redactor import SHORTEST_SALT
    from runtime.adapters.embedded import choose_database_url

    secret = salt.encode() if salt is not None else os.urandom(32)
    if len(secret) < SHORTEST_SALT:
        raise typer.BadParameter(f"at least {SHORTEST_SALT} letters, or it could be guessed", param_hint="--salt")
    export = asyncio.run(prepare_export_from(choose_database_url(os.environ), wanted, secret))
    if not export.ids:
        _stop("no conversation of a customer is what was asked for", 1)
    return export


def _write(out: Path, write: Callable[[], None]) -> None:
    from evals.exporting import Leaked
    from sim.problems import MalformedInput

    try:
        write()
    except Leaked as leaked:
        _stop(f"nothing was written, since something real was still there ({leaked})", 1)
    except OSError as error:
        _stop(f"{out} cannot be written: {error.strerror or error}", 1)
    except MalformedInput as error:
        _stop(f"nothing was written, since it could not be loaded again: {error}", 1)


def _read_date(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no ISO 8601 date", param_hint=option) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _tell_done(export: Export, out: Path, *, as_json: bool) -> None:
    import msgspec

    if as_json:
        told = {"out": str(out), "conversations": len(export.ids), "ids": export.ids, "skipped": export.skipped}
        sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
        return
    skipped = f", {export.skipped} skipped" if export.skipped else ""
    sys.stdout.write(f"{len(export.ids)} conversations{skipped} -> {out}\n")


def _stop(message: str, code: int) -> NoReturn:
    sys.stderr.write(f"parlo: {message}\n")
    raise typer.Exit(code)
