"""The people of a simulation: customers who want something until they have it or give up, and the team.

They know of Parlo what a person knows, its messages, and answer them by what they say.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Protocol

from runtime.domain.spanish.folding import fold_words
from sim.simulation.knobs import Dice, Knob
from sim.simulation.manners import play_manner
from sim.simulation.plan import Customer, Goal, Human
from sim.simulation.trace import Trace
from sim.twilio.inbound import Inbound, InboundButton, InboundMedia
from sim.twilio.messages import SentRecord

ROUNDS = 6
"""Lines a customer answers for one wish before they give up."""
FLOOD = 40
"""Messages of somebody who floods us."""
FEW_S = 2.0
"""Somebody who has got a message waits so long for another before they answer."""
_PHOTO = InboundMedia("image/jpeg", b"\xff\xd8\xff\xe0 a photo of nails \xff\xd9")
_DONE = re.compile(r"qued(o|ó) (agendada|cancelada)|agendada|cancelad|cambi(e|é)|reagend|movi", re.IGNORECASE)


class Carries(Protocol):
    """Brings what somebody writes to us."""

    def carry(self, lane: str, inbound: Inbound) -> None:
        """Somebody sends something; it is on its way."""
        ...


class Phone:
    """Somebody's chat with one number: what came, and a way to write."""

    def __init__(self, lane: str, address: str, number: str, carrier: Carries, trace: Trace) -> None:
        self.lane = lane
        self.address = address
        self.heard: list[SentRecord] = []
        self._number = number
        self._carrier = carrier
        self._trace = trace
        self._news: asyncio.Queue[SentRecord] = asyncio.Queue()

    def receive(self, sent: SentRecord) -> None:
        """A message of ours appears."""
        self.heard.append(sent)
        self._trace.add(self.lane, f"reads {sent.body!r}")
        self._news.put_nowait(sent)

    def say(self, text: str, button: InboundButton | None = None, name: str | None = None) -> None:
        """Write something, or tap."""
        self._carrier.carry(
            self.lane,
            Inbound(
                from_address=self.address,
                to_address=self._number,
                text=text,
                button=button,
                profile_name=name or self.lane,
            ),
        )

    def send(self, file: InboundMedia) -> None:
        """Send a file without words."""
        self._carrier.carry(
            self.lane,
            Inbound(from_address=self.address, to_address=self._number, media=(file,), profile_name=self.lane),
        )

    async def wait(self, seconds: float) -> list[SentRecord]:
        """What comes within so many seconds, once it comes; nothing where nothing does."""
        try:
            async with asyncio.timeout(seconds):
                came = [await self._news.get()]
        except TimeoutError:
            return []
        try:
            async with asyncio.timeout(FEW_S):
                while True:
                    came.append(await self._news.get())
        except TimeoutError:
            return came

    def forget(self) -> None:
        """What came so far is old news."""
        while not self._news.empty():
            self._news.get_nowait()


