"""The rules by which a recorded line no longer fits: few, named, each a function of one moment.

A rule that lacks what it needs says nothing. The first that speaks is the divergence's own; the order is from what
cannot be to what is merely odd.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from runtime.domain.spanish.folding import fold, fold_words
from sim.divergence.moments import CHANGES, Details, Moment
from sim.divergence.words import (
    Asks,
    agrees,
    commands,
    list_asked,
    list_numbers,
    mentions,
    read_clock,
    read_pick,
    says_no,
    says_yes,
    thanks,
)

_SHOWN = 160


class Misfit(msgspec.Struct, frozen=True):
    """Why a line does not fit: the rule, a sentence, and what was recorded and done."""

    rule: str
    reason: str
    evidence: str = ""


def find_misfit(moment: Moment) -> Misfit | None:
    """The first rule that a line breaks, or None where it fits as far as can be told."""
    for name, rule in RULES.items():
        reason = rule(moment)
        if reason is not None:
            return Misfit(name, reason, describe_evidence(moment))
    return None


def describe_evidence(moment: Moment) -> str:
    """What was recorded before the line and what was done instead, shortened."""
    then, now = moment.then, moment.now
    recorded = [*sorted(then.done or ()), *(repr(text) for text in then.texts)]
    done = [*sorted(now.done), *(repr(text) for text in now.texts)]
    parts = (f"says {_shorten(moment.line.text)!r}", f"recorded: {_join(recorded)}", f"now: {_join(done)}")
    return "; ".join(parts)


def check_party(moment: Moment) -> str | None:
    """A line to a person while there is none, or to the assistant while a person has the conversation."""
    then, now = moment.then, moment.now
    if then.with_human is None or moment.first:
        return None
    if not moment.by_customer:
        if then.with_human and not now.humans_busy:
            return "a person answers a customer, and no customer waits for one"
        return None
    if then.with_human and not now.with_human:
        return "they write to a person, and are still with the assistant"
    if now.with_human and not then.with_human:
        return "they write to the assistant, and were put through to a person"
    return None


def check_answered(moment: Moment) -> str | None:
    """They answer what they were told, and were told nothing."""
    if moment.first or not moment.waited or not moment.by_customer:
        return None
    if moment.then.answered and not moment.now.texts:
        return "they go on as if they had been answered, and got no answer"
    return None


def check_not_yet_done(moment: Moment) -> str | None:
    """They agree to something that was done already."""
    then, now = moment.then, moment.now
    if not _judges_changes(moment):
        return None
    early = (now.done & then.done_next) - (then.done or frozenset())
    if early and (then.done is not None or agrees(moment.line.text)):
        return f"{_name(early)} was called already, which only this line led to when it was recorded"
    return None


def check_changes(moment: Moment) -> str | None:
    """Something else was changed than was then, or about something else."""
    then, now = moment.then, moment.now
    if not _judges_changes(moment) or then.done is None:
        return None
    if missing := then.done - now.done:
        return f"{_name(missing)} has not succeeded, which had when this was written"
    if added := now.done - then.done:
        return f"{_name(added)} was called, which was not when this was written"
    for name in sorted(then.done):
        unlike = _find_unlike(then.details.get(name, {}), now.details.get(name, {}))
        if unlike is not None:
            return f"{name} was about another {unlike} than when this was written"
    return None


def check_offered(moment: Moment) -> str | None:
    """They pick what was not offered."""
    if not _judges_words(moment):
        return None
    text, now = moment.line.text, moment.now
    numbers, pick = list_numbers(now.texts), read_pick(text)
    asked = list_asked(now.texts)
    if pick is not None and pick.number is not None:
        if pick.number in numbers or (not numbers and any(each is not Asks.YES_OR_NO for each in asked)):
            return None
        return f"they pick number {pick.number}, and were not offered so many"
    named = list(pick.words) if pick is not None else _list_named(moment)
    if not named or any(mentions(now.texts, word) or _is_spelled(now.texts, word) for word in named):
        return None
    if pick is not None and not numbers and any(each is not Asks.YES_OR_NO for each in asked):
        return None
    if pick is None and (not numbers or not all(mentions(moment.then.texts, word) for word in named)):
        # to name a thing of one's own accord is no choice
        return None
    return f"they pick {' '.join(named)!r}, which was not offered"


def check_question(moment: Moment) -> str | None:
    """They answer another question than they were asked."""
    if not _judges_words(moment) or moment.now.buttons:
        return None
    text = moment.line.text
    asked = list_asked(moment.now.texts)
    if not asked:
        return None
    if (says_yes(text) or says_no(text)) and Asks.YES_OR_NO not in asked:
        return f"they answer yes or no, and were asked for {asked[-1]}"
    if _is_name(moment) and Asks.NAME not in asked and Asks.SOMETHING not in asked:
        return f"they give a name, and were asked for {asked[-1]}"
    if read_clock(text) is not None and set(asked) <= {Asks.NAME}:
        return "they name a time, and were asked for a name"
    return None


def check_anything_asked(moment: Moment) -> str | None:
    """They say yes or no, and nothing was asked."""
    if not _judges_words(moment) or moment.now.buttons or thanks(moment.line.text):
        return None
    if commands(moment.line.text) and not moment.now.done:
        # a wish of its own, as long as it is not fulfilled
        return None
    if (says_yes(moment.line.text) or says_no(moment.line.text)) and not any("?" in it for it in moment.now.texts):
        return "they say yes or no, and were asked nothing"
    return None


RULES: dict[str, Callable[[Moment], str | None]] = {
    "other-party": check_party,
    "no-answer": check_answered,
    "done-already": check_not_yet_done,
    "other-changes": check_changes,
    "not-offered": check_offered,
    "other-question": check_question,
    "nothing-asked": check_anything_asked,
}
"""By name, in the order in which they are asked. `not-shown` is the watch's own: there is no line to judge."""

