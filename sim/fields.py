"""Says everything that is wrong with a JSON value against the struct it should become.

msgspec stops at the first fault it meets; an author who mends a file wants all of them at once.
`decode_value` therefore converts the fast way and only walks the value when that failed. Used by
the loaders of transcripts, worlds and corpora; it knows nothing of what the fields mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, TypeVar

import msgspec
from msgspec import inspect

T = TypeVar("T")

_SHOWN_CHARS = 60
_KIND_WORDS: dict[type, str] = {
    inspect.StrType: "text",
    inspect.BoolType: "true or false",
    inspect.NoneType: "null",
    inspect.DateTimeType: "a date and time such as 2026-01-12T10:00:00-06:00",
    inspect.DictType: "an object",
    inspect.StructType: "an object",
    inspect.VarTupleType: "a list",
    inspect.ListType: "a list",
}


class Fault(NamedTuple):
    """One wrong value: the path to it (for example `media[0].url`, empty for the whole) and why."""

    path: str
    message: str


def decode_value(value: object, kind: type[T]) -> T | list[Fault]:
    """The value as a struct, or every fault that keeps it from being one (never an empty list)."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        faults = list(find_faults(value, inspect.type_info(kind)))
        return faults or [Fault("", str(error))]


def find_faults(value: object, kind: inspect.Type, path: str = "") -> Iterator[Fault]:
    """Walk a decoded JSON value along the type it should have, in the type's order."""
    described = _description(kind)
    kind = _bare(kind)
    match kind:
        case inspect.UnionType():
            yield from _find_in_union(value, kind, path, described)
        case inspect.StructType() if isinstance(value, dict):
            yield from _find_in_struct(value, kind, path)
        case inspect.DictType() if isinstance(value, dict):
            yield from _find_in_dict(value, kind, path)
        case inspect.VarTupleType() | inspect.ListType() if isinstance(value, list):
            yield from _find_size(value, kind, path)
            for index, item in enumerate(value):
                yield from find_faults(item, kind.item_type, f"{path}[{index}]")
        case inspect.TupleType() if isinstance(value, list) and len(value) == len(kind.item_types):
            for index, (item, item_type) in enumerate(zip(value, kind.item_types, strict=True)):
                yield from find_faults(item, item_type, f"{path}[{index}]")
        case _ if not _fits(value, kind):
            yield Fault(path, f"expected {described}, got {show(value)}")


def show(value: object) -> str:
    """A value as JSON, cut where it is long."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 1]}…"


def _find_in_union(value: object, kind: inspect.UnionType, path: str, described: str) -> Iterator[Fault]:
    for member in kind.types:
        bare = _bare(member)
        nests = (isinstance(bare, inspect.StructType | inspect.DictType) and isinstance(value, dict)) or (
            isinstance(bare, inspect.VarTupleType | inspect.ListType) and isinstance(value, list)
        )
        if nests:
            yield from find_faults(value, member, path)
            return
    if not any(_fits(value, _bare(member)) for member in kind.types):
        yield Fault(path, f"expected {described}, got {show(value)}")


def _find_in_struct(value: dict[str, object], kind: inspect.StructType, path: str) -> Iterator[Fault]:
    known = {field.encode_name: field for field in kind.fields}
    for name, field in known.items():
        if name in value:
            yield from find_faults(value[name], field.type, _join(path, name))
        elif field.required:
            yield Fault(_join(path, name), f"missing: {_description(field.type)} is required")
    if kind.forbid_unknown_fields:
        for name in value:
            if name not in known and name != kind.tag_field:
                yield Fault(_join(path, name), f"unknown field (known: {', '.join(known)})")


def _find_in_dict(value: dict[str, object], kind: inspect.DictType, path: str) -> Iterator[Fault]:
    yield from _find_size(value, kind, path)
    for key, item in value.items():
        if not _fits(key, kind.key_type):
            yield Fault(_join(path, key), f"not a key here: expected {_description(kind.key_type)}")
        yield from find_faults(item, kind.value_type, _join(path, key))


def _find_size(
    value: dict[str, object] | list[object],
    kind: inspect.DictType | inspect.VarTupleType | inspect.ListType,
    path: str,
) -> Iterator[Fault]:
    if kind.min_length is not None and len(value) < kind.min_length:
        yield Fault(path, f"expected at least {kind.min_length}, got {len(value)}")


def _fits(value: object, kind: inspect.Type) -> bool:
    kind = _bare(kind)
    match kind:
        case inspect.IntType() | inspect.FloatType():
            wanted = int if isinstance(kind, inspect.IntType) else (int, float)
            return isinstance(value, wanted) and not isinstance(value, bool) and _in_range(value, kind)
        case inspect.StrType():
            return isinstance(value, str) and _is_shaped(value, kind)
        case inspect.DateTimeType():
            return isinstance(value, str) and _is_moment(value, with_zone=kind.tz)
        case inspect.UnionType():
            return any(_fits(value, member) for member in kind.types)
        case _:
            return _fits_plainly(value, kind)


def _fits_plainly(value: object, kind: inspect.Type) -> bool:
    match kind:
        case inspect.NoneType():
            return value is None
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.EnumType():
            return value in [str(member) for member in kind.cls]
        case inspect.LiteralType():
            return value in kind.values
        case _:
            return isinstance(kind, inspect.AnyType | inspect.CustomType | inspect.RawType)


def _in_range(value: float, kind: inspect.IntType | inspect.FloatType) -> bool:
    return (kind.ge is None or value >= kind.ge) and (kind.le is None or value <= kind.le)


def _is_shaped(value: str, kind: inspect.StrType) -> bool:
    if kind.min_length is not None and len(value) < kind.min_length:
        return False
    return kind.pattern is None or re.search(kind.pattern, value) is not None


def _is_moment(value: str, *, with_zone: bool | None) -> bool:
    try:
        moment = msgspec.convert(value, datetime)
    except msgspec.ValidationError:
        return False
    return with_zone is None or (moment.tzinfo is not None) == with_zone


def _bare(kind: inspect.Type) -> inspect.Type:
    return kind.type if isinstance(kind, inspect.Metadata) else kind


def _description(kind: inspect.Type) -> str:
    """What a type wants, in words; a `Meta(description=…)` is the author's own words for it."""
    if isinstance(kind, inspect.Metadata):
        described = (kind.extra_json_schema or {}).get("description")
        return str(described) if described else _description(kind.type)
    match kind:
        case inspect.UnionType():
            return " or ".join(
                _description(member) for member in kind.types if not isinstance(_bare(member), inspect.NoneType)
            )
        case inspect.IntType() | inspect.FloatType():
            word = "whole number" if isinstance(kind, inspect.IntType) else "number"
            limits = [f"{sign} {limit}" for sign, limit in (("≥", kind.ge), ("≤", kind.le)) if limit is not None]
            return " ".join([word, " and ".join(limits)]).rstrip()
        case inspect.EnumType():
            return "one of " + ", ".join(str(member) for member in kind.cls)
        case inspect.LiteralType():
            return "one of " + ", ".join(str(value) for value in kind.values)
        case inspect.TupleType():
            return f"a list of {len(kind.item_types)}"
        case _:
            return _KIND_WORDS.get(type(kind), "a value")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
