"""With which codes each tool may refuse, read from the code of the tools, so that no list of them can go stale.

`evals.coverage` holds a run against it. Followed is every function of `runtime.tools` that a tool's own names, and so
on: a code that only a function never called with such a value could give is in the list too.
"""

from __future__ import annotations

import ast
import importlib.util
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec

from runtime import tools
from runtime.domain.errors import Rejected
from runtime.tools import registry

_REFUSES = Rejected.__name__


class _Function(msgspec.Struct, frozen=True):
    """What a function refuses with, and the functions that it names, each by module and name."""

    codes: frozenset[str]
    names: frozenset[tuple[str, str]]


@cache
def list_refusals() -> dict[str, tuple[str, ...]]:
    """The codes of each tool by its name, in order; those of the registry, such as bad arguments, are each tool's."""
    functions = {key: each for module in _list_modules() for key, each in _read_module(module)}
    shared = _follow((registry.__name__, registry.call.__name__), functions) - {"unknown_tool"}
    return {
        name: tuple(sorted(shared | _follow((tool.run.__module__, tool.run.__name__), functions)))
        for name, tool in registry.TOOLS.items()
    }


def _follow(start: tuple[str, str], functions: dict[tuple[str, str], _Function]) -> set[str]:
    seen: set[tuple[str, str]] = set()
    ahead = [start]
    while ahead:
        key = ahead.pop()
        if key in functions and key not in seen:
            seen.add(key)
            ahead += functions[key].names
    return {code for key in seen for code in functions[key].codes}


def _list_modules() -> list[str]:
    return [f"{tools.__name__}.{module.name}" for module in pkgutil.iter_modules(tools.__path__)]


def _read_module(module: str) -> Iterator[tuple[tuple[str, str], _Function]]:
    found = importlib.util.find_spec(module)
    assert found is not None and found.origin is not None, "it was just listed"
    tree = ast.parse(Path(found.origin).read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name: (node.module or "", alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (
                (module, node.name),
                _Function(frozenset(_find_codes(node)), frozenset(_find_names(node, module, imported))),
            )


def _find_names(node: ast.AST, module: str, imported: dict[str, tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            yield imported.get(each.id, (module, each.id))
        elif isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id in imported:
            yield ".".join(imported[each.value.id]), each.attr


def _find_codes(node: ast.AST) -> Iterator[str]:
    """The codes as they stand in a refusal, or in what a name that stands there was set to."""
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == _REFUSES and each.args:
            code = each.args[0]
            yield from _find_texts(code)
            if isinstance(code, ast.Name):
                yield from (text for value in _find_values(node, code.id) for text in _find_texts(value))


def _find_values(node: ast.AST, name: str) -> Iterator[ast.expr]:
    for each in ast.walk(node):
        if isinstance(each, ast.Assign) and any(isinstance(it, ast.Name) and it.id == name for it in each.targets):
            yield each.value


def _find_texts(value: ast.expr) -> Iterator[str]:
    yield from (
        each.value for each in ast.walk(value) if isinstance(each, ast.Constant) and isinstance(each.value, str)
    )
