"""The command that shows and measures what customers' words for days and times become: `resolve-date`.

`evals.cli` puts it into the program `parlo`. It needs nothing but the resolver.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command("resolve-date")
def resolve_date(
    text: Annotated[
        str | None, typer.Argument(help="What a customer wrote, for example «el viernes en la tarde».")
    ] = None,
    now: Annotated[
        str | None, typer.Option(help="The moment it was written, ISO 8601; local unless it has an offset.")
    ] = None,
    zone: Annotated[str, typer.Option(help="The business's time zone.")] = "America/Mexico_City",
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", help="Rows of text, now, opens, closes, tz instead; an answer for each.", dir_okay=False
        ),
    ] = None,
    score: Annotated[
        bool, typer.Option("--score", help="Score the rows that say what is meant, by kind, start and end.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show which day and time somebody means; with --file one JSON line for each row, in order."""
    if file is not None:
        if text is not None or now is not None:
            raise typer.BadParameter("takes no text and no --now beside it", param_hint="--file")
        _resolve_file(file, score=score, as_json=as_json)
        return
    if score:
        raise typer.BadParameter("needs --file", param_hint="--score")
    if text is None or now is None:
        raise typer.BadParameter("say what was written and --now, or --file", param_hint="TEXT")
    _resolve_one(text, now, zone, as_json=as_json)


def _resolve_file(file: Path, *, score: bool, as_json: bool) -> None:
    import msgspec

    from evals.commands import print_json
    from evals.resolving import answer_row, describe_scores, read_phrases, score_rows

    rows = read_phrases(file)
    if not score:
        for row in rows:
            sys.stdout.buffer.write(msgspec.json.encode(answer_row(row)) + b"\n")
        sys.stdout.buffer.flush()
        return
    scores = score_rows(rows, map(answer_row, rows))
    if not scores.rows:
        raise typer.BadParameter("no row says what is meant", param_hint="--score")
    if as_json:
        print_json(scores)
    else:
        sys.stdout.writelines(f"{line}\n" for line in describe_scores(scores))
    raise typer.Exit(1 if scores.wrong.hits else 0)


def _resolve_one(text: str, now: str, zone: str, *, as_json: bool) -> None:
    import msgspec

    from evals.resolving import USUAL
    from runtime.domain.schedule_hours import TimeRange, WeekHours
    from runtime.domain.spanish.dates import describe, resolve

    now_local = _read_moment(now, zone)
    # the command knows no business, so it takes one that is open every day: it decides what "a las 5" means
    hours = WeekHours(((TimeRange.of(*USUAL),),) * 7)
    description = describe(resolve(text, now_local=now_local, hours=hours), now_local=now_local)
    if as_json:
        sys.stdout.write(msgspec.json.encode(description).decode() + "\n")
        return
    shown = [f"{description.kind}: {description.summary}", f"reason: {description.reason or 'nothing found'}"]
    for name, value in (("from", description.starts_at), ("until", description.ends_at)):
        shown += [f"{name}: {value}"] if value else []
    shown += [f"or: {candidate}" for candidate in description.candidates]
    sys.stdout.write("\n".join(shown) + "\n")


def _read_moment(text: str, zone_name: str) -> datetime:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        zone = ZoneInfo(zone_name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise typer.BadParameter(f"{zone_name!r} is no time zone", param_hint="--zone") from error
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"{text!r} is no ISO 8601 date and time", param_hint="--now") from error
