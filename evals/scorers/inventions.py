"""Rules for every replay: one question at a time, and no price that nobody gave."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from evals.matching import quote
from evals.reading import Placed, Reading
from evals.verdicts import Verdict, VerdictKind
from sim.record import SendData, SendOrigin

_QUESTION = re.compile(r"\?+")
_PRICE = re.compile(r"\$ ?(\d[\d,]*)(?:\.\d+)?")
_BARE = re.compile(r"\d[\d,]*")
_OWN = (SendOrigin.REPLY, SendOrigin.UNKNOWN)


def check_one_question(reading: Reading) -> Iterator[Verdict]:
    """An answer to a customer asks one thing at most."""
    for send in list_answers(reading):
        asked = len(_QUESTION.findall(send.text))
        if asked > 1:
            reason = f"{asked} questions in {quote(send.text, 80)}"
            yield Verdict("rule/one-question", False, reason, send.index, VerdictKind.RULE)


def check_prices(reading: Reading) -> Iterator[Verdict]:
    """A price in an answer is the business's, or was named before by a person or a tool."""
    if not reading.record.prices:
        # an old record, or a world without prices: nothing to hold the answers against
        return
    for send in list_answers(reading):
        known = _list_known(reading, send.index)
        for found in _PRICE.finditer(send.text):
            if _read(found.group(1)) not in known:
                reason = f"{found.group().strip()} is nobody's price, in {quote(send.text, 80)}"
                yield Verdict("rule/no-invented-price", False, reason, send.index, VerdictKind.RULE)


def list_answers(reading: Reading) -> list[Placed[SendData]]:
    """What Parlo itself told customers: no notices, no words that it passed on."""
    return [
        send
        for send in reading.sends
        if send.data.origin in _OWN and reading.is_customer(send.data.to) and not reading.is_relay(send)
    ]


def _list_known(reading: Reading, before: int) -> set[int]:
    """Whole pesos: of the services, in what people wrote so far, and in what tools gave."""
    written = [say.text for say in reading.says if say.index < before]
    given = [msgspec.json.encode(tool.data.result).decode() for tool in reading.tools if tool.index < before]
    told = {_read(found.group(1)) for text in given for found in _PRICE.finditer(text)}
    # people leave the sign out: "te lo dejo en 200"
    said = {_read(found.group()) for text in written for found in _BARE.finditer(text)}
    return {cents // 100 for cents in reading.record.prices} | told | said


def _read(digits: str) -> int:
    return int(digits.replace(",", "") or 0)
