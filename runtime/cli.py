"""The commands that run in production: three processes, migrations, templates, a check-up, and the date resolver.

`evals.cli` puts them into the program `parlo`. Each command imports what it needs when it runs, so that
`parlo --help` answers at once.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from runtime.parts import Parts
    from runtime.settings import Settings
    from runtime.store.database import Database
    from runtime.store.handoff_metrics import HandoffMetrics, HandoffSummary
    from runtime.templates import TemplateReport

app = typer.Typer()

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
WithParent = Annotated[bool, typer.Option("--with-parent", hidden=True, help="End when standard input is closed.")]


@app.command()
def web(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    listening: Annotated[
        int | None, typer.Option("--socket", hidden=True, help="Number of an inherited socket that listens already.")
    ] = None,
    with_parent: WithParent = False,
) -> None:
    """Serve the webhooks and the health checks."""
    from runtime.web.serving import run_web

    _begin(with_parent)
    run_web(_read_settings(os.environ), host=host, port=port, inherited=listening)


@app.command()
def worker(with_parent: WithParent = False) -> None:
    """Answer conversations and deliver messages. Run as many as there is work for."""
    import signal

    from runtime.worker import run_worker

    _begin(with_parent)
    if run_worker(_read_settings(os.environ)) == signal.SIGINT:
        raise KeyboardInterrupt


@app.command()
def ticker(with_parent: WithParent = False) -> None:
    """Turn due rows into work. Several may run."""
    from runtime.adapters.absent import AbsentMedia, AbsentMessenger, AbsentModel
    from runtime.bootstrap import open_parts

    _begin(with_parent)
    settings = _read_settings(os.environ)
    parts = open_parts(settings, model=AbsentModel(), messenger=AbsentMessenger(), media=AbsentMedia())
    asyncio.run(_tick(parts))


@app.command()
def migrate(as_json: AsJson = False) -> None:
    """Bring the database to the newest schema, and write down Parlo's own number."""
    from runtime.install import write_central_number
    from runtime.store.migrate import migrate as bring_up

    settings = _read_settings(os.environ, broker=False)
    assert settings.database_url is not None
    reached = bring_up(settings.database_url)
    central = asyncio.run(write_central_number(settings))
    told = f"at {reached}, the newest" + (f"; central number {central}" if central else "")
    _print({"revision": reached, "central_number": central}, told, as_json)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Check this installation and say what to do about what is wrong."""
    from runtime.doctor import Finding, examine
    from runtime.domain.errors import Broken

    findings: list[Finding]
    try:
        settings = _read_settings(os.environ)
        findings = [Finding("settings", True, "all known"), *asyncio.run(examine(settings))]
    except Broken as error:
        findings = [Finding("settings", False, str(error), "correct or remove the variable")]
    marks = ["FAIL" if not it.ok else "warn" if it.remedy else "ok  " for it in findings]
    lines = [f"{mark}  {it.name}: {it.detail}" for mark, it in zip(marks, findings, strict=True)]
    lines = [line + (f"\n      -> {it.remedy}" if it.remedy else "") for line, it in zip(lines, findings, strict=True)]
    healthy = all(it.ok for it in findings)
    _print({"ok": healthy, "checks": findings}, "\n".join(lines), as_json)
    if not healthy:
        raise typer.Exit(1)


@app.command()
def handoffs(
    days: Annotated[int, typer.Option(help="How many days to look back.", min=1, max=3650)] = 30,
    as_json: AsJson = False,
) -> None:
    """Show how handoffs to people went: waits, first answers, durations, and how they ended."""
    from runtime.store.database import open_database
    from runtime.store.handoff_metrics import summarize

    settings = _read_settings(os.environ, broker=False)
    assert settings.database_url is not None
    found = asyncio.run(_measure(open_database(settings.database_url, pool_size=1), days))
    summary = summarize(found)
    _print({"summary": summary, "handoffs": found}, _show_handoffs(summary, found), as_json)


async def _measure(database: Database, days: int) -> list[HandoffMetrics]:
    from runtime.adapters.system import SystemClock
    from runtime.domain.errors import Broken
    from runtime.store.handoff_metrics import hide_people, measure_handoffs
    from runtime.store.migrate import newest_revision
    from runtime.store.revision import read_revision

    try:
        if await read_revision(database) != newest_revision():
            raise Broken("the database is not at the newest schema: run `parlo migrate` first")
        async with database.platform() as uow:
            found = await measure_handoffs(uow, since=SystemClock().now() - timedelta(days=days))
        # figures leave the machine more easily than chats do: nobody's name goes with them
        return [hide_people(each) for each in found]
    finally:
        await database.close()


def _show_handoffs(summary: HandoffSummary, found: list[HandoffMetrics]) -> str:
    def span(seconds: float | None) -> str:
        return "–" if seconds is None else f"{seconds / 60:.1f} min"

    ended = ", ".join(f"{reason} {count}" for reason, count in summary.ended_by.items()) or "none"
    head = [
        f"{summary.handoffs} handoffs, {summary.open} open, {summary.taken} taken by a human",
        f"wait           median {span(summary.wait_p50_s)}, 90 % {span(summary.wait_p90_s)}",
        f"first answer   median {span(summary.first_answer_p50_s)}, 90 % {span(summary.first_answer_p90_s)}",
        f"duration       median {span(summary.duration_p50_s)}",
        f"ended by       {ended}",
    ]
    rows = [
        f"{each.requested_at:%Y-%m-%d %H:%M}  {each.business}  {each.state}"
        + (f" ({each.end_reason})" if each.end_reason else "")
        + f"  wait {span(each.wait_s)}  first answer {span(each.first_answer_s)}  duration {span(each.duration_s)}"
        + f"  asked {each.asked}  messages {each.from_customer}/{each.from_human}"
        for each in found
    ]
    return "\n".join([*head, *rows])


@app.command()
def templates(
    check: Annotated[bool, typer.Option("--check", help="Only look how far approvals have got.")] = False,
    as_json: AsJson = False,
) -> None:
    """Have the WhatsApp templates made and approved, and show how it stands with each."""
    reports = asyncio.run(_sync_templates(_read_settings(os.environ, broker=False), check=check))
    rows = [("template", "status", "content sid", "")]
    for it in reports:
        older = "an older text is in use" if it.in_use and it.in_use != it.content_sid else None
        remark = "; ".join(filter(None, (it.rejection, older)))
        rows.append((it.name, it.status, it.content_sid or "-", remark))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join((*(word.ljust(width) for word, width in zip(row, widths, strict=False)), row[3])) for row in rows
    ]
    sound = all(it.sound for it in reports)
    _print({"ok": sound, "templates": reports}, "\n".join(line.rstrip() for line in lines), as_json)
    if not sound:
        raise typer.Exit(1)


async def _sync_templates(settings: Settings, *, check: bool) -> list[TemplateReport]:
    from runtime.adapters.system import SystemClock
    from runtime.bootstrap import open_templates
    from runtime.store.database import open_database
    from runtime.templates import poll_templates, sync_templates

    assert settings.database_url is not None
    registry = open_templates(settings)
    database = open_database(settings.database_url, pool_size=1)
    try:
        return await (poll_templates if check else sync_templates)(database, registry, SystemClock())
    finally:
        await database.close()
        await registry.aclose()


async def _tick(parts: Parts) -> None:
    """Tick until SIGTERM or SIGINT, then close what is open. Ctrl-C ends as one."""
    import signal

    from runtime.ticker import run_forever

    ended = asyncio.Event()
    received: list[int] = []

    def end(number: int) -> None:
        received.append(number)
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end, number)
    ticking = asyncio.ensure_future(run_forever(parts))
    waiting = asyncio.ensure_future(ended.wait())
    await asyncio.wait({ticking, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    ticking.cancel()
    await asyncio.wait({ticking, waiting})
    await parts.database.close()
    if not ticking.cancelled():
        ticking.result()
    if received == [signal.SIGINT]:
        raise KeyboardInterrupt


def _begin(with_parent: bool) -> None:
    from runtime.adapters.logs import configure_logging
    from runtime.adapters.parent import end_with_parent

    configure_logging()
    if with_parent:
        end_with_parent()


def _read_settings(environment: Mapping[str, str], *, broker: bool = True) -> Settings:
    """The settings, with embedded servers in place of addresses that are not set."""
    from runtime.adapters.embedded import choose_database_url, choose_redis_url
    from runtime.settings import read_settings

    read_settings(environment)
    chosen = {**environment, "DATABASE_URL": choose_database_url(environment)}
    if broker:
        chosen["REDIS_URL"] = choose_redis_url(environment)
    return read_settings(chosen)


def _print(value: object, text: str, as_json: bool) -> None:
    import msgspec

    sys.stdout.write((msgspec.json.encode(value).decode() if as_json else text) + "\n")
