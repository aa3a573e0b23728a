"""Prompts: text files with a name and a version, and the hash that every turn records."""

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


@lru_cache(maxsize=64)
def load_prompt(reference: str, folder: Path = _FOLDER) -> Prompt:
    """Read a prompt file.

    Raises:
        Broken: There is no prompt of that name and version.
    """
    if not _REFERENCE.fullmatch(reference):
        raise Broken(f"not a prompt reference like customer@1: {reference!r}")
    try:
        text = (folder / f"{reference}.md").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Broken(f"there is no prompt {reference}") from None
    return Prompt(reference, text, sha256(text.encode()).hexdigest()[:12])
