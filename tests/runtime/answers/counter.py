"""What the tests of whole turns in a handoff share: people who write, tap and quote, and who heard what since."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from runtime.store.conversations import conversation_id_of
from sim.stage import MESSAGES_URL, Stage
from sim.twilio.inbound import Inbound, InboundButton, InboundMedia
from sim.worlds import load_world
from tests.runtime.staging import BUSINESS, NOW, Salon

CENTRAL = "+525500000000"
PHONES = {
    "Ana": "+525512345678",
    "Beto": "+525512345679",
    "Carla": "+525512345680",
    "Lupita": "+522220000101",
    "Rosa": "+522220000103",
    "Rubí": "+523330000101",
}
PLEASE = "quiero hablar con una persona"


class Counter:
    """A business at work, and what everybody heard since somebody last looked."""

    def __init__(self, salon: Salon, number: str) -> None:
        self.salon = salon
        self.number = number
        self._seen = 0

    @classmethod
    async def open(cls, stage: Stage, world: str = "estetica-lupita") -> Counter:
        """Monday at ten; nobody has written yet."""
        given = load_world(world)
        salon = Salon(stage, await stage.set_scene(given, NOW, 1))
        return cls(salon, given.business.channel or BUSINESS)

    async def post(self, name: str, text: str = "", *, to: str | None = None, **fields: Any) -> None:
        """Somebody sends something, and nothing is done with it yet."""
        inbound = Inbound(
            from_address=f"whatsapp:{PHONES[name]}",
            to_address=f"whatsapp:{to or self.number}",
            text=text,
            profile_name=name,
            **fields,
        )
        assert await self.salon.scene.twilio.send_inbound(MESSAGES_URL, inbound) == 200

    async def say(self, name: str, text: str = "", *, to: str | None = None, **fields: Any) -> list[tuple[str, str]]:
        """Somebody sends something, and all that follows is done; who heard what."""
        await self.post(name, text, to=to, **fields)
        await self.salon.scheduler.settle()
        return self.heard()

    async def tap(self, name: str, payload: str) -> list[tuple[str, str]]:
        """Somebody taps a button of ours."""
        return await self.say(name, button=InboundButton(payload, "Tomar"))

    async def photograph(self, name: str, text: str = "", *, to: str | None = None) -> list[tuple[str, str]]:
        """Somebody sends a picture."""
        jpeg = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + b"\x00" * 64
        return await self.say(name, text, to=to, media=(InboundMedia("image/jpeg", jpeg),))

    async def wait(self, minutes: float) -> list[tuple[str, str]]:
        """Time passes with everything that falls due; who heard what."""
        await self.salon.wait(minutes * 60)
        return self.heard()

    def heard(self) -> list[tuple[str, str]]:
        """Who heard what since this was last asked; receipts of delivery are left out."""
        names = {f"whatsapp:{phone}": name for name, phone in PHONES.items()}
        new = self.salon.scene.twilio.sent[self._seen :]
        self._seen = len(self.salon.scene.twilio.sent)
        return [(names.get(each.to_address, "?"), each.body) for each in new if not each.body.startswith("✓")]

    def sid_of(self, name: str, text: str) -> str:
        """The provider's id of a message somebody got, to quote it."""
        to = f"whatsapp:{PHONES[name]}"
        return next(e.sid for e in reversed(self.salon.scene.twilio.sent) if e.to_address == to and text in e.body)

    async def give(self, customer: str, human: str = "Lupita") -> None:
        """A customer asks for a person, and whoever is asked takes them."""
        await self.say(customer, PLEASE)
        await self.say(human, "tomar")
        assert (await self.states())[customer] == ("active", human)

    async def states(self) -> dict[str, tuple[str, str | None]]:
        """For each customer their latest handoff: its state and who has it or is asked."""
        found = await self.salon.rows(
            "select c.their_key, h.state::text, s.name from handoffs h join conversations c on c.id = h.conversation_id"
            " left join staff s on s.id = h.staff_id order by h.requested_at, h.id"
        )
        names = {phone: name for name, phone in PHONES.items()}
        return {names[key]: (state, human) for key, state, human in found}

    async def handoff_of(self, customer: str) -> UUID:
        """The id of a customer's latest handoff."""
        chat = conversation_id_of(self.number, PHONES[customer])
        sql = "select id from handoffs where conversation_id = :chat order by requested_at desc, id desc limit 1"
        found: UUID = (await self.salon.rows(sql, chat=chat))[0][0]
        return found


__all__ = ["CENTRAL", "PHONES", "PLEASE", "Counter"]