class CustomerPlay:
    """One customer, from their first line to their last."""

    def __init__(self, customer: Customer, phone: Phone, dice: Dice) -> None:
        self._customer = customer
        self._phone = phone
        self._dice = dice

    async def run(self) -> None:
        """Write, and answer what is answered."""
        customer = self._customer
        await asyncio.sleep(customer.writes_at_s)
        await play_manner(self._phone, customer.manner, customer.service)
        if customer.goal is Goal.TALK:
            await self._talk()
        elif customer.goal is Goal.ASK:
            await self._ask(f"hola, ¿cuánto cuesta {customer.service.lower()}?")
            await self._ask("¿y a qué hora abren?")
        elif customer.goal is Goal.CHATTER:
            await self._chatter(("holaaa 😀", "x" * 3000, "…", "¿¿??", "gracias"), customer.pause_s)
        elif customer.goal is Goal.FLOOD:
            await self._chatter([f"compra ya {number}" for number in range(FLOOD)], 0.5)
        elif customer.goal is Goal.FILE:
            self._phone.send(_PHOTO)
            await self._ask("así lo quiero, ¿cuánto sale?")
            await self._ask("pásame con alguien por favor")
            self._phone.send(_PHOTO)
        else:
            await self._book()

    async def _chatter(self, lines: Sequence[str], pause_s: float) -> None:
        for text in lines:
            self._phone.say(text)
            await asyncio.sleep(pause_s)
        await self._phone.wait(self._customer.patience_s)

    async def _book(self) -> None:
        customer = self._customer
        if customer.goal is Goal.WAVER:
            await self._ask(f"quiero {customer.service.lower()}, {customer.slot[1]}")
            await self._ask(f"ay no, mejor {customer.slot[0]}", "bueno sí, ese")
        wish = [f"hola, soy {customer.name}", f"quiero {customer.service.lower()}", customer.slot[0]]
        booked = await self._pursue(wish if customer.hasty else [", ".join(wish)])
        if not booked:
            return
        await asyncio.sleep(customer.pause_s)
        if customer.goal is Goal.MOVE:
            await self._pursue([f"mejor cambia mi cita para {customer.slot[1]}"])
        elif customer.goal is Goal.CANCEL:
            await self._pursue(["quiero cancelar mi cita"])

    async def _pursue(self, wish: list[str]) -> bool:
        """Say what is wanted and agree until it is done; False where it never is."""
        answer = await self._ask(*wish)
        for _ in range(ROUNDS):
            reply = None if answer is None or _DONE.search(answer) else self._respond(fold_words(answer))
            if reply is None:
                break
            answer = await self._ask(reply)
        return answer is not None and _DONE.search(answer) is not None

    def _respond(self, answer: str) -> str | None:
        """What somebody says to this who still wants the same; None where nothing more is asked of them."""
        customer = self._customer
        if any(question in answer for question in ("la agendo", "la cancelo", "la cambio", "la muevo", "confirm")):
            return "sí"
        if "1)" in answer or "1." in answer:
            return "1"
        if "tu nombre" in answer:
            return customer.name
        if "que servicio" in answer or "cual servicio" in answer:
            return customer.service.lower()
        if any(question in answer for question in ("que dia", "que hora", "para cuando", "cuando te")):
            return customer.slot[0]
        return "sí" if "?" in answer and "ayud" not in answer else None

    async def _talk(self) -> None:
        """Ask for a person, and talk to them for a while."""
        await self._ask("hola, quiero hablar con una persona")
        for line in ("es por mi cita de ayer", "¿me puedes ayudar?", "gracias"):
            if not await self._phone.wait(self._customer.patience_s * 3):
                break
            self._phone.say(line)
        if self._dice.random.random() < 0.2:
            self._phone.say("salir")

    async def _ask(self, *lines: str) -> str | None:
        """Write, and wait for an answer; write once more where none comes."""
        await asyncio.sleep(self._customer.pause_s)
        self._phone.forget()
        for line in lines:
            self._phone.say(line, name=self._customer.name)
        for again in (False, True):
            came = await self._phone.wait(self._customer.patience_s)
            if came:
                return "\n".join(each.body for each in came)
            if not again:
                self._phone.say("¿hola?")
        return None


class HumanPlay:
    """One member of the team: looks at the phone now and then, takes customers, talks, ends or forgets to."""

    def __init__(self, human: Human, phone: Phone, dice: Dice, colleagues: Callable[[], list[Phone]]) -> None:
        self._human = human
        self._phone = phone
        self._dice = dice
        self._colleagues = colleagues
        self._declined = False

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            came = await self._phone.wait(36_000.0)
            alert = next((each for each in came if _is_alert(each)), None)
            if alert is None:
                continue
            await asyncio.sleep(self._human.answers_after_s)
            if self._human.declines and not self._declined:
                self._declined = True
                self._phone.say("no puedo")
                continue
            await self._serve(alert)

    async def _serve(self, alert: SentRecord) -> None:
        human = self._human
        tomar = next((InboundButton(payload, title) for title, payload in alert.buttons if title == "Tomar"), None)
        if tomar is not None:
            self._phone.say("Tomar", button=tomar)
        else:
            self._phone.say(f"hola, soy {human.name}, dime")
        if self._dice.strikes(Knob.HUMAN_TWO_AT_ONCE):
            for colleague in self._colleagues():
                colleague.say("tomar")
        for number in range(human.says):
            await self._phone.wait(30.0)
            self._phone.say(("claro que sí", "déjame ver tu cita", "ya quedó, te espero mañana")[number % 3])
        if human.ends:
            await asyncio.sleep(5.0)
            self._phone.say("listo")
            if self._dice.strikes(Knob.HUMAN_ANSWERS_AFTER_END):
                await asyncio.sleep(self._dice.random.uniform(0.0, 40.0))
                self._phone.say("ah, y trae tu comprobante por favor")


def _is_alert(sent: SentRecord) -> bool:
    return "hablar con una persona" in sent.body or any(title == "Tomar" for title, _ in sent.buttons)
