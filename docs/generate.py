"""Writes the parts of these pages that follow from the code, between their two marks.

Run from the project's folder with the packages' Python: `.parlo/venv/bin/python -m docs.generate`. `tests/test_docs.py`
fails while a page and the code disagree. Words outside the marks are written by hand and never touched.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import typer
from typer.core import TyperArgument, TyperGroup, TyperOption

from evals.cli import app
from evals.scorers import RULES
from runtime.domain.enums import HandoffState
from runtime.domain.handoff import (
    END_REASONS,
    LINE_LIMIT,
    NUDGES,
    REMINDERS,
    SILENCE,
    SNOOZE,
    TRANSITIONS,
    UNDO,
    HandoffEvent,
)
from runtime.settings import _SHARED, PREFIX, Settings
from sim.simulation.invariants import INVARIANTS
from sim.simulation.mutants import MUTANTS

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PACKAGES = ("runtime", "sim", "evals")

_BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end: \2 -->)", re.DOTALL)

_CAUSES = {
    HandoffEvent.QUEUE: "nobody is free, or only people off duty while a colleague is busy",
    HandoffEvent.OFFER: "somebody is free and has not said no: the owner first, then admins, on duty first",
    HandoffEvent.TAKE: "a human taps *Tomar*, writes *tomar*, or simply answers",
    HandoffEvent.DECLINE: "the human who was asked writes *no puedo* or taps it",
    HandoffEvent.SNOOZE: f"the human who was asked wants {SNOOZE.seconds // 60} more minutes",
    HandoffEvent.EXPIRE: f"no answer for {REMINDERS[1].seconds // 60} minutes, and somebody else can be asked",
    HandoffEvent.WITHDRAW: "the human takes back an end and has the earlier customer again",
    HandoffEvent.PASS_ON: "the human writes *pasar* and a colleague's name",
    HandoffEvent.TAKE_OVER: f"another human takes a customer left alone for {NUDGES[0].seconds // 60} minutes",
    HandoffEvent.HUMAN_LEFT: "the human is deactivated or may no longer take customers",
    HandoffEvent.HUMAN_ENDS: "the human's message was judged an end",
    HandoffEvent.UNDO: f"the human writes *deshacer* within {UNDO.seconds} seconds of their end",
    HandoffEvent.SILENCE: f"no human said a word for {SILENCE.seconds // 60} minutes",
    HandoffEvent.GIVE_UP: f"{LINE_LIMIT.seconds // 3600} hours in line, or everybody has said no",
    HandoffEvent.CUSTOMER_LEAVES: "the customer writes *salir*",
    HandoffEvent.OPT_OUT: "the customer wants no more messages",
    HandoffEvent.SUSPEND: "the business is suspended",
}
_MEANINGS = {
    "database_url": "Postgres; without it the embedded one is started.",
    "redis_url": "Redis or Valkey; without it the embedded one is started.",
    "openai_api_key": "Key of the model's API. Workers need it.",
    "openai_base_url": "Any server that speaks OpenAI's API; by default OpenAI's own.",
    "twilio_account_sid": "The Twilio account that sends.",
    "twilio_base_url": "Where Twilio's API is reached; by default Twilio's own.",
    "central_number": "Parlo's own number, where businesses sign up. `parlo migrate` writes it down.",
    "customer_model": "The model that talks to customers.",
    "classifier_model": "The small model that tells a relay from an end.",
    "customer_prompt": "Name and version of the customer agent's prompt.",
    "staff_prompt": "Name and version of the prompt of the agent for staff.",
    "owner_intent_prompt": "Name and version of the prompt that tells a relay from an end.",
    "asks_human_prompt": "Name and version of the prompt that hears whether a customer asks for a person.",
    "reoffer_s": "After how long something that was offered is offered again, in case the offer was lost.",
    "tick_s": "How often the ticker looks for due rows.",
    "sweep_s": "How often the ticker looks for stranded conversations.",
    "model_timeout_s": "How long one question to the model may take, retries included.",
    "turn_deadline_s": "How long a whole turn may take; less than the lease.",
    "body_limit_bytes": "The largest body a webhook may have.",
    "worker_threads": "How many conversations one worker process may have under way.",
    "pool_size": "Database connections kept for each of the two roles.",
}

PROMISES = {
    "What was accepted reaches an end": (
        "rest",
        "inbox.none_lost",
        "inbox.stored_first",
        "inbox.all_taken",
        "inbox.final",
        "conversations.at_rest",
        "turns.over",
        "outbox.final",
    ),
    "One message, one effect": (
        "inbox.once",
        "inbox.one_turn",
        "journal.numbered",
        "journal.answers",
        "journal.effects",
        "bookings.once",
        "bookings.have_an_event",
        "outbox.told_once",
        "outbox.copies",
        "outbox.one_copy_more",
    ),
    "Nothing is taken in without a signature": ("inbox.only_signed",),
    "No double booking": ("bookings.staff_free", "bookings.spot_free"),
    "Nothing is said that is not so": (
        "bookings.told_are_made",
        "outbox.marked_first",
        "outbox.said_but_not_sent",
        "outbox.not_downgraded",
    ),
    "Everybody is answered, or a person is told": (
        "turns.answered",
        "turns.dead_are_told",
        "outbox.failures_are_told",
        "outbox.falls_back",
    ),
    "Order, and a burst is answered once": ("outbox.order", "turns.bursts"),
    "A human serves one customer at a time, in order": (
        "handoffs.one_each",
        "handoffs.one_at_a_time",
        "handoffs.in_order",
        "handoffs.planned",
        "handoffs.reminded_once",
    ),
    "Silence ends a handoff after half an hour": (
        "handoffs.not_early",
        "handoffs.looked_at_in_time",
        "handoffs.silence_ends",
        "handoffs.silence_is_the_humans",
    ),
    "Staff do by chat what they may, and each yes once": (
        "staff.within_their_role",
        "staff.one_yes_one_deed",
        "staff.asked_before_customers_hear",
    ),
    "Tenants never see each other": ("tenants.own_numbers", "tenants.no_leak", "tenants.walls"),
    "Whoever wants no messages gets none": ("consent.kept",),
    "What a conversation costs is bounded": ("cost.model_calls", "cost.sender"),
    "Every failure replays": ("replay.same_hash",),
}
"""What is promised, and the invariants that hold it; a test compares them with those there are."""


def render(text: str) -> str:
    """The page with every generated part as the code has it now."""
    return _BLOCK.sub(lambda found: f"{found[1]}{BLOCKS[found[2]]()}\n{found[3]}", text)


def find_pages() -> list[Path]:
    """The pages that have a generated part."""
    return [page for page in sorted(DOCS.glob("*.md")) if _BLOCK.search(page.read_text(encoding="utf-8"))]


def write_pages() -> list[Path]:
    """Write them; the ones that changed."""
    changed = []
    for page in find_pages():
        before = page.read_text(encoding="utf-8")
        if (after := render(before)) != before:
            page.write_text(after, encoding="utf-8")
            changed.append(page)
    return changed


def _draw_handoff() -> str:
    arrows = [f"    {before} --> {after}: {event}" for (before, event), after in TRANSITIONS.items()]
    drawing = [
        "```mermaid",
        "stateDiagram-v2",
        f"    [*] --> {HandoffState.REQUESTED}",
        *arrows,
        f"    {HandoffState.ENDED} --> [*]",
        "```",
    ]
    rows = [
        f"| `{before}` | `{event}` | `{after}` | {_name_reason(event)} | {_CAUSES[event]} |"
        for (before, event), after in TRANSITIONS.items()
    ]
    head = ["| from | event | to | `end_reason` | when |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*drawing, "", *head, *rows])


def _name_reason(event: HandoffEvent) -> str:
    return f"`{END_REASONS[event]}`" if event in END_REASONS else ""


def _list_settings() -> str:
    names = {field: name for name, field in _SHARED.items()}
    meanings = {**_MEANINGS, **_read_attributes()}
    rows = [
        f"| `{names.get(field, PREFIX + field.upper())}` | {_show_default(default)} | {meanings[field]} |"
        for field, default in zip(Settings.__struct_fields__, Settings.__struct_defaults__, strict=True)
    ]
    return "\n".join(["| variable | default | meaning |", "| --- | --- | --- |", *rows])


def _read_attributes() -> dict[str, str]:
    """What the docstring of `Settings` says of single ones."""
    lines = (inspect.getdoc(Settings) or "").partition("Attributes:")[2].splitlines()
    pairs = (line.strip().partition(": ") for line in lines)
    return {name: meaning for name, _, meaning in pairs if meaning}


def _show_default(value: object) -> str:
    return "" if value is None or value == "" else f"`{value}`"


def _list_commands() -> str:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return "\n\n".join(_describe_commands("parlo", group))


def _describe_commands(path: str, group: TyperGroup) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _describe_commands(f"{path} {name}", command)
            continue
        shown = [each for each in command.params if not getattr(each, "hidden", False)]
        arguments = [each for each in shown if isinstance(each, TyperArgument)]
        options = [each for each in shown if isinstance(each, TyperOption) and each.name != "help"]
        words = " ".join(_show_argument(each) for each in arguments)
        rows = [f"| `{_show_argument(each)}` | {_show_choice(each)} | {each.help or ''} |" for each in arguments]
        rows += [f"| `{', '.join(each.opts)}` | {_show_choice(each)} | {each.help or ''} |" for each in options]
        table = ["", "| | default | |", "| --- | --- | --- |", *rows] if rows else []
        yield "\n".join([f"### `{f'{path} {name} {words}'.strip()}`", "", inspect.cleandoc(command.help or ""), *table])


def _show_argument(argument: TyperArgument) -> str:
    name = argument.metavar or (argument.name or "").upper()
    shown = name if argument.required else f"[{name}]"
    return f"{shown}…" if argument.nargs == -1 else shown


def _show_choice(parameter: TyperArgument | TyperOption) -> str:
    if parameter.required:
        return "required"
    return "" if parameter.default is None or parameter.default is False else f"`{parameter.default}`"


def _list_modules() -> str:
    lines = []
    for package in PACKAGES:
        lines += [f"| in `{package}/` | |", "| --- | --- |"]
        for path in sorted((ROOT / package).glob("*.py")):
            if path.name != "__init__.py":
                lines.append(f"| `{path.name}` | {_first_line(path)} |")
        lines.append("")
    return "\n".join(lines).rstrip()


def _list_promises() -> str:
    rows = ["| promise | invariant | | mutants that it notices |", "| --- | --- | --- | --- |"]
    for promise, names in PROMISES.items():
        for name in names:
            noticed = [mutant.name for mutant in MUTANTS.values() if name in mutant.noticed_by]
            rows.append(f"| {promise} | {name} | {INVARIANTS[name]} | {', '.join(noticed)} |")
            promise = ""
    return "\n".join(rows)


def _list_mutants() -> str:
    rows = ["| mutant | what is broken | noticed by | within | faults |", "| --- | --- | --- | --- | --- |"]
    for mutant in MUTANTS.values():
        noticed = " or ".join(mutant.noticed_by)
        rows.append(f"| {mutant.name} | {mutant.breaks} | {noticed} | {mutant.within} seeds | {mutant.profile} |")
    return "\n".join(rows)


def _list_rules() -> str:
    lines = ["| rule | what it says where it holds | in |", "| --- | --- | --- |"]
    for name, check in RULES.items():
        place = inspect.getmodule(check)
        assert place is not None and place.__file__ is not None
        said = (inspect.getdoc(check) or "").splitlines()[0]
        lines.append(f"| `{name}` | {said} | `{Path(place.__file__).relative_to(ROOT).as_posix()}` |")
    return "\n".join(lines)


def _first_line(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_bytes())) or "").partition("\n")[0]


BLOCKS: dict[str, Callable[[], str]] = {
    "handoff": _draw_handoff,
    "settings": _list_settings,
    "commands": _list_commands,
    "modules": _list_modules,
    "promises": _list_promises,
    "mutants": _list_mutants,
    "rules": _list_rules,
}
"""The generated parts by the name in their marks."""


if __name__ == "__main__":
    for written in write_pages():
        sys.stdout.write(f"{written.relative_to(ROOT)}\n")
