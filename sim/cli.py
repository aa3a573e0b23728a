"""The commands that need the simulator: everything on this machine, the emulated parts, and the importers.

`evals.cli` puts them into the program `parlo`. Each command imports what it needs when it runs.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sim.say import Address, Heard
    from sim.up_record import UpRecord

app = typer.Typer()

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Port = Annotated[int | None, typer.Option(min=1, max=65535, help="By default any that is free.")]


@app.command()
def up(
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="For the web; 8000 if it is free.")] = None,
    twilio_port: Port = None,
    model_port: Port = None,
    world: Annotated[str, typer.Option(help="The business to write into an empty database.")] = "estetica-lupita",
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many worker processes.")] = 1,
    simulate_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="For the Simulate page; 8080 if it is free.")
    ] = None,
) -> None:
    """Run all of Parlo on this machine, with Twilio emulated and an offline model unless OPENAI_API_KEY is set."""
    import signal

    from runtime.adapters.logs import configure_logging
    from sim.up import UpOptions, run_up

    configure_logging()
    options = UpOptions(
        world=world,
        web_port=port,
        twilio_port=twilio_port,
        model_port=model_port,
        simulate_port=simulate_port,
        workers=workers,
    )
    if run_up(options, os.environ, _tell) == signal.SIGINT:
        raise KeyboardInterrupt


@app.command()
def say(
    text: Annotated[str, typer.Argument(help="What the person writes.")],
    sender: Annotated[str, typer.Option("--as", help="Who writes: a number such as +5215512345678.")],
    to: Annotated[str | None, typer.Option(help="To which number of ours; by default the seed business's.")] = None,
    url: Annotated[str | None, typer.Option(help="The web process, where it is not the one `parlo up` runs.")] = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for the first answer.")] = 30.0,
    as_json: AsJson = False,
) -> None:
    """Write a message to what `parlo up` runs, signed as Twilio signs, and show what is answered."""
    import msgspec

    from runtime.adapters.system import SystemIds
    from sim.say import say as write
    from sim.twilio.inbound import Inbound
    from sim.up_record import read_record

    record = read_record(os.environ)
    number = to or next(iter(record.numbers.values()))
    inbound = Inbound(from_address=_as_address(sender), to_address=_as_address(number), text=text)
    heard = asyncio.run(write(_find(record, url), inbound, f"SM{SystemIds().new().hex}", wait_s=wait))
    if as_json:
        _tell(msgspec.json.encode(heard).decode())
    else:
        _show(heard, inbound.from_address)
    if heard.status != 200 or not heard.messages:
        raise typer.Exit(1)


@app.command("offline-model")
def offline_model(
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8100,
    host: Annotated[str, typer.Option()] = "127.0.0.1",
) -> None:
    """Serve the offline model to anybody's OpenAI client: base URL http://HOST:PORT/v1, any key."""
    from runtime.adapters.system import SystemClock
    from sim.offline_model.server import serve

    clock = SystemClock()
    serve(port, host, lambda: int(clock.now().timestamp()))


@app.command("twilio-emulator")
def twilio_emulator(
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8200,
    host: Annotated[str, typer.Option()] = "127.0.0.1",
    webhook_url: Annotated[str | None, typer.Option(help="Where people's messages are posted.")] = None,
) -> None:
    """Serve the Twilio emulator. Its credentials are made up, and printed."""
    import uvicorn

    from runtime.adapters.system import SystemClock, SystemIds
    from sim.twilio.emulator import Account, TwilioEmulator
    from sim.twilio.server import EmulatorApp, HttpSink

    account = Account(api_url=f"http://{host}:{port}")
    emulator = TwilioEmulator(SystemClock(), seed=SystemIds().new().int, account=account, sink=HttpSink())
    _tell(f"TWILIO_BASE_URL={account.api_url}")
    _tell(f"TWILIO_ACCOUNT_SID={account.account_sid}")
    _tell(f"TWILIO_AUTH_TOKEN={account.auth_token}")
    uvicorn.run(EmulatorApp(emulator, webhook_url), host=host, port=port, log_level="warning")


@app.command("import")
def import_recordings(
    kind: Annotated[str, typer.Argument(metavar="FORMAT", help="sesiones, barberia, sgd, star or whatsapp-export.")],
    file: Annotated[Path, typer.Argument(help="The file to read.")],
    out: Annotated[str | None, typer.Option(help="The file to write, or - for standard output.")] = None,
    business: Annotated[str | None, typer.Option(help="whatsapp-export: the business's name in the chat.")] = None,
    as_json: AsJson = False,
) -> None:
    """Turn recordings of other makers into transcripts, which `parlo replay` takes."""
    import msgspec

    from runtime.adapters.embedded import find_home
    from sim.importers import ExportOptions, ImportFormat, import_file
    from sim.transcripts.writing import dump_transcripts

    formats = [each.value for each in ImportFormat]
    if kind not in formats:
        raise typer.BadParameter(f"{kind!r} is none of {', '.join(formats)}", param_hint="FORMAT")
    transcripts = import_file(kind, file, ExportOptions(business_author=business))
    content = dump_transcripts(transcripts)
    if out == "-":
        sys.stdout.buffer.write(content)
        return
    target = Path(out) if out else find_home(os.environ) / "imports" / kind / f"{file.stem}.jsonl"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    if as_json:
        events = sum(len(transcript.events) for transcript in transcripts)
        summary = {"format": kind, "conversations": len(transcripts), "events": events, "out": str(target)}
        _tell(msgspec.json.encode(summary).decode())
    else:
        _tell(f"{len(transcripts)} conversations -> {target}")


