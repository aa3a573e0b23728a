"""Watches a free replay for the first line that no longer fits. The driver asks it before each line.

It reads the runtime's rows as the record does, and changes nothing.
"""

from __future__ import annotations

from sim.divergence.moments import CHANGES, CUSTOMERS, Details, Moment, Now, describe_change, read_then
from sim.divergence.rules import NOT_SHOWN, Misfit, find_misfit
from sim.recorder import Glance, Recorder
from sim.stage import Scene
from sim.transcripts import Button, Participant, Say, Transcript, list_participants
from sim.twilio.messages import SentRecord

_OPEN = frozenset({"requested", "waiting", "offered", "active"})


class PolicyWatch:
    """Judges the lines of one replay, in order."""

    def __init__(self, transcript: Transcript, scene: Scene) -> None:
        self._transcript = transcript
        self._scene = scene
        self._recorder = Recorder(scene, transcript)
        self._people = list_participants(transcript)
        self._customers = frozenset(key for key, each in self._people.items() if each.role in CUSTOMERS)
        world = transcript.world
        services = [each.name for business in world.organizations for each in business.services]
        staff = [each.name for business in world.organizations for each in business.staff]
        self._things = (*services, *staff)
        self._wrote_at: dict[str, float] = {}
        self._heard_from = 0.0

    async def look(self, index: int) -> Misfit | None:
        """Whether the line at this place of the transcript fits what happened up to now."""
        line = self._transcript.events[index]
        assert isinstance(line, Say)
        person = self._people[line.by]
        waited, first = line.gap is None, line.by not in self._wrote_at
        since = self._heard_from = self._wrote_at.get(line.by, 0.0)
        if waited:
            self._wrote_at[line.by] = self._offset()
        if (missing := self._find_unseen(line, person)) is not None:
            return Misfit(NOT_SHOWN, missing)
        if first or not waited or self._scene.stage.switch.down:
            return None
        now = await self._read_now(person, since)
        moment = Moment(
            line=line,
            person=person,
            # at a recorded moment the answer may still be on its way
            waited=line.at is None or bool(now.texts),
            things=self._things,
            then=read_then(self._transcript, index, self._customers),
            now=now,
        )
        return find_misfit(moment)

    async def hear(self, person: str) -> Now:
        """What the writer of the line that was looked at last was told since the line before it."""
        return await self._read_now(self._people[person], self._heard_from)

    def note_line(self) -> None:
        """Something is written in the place of a recorded line: what comes from now on is heard after it."""
        self._heard_from = self._offset()

    def _offset(self) -> float:
        return (self._scene.clock.now() - self._transcript.header.now).total_seconds()

    def _find_unseen(self, line: Say, person: Participant) -> str | None:
        seen = [each for each in self._scene.twilio.sent if each.to_address == person.address]
        if line.button is not None and line.button.payload is None and not _was_shown(line.button, seen):
            return f"they tap {line.button.text!r}, and were never shown it"
        if line.quote is not None and not any(line.quote in each.body for each in seen):
            return f"they quote {line.quote!r}, and were never sent it"
        return None

    async def _read_now(self, person: Participant, since: float) -> Now:
        glance = Glance() if self._scene.stage.switch.down else await self._recorder.glance(CHANGES)
        heard = [
            each
            for each in self._scene.twilio.sent
            if each.to_address == person.address
            and each.failure is None
            and (each.created_at - self._transcript.header.now).total_seconds() >= since
        ]
        changes: dict[str, Details] = {
            call.name: describe_change(call.arguments, call.result)
            for at, call in glance.calls
            if at >= since and call.ok and call.customer == person.key
        }
        return Now(
            texts=tuple(each.body for each in heard),
            buttons=tuple(title for each in heard for title, _ in each.buttons),
            from_person=any(each.outbox_id in glance.relayed for each in heard),
            done=frozenset(changes),
            details=changes,
            with_human=glance.handoffs.get(person.key) in _OPEN,
            humans_busy=any(state in _OPEN for state in glance.handoffs.values()),
        )


def _was_shown(button: Button, seen: list[SentRecord]) -> bool:
    return any(button.text in dict(each.buttons) for each in seen if each.failure is None)
