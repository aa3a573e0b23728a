"""Who the people and numbers of a transcript are in its world: names, roles, addresses.

The driver asks here before it sends anything; the checks ask whether somebody exists at all.
"""

from __future__ import annotations

import msgspec

from sim.transcripts.structs import BUSINESS, CENTRAL, Person, PersonRole, Transcript, Window
from sim.windows import NamedWindows
from sim.worlds import World, WorldStaff


class Participant(msgspec.Struct, frozen=True):
    """A person of a transcript with everything known about them.

    `name` may be empty. `address` is what the provider puts into `From`, for example
    `whatsapp:+5215512345678` or `whatsapp:MX.1a2b3c4d`.
    """

    key: str
    role: PersonRole
    name: str
    phone: str

    @property
    def address(self) -> str:
        """The phone as a WhatsApp address."""
        return f"whatsapp:{self.phone}"


def find_member(world: World, key: str) -> WorldStaff | None:
    """The first member of staff with this key, organization by organization."""
    return next((row for business in world.organizations for row in business.staff if row.key == key), None)


def list_participants(transcript: Transcript) -> dict[str, Participant]:
    """Everybody in the conversation by key, in the header's order."""
    return {key: _complete(transcript.world, key, person) for key, person in transcript.header.people.items()}


def name_windows(transcript: Transcript) -> NamedWindows | None:
    """Whose 24 hours are open as the conversation begins; None where the transcript names nobody's."""
    people = transcript.header.people
    if all(person.window is None for person in people.values()):
        return None
    phones: dict[bool, list[str]] = {True: [], False: []}
    for key, participant in list_participants(transcript).items():
        phones[people[key].window is not Window.CLOSED].append(participant.phone)
    return NamedWindows(open=tuple(phones[True]), closed=tuple(phones[False]))


def find_number(world: World, to: str) -> str:
    """The number that a `say` with this `to` is sent to, for example `+525590000001`.

    Raises:
        ValueError: It is for the business, and the first organization has no number.
    """
    if to == CENTRAL:
        return world.central
    if to != BUSINESS:
        return to
    if world.business.channel is None:
        raise ValueError(f"{world.business.name} has no number")
    return world.business.channel


def _complete(world: World, key: str, person: Person) -> Participant:
    member = find_member(world, key) if person.phone is None else None
    name = person.name or (member.name if member else "")
    phone = person.phone or (member.phone if member else "")
    return Participant(key, person.role, name, phone)
