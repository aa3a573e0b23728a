"""Evaluates a suite: replays its conversations with chosen prompts, model and locks, and scores them into a run.

`parlo eval` calls it, and notebooks do. A run that was interrupted goes on where it was, but only as the very run it
was: with another suite or other settings it is refused.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from evals.datasets import Suite
from evals.replaying import Replayed, ReplayPlan, replay_suite
from evals.run_directory import RunReader
from runtime.agent.prompts import load_prompt
from runtime.domain.errors import Broken
from runtime.domain.strategies import BookingStrategy, ConversationStrategy
from runtime.settings import Settings
from sim.driver import Mode
from sim.stage import SETTINGS, describe_prompts

_FIELD_OF_PROMPT = {
    "customer": "customer_prompt",
    "owner_intent": "owner_intent_prompt",
    "asks_human": "asks_human_prompt",
}


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What is evaluated: the settings that differ from production's.

    Attributes:
        prompts: References of prompts, each in the place of the one of its name.
        drafts: A folder of prompts in the making.
        locks: `booking=…` or `conversation=…`, a strategy each.
        mode: Free, or forced along the recorded history.
        jobs: Processes; None chooses.
    """

    prompts: tuple[str, ...] = ()
    drafts: str | None = None
    locks: tuple[str, ...] = ()
    mode: Mode = Mode.FREE
    seed: int = 0
    jobs: int | None = None


def evaluate(
    suite: Suite,
    options: Options,
    *,
    server_url: str,
    created: str,
    directory: Path | None = None,
    resume: bool = False,
) -> Replayed:
    """Replay and score a suite's conversations.

    Args:
        suite: Loaded; a slice is a suite too.
        options: What is to be evaluated.
        server_url: A Postgres in which databases may be made and dropped.
        created: ISO 8601 with zone.
        directory: Where the run is written; None makes a new one under the usual place.
        resume: Go on with the run in `directory`.

    Raises:
        Broken: A prompt or strategy does not exist, the suite has no conversation, or the run that is to be resumed is
            another one.
        FileExistsError: The directory holds a run, and it is not to be resumed.
    """
    settings = choose_settings(options)
    if not suite.conversations:
        raise Broken(f"the suite {suite.name} has no conversations left to replay")
    if resume:
        _check_same(suite, options, settings, directory)
    return replay_suite(
        ReplayPlan(
            suite=suite.name,
            suite_hash=suite.content_hash,
            must_pass=suite.must_pass,
            transcripts=[each.transcript for each in suite.conversations],
            server_url=server_url,
            created=created,
            mode=options.mode,
            seed=options.seed,
            settings=settings,
            jobs=options.jobs,
            directory=directory,
            resume=resume,
        )
    )


def choose_settings(options: Options) -> Settings:
    """The simulator's settings with what the options change.

    Raises:
        Broken: A prompt or strategy does not exist.
    """
    changes: dict[str, object] = {"prompt_drafts": options.drafts}
    for reference in options.prompts:
        name = load_prompt(reference, options.drafts).reference.partition("@")[0]
        if name not in _FIELD_OF_PROMPT:
            raise Broken(f"no prompt of the runtime is called {name!r}; there are {', '.join(_FIELD_OF_PROMPT)}")
        changes[_FIELD_OF_PROMPT[name]] = reference
    for lock in options.locks:
        changes |= _read_lock(lock)
    return msgspec.structs.replace(SETTINGS, **changes)


def _read_lock(lock: str) -> dict[str, object]:
    kinds: dict[str, type[BookingStrategy | ConversationStrategy]] = {
        "booking": BookingStrategy,
        "conversation": ConversationStrategy,
    }
    kind, _, strategy = lock.partition("=")
    if kind not in kinds:
        raise Broken(f"{lock!r} is no lock: booking=STRATEGY or conversation=STRATEGY")
    names = [each.value for each in kinds[kind]]
    if strategy not in names:
        raise Broken(f"{strategy!r} is no strategy for {kind}: {', '.join(names)}")
    return {f"{kind}_lock": kinds[kind](strategy)}


def _check_same(suite: Suite, options: Options, settings: Settings, directory: Path | None) -> None:
    if directory is None:
        raise Broken("a run is resumed in its directory, which is not given")
    stored = RunReader(directory).info
    wanted = {
        "suite": (stored.suite_hash, suite.content_hash),
        "prompts": (stored.prompts, describe_prompts(settings)),
        "locks": (stored.locks, {"booking": settings.booking_lock, "conversation": settings.conversation_lock}),
        "mode": (stored.mode, options.mode.value),
        "seed": (stored.seed, options.seed),
    }
    different = [name for name, (before, now) in wanted.items() if before != now]
    if different:
        raise Broken(f"{directory} is a run of something else ({', '.join(different)}): begin a new one")
