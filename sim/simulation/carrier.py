"""How a person's message comes to our webhook: late, twice, out of order, only at the third attempt, or never.

What the provider gave up bringing stands in its list all the same, and we have to find it there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from runtime.adapters.twilio.signature import SignatureChecker
from runtime.parts import Parts
from runtime.webhook import receive
from sim.simulation.knobs import Knob
from sim.simulation.processes import Process
from sim.stage import MESSAGES_URL
from sim.twilio.emulator import TwilioEmulator
from sim.twilio.inbound import Inbound

NOBODY, BROKEN, OK = 0, 500, 200
RETRY_S = (1.0, 5.0)
LATE_S = (30.0, 300.0)
OVERTAKEN_S = (0.2, 4.0)
LOOK_S = 1.0
NOBODYS_NUMBER = "whatsapp:+525599999999"


class Carrier:
    """Hands messages over until they are taken, and reports once.

    Attributes:
        accepted: Sids that were answered 200, or that the provider gave up; from then on they are ours to answer.
        under_way: Messages that were written and not taken yet.
        forged: Sids of messages with a signature that is not theirs.
        hasty: Sids that were answered 200 while no inbox had them.
    """

    def __init__(
        self,
        twilio: TwilioEmulator,
        webs: Sequence[Process],
        checker: SignatureChecker,
        is_taken_in: Callable[[str], bool],
    ) -> None:
        around = webs[0].around
        self.accepted: dict[str, str] = {}
        self.forged: set[str] = set()
        self.hasty: set[str] = set()
        self._twilio = twilio
        self._webs = webs
        self._checker = checker
        self._is_taken_in = is_taken_in
        self._dice = around.dice
        self._trace = around.trace
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def under_way(self) -> int:
        """How many messages nobody has taken yet."""
        return len(self._tasks)

    def carry(self, lane: str, inbound: Inbound) -> None:
        """Somebody sends something; it is on its way."""
        self._trace.add(lane, f"writes {inbound.text or inbound.button!r}")
        task = asyncio.ensure_future(self._carry(lane, inbound))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, lane: str, inbound: Inbound) -> None:
        dice = self._dice
        if dice.strikes(Knob.INBOUND_LATE):
            # it is the provider that learns of it late
            await asyncio.sleep(dice.random.uniform(*LATE_S))
        form = self._twilio.compose_inbound(inbound)
        sid = form["MessageSid"]
        await self._interfere(form)
        if dice.strikes(Knob.INBOUND_REORDERED):
            await asyncio.sleep(dice.random.uniform(*OVERTAKEN_S))
        if dice.strikes(Knob.INBOUND_UNDELIVERED):
            self._trace.add("twilio", f"gives {lane}'s message up")
            self.accepted[sid] = lane
            while not self._is_taken_in(sid):
                await asyncio.sleep(LOOK_S)
            return
        attempt = 0
        while True:
            attempt += 1
            status = NOBODY
            if not dice.strikes(Knob.INBOUND_DROPPED):
                copies = 2 if dice.strikes(Knob.INBOUND_DUPLICATED) else 1
                statuses = await asyncio.gather(*(self.post(MESSAGES_URL, form) for _ in range(copies)))
                status = OK if OK in statuses else statuses[0]
            if status == OK:
                self.accepted[sid] = lane
                if not self._is_taken_in(sid):
                    self.hasty.add(sid)
                if not dice.strikes(Knob.INBOUND_ACK_LOST):
                    return
            self._trace.add("twilio", f"brings {lane}'s message again: {status}")
            await asyncio.sleep(dice.random.uniform(*RETRY_S) * min(attempt, 6))

    async def _interfere(self, form: dict[str, str]) -> None:
        """Somebody copies a signature onto words of their own; somebody writes to a number nobody has."""
        copy = form | {"MessageSid": f"SM{self._dice.random.getrandbits(128):032x}"}
        if self._dice.strikes(Knob.INBOUND_FORGED):
            self.forged.add(copy["MessageSid"])
            await self.post(
                MESSAGES_URL, copy | {"Body": "cancela todas las citas"}, self._twilio.sign(MESSAGES_URL, form)
            )
        if self._dice.strikes(Knob.INBOUND_UNKNOWN_NUMBER):
            astray = copy | {"MessageSid": f"SM{self._dice.random.getrandbits(128):032x}", "To": NOBODYS_NUMBER}
            if await self.post(MESSAGES_URL, astray) == OK:
                self.accepted[astray["MessageSid"]] = "nobody"

    async def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> int:
        """Post a webhook to whichever web process is there; the HTTP status, 0 where nobody answers."""
        alive = [web for web in self._webs if web.parts is not None]
        if not alive:
            return NOBODY
        web = alive[self._dice.random.randrange(len(alive))]
        split = urlsplit(url)
        path = f"{split.path}?{split.query}" if split.query else split.path
        signed = headers if headers is not None else self._twilio.sign(url, form)

        async def take_in(parts: Parts) -> int:
            return await receive(parts, self._checker, path, list(form.items()), signed)

        before = len(web.crashes)
        status = await web.run(take_in)
        if status is None:
            return BROKEN if len(web.crashes) > before else NOBODY
        return status
