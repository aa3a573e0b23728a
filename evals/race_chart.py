"""A race of locking strategies as one picture: an SVG that needs nothing else, or a page around it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from evals.racing import RaceReport, Score

_ROW = 34
_TOP = 64
_NAME = 130
_BAR = 230
_GAP = 90
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#222}.h{font-weight:600}.s{fill:#666;font-size:11px}"
    ".t{fill:#b3541e}.p{fill:#2f6f8f}.bad{fill:#b00020;font-weight:600}"
    "@media(prefers-color-scheme:dark){text{fill:#eee}.s{fill:#aaa}.bad{fill:#ff8a80}.b{fill:#1c1c1c}}"
)


def write_chart(report: RaceReport, file: Path) -> None:
    """Write the picture; a name that ends in .html gets a page around it."""
    svg = draw_chart(report)
    if file.suffix == ".html":
        title = escape(f"Locking strategies: {report.race}")
        svg = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>{svg}</html>\n'
    file.write_text(svg, encoding="utf-8")


def draw_chart(report: RaceReport) -> str:
    """A row for each strategy: anomalies and deadlocks as numbers, p95 and throughput as bars."""
    width = _NAME + 2 * _GAP + 2 * (_BAR + _GAP)
    height = _TOP + _ROW * len(report.strategies) + 16
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img"'
        f' aria-label="{escape(_describe(report))}"><style>{_STYLE}</style>'
        f'<rect class="b" width="{width}" height="{height}" fill="#fff"/>'
    )
    return "".join([head, *_draw_heads(report), *_draw_rows(report), "</svg>\n"])


def _describe(report: RaceReport) -> str:
    rows = (f"{each.name}: {each.anomalies} anomalies, p95 {each.p95_ms} ms" for each in report.strategies)
    return f"Locking strategies for a {report.race}. {'; '.join(rows)}"


def _draw_heads(report: RaceReport) -> Iterator[str]:
    crowd = max((each.actors for score in report.strategies for each in score.crowds), default=0)
    heads = [
        (0, report.race, "strategy"),
        (_NAME, "anomalies", "orders, load, path"),
        (_NAME + _GAP + 20, "deadlocks", ""),
        (_NAME + 2 * _GAP + 20, "p95, ms", f"{crowd} at one thing"),
        (_NAME + 2 * _GAP + _BAR + 70, "attempts a second", f"{crowd} at things of their own"),
    ]
    for x, words, below in heads:
        yield f'<text class="h" x="{x + 10}" y="24">{escape(words)}</text>'
        yield f'<text class="s" x="{x + 10}" y="42">{escape(below)}</text>'


def _draw_rows(report: RaceReport) -> Iterator[str]:
    slowest = max((each.p95_ms for each in report.strategies), default=0.0) or 1.0
    fastest = max((each.throughput for each in report.strategies), default=0.0) or 1.0
    for position, score in enumerate(report.strategies):
        yield from _draw_row(score, _TOP + position * _ROW, score.p95_ms / slowest, score.throughput / fastest)


def _draw_row(score: Score, y: int, late: float, fast: float) -> Iterator[str]:
    first, second = _NAME + 2 * _GAP + 30, _NAME + 2 * _GAP + _BAR + 80
    name = f"{score.name} (default)" if score.default else score.name
    yield f'<text class="{"h" if score.default else ""}" x="10" y="{y + 16}">{escape(name)}</text>'
    yield f'<text class="{"bad" if score.anomalies else ""}" x="{_NAME + 10}" y="{y + 16}">{score.anomalies}</text>'
    yield f'<text x="{_NAME + _GAP + 30}" y="{y + 16}">{score.deadlocks}</text>'
    for x, part, value, kind in ((first, late, score.p95_ms, "t"), (second, fast, score.throughput, "p")):
        yield f'<rect class="{kind}" x="{x}" y="{y + 2}" width="{part * (_BAR - 40):.1f}" height="18" rx="2"/>'
        yield f'<text x="{x + part * (_BAR - 40) + 6:.1f}" y="{y + 16}">{value:.0f}</text>'
