"""How a person's message comes to our webhook over the network: by Twilio, which tries for a while and then gives up.

By default Twilio brings a message once, and once more only where no connection was made. With `#rc=5&rp=all` behind
the webhook's address, which an installation should have, it tries up to six times, all within 15 seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from runtime.ports import Clock
from sim.simulation.trace import Trace
from sim.twilio.emulator import PostedCallback, TwilioEmulator
from sim.twilio.inbound import Inbound
from sim.twilio.server import HttpSink

OK = 200
TOTAL_S = 15.0
PAUSES_S = (0.5, 1.0, 2.0, 3.0, 4.0)
"""Between tries; how long the real ones are is not documented."""
TRIES = 1 + len(PAUSES_S)


class HttpCarrier:
    """Hands messages over until they are taken, or until the provider gives up.

    Args:
        twilio: Composes and signs.
        sink: Posts.
        webhook_url: Of our web.
        clock: Says when something was written.
        trace: Tells the story.
        pauses_s: Between tries.

    Attributes:
        written: When each message was written, by sid, in seconds since 1970.
        accepted: Sids that were answered 200, or given up, with who wrote: from then on they are ours to answer.
        given_up: Sids that never were answered: they stand in the provider's list of messages, and nowhere else.
        again: How often a message had to be brought again.
    """

    def __init__(
        self,
        twilio: TwilioEmulator,
        sink: HttpSink,
        webhook_url: str,
        clock: Clock,
        trace: Trace,
        *,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        self.written: dict[str, float] = {}
        self.accepted: dict[str, str] = {}
        self.given_up: list[str] = []
        self.again = 0
        self._twilio = twilio
        self._sink = sink
        self._url = webhook_url
        self._clock = clock
        self._trace = trace
        self._pauses_s = pauses_s
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def under_way(self) -> int:
        """How many messages are still being brought."""
        return len(self._tasks)

    def carry(self, lane: str, inbound: Inbound) -> None:
        """Somebody sends something; it is on its way."""
        form = self._twilio.compose_inbound(inbound)
        self.written[form["MessageSid"]] = self._clock.now().timestamp()
        self._trace.add(lane, f"writes {form['MessageSid']} {inbound.text or inbound.button!r}")
        task = asyncio.ensure_future(self._carry(lane, form))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, lane: str, form: dict[str, str]) -> None:
        sid, headers = form["MessageSid"], self._twilio.sign(self._url, form)
        statuses: list[int] = []
        try:
            async with asyncio.timeout(TOTAL_S):
                for attempt in range(TRIES):
                    statuses.append(await self._sink(self._url, form, headers))
                    if statuses[-1] == OK:
                        self.accepted[sid] = lane
                        return
                    if attempt < len(self._pauses_s):
                        self.again += 1
                        await asyncio.sleep(self._pauses_s[attempt])
        except TimeoutError:
            statuses.append(0)
        self.given_up.append(sid)
        self.accepted[sid] = lane
        self._trace.add("twilio", f"gives {sid} of {lane} up after {statuses}")


class Reporter:
    """Posts the provider's reports on messages, each by itself: none waits for another's answer.

    Attributes:
        posted: Each with what it was answered.
    """

    def __init__(self, sink: HttpSink, clock: Clock) -> None:
        self.posted: list[PostedCallback] = []
        self._sink = sink
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> int:
        """Begin to post one; what it is answered is known later, so this gives 0."""
        task = asyncio.ensure_future(self._post(url, dict(form), headers))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return 0

    @property
    def under_way(self) -> int:
        """How many are neither answered nor timed out."""
        return len(self._tasks)

    async def wait(self) -> None:
        """Until all are answered, or have timed out."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _post(self, url: str, form: dict[str, str], headers: Mapping[str, str]) -> None:
        posted_at = self._clock.now()
        status = await self._sink(url, form, headers)
        self.posted.append(PostedCallback(url, form, posted_at, status))
