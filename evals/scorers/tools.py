"""Scores `expect.tools` and `expect.tools_any_order`: which tools were called, how, and with what result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evals.expected import read_turns
from evals.matching import agrees, list_fields
from evals.reading import Placed, Reading, error_code
from evals.verdicts import Verdict
from sim.record import ToolData
from sim.transcripts.structs import ToolExpectation


def score_tools(reading: Reading) -> Iterator[Verdict]:
    """One verdict for each expectation that names tools; an empty list asks for no call at all."""
    for asked in read_turns(reading.record):
        called = [t for t in reading.tools if asked.first <= t.index < asked.stop]
        at = called[0].index if called else asked.first
        if asked.wanted.tools is not None:
            problem = _compare_in_order(asked.wanted.tools, called)
            yield Verdict("tools", problem is None, problem or _praise(called), at)
        if asked.wanted.tools_any_order is not None:
            problem = _compare_any_order(asked.wanted.tools_any_order, called)
            yield Verdict("tools", problem is None, problem or _praise(called), at)


def _compare_in_order(wanted: Sequence[ToolExpectation], called: list[Placed[ToolData]]) -> str | None:
    if [w.name for w in wanted] != [c.data.name for c in called]:
        return f"called {_names([c.data.name for c in called])}, expected {_names([w.name for w in wanted])}"
    differences = (explain_difference(w, c.data) for w, c in zip(wanted, called, strict=True))
    return next((d for d in differences if d is not None), None)


def _compare_any_order(wanted: Sequence[ToolExpectation], called: list[Placed[ToolData]]) -> str | None:
    left = [c.data for c in called]
    for tool in wanted:
        match = next((c for c in left if explain_difference(tool, c) is None), None)
        if match is None:
            near = next((c for c in left if c.name == tool.name), None)
            return explain_difference(tool, near) if near else f"{tool.name} was not called as expected"
        left.remove(match)
    return f"also called {_names([c.name for c in left])}" if left else None


def explain_difference(wanted: ToolExpectation, called: ToolData) -> str | None:
    """How a call differs from what was asked for, or None."""
    code = error_code(called)
    if wanted.name != called.name:
        return f"called {called.name}, expected {wanted.name}"
    if wanted.ok is not None and wanted.ok is not called.ok:
        return f"{called.name} {'succeeded' if called.ok else f'was refused ({code})'}, expected the opposite"
    if wanted.code is not None and wanted.code != code:
        return f"{called.name} answered {code or 'no code'}, expected {wanted.code}"
    if wanted.arguments and not agrees(wanted.arguments, called.arguments):
        given = list_fields(called.arguments) if isinstance(called.arguments, dict) else repr(called.arguments)
        return f"{called.name} was given {given}, expected {list_fields(wanted.arguments)}"
    return None


def _names(names: list[str]) -> str:
    return ", ".join(names) or "no tool"


def _praise(called: list[Placed[ToolData]]) -> str:
    return f"called {_names([c.data.name for c in called])} as expected"
