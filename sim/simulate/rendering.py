"""Turns what the page knows into HTML: templates that escape everything, and the words for times.

What people write is text and stays text. Only WhatsApp's own marks (*bold*, _italic_, ~struck~, ```mono```) become
elements, after everything was escaped.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import jinja2
from markupsafe import Markup, escape

from sim.simulate import labels

_HERE = Path(__file__).parent
_DAYS = ("lun", "mar", "mié", "jue", "vie", "sáb", "dom")
_MONTHS = ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic")
_MARKS = (
    (re.compile(r"```(.+?)```", re.DOTALL), r"<code>\1</code>"),
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])"), r"<strong>\1</strong>"),
    (re.compile(r"(?<![\w_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])"), r"<em>\1</em>"),
    (re.compile(r"(?<![\w~])~(?=\S)([^~\n]+?)(?<=\S)~(?![\w~])"), r"<s>\1</s>"),
)


class Templates:
    """The page's templates.

    Args:
        zone: The business's, in which every time is shown.
    """

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "hour": self.show_hour,
            "moment": self.show_moment,
            "seconds": show_seconds,
            "wa": mark_up,
        }
        self._environment.globals |= {"labels": labels}

    def render(self, name: str, **values: object) -> str:
        """One template."""
        return self._environment.get_template(name).render(values)

    def show_hour(self, at: datetime) -> str:
        """Such as 4:05 PM, as Mexicans read it and Parlo writes it."""
        local = at.astimezone(self._zone)
        return f"{local.hour % 12 or 12}:{local:%M} {'AM' if local.hour < 12 else 'PM'}"

    def show_moment(self, at: datetime) -> str:
        """With its day: mié 11 mar, 4:05 PM."""
        local = at.astimezone(self._zone)
        return f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]}, {self.show_hour(at)}"


def show_seconds(seconds: float | None) -> str:
    """A length of time in its largest useful unit; a dash where nothing was measured."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min"
    if seconds < 86_400:
        return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"
    return f"{seconds // 86_400:.0f} d {seconds % 86_400 // 3600:.0f} h"


def mark_up(text: str) -> Markup:
    """A message's text as WhatsApp shows it: its marks as elements, everything else as it is."""
    marked = str(escape(text))
    for pattern, element in _MARKS:
        marked = pattern.sub(element, marked)
    return Markup(marked)
