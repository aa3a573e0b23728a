"""A directory of cassettes: one file per conversation, and what each says of itself.

`parlo record` fills one, `parlo eval --cassettes` checks it before anything runs: cassettes are only replayed for what
they were recorded from. vcrpy is not needed for that and not imported here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from runtime.domain.errors import Broken
from runtime.settings import Settings
from sim.cassettes import layout
from sim.stage import OFFLINE_MODEL, describe_prompts

FORMAT = 1
"""Of the files. A newer one is refused."""
_MOST_NAMED = 5
OFFLINE_NOTE = "The offline model, asked over real HTTP. It is no language model: these answers show what Parlo does."
LIVE_NOTE = "A live model, asked over HTTP."


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a cassette says of itself, under `metadata` in its file.

    Attributes:
        format: Of the file.
        note: In words, what was recorded.
        recorded: The day, ISO 8601.
        models: The names asked for, by purpose: `customer` and `classifier`.
        prompts: Each prompt file's hash.
        transcript: The hash of the conversation and its world.
        calls: How many requests it holds.
        written_by: The recorder and its version.
    """

    format: int
    conversation: str
    note: str
    recorded: str
    models: dict[str, str]
    prompts: dict[str, str]
    transcript: str
    mode: str
    seed: int
    calls: int
    written_by: str


def describe_recording(conversation: str, digest: str, settings: Settings, mode: str, seed: int) -> dict[str, Any]:
    """What a cassette is recorded from, as its header has it; `digest` is of the conversation and its world."""
    return {
        "conversation": conversation,
        "models": {"customer": settings.customer_model, "classifier": settings.classifier_model},
        "prompts": describe_prompts(settings),
        "transcript": digest,
        "mode": mode,
        "seed": seed,
    }


def describe_model(settings: Settings) -> str:
    """The note of a cassette that is recorded with these settings."""
    return OFFLINE_NOTE if settings.customer_model == OFFLINE_MODEL else LIVE_NOTE


class Shelf:
    """The cassettes of one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path_of(self, conversation: str) -> Path:
        """Where a conversation's cassette is or would be."""
        return self.directory / f"{conversation}.json"

    def read_header(self, conversation: str) -> Header:
        """What a cassette says of itself; all of it is read, so that half a file is found.

        Raises:
            FileNotFoundError: There is none.
            Broken: It is not whole, or newer than this program.
        """
        path = self.path_of(conversation)
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise Broken(f"{path} is no cassette: not UTF-8; record it again") from error
        _check_format(path, text)
        try:
            written = layout.deserialize(text)
            header = msgspec.convert(written["metadata"], Header)
        except (ValueError, msgspec.ValidationError) as error:
            raise Broken(f"{path} is no whole cassette ({error}); record it again with `parlo record`") from error
        if header.calls != len(written["interactions"]):
            raise Broken(f"{path} says {header.calls} calls and holds {len(written['interactions'])}; record it again")
        return header

    def check(self, digests: Mapping[str, str], settings: Settings, mode: str, seed: int) -> str:
        """See that every conversation has a cassette that was recorded from just this, and give their hash.

        Raises:
            Broken: One is missing, damaged, newer, or of another prompt, model, transcript, mode or seed.
        """
        missing = [each for each in digests if not self.path_of(each).is_file()]
        if len(missing) == len(digests):
            raise Broken(f"{self.directory} holds no cassette of this suite; record them with `parlo record`")
        if missing:
            named = _name(missing)
            raise Broken(
                f"{self.directory} lacks {len(missing)} of {len(digests)} conversations ({named}): "
                "record them with `parlo record`, or choose fewer with --tag or --split"
            )
        for conversation, digest in digests.items():
            self._check_one(conversation, digest, settings, mode, seed)
        return self.hash([*digests])

    def is_current(self, conversation: str, digest: str, settings: Settings, mode: str, seed: int) -> bool:
        """Whether a conversation need not be recorded again."""
        try:
            self._check_one(conversation, digest, settings, mode, seed)
        except (Broken, OSError):
            return False
        return True

    def adopt_models(self, conversations: Iterable[str], settings: Settings) -> Settings:
        """The settings with the models by whose names the first cassette there is was recorded."""
        for each in conversations:
            if self.path_of(each).is_file():
                models = self.read_header(each).models
                return msgspec.structs.replace(
                    settings,
                    customer_model=models.get("customer", settings.customer_model),
                    classifier_model=models.get("classifier", settings.classifier_model),
                )
        return settings

    def hash(self, conversations: Sequence[str]) -> str:
        """SHA-256 over the cassettes of these conversations, whatever their order."""
        lines = (
            f"{each} {hashlib.sha256(self.path_of(each).read_bytes()).hexdigest()}" for each in sorted(conversations)
        )
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def _check_one(self, conversation: str, digest: str, settings: Settings, mode: str, seed: int) -> None:
        header = self.read_header(conversation)
        wanted = describe_recording(conversation, digest, settings, mode, seed)
        wanted["prompts"] = _leave_out_new(wanted["prompts"], header.prompts)
        path = self.path_of(conversation)
        for name, asked in wanted.items():
            recorded = getattr(header, name)
            if recorded != asked:
                raise Broken(f"{path} is {_explain(name, recorded, asked)}; record it again with `parlo record`")


def _leave_out_new(asked: Mapping[str, str], recorded: Mapping[str, str]) -> dict[str, str]:
    """The prompts in use without those of a name that there was none of at the time: it asked none of their questions.

    Should the conversation ask one today, strict replay says so.
    """
    names = {reference.partition("@")[0] for reference in recorded}
    return {reference: digest for reference, digest in asked.items() if reference.partition("@")[0] in names}


def _check_format(path: Path, text: str) -> None:
    """Before anything else, since a newer file may look otherwise altogether."""
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise Broken(
            f"{path} is no whole cassette ({error}): it was cut or edited; record it again with `parlo record`"
        ) from error
    metadata = value.get("metadata") if isinstance(value, dict) else None
    written = metadata.get("format") if isinstance(metadata, dict) else None
    if isinstance(written, int) and written > FORMAT:
        raise Broken(f"{path} is of format {written}, and this program reads up to {FORMAT}: use a newer Parlo")


def _explain(name: str, recorded: Any, asked: Any) -> str:
    if isinstance(recorded, Mapping) and isinstance(asked, Mapping):
        what = "another prompt" if name == "prompts" else "another model"
        return f"a cassette of {what}: recorded with {_show(recorded, asked)}, asked with {_show(asked, recorded)}"
    if name == "transcript":
        return "of the conversation or its world as it was before it was changed"
    return f"a cassette of another {name}: recorded {recorded}, asked {asked}"


def _show(one: Mapping[str, str], other: Mapping[str, str]) -> str:
    unlike = {name: value for name, value in one.items() if other.get(name) != value}
    return ", ".join(f"{name} {value[:12]}" for name, value in unlike.items()) or "none"


def _name(ids: Sequence[str]) -> str:
    return ", ".join(ids[:_MOST_NAMED]) + (f" and {len(ids) - _MOST_NAMED} more" if len(ids) > _MOST_NAMED else "")
