"""What is wrong with an input file, said so that a person can go and mend it.

The loaders of transcripts, worlds and imported corpora gather every `Problem` they find and raise
them together as one `MalformedInput`; the command line prints them and leaves with 2. Nothing here
reads a file or decides what is right.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from runtime.domain.errors import ParloError


class Problem(msgspec.Struct, frozen=True, omit_defaults=True, order=True):
    """One fault of a file. `line` counts from 1 and is 0 where the fault is the file's as a whole.

    `field` is the path to the value, for example `event.media[0].content_type`, or empty.
    """

    file: str
    line: int = 0
    field: str = ""
    message: str = ""

    def __str__(self) -> str:
        """`file:line: field: message`, leaving out what is not known."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, self.field, self.message) if part)


class MalformedInput(ParloError):
    """A file cannot be used. It carries everything that is wrong, ordered by file and line.

    Attributes:
        problems: At least one.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))
