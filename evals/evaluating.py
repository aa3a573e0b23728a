"""Evaluates a suite: replays its conversations with chosen prompts, model and locks, and scores them into a run.

`parlo eval` calls it, and notebooks do. A run that was interrupted goes on where it was, but only as the very run it
was: with another suite or other settings it is refused.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from evals.datasets import Suite
from evals.labelled import classify_suite
from evals.replaying import Playing, Replayed, ReplayPlan, replay_suite
from evals.run_directory import RunReader
from evals.scoreboard import ProgressView
from runtime.agent.prompts import load_prompt
from runtime.domain.errors import Broken
from runtime.domain.strategies import BookingStrategy, ConversationStrategy
from runtime.settings import Settings
from sim.cassettes.plan import CassettePlan
from sim.cassettes.shelf import Shelf
from sim.divergence import AfterDivergence
from sim.driver import Mode
from sim.model_transport import OFFLINE_NAMES, choose_transport
from sim.stage import SETTINGS, describe_prompts

_FIELD_OF_PROMPT = {
    "customer": "customer_prompt",
    "staff": "staff_prompt",
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
        playing: Who replays; by default processes of this machine.
        after: How a free replay goes on once a recorded line no longer fits.
        cassettes: A directory of recorded answers, which are replayed strictly in the model's place.
        trials: How often each conversation is replayed, at least once.
        messages: Classify the suite's labelled messages too.
        model: Which model talks to customers; None for the offline one.
        openai_api_key: For a model that needs one.
    """

    prompts: tuple[str, ...] = ()
    drafts: str | None = None
    locks: tuple[str, ...] = ()
    mode: Mode = Mode.FREE
    seed: int = 0
    jobs: int | None = None
    playing: Playing | None = None
    after: AfterDivergence = AfterDivergence.RECORDED
    cassettes: Path | None = None
    trials: int = 1
    messages: bool = False
    model: str | None = None
    openai_api_key: str | None = None


def evaluate(  # noqa: PLR0913 - each has a name where it is called
    suite: Suite,
    options: Options,
    *,
    server_url: str,
    created: str,
    directory: Path | None = None,
    resume: bool = False,
    progress: ProgressView | None = None,
) -> Replayed:
    """Replay and score a suite's conversations, and classify its labelled messages where that is asked for.

    Args:
        suite: Loaded; a slice is a suite too.
        options: What is to be evaluated.
        server_url: A Postgres in which databases may be made and dropped.
        created: ISO 8601 with zone.
        directory: Where the run is written; None makes a new one under the usual place.
        resume: Go on with the run in `directory`.
        progress: Shows how far it is; by default on standard error.

    Raises:
        Broken: A prompt or strategy does not exist, the suite has no conversation, the run that is to be resumed is
            another one, or a cassette is missing, damaged or of something else.
        FileExistsError: The directory holds a run, and it is not to be resumed.
    """
    settings = choose_settings(options)
    if not suite.conversations:
        raise Broken(f"the suite {suite.name} has no conversations left to replay")
    settings, cassettes = _take_cassettes(suite, options, settings)
    if resume:
        _check_same(suite, options, settings, directory, cassettes)
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
            splits={each.id: str(each.split) for each in suite.conversations},
            after=options.after,
            cassettes=cassettes,
            trials=options.trials,
            labelled=classify_suite(suite, settings) if options.messages else (),
        ),
        options.playing,
        progress,
    )


def _take_cassettes(suite: Suite, options: Options, settings: Settings) -> tuple[Settings, CassettePlan | None]:
    """The settings with the models of the cassettes, which are whole and were recorded from just this."""
    if options.cassettes is None:
        return settings, None
    if options.trials > 1 or options.playing is not None or options.after is not AfterDivergence.RECORDED:
        raise Broken("cassettes hold one trial of what people once wrote, and are read on this machine only")
    shelf, digests = Shelf(options.cassettes), {each.id: each.digest for each in suite.conversations}
    settings = shelf.adopt_models(digests, settings)
    found = shelf.check(digests, settings, options.mode.value, options.seed)
    return settings, CassettePlan(options.cassettes, digests, policy=f"strict {found}")


def choose_settings(options: Options) -> Settings:
    """The simulator's settings with what the options change.

    Raises:
        Broken: A prompt or strategy does not exist, or the model cannot be asked.
    """
    changes: dict[str, object] = {"prompt_drafts": options.drafts, "openai_api_key": options.openai_api_key}
    if options.model is not None and options.model not in OFFLINE_NAMES:
        changes["customer_model"] = options.model
    for reference in options.prompts:
        name = load_prompt(reference, options.drafts).reference.partition("@")[0]
        if name not in _FIELD_OF_PROMPT:
            raise Broken(f"no prompt of the runtime is called {name!r}; there are {', '.join(_FIELD_OF_PROMPT)}")
        changes[_FIELD_OF_PROMPT[name]] = reference
    for lock in options.locks:
        changes |= _read_lock(lock)
    chosen = msgspec.structs.replace(SETTINGS, **changes)
    choose_transport(chosen)
    return chosen


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


def _check_same(
    suite: Suite, options: Options, settings: Settings, directory: Path | None, cassettes: CassettePlan | None
) -> None:
    if directory is None:
        raise Broken("a run is resumed in its directory, which is not given")
    stored = RunReader(directory).info
    wanted = {
        "suite": (stored.suite_hash, suite.content_hash),
        "prompts": (stored.prompts, describe_prompts(settings)),
        "locks": (stored.locks, {"booking": settings.booking_lock, "conversation": settings.conversation_lock}),
        "model": (stored.model, settings.customer_model),
        "mode": (stored.mode, options.mode.value),
        "seed": (stored.seed, options.seed),
        "after-divergence": (stored.after_divergence, options.after.value),
        "cassettes": (stored.cassettes, cassettes.policy if cassettes else None),
        "trials": (stored.trials, options.trials),
    }
    different = [name for name, (before, now) in wanted.items() if before != now]
    if different:
        raise Broken(f"{directory} is a run of something else ({', '.join(different)}): begin a new one")
