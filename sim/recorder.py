"""Tells what happened in a scene from the runtime's own rows, as the record of a replay.

Nothing is hooked into the runtime: inbox, journal, events, outbox and tasks say it all, and an
engineer looking at production reads the same rows.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Row, text

from runtime.domain.identity import canonical_key
from runtime.store.database import UnitOfWork
from sim.record import (
    ErrorData,
    Event,
    FinalAppointment,
    FinalCustomer,
    FinalHandoff,
    FinalMessage,
    FinalRows,
    FinalTask,
    HandoffData,
    ModelData,
    RouteData,
    SendData,
    SendOrigin,
    StatusData,
    TaskData,
    ToolData,
    make_event,
)
from sim.stage import Scene
from sim.transcripts import Transcript, list_participants

_ROUTES = text(
    """
    select t.started_at as at, i.sid, t.route, t.reason, t.id as turn, c.their_key, t.error, t.finished_at
    from turns t join inbox i on i.organization_id = t.organization_id and i.turn_id = t.id
    join conversations c on c.organization_id = t.organization_id and c.id = t.conversation_id
    where t.route is not null
    order by t.started_at, i.received_at, i.id
    """
)
_STEPS = text(
    """
    select s.at, s.kind, s.name, s.request, s.response, s.turn_id as turn, c.their_key
    from steps s join turns t on t.organization_id = s.organization_id and t.id = s.turn_id
    join conversations c on c.organization_id = t.organization_id and c.id = t.conversation_id
    order by s.at, s.turn_id, s.number
    """
)
_EVENTS = text(
    """
    select e.at, e.kind, e.data, c.their_key, s.name as human, a.key as human_key, h.reason
    from events e join conversations c on c.organization_id = e.organization_id and c.id = e.conversation_id
    join handoffs h on h.organization_id = e.organization_id and h.id = e.subject_id
    left join staff s on s.organization_id = h.organization_id and s.id = h.staff_id
    left join lateral (select key from addresses a where a.organization_id = s.organization_id
      and a.person_id = s.person_id order by key limit 1) a on true
    order by e.at, e.id
    """
)
_OUTBOX = text("select id, turn_id, kind from outbox")
_TASKS = text(
    """
    select t.created_at as at, t.kind, t.summary, c.their_key from tasks t
    left join conversations c on c.organization_id = t.organization_id and c.id = t.conversation_id
    order by t.created_at, t.id
    """
)
_APPOINTMENTS = text(
    """
    select s.name as service, st.name as staff, a.starts_at, a.status, o.timezone, ad.key
    from appointments a
    join organizations o on o.organization_id = a.organization_id
    join services s on s.organization_id = a.organization_id and s.id = a.service_id
    join staff st on st.organization_id = a.organization_id and st.id = a.staff_id
    join customers cu on cu.organization_id = a.organization_id and cu.id = a.customer_id
    join addresses ad on ad.organization_id = cu.organization_id and ad.person_id = cu.person_id
    order by a.starts_at, st.name, a.id
    """
)
_HANDOFFS = text(
    """
    select c.their_key, a.key as human_key, h.state, h.end_reason from handoffs h
    join conversations c on c.organization_id = h.organization_id and c.id = h.conversation_id
    left join staff s on s.organization_id = h.organization_id and s.id = h.staff_id
    left join lateral (select key from addresses a where a.organization_id = s.organization_id
      and a.person_id = s.person_id order by key limit 1) a on true
    order by h.requested_at, h.id
    """
)
_CUSTOMERS = text(
    """
    select cu.name, ad.key from customers cu
    join addresses ad on ad.organization_id = cu.organization_id and ad.person_id = cu.person_id
    order by ad.key, cu.created_at
    """
)
_INBOX = text("select sid, state, route from inbox order by received_at, id")


class Recorder:
    """Reads one scene's rows."""

    def __init__(self, scene: Scene, transcript: Transcript) -> None:
        self._scene = scene
        self._starts_at = transcript.header.now
        self._people = _keys_of_people(transcript)

    def name_of(self, key: str) -> str:
        """The person with this address key, or the key itself where nobody in the transcript has it."""
        return self._people.get(key, key)

    async def read_events(self) -> list[Event]:
        """Everything the runtime and the provider did, in order of time."""
        async with self._scene.stage.database.single() as uow:
            rows = [
                *await self._read_routes(uow),
                *await self._read_steps(uow),
                *await self._read_handoffs(uow),
                *await self._read_sends(uow),
                *await self._read_tasks(uow),
            ]
        rows += self._read_statuses()
        return sorted(rows, key=lambda event: event.t)

    async def _read_routes(self, uow: UnitOfWork) -> list[Event]:
        events = []
        failed: set[str] = set()
        for row in await uow.run(_ROUTES):
            turn = str(row.turn)
            data = RouteData(sid=row.sid, case=row.route, reason=row.reason or "", turn=turn)
            events.append(make_event(self._t(row.at), "parlo", data))
            if row.error and turn not in failed:
                failed.add(turn)
                events.append(make_event(self._t(row.finished_at), "parlo", ErrorData(where="turn"), row.error))
        return events

    async def _read_steps(self, uow: UnitOfWork) -> list[Event]:
        return [self._read_step(row) for row in await uow.run(_STEPS)]

    def _read_step(self, row: Row[Any]) -> Event:
        turn, at = str(row.turn), self._t(row.at)
        if row.kind == "model":
            answer = row.response
            data = ModelData(
                purpose=row.name,
                input_tokens=answer["input_tokens"],
                output_tokens=answer["output_tokens"],
                finish=answer["finish"],
                turn=turn,
            )
            return make_event(at, "parlo", data)
        tool = ToolData(
            name=row.name,
            arguments=_decode(row.request["arguments"]),
            result=_decode(row.response["content"]),
            ok=row.response["ok"],
            turn=turn,
            customer=self.name_of(row.their_key),
        )
        return make_event(at, "parlo", tool)

    async def _read_handoffs(self, uow: UnitOfWork) -> list[Event]:
        events = []
        for row in await uow.run(_EVENTS):
            waiting = row.kind == "handoff_requested" and not row.data["connected"]
            status = {"handoff_connected": "active", "handoff_ended": "ended"}.get(row.kind)
            if status is None and not waiting:
                continue
            reason = row.data.get("event", "") if status == "ended" else row.reason
            data = HandoffData(
                status=status or "waiting",
                customer=self.name_of(row.their_key),
                human=self.name_of(row.human_key) if status and row.human_key else "",
                reason=reason,
            )
            events.append(make_event(self._t(row.at), "parlo", data))
        return events

    async def _read_sends(self, uow: UnitOfWork) -> list[Event]:
        rows = {str(row.id): row for row in await uow.run(_OUTBOX)}
        events = []
        for sent in self._scene.twilio.sent:
            row = rows.get(sent.outbox_id or "")
            data = SendData(
                to=self._person_at(sent.to_address),
                outbox=sent.outbox_id or "",
                turn=str(row.turn_id) if row and row.turn_id else "",
                origin=SendOrigin(row.kind) if row else SendOrigin.UNKNOWN,
            )
            events.append(make_event(self._t(sent.created_at), "parlo", data, sent.body))
        return events

    def _read_statuses(self) -> list[Event]:
        events = []
        for posted in self._scene.twilio.callbacks:
            outbox_id = posted.url.rpartition("outbox=")[2]
            code = posted.form.get("ErrorCode")
            data = StatusData(
                outbox=outbox_id, status=posted.form["MessageStatus"], error_code=int(code) if code else None
            )
            events.append(make_event(self._t(posted.posted_at), "twilio", data))
        return events

    async def _read_tasks(self, uow: UnitOfWork) -> list[Event]:
        return [
            make_event(self._t(row.at), "parlo", TaskData(task=row.kind), row.summary) for row in await uow.run(_TASKS)
        ]

    async def read_final(self) -> FinalRows:
        """The rows of the scene's world at the end, those of people in the transcript only."""
        async with self._scene.stage.database.single() as uow:
            messages = [FinalMessage(row.sid, row.state, row.route or "") for row in await uow.run(_INBOX)]
            states = [message.state for message in messages]
            return FinalRows(
                appointments=[
                    self._appointment(row) for row in await uow.run(_APPOINTMENTS) if row.key in self._people
                ],
                handoffs=[
                    FinalHandoff(
                        self.name_of(row.their_key),
                        self.name_of(row.human_key) if row.human_key else "",
                        row.state,
                        row.end_reason or "",
                    )
                    for row in await uow.run(_HANDOFFS)
                ],
                tasks=[
                    FinalTask(row.kind, self.name_of(row.their_key) if row.their_key else "")
                    for row in await uow.run(_TASKS)
                ],
                customers=[
                    FinalCustomer(self.name_of(row.key), row.name or "")
                    for row in await uow.run(_CUSTOMERS)
                    if row.key in self._people
                ],
                inbox={state: states.count(state) for state in sorted(set(states))},
                messages=messages,
            )

    def _appointment(self, row: Row[Any]) -> FinalAppointment:
        local = row.starts_at.astimezone(ZoneInfo(row.timezone))
        return FinalAppointment(self.name_of(row.key), row.service, row.staff, f"{local:%Y-%m-%dT%H:%M}", row.status)

    def _person_at(self, address: str) -> str:
        key = canonical_key(address)
        return self.name_of(key.value if key else address)

    def _t(self, at: datetime) -> float:
        return (at - self._starts_at).total_seconds()


def _decode(raw: str) -> object:
    """Arguments and results are JSON where they can be read as such; what a model garbled stays text."""
    try:
        decoded: object = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return raw
    return decoded


def _keys_of_people(transcript: Transcript) -> dict[str, str]:
    """Address key to person, for everybody in the transcript."""
    people = {}
    for name, participant in list_participants(transcript).items():
        key = canonical_key(participant.address)
        people[key.value if key else participant.phone] = name
    return people
