"""Prompts: text files with a name and a version, and the hash that every turn records.

Those in production lie beside this file. Whoever works on one keeps drafts in a folder of their own, which is looked
into first; a draft may be edited while the program runs.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import msgspec

from runtime.domain.errors import Broken

_FOLDER = Path(__file__).parent / "prompts"
_REFERENCE = re.compile(r"[a-z_]+@[0-9]+")
_SLOT = re.compile(r"\{\{([a-z_]+)\}\}")


class Prompt(msgspec.Struct, frozen=True):
    """A versioned prompt. `reference` is `name@version`; `digest` the first 12 hex digits of its SHA-256."""

    reference: str
    text: str
    digest: str

    def fill(self, values: dict[str, str]) -> str:
        """The text with every `{{slot}}` replaced in one pass, so that a value is never read as a slot.

        Raises:
            Broken: A slot has no value.
        """

        def replace(found: re.Match[str]) -> str:
            try:
                return values[found.group(1)]
            except KeyError:
                raise Broken(f"prompt {self.reference}: nothing to put into {found.group()}") from None

        return _SLOT.sub(replace, self.text)


def load_prompt(reference: str, drafts: str | None = None) -> Prompt:
    """Read a prompt.

    Args:
        reference: `name@version`.
        drafts: A folder that is looked into before the one of the prompts in production.

    Raises:
        Broken: There is no prompt of that name and version, or it cannot be read.
    """
    if not _REFERENCE.fullmatch(reference):
        raise Broken(f"not a prompt reference like customer@1: {reference!r}")
    draft = Path(drafts) / f"{reference}.md" if drafts else None
    if draft is not None and draft.is_file():
        return _read(draft, reference)
    return _load_shipped(reference, drafts)


def list_prompts(drafts: str | None = None) -> list[str]:
    """References of all prompts there are, drafts among them, in order."""
    folders = [_FOLDER, *([Path(drafts)] if drafts else [])]
    found = {file.stem for folder in folders for file in folder.glob("*.md") if _REFERENCE.fullmatch(file.stem)}
    return sorted(found, key=lambda reference: (reference.partition("@")[0], int(reference.partition("@")[2])))


@lru_cache(maxsize=64)
def _load_shipped(reference: str, drafts: str | None) -> Prompt:
    file = _FOLDER / f"{reference}.md"
    if not file.is_file():
        raise Broken(f"there is no prompt {reference}; there are {', '.join(list_prompts(drafts))}")
    return _read(file, reference)


def _read(file: Path, reference: str) -> Prompt:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Broken(f"prompt {reference} cannot be read: {error}") from error
    return Prompt(reference, text, sha256(text.encode()).hexdigest()[:12])
