"""Rules for every replay: each answer to a customer is in Spanish and in the product's format."""

from __future__ import annotations

from collections.abc import Iterator

from evals.matching import quote
from evals.reading import Reading
from evals.verdicts import Verdict, VerdictKind
from sim.spanish_checks import find_format_problems, looks_spanish


def check_spanish(reading: Reading) -> Iterator[Verdict]:
    """Every message in Parlo's own words to a customer reads as Spanish."""
    for send in reading.sends:
        if reading.is_customer(send.data.to) and not reading.is_relay(send) and not looks_spanish(send.text):
            reason = f"{quote(send.text)} does not read as Spanish"
            yield Verdict("rule/spanish", False, reason, send.index, VerdictKind.RULE)


def check_format(reading: Reading) -> Iterator[Verdict]:
    """Prices as $150, dates as "viernes 15 de enero", times as "3:00 PM"."""
    for send in reading.sends:
        if not reading.is_customer(send.data.to) or reading.is_relay(send):
            continue
        for problem in find_format_problems(send.text):
            reason = f"{problem} in {quote(send.text, 60)}"
            yield Verdict("rule/format", False, reason, send.index, VerdictKind.RULE)
