"""Scores `expect.reply`, `expect.no_reply` and `expect.http`: what people were, and were not, answered."""

from __future__ import annotations

from collections.abc import Iterator

from evals.expected import Asked, read_turns
from evals.matching import contains_text, quote
from evals.reading import Reading
from evals.verdicts import Verdict
from sim.transcripts.structs import ReplyExpectation


def score_replies(reading: Reading) -> Iterator[Verdict]:
    """One verdict for each reply that was asked for; all messages to one person in the turn count as one text."""
    for asked in read_turns(reading.record):
        for wanted in asked.wanted.replies:
            yield _score_reply(reading, asked, wanted)


def _score_reply(reading: Reading, asked: Asked, wanted: ReplyExpectation) -> Verdict:
    sent = [s for s in reading.sends if asked.first <= s.index < asked.stop and s.data.to == wanted.to]
    name = reading.name_of(wanted.to)
    if not sent:
        return Verdict("reply", False, f"{name} was sent nothing", asked.first)
    at = sent[-1].index
    text = "\n".join(s.text for s in sent)
    missing = [w for w in wanted.contains if not contains_text(text, w)]
    if missing:
        return Verdict("reply", False, f"{quote(missing[0])} is not in {quote(text)}", at)
    if wanted.contains_any and not any(contains_text(text, w) for w in wanted.contains_any):
        return Verdict("reply", False, f"none of {', '.join(map(quote, wanted.contains_any))} is in {quote(text)}", at)
    forbidden = next((w for w in wanted.not_contains if contains_text(text, w)), None)
    if forbidden is not None:
        return Verdict("reply", False, f"{quote(forbidden)} must not be in {quote(text)}", at)
    received = [content_type for s in sent for content_type in s.data.media]
    if wanted.media is not None and not any(_is_of_type(each, wanted.media) for each in received):
        return Verdict("reply", False, f"no {wanted.media} among the files: {', '.join(received) or 'none'}", at)
    checked = len(wanted.contains) + len(wanted.not_contains) + bool(wanted.contains_any)
    files = f" with {wanted.media}" if wanted.media is not None else ""
    return Verdict("reply", True, f"{name} was answered{files}; {checked} demands on the words hold", at)


def _is_of_type(content_type: str, wanted: str) -> bool:
    name = content_type.partition(";")[0].strip().lower()
    return wanted.lower() in (name, name.partition("/")[0])


def score_silence(reading: Reading) -> Iterator[Verdict]:
    """One verdict for each person who must not be written to."""
    for asked in read_turns(reading.record):
        for key in asked.wanted.no_reply:
            sent = next((s for s in reading.sends if asked.first <= s.index < asked.stop and s.data.to == key), None)
            if sent is None:
                yield Verdict("no_reply", True, f"{reading.name_of(key)} was sent nothing", asked.first)
            else:
                yield Verdict("no_reply", False, f"{reading.name_of(key)} was sent {quote(sent.text)}", sent.index)


def score_http(reading: Reading) -> Iterator[Verdict]:
    """One verdict for each expectation that names the webhook's answer to the last message."""
    for asked in read_turns(reading.record):
        wanted = asked.wanted.http
        if wanted is None:
            continue
        found = [a for a in reading.answers if asked.first <= a.index < asked.stop]
        if not found:
            yield Verdict("http", False, f"the webhook was not called, expected {wanted}", asked.first)
        elif (status := found[-1].data.status) != wanted:
            yield Verdict("http", False, f"the webhook answered {status}, expected {wanted}", found[-1].index)
        else:
            yield Verdict("http", True, f"the webhook answered {wanted}", found[-1].index)