NOT_SHOWN = "not-shown"
"""The rule for a tap on a button, or a quote of words, that this person was never sent."""


def _judges_changes(moment: Moment) -> bool:
    return moment.by_customer and moment.waited and not moment.first


def _judges_words(moment: Moment) -> bool:
    """Whether words tell: a person's questions are their own, and a file or a tap is no answer in words."""
    now, line = moment.now, moment.line
    plain = bool(line.text) and not (line.button or line.media or line.list_choice or line.contact or line.location)
    with_assistant = not (now.with_human or now.from_person or moment.then.with_human)
    return moment.by_customer and moment.waited and not moment.first and plain and with_assistant and bool(now.texts)


def _list_named(moment: Moment) -> list[str]:
    """The time, service or member of staff that a short line names."""
    text = moment.line.text
    if len(fold_words(text).split()) > 7:
        return []
    clock = read_clock(text)
    return [clock] if clock else [thing for thing in moment.things if mentions([text], thing)]


def _is_spelled(texts: Sequence[str], word: str) -> bool:
    """Whether an hour such as "5" stands there as "5:00"."""
    return word.isdigit() and mentions(texts, f"{int(word)}:00")


def _is_name(moment: Moment) -> bool:
    """Whether the whole line is the writer's name and nothing else."""
    words, name = fold_words(moment.line.text).split(), fold_words(moment.person.name).split()
    return bool(words) and words == name[: len(words)]


def _find_unlike(then: Details, now: Details) -> str | None:
    for field in sorted(then.keys() & now.keys()):
        one, other = fold(then[field]), fold(now[field])
        if one not in other and other not in one:
            return field
    return None


def _name(changes: frozenset[str]) -> str:
    assert changes <= CHANGES
    return " and ".join(sorted(changes))


def _join(parts: Sequence[str]) -> str:
    return _shorten(", ".join(parts)) if parts else "nothing"


def _shorten(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN else f"{flat[: _SHOWN - 1]}…"
