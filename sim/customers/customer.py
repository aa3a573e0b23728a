"""A simulated customer: answers each thing she is told from what she wants, until she has it or has had enough.

Everything is decided by rules and by nothing else, so that a replay with her is repeated exactly.
"""

from __future__ import annotations

import re

import msgspec

from runtime.domain.spanish.folding import fold
from sim.customers.faults import MOMENT, Exchange, find_fault
from sim.customers.goal import Goal, Style, Want
from sim.divergence import Now
from sim.divergence.words import Asks, list_asked

THANKS, GOODBYE, NO_MORE = "gracias", "bueno, luego escribo, gracias", "no, gracias"

_DONE = {
    Want.BOOK: re.compile(r"qued\w* (?:agendada|reservada|apartada|confirmada)"),
    Want.MOVE: re.compile(r"qued\w* (?:para|movida|cambiada|agendada|reagendada)|(?:movi|cambie) tu cita"),
    Want.CANCEL: re.compile(r"(?:qued\w*|fue|esta) cancelada|cancele tu cita"),
}
_OFFER = re.compile(r"^\s*(\d)[).] (.+)$", re.MULTILINE)
_LABEL = re.compile(r"[^\W\d_]+ \d{1,2} de [a-z]+, \d{1,2}:\d\d [AP]M")
_CLOSES = re.compile(r"algo mas|en que (?:mas )?te (?:ayudo|puedo ayudar)")
_CONFIRMS = re.compile(
    r"la (?:agendo|cancelo|muevo|cambio)|confirm|es correcto|esta bien|que (?:la )?(?:cancele|mueva|cambie)"
)


class SimulatedCustomer:
    """Somebody who carries on a recorded conversation.

    Args:
        goal: What they want; once they have taken another time that was offered, that one.
        style: How they write.
    """

    def __init__(self, goal: Goal, style: Style) -> None:
        self.goal = goal
        self._style = style
        self._left = goal.patience
        self._asked: list[str] = list(goal.questions)
        self._wishes = 0
        self._ended = False
        self.exchanges: list[Exchange] = []

    def answer(self, heard: Now) -> str | None:
        """What they say to this; None where they say nothing more."""
        if self._ended:
            return None
        told = "\n".join(heard.texts)
        line = self._choose(heard, told)
        self._left -= 1
        if self._left <= 0 and line not in (THANKS, NO_MORE):
            line = GOODBYE
        self._ended = line in (THANKS, GOODBYE, NO_MORE)
        dressed = self._style.dress(line)
        self.exchanges.append(Exchange(told, dressed))
        return dressed

    def find_fault(self) -> str | None:
        """Where they did not keep to what they want."""
        return find_fault(self.goal, self.exchanges)

    def _choose(self, heard: Now, told: str) -> str:
        folded = fold(told)
        if heard.with_human or self._has_it(folded):
            return THANKS
        if not told:
            return self._wish()
        if self.goal.want is Want.ASK:
            return self._asked.pop(0) if self._asked else THANKS
        offers = _OFFER.findall(told)
        if offers and self.goal.when:
            return self._pick(offers)
        asked = list_asked(heard.texts)
        return self._reply(asked[-1] if asked else None, folded)

    def _reply(self, asked: Asks | None, folded: str) -> str:
        goal = self.goal
        if asked is Asks.NAME and goal.name:
            return goal.name
        if asked is Asks.SERVICE and goal.service:
            return goal.service.lower()
        if asked is Asks.WHEN and goal.when:
            return self._say_when()
        if asked is Asks.YES_OR_NO and not _CLOSES.search(folded):
            return self._decide(folded)
        return self._wish()

    def _decide(self, folded: str) -> str:
        """Yes to what is wanted; otherwise what is wanted, once more."""
        if find_fault(self.goal, [Exchange(folded, "sí")]) is not None or not self._is_right(folded):
            return self._correct()
        return "sí" if _CONFIRMS.search(folded) else self._wish()

    def _is_right(self, folded: str) -> bool:
        """Whether the moments in a text, where it has any, are what is wanted, and the service too."""
        moments = [", ".join(found) for found in MOMENT.findall(folded)]
        right_time = not moments or not self.goal.when or fold(self.goal.when) in moments
        named = fold(self.goal.service)
        right_service = self.goal.want is not Want.BOOK or not moments or not named or named in folded
        return right_time and right_service

    def _correct(self) -> str:
        self._wishes += 1
        if self.goal.when and self.goal.want in (Want.BOOK, Want.MOVE):
            return f"no, {self._say_when()}" if self._wishes % 2 else f"no, quiero {self._describe()}"
        return f"no, {self._say_wish()}"

    def _pick(self, offers: list[tuple[str, str]]) -> str:
        """The offer that is what was wanted, else one on the same day, which is what is wanted from then on."""
        wanted, service = fold(self.goal.when), fold(self.goal.service)
        fitting = [wanted, wanted.split(",")[0]]
        if self.goal.want is Want.MOVE and service:
            # a list of her own appointments names their services; one of free times does not
            fitting.insert(0, f"{service},")
        for fits in fitting:
            for number, text in offers:
                if fits in fold(text):
                    self._settle_for(text, named=fits.startswith(service) and bool(service))
                    return number
        return NO_MORE

    def _settle_for(self, offer: str, *, named: bool) -> None:
        found = _LABEL.search(offer)
        if found is not None and not named:
            self.goal = msgspec.structs.replace(self.goal, when=found[0])

    def _has_it(self, folded: str) -> bool:
        done = _DONE.get(self.goal.want)
        if done is None or not done.search(folded):
            return False
        return self.goal.want is Want.CANCEL or self._is_right(folded)

    def _wish(self) -> str:
        """What is wanted, said another way the second time."""
        self._wishes += 1
        if self._wishes > 2:
            return GOODBYE
        return self._say_wish() if self._wishes == 1 else f"lo que necesito: {self._say_wish()}"

    def _say_wish(self) -> str:
        goal = self.goal
        if goal.want is Want.PERSON:
            return "quiero hablar con una persona"
        if goal.want is Want.ASK:
            return self._asked.pop(0) if self._asked else THANKS
        if goal.want is Want.CANCEL:
            return "quiero cancelar mi cita"
        if goal.want is Want.MOVE:
            return f"quiero cambiar mi cita para el {self._say_when()}" if goal.when else "quiero cambiar mi cita"
        return f"quiero {self._describe()}"

    def _describe(self) -> str:
        goal = self.goal
        parts = [goal.service.lower() or "una cita", self._say_when() if goal.when else ""]
        staff = f"con {goal.staff}" if goal.staff and not self._style.brief else ""
        return " ".join(part for part in (*parts, staff) if part)

    def _say_when(self) -> str:
        """The moment as somebody says it: martes 13 de enero a las 4:00 PM."""
        day, _, clock = self.goal.when.partition(", ")
        return f"{day} a las {clock}" if clock else day
