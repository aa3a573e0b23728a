"""The template engine of the reports and how figures look in them. Pages are made by `runs` and `comparisons`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from evals.comparing.showing import show_difference
from evals.measures import show_value
from evals.report.packing import Listing, hash_source
from evals.report.text import mark_up, spell_out
from evals.scoreboard import ROUTE_NAMES
from evals.statistics.distributions import show_p
from evals.statistics.rates import Rate

_HERE = Path(__file__).parent


@cache
def make_environment() -> jinja2.Environment:
    """The template engine: everything is escaped, a missing name is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=spell_out,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = mark_up
    environment.filters["percent"] = show_percent
    environment.filters["interval"] = show_bounds
    environment.filters["points"] = show_points
    environment.filters["chance"] = show_p
    environment.filters["measured"] = show_value
    environment.filters["difference"] = show_difference
    environment.globals["route_names"] = ROUTE_NAMES
    style, script = (_HERE / "report.css").read_text("utf-8"), (_HERE / "report.js").read_text("utf-8")
    environment.globals |= {
        "style": Markup(style),
        "style_hash": hash_source(style),
        "script": Markup(script),
        "script_hash": hash_source(script),
    }
    return environment


def render_page(template: str, listing: Listing, **values: object) -> jinja2.environment.TemplateStream:
    """A whole page, piece by piece."""
    return make_environment().get_template(template).stream(listing=listing, **values)


def render(template: str, **values: object) -> str:
    """A part of a page, as HTML."""
    return make_environment().get_template(template).render(**values)


def show_percent(rate: Rate) -> str:
    """A share as "98.1 %", or a dash where nothing was counted."""
    return "–" if rate.share is None else f"{rate.share * 100:.1f} %".replace("100.0", "100")


def show_bounds(rate: Rate) -> str:
    """An interval as "96.3–99.0"."""
    return f"{rate.low * 100:.1f}–{rate.high * 100:.1f}".replace("100.0", "100")


def show_points(difference: float) -> str:
    """A difference of shares as "+1.2" or "−0.4" points."""
    return f"{difference * 100:+.1f}".replace("-", "−").replace("+0.0", "0.0").replace("−0.0", "0.0")
