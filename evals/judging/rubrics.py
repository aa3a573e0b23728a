"""Rubrics: one yes-or-no question each, in a versioned file beside this one, with the hash that every verdict records.

They are read as prompts are (`runtime.agent.prompts`), but only from here or from a folder of drafts.
"""

from __future__ import annotations

from pathlib import Path

from runtime.agent.prompts import Prompt, load_prompt
from runtime.domain.errors import Broken

FOLDER = Path(__file__).parent / "rubrics"


def load_rubric(reference: str, drafts: Path | None = None) -> Prompt:
    """Read a rubric.

    Args:
        reference: `name@version`.
        drafts: A folder that is looked into before the one beside this file.

    Raises:
        Broken: There is no rubric of that name and version.
    """
    folders = [each for each in (drafts, FOLDER) if each is not None]
    found = next((each for each in folders if (each / f"{reference}.md").is_file()), None)
    if found is None:
        raise Broken(f"there is no rubric {reference}; there are {', '.join(list_rubrics(drafts))}")
    return load_prompt(reference, str(found))


def list_rubrics(drafts: Path | None = None) -> list[str]:
    """References of all rubrics there are, drafts among them, in order."""
    folders = [each for each in (drafts, FOLDER) if each is not None]
    return sorted({file.stem for folder in folders for file in folder.glob("*@*.md")})


def name_of(reference: str) -> str:
    """A rubric's name without its version: what labels are by, since a person's answer outlives a wording."""
    return reference.partition("@")[0]