def _find(record: UpRecord, url: str | None) -> Address:
    from sim.say import Address

    return Address(
        web=(url or record.web).rstrip("/"),
        signed_url=record.web,
        twilio=record.twilio,
        account_sid=record.account_sid,
        secret=record.auth_token,
    )


def _as_address(number: str) -> str:
    return number if number.startswith("whatsapp:") else f"whatsapp:{number}"


def _show(heard: Heard, sender: str) -> None:
    if heard.status != 200:
        typer.echo(f"the webhook answered {heard.status}", err=True)
    elif not heard.messages:
        typer.echo("no answer", err=True)
    for message in heard.messages:
        others = "" if message.to_address == sender else f"({message.to_address.removeprefix('whatsapp:')}) "
        _tell(f"{others}{message.body}")


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@app.command()
def simulate(  # noqa: PLR0913 - one for each option
    seeds: Annotated[str, typer.Option(help="Which seeds to play: A..B, or a single one.")] = "1..60",
    seed: Annotated[int | None, typer.Option(help="One seed.")] = None,
    faults: Annotated[str, typer.Option(help="Which faults: all, none, or one family of them.")] = "all",
    trace: Annotated[bool, typer.Option("--trace", help="Tell the story of the one seed, lane by lane.")] = False,
    kept: Annotated[bool, typer.Option("--kept", help="Play the seeds that once showed a defect, each twice.")] = False,
    jobs: Annotated[int | None, typer.Option(min=1, max=64, help="Processes; by default one for each core.")] = None,
    as_json: AsJson = False,
) -> None:
    """Play worlds with faults on the virtual clock, and check every promise; exit 1 if one was not kept."""
    from runtime.adapters.embedded import choose_database_url
    from sim.simulation.kept import replay_kept, show_kept
    from sim.simulation.reporting import read_profile, read_seeds, show_story, show_summary, simulate_seeds

    profile = read_profile(faults)
    wanted = [seed] if seed is not None else read_seeds(seeds)
    server_url = choose_database_url(os.environ, durable=False)
    if kept:
        held = show_kept(replay_kept(server_url, jobs=jobs or os.cpu_count() or 1, tell=_tell_aside), as_json=as_json)
    elif trace:
        held = show_story(server_url, wanted, profile)
    else:
        held = show_summary(simulate_seeds(server_url, wanted, profile, jobs=jobs, tell=_tell_aside), as_json=as_json)
    if not held:
        raise typer.Exit(1)


@app.command()
def mutants(
    names: Annotated[list[str] | None, typer.Argument(help="Which ones; by default all.")] = None,
    seeds: Annotated[str | None, typer.Option(help="Which seeds to play: A..B; by default each one's own.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, max=64, help="Processes; by default one for each core.")] = None,
    as_json: AsJson = False,
) -> None:
    """Break Parlo on purpose, one way at a time, and play seeds until an invariant notices; exit 1 if none does."""
    from runtime.adapters.embedded import choose_database_url
    from sim.simulation.mutants.showing import find_mutants, hunt_mutants, show_hunted
    from sim.simulation.reporting import read_seeds

    wanted = find_mutants(names or [])
    played = read_seeds(seeds) if seeds is not None else None
    server_url = choose_database_url(os.environ, durable=False)
    hunted = hunt_mutants(server_url, wanted, played, jobs=jobs, tell=_tell_aside)
    if not show_hunted(hunted, as_json=as_json):
        raise typer.Exit(1)


@app.command()
def chaos(
    minutes: Annotated[float, typer.Option(min=0.25, help="How long people write and faults strike.")] = 10.0,
    messages: Annotated[
        int | None, typer.Option(min=1, help="How many people write, roughly; by default 300 a minute.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of who writes what, and of when which fault strikes.")] = 1,
    faults: Annotated[str, typer.Option(help="Names or families, with commas: worker.killed,postgres.")] = "all",
    workers: Annotated[int, typer.Option(min=1, max=16, help="How many worker processes.")] = 2,
    as_json: AsJson = False,
) -> None:
    """Kill, stop and cut off real processes while people write, and check every promise; exit 1 if one was not kept."""
    from sim.chaos.faults import read_kinds
    from sim.chaos.play import Wishes
    from sim.chaos.reporting import show_outcome
    from sim.chaos.running import run_chaos
    from sim.chaos.stage import Crew

    wishes = Wishes(
        seconds=minutes * 60,
        messages=round(300 * minutes) if messages is None else messages,
        seed=seed,
        kinds=read_kinds(faults),
        crew=Crew(workers=workers),
    )
    if not show_outcome(run_chaos(wishes, os.environ, _tell_aside), as_json=as_json):
        raise typer.Exit(1)


def _tell_aside(line: str) -> None:
    """Progress goes where it does not mix with what was asked for."""
    print(line, file=sys.stderr, flush=True)
