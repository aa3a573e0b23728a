"""Tool: a stretch of time in numbers."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import msgspec

from runtime.domain import words_staff
from runtime.domain.permissions import Action
from runtime.domain.spanish.folding import fold_words
from runtime.domain.spanish.formats import format_date
from runtime.store import workplace
from runtime.tools.base import Told, Tool, ToolContext
from runtime.tools.finding import read_words


class GetStats(msgspec.Struct, frozen=True):
    """Of when: "hoy", "esta semana", "este mes" or a day, in the words that were said."""

    period: str | None = None


async def run(context: ToolContext, given: GetStats) -> Told:
    """Appointments held, missed, cancelled and to come, what they brought in, and who is new."""
    since, until, label = _choose(context, given.period or "")
    figures = await workplace.count_figures(context.uow, context.organization_id, since=since, until=until)
    return Told("told", words_staff.stats(label, figures))


def _choose(context: ToolContext, words: str) -> tuple[datetime, datetime, str]:
    today = datetime.combine(context.now_local.date(), time(), tzinfo=context.zone)
    said = set(fold_words(words).split())
    if "mes" in said:
        first = today.replace(day=1)
        following = (first + timedelta(days=32)).replace(day=1)
        return first, following, "este mes"
    if "semana" in said:
        monday = today - timedelta(days=today.weekday())
        return monday, monday + timedelta(days=7), "esta semana"
    if not said or "hoy" in said:
        return today, today + timedelta(days=1), "hoy"
    starts_at = read_words(context, words).starts_at
    assert starts_at is not None
    day = datetime.combine(starts_at.date(), time(), tzinfo=context.zone)
    return day, day + timedelta(days=1), f"el {format_date(day.date(), today.date())}"


TOOL = Tool(
    name="get_stats",
    description=(
        "Dice los números del negocio: citas atendidas, faltas, canceladas, por venir, ingresos y clientes nuevos. En "
        "`period` pasa las palabras de la persona."
    ),
    input=GetStats,
    action=Action.SEE_STATS,
    run=run,
    changes=False,
)
