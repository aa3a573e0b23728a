"""How a breakage is switched on from the outside, and off again: the runtime knows of none.

Each switch is a context: inside it something is broken, after it nothing is. One that finds nothing to break raises,
and each tells afterwards whether what it broke was ever come to: a mutant must not seem to survive because the code
that it broke has moved.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from typing import Any, LiteralString, Protocol

import msgspec
import psycopg
from sqlalchemy import TextClause, bindparam
from sqlalchemy.types import NullType

from runtime.domain.errors import Broken
from runtime.settings import Settings

_SEARCHED = ("runtime.", "sim.simulation.")

Reached = Callable[[], bool]
"""Whether what was broken has been come to since."""


class NothingToBreak(Broken):
    """What a switch is to break is not there, or not as it was when the mutant was written."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the breakage found nothing to break: {what}")


class Switch(Protocol):
    """A way to break something."""

    def turn_on(self, owner: psycopg.Connection[Any]) -> AbstractContextManager[Reached]:
        """Break it for as long as the context lasts.

        Args:
            owner: Of the simulation's own database, in autocommit.

        Raises:
            NothingToBreak: What it is to break is not there.
        """
        ...


class Schema(msgspec.Struct, frozen=True):
    """Takes something away from the database, which is thrown away afterwards.

    Attributes:
        change: The statements that do it.
        count: How many there are of what is taken away: some before, none after.
    """

    change: LiteralString
    count: LiteralString

    @contextmanager
    def turn_on(self, owner: psycopg.Connection[Any]) -> Iterator[Reached]:
        """See `Switch`. The database stays as it is then."""
        if not self._count(owner):
            raise NothingToBreak(f"none before ({_flatten(self.count)})")
        owner.execute(self.change)
        if left := self._count(owner):
            raise NothingToBreak(f"{left} left ({_flatten(self.count)})")
        yield _always

    def _count(self, owner: psycopg.Connection[Any]) -> int:
        row = owner.execute(self.count).fetchone()
        return 0 if row is None else int(row[0])


class Swap(msgspec.Struct, frozen=True):
    """Puts another thing in a name's place, wherever the name was imported to.

    Attributes:
        name: `package.module:name`, or `package.module:Class.name`.
        make: The other thing, given the sound one.
    """

    name: str
    make: Callable[[Any], Any]

    @contextmanager
    def turn_on(self, owner: psycopg.Connection[Any]) -> Iterator[Reached]:
        """See `Switch`."""
        sound, places = find_places(self.name)
        broken = self.make(sound)
        if broken is sound or (not callable(sound) and broken == sound):
            raise NothingToBreak(f"{self.name} stays what it is")
        calls: list[None] = []
        put = _count_calls(broken, calls) if callable(broken) else broken
        for place, attribute in places:
            setattr(place, attribute, put)
        try:
            yield (lambda: bool(calls)) if callable(broken) else _always
        finally:
            for place, attribute in places:
                setattr(place, attribute, sound)


class Rewrite(msgspec.Struct, frozen=True):
    """Changes the words of a statement of the store's.

    Attributes:
        name: Of the statement, as in `Swap`.
        changes: What stands there, and what is put in its place; each must be found.
    """

    name: str
    changes: tuple[tuple[str, str], ...]

    @contextmanager
    def turn_on(self, owner: psycopg.Connection[Any]) -> Iterator[Reached]:
        """See `Switch`."""
        uses: list[None] = []
        with Swap(self.name, lambda sound: self._rewrite(sound, uses)).turn_on(owner):
            yield lambda: bool(uses)

    def _rewrite(self, sound: object, uses: list[None]) -> TextClause:
        if not isinstance(sound, TextClause):
            raise NothingToBreak(f"{self.name} is no statement")
        words = sound.text
        # SQLAlchemy keeps the words with the names of values as `:name`
        for old, new in self.changes:
            if old not in words:
                raise NothingToBreak(f"{self.name} does not say {_flatten(old)!r}")
            words = words.replace(old, new)
        typed = [each for each in sound._bindparams.values() if not isinstance(each.type, NullType)]
        broken = _Watched(words)
        broken.uses = uses
        return broken.bindparams(*(bindparam(each.key, type_=each.type) for each in typed if each.key in words))


class _Watched(TextClause):
    """A statement that notes when it is made ready to be run."""

    inherit_cache = False
    uses: list[None]

    def compile(self, *arguments: Any, **options: Any) -> Any:
        """As any statement; the store compiles each once before it first runs it."""
        self.uses.append(None)
        return super().compile(*arguments, **options)


class Setting(msgspec.Struct, frozen=True):
    """Has every process start with other settings."""

    changes: Mapping[str, object]

    @contextmanager
    def turn_on(self, owner: psycopg.Connection[Any]) -> Iterator[Reached]:
        """See `Switch`."""
        with Swap("runtime.bootstrap:open_parts", self._open_otherwise).turn_on(owner) as reached:
            yield reached

    def _open_otherwise(self, sound: Callable[..., Any]) -> Callable[..., Any]:
        def open_parts(settings: Settings, **parts: object) -> Any:
            changed = msgspec.structs.replace(settings, **self.changes)
            if changed == settings:
                raise NothingToBreak(f"the settings are so already: {dict(self.changes)}")
            return sound(changed, **parts)

        return open_parts


def find_places(name: str) -> tuple[Any, list[tuple[Any, str]]]:
    """What a name stands for, and everywhere it has to be replaced.

    Raises:
        NothingToBreak: There is nothing of this name.
    """
    module_name, _, path = name.partition(":")
    *owners, attribute = path.split(".")
    holder: Any = sys.modules.get(module_name)
    for owner in owners:
        holder = getattr(holder, owner, None)
    if holder is None or attribute not in vars(holder):
        raise NothingToBreak(f"there is no {name}")
    sound = vars(holder)[attribute]
    if owners:
        return sound, [(holder, attribute)]
    modules = [module for key, module in sorted(sys.modules.items()) if key.startswith(_SEARCHED)]
    return sound, [
        (module, key)
        for module in modules
        for key, value in vars(module).items()
        # two names may share a number or a word by chance; then only the same name means the same
        if value is sound and (key == attribute or not isinstance(sound, int | str))
    ]


def _count_calls(broken: Callable[..., Any], calls: list[None]) -> Callable[..., Any]:
    @wraps(broken)
    def counted(*arguments: Any, **options: Any) -> Any:
        calls.append(None)
        return broken(*arguments, **options)

    return counted


def _always() -> bool:
    return True


def _flatten(text: str) -> str:
    return " ".join(text.split())[:120]
