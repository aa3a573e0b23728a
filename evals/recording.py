"""Records a suite's cassettes: a model's answers to each conversation, over HTTP, one file each.

`parlo record` calls it, and it alone reaches a live model. The offline model can be recorded too: it is served on a
port of this machine and asked over real HTTP, as a live one would be. What was recorded stays when the rest fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import NamedTemporaryFile

import msgspec

from evals.datasets import Suite
from evals.evaluating import Options, choose_settings
from evals.replaying import ReplayPlan, list_trials, play_here
from runtime.domain.errors import Broken
from runtime.settings import Settings
from sim.cassettes.plan import REFUSED, CassettePlan, LiveModel
from sim.cassettes.shelf import Shelf
from sim.model_transport import OFFLINE_NAMES
from sim.offline_serving import serve_offline
from sim.stage import OFFLINE_MODEL
from sim.transcripts import Transcript

OPENAI_URL = "https://api.openai.com/v1"
CASSETTES_DIRECTORY = Path(".parlo") / "cassettes"


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be recorded, of whom and where.

    Attributes:
        transcripts: What has no cassette of just this yet, or everything.
        settings: With the names of the models that are asked.
        live: The live model; None is the offline one, which is served here.
    """

    suite: Suite
    transcripts: tuple[Transcript, ...]
    options: Options
    settings: Settings
    directory: Path
    created: str
    live: LiveModel | None

    def plan(self, server_url: str, settings: Settings, cassettes: CassettePlan | None = None) -> ReplayPlan:
        """A plan to replay the conversations."""
        return ReplayPlan(
            suite=self.suite.name,
            transcripts=self.transcripts,
            server_url=server_url,
            created=self.created,
            mode=self.options.mode,
            seed=self.options.seed,
            settings=settings,
            jobs=self.options.jobs,
            cassettes=cassettes,
        )


def prepare_recording(
    suite: Suite, options: Options, *, models: tuple[str, str], given: Settings, created: str, again: bool = False
) -> Recording:
    """See what is to be recorded, and that it can be, before anything is spent.

    Args:
        suite: Loaded; a slice is a suite too.
        options: Prompts, mode and seed, and where the cassettes go; by default under `.parlo/cassettes`.
        models: Who answers customers, and who tells messages apart.
        given: As the environment says, with a key and perhaps another address.
        created: ISO 8601 with zone.
        again: Also what is recorded already.

    Raises:
        Broken: A prompt does not exist, a live model is named without a key, or the folder cannot be written.
    """
    settings = _name_models(choose_settings(options), models)
    live = None
    if settings.customer_model != OFFLINE_MODEL:
        if not given.openai_api_key:
            raise Broken(f"the model {settings.customer_model!r} needs OPENAI_API_KEY; --model offline needs none")
        live = LiveModel(given.openai_base_url or OPENAI_URL, given.openai_api_key)
    directory = options.cassettes or CASSETTES_DIRECTORY / suite.name
    check_writable(directory)
    shelf, mode, seed = Shelf(directory), options.mode.value, options.seed
    return Recording(
        suite=suite,
        transcripts=tuple(
            each.transcript
            for each in suite.conversations
            if again or not shelf.is_current(each.id, each.digest, settings, mode, seed)
        ),
        options=options,
        settings=settings,
        directory=directory,
        created=created,
        live=live,
    )


def record_cassettes(recording: Recording, server_url: str) -> Iterator[tuple[str, str | None]]:
    """Record every conversation; gives each id as it is done, with what failed if it has no cassette.

    It ends early where a model refuses for good, since all others would be refused alike.
    """
    with ExitStack() as exits:
        live = recording.live or LiveModel(exits.enter_context(serve_offline()), "offline")
        digests = {each.id: each.digest for each in recording.suite.conversations}
        cassettes = CassettePlan(recording.directory, digests, live=live, recorded=recording.created)
        plan = recording.plan(server_url, recording.settings, cassettes)
        records = exits.enter_context(play_here(plan, list_trials(plan)))
        for record in records:
            failure = record.failure
            yield record.id, failure.removeprefix(REFUSED) if failure else None
            if failure is not None and failure.startswith(REFUSED):
                return


def _name_models(settings: Settings, models: tuple[str, str]) -> Settings:
    names = [OFFLINE_MODEL if each in OFFLINE_NAMES else each for each in models]
    if (names[0] == OFFLINE_MODEL) is not (names[1] == OFFLINE_MODEL):
        raise Broken("the offline model is recorded alone: leave --classifier out")
    return msgspec.structs.replace(settings, customer_model=names[0], classifier_model=names[1])


def check_writable(directory: Path) -> None:
    """See that cassettes can be written, before anything is spent.

    Raises:
        Broken: They cannot.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=directory, prefix=".parlo-"):
            pass
    except OSError as error:
        raise Broken(f"cassettes cannot be written to {directory}: {error}") from error
