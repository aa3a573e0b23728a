"""Tells what happened in a scene from the runtime's own rows, as the record of a replay.

Nothing is hooked into the runtime: inbox, journal, events, outbox and tasks say it all, and an
engineer looking at production reads the same rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import TextClause, text

from runtime.domain.identity import canonical_key
from runtime.store.database import rows_of
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

_QUERIES = {
    "routes": """
        select t.started_at as at, i.sid, t.route, t.reason, t.id as turn, t.error, t.finished_at
        from turns t join inbox i on i.organization_id = t.organization_id and i.turn_id = t.id
        where t.route is not null
        order by t.started_at, i.received_at, i.id
    """,
    "steps": """
        select s.at, s.kind, s.name, case when s.kind = 'tool' then s.request end as request, s.response,
          s.turn_id as turn, c.their_key
        from steps s join turns t on t.organization_id = s.organization_id and t.id = s.turn_id
        join conversations c on c.organization_id = t.organization_id and c.id = t.conversation_id
        order by s.at, s.turn_id, s.number
    """,
    "moves": """
        select e.at, e.kind, e.data, c.their_key, a.key as human_key, h.reason
        from events e join conversations c on c.organization_id = e.organization_id and c.id = e.conversation_id
        join handoffs h on h.organization_id = e.organization_id and h.id = e.subject_id
        left join staff s on s.organization_id = h.organization_id and s.id = (e.data ->> 'staff_id')::uuid
        left join lateral (select key from addresses a where a.organization_id = s.organization_id
          and a.person_id = s.person_id order by key limit 1) a on true
        where e.data ? 'state'
        order by e.at, e.id
    """,
    "outbox": "select id, turn_id as turn, kind from outbox",
    "tasks": """
        select t.created_at as at, t.kind, t.summary, c.their_key from tasks t
        left join conversations c on c.organization_id = t.organization_id and c.id = t.conversation_id
        order by t.created_at, t.id
    """,
    "appointments": """
        select s.name as service, st.name as staff, a.starts_at, a.status, o.timezone, ad.key
        from appointments a
        join organizations o on o.organization_id = a.organization_id
        join services s on s.organization_id = a.organization_id and s.id = a.service_id
        join staff st on st.organization_id = a.organization_id and st.id = a.staff_id
        join customers cu on cu.organization_id = a.organization_id and cu.id = a.customer_id
        join addresses ad on ad.organization_id = cu.organization_id and ad.person_id = cu.person_id
        order by a.starts_at, st.name, a.id
    """,
    "handoffs": """
        select c.their_key, a.key as human_key, h.state, h.end_reason from handoffs h
        join conversations c on c.organization_id = h.organization_id and c.id = h.conversation_id
        left join staff s on s.organization_id = h.organization_id and s.id = h.staff_id
        left join lateral (select key from addresses a where a.organization_id = s.organization_id
          and a.person_id = s.person_id order by key limit 1) a on true
        order by h.requested_at, h.id
    """,
    "customers": """
        select cu.name, ad.key from customers cu
        join addresses ad on ad.organization_id = cu.organization_id and ad.person_id = cu.person_id
        order by ad.key, cu.created_at
    """,
    "inbox": "select sid, state, route from inbox order by received_at, id",
}


_GLANCES = {
    "calls": """
        select s.at, s.name, s.request, s.response, c.their_key
        from steps s join turns t on t.organization_id = s.organization_id and t.id = s.turn_id
        join conversations c on c.organization_id = t.organization_id and c.id = t.conversation_id
        where s.kind = 'tool' and s.name = any(:names)
        order by s.at, s.turn_id, s.number
    """,
    "handoffs": _QUERIES["handoffs"],
    "relayed": "select id from outbox where kind = 'relay'",
}


def _compose_reading(queries: Mapping[str, str]) -> TextClause:
    """One statement for all of them, each as a JSON array in its own order: one round trip, planned once."""
    arrays = (
        f"(select coalesce(jsonb_agg(to_jsonb(q)), '[]') from ({query}) q) as {name}" for name, query in queries.items()
    )
    return text(f"select {', '.join(arrays)}")


_READ = _compose_reading(_QUERIES)
_GLANCE = _compose_reading(_GLANCES)


class _Route(msgspec.Struct):
    at: datetime
    sid: str
    route: str
    reason: str | None
    turn: str
    error: str | None
    finished_at: datetime


class _Step(msgspec.Struct):
    at: datetime
    kind: str
    name: str
    request: dict[str, Any] | None
    response: dict[str, Any]
    turn: str
    their_key: str


class _Move(msgspec.Struct):
    at: datetime
    kind: str
    data: dict[str, Any]
    their_key: str
    human_key: str | None
    reason: str


class _Sent(msgspec.Struct):
    id: str
    turn: str | None
    kind: SendOrigin


class _Task(msgspec.Struct):
    at: datetime
    kind: str
    summary: str
    their_key: str | None


class _Appointment(msgspec.Struct):
    service: str
    staff: str
    starts_at: datetime
    status: str
    timezone: str
    key: str


class _Handoff(msgspec.Struct):
    their_key: str
    human_key: str | None
    state: str
    end_reason: str | None


class _Customer(msgspec.Struct):
    name: str | None
    key: str


class _Inbound(msgspec.Struct):
    sid: str
    state: str
    route: str | None


class _Found(msgspec.Struct):
    """What each of the queries gave."""

    routes: list[_Route]
    steps: list[_Step]
    moves: list[_Move]
    outbox: list[_Sent]
    tasks: list[_Task]
    appointments: list[_Appointment]
    handoffs: list[_Handoff]
    customers: list[_Customer]
    inbox: list[_Inbound]


class _Call(msgspec.Struct):
    at: datetime
    name: str
    request: dict[str, Any]
    response: dict[str, Any]
    their_key: str


class _Relayed(msgspec.Struct):
    id: str


class _Glanced(msgspec.Struct):
    calls: list[_Call]
    handoffs: list[_Handoff]
    relayed: list[_Relayed]


class Glance(msgspec.Struct, frozen=True):
    """What a scene has come to up to now.

    Attributes:
        calls: Those tools that were asked for, each with its moment, in order.
        handoffs: The state of each person's last handoff.
        relayed: The outbox ids of what one person wrote to another.
    """

    calls: tuple[tuple[float, ToolData], ...] = ()
    handoffs: dict[str, str] = {}
    relayed: frozenset[str] = frozenset()


class Recorder:
    """Reads one scene's rows."""

    def __init__(self, scene: Scene, transcript: Transcript) -> None:
        self._scene = scene
        self._starts_at = transcript.header.now
        self._people = _keys_of_people(transcript)

    def name_of(self, key: str) -> str:
        """The person with this address key, or the key itself where nobody in the transcript has it."""
        return self._people.get(key, key)

    async def read(self) -> tuple[list[Event], FinalRows]:
        """Everything the runtime and the provider did, in order of time, and the rows at the end."""
        async with self._scene.stage.database.single() as uow:
            found = rows_of(_Found, await uow.run(_READ))[0]
        events = [
            *self._tell_routes(found.routes),
            *(self._tell_step(step) for step in found.steps),
            *self._tell_handoffs(found.moves),
            *self._tell_sends(found.outbox),
            *(make_event(self._t(task.at), "parlo", TaskData(task=task.kind), task.summary) for task in found.tasks),
            *self._tell_statuses(),
        ]
        return sorted(events, key=lambda event: event.t), self._sum_up(found)

    async def glance(self, tools: Iterable[str]) -> Glance:
        """The little that tells whether a recorded line still fits, with the calls of these tools."""
        async with self._scene.stage.database.single() as uow:
            found = rows_of(_Glanced, await uow.run(_GLANCE, {"names": sorted(tools)}))[0]
        return Glance(
            calls=tuple((self._t(call.at), self._tell_call(call)) for call in found.calls),
            handoffs={self.name_of(row.their_key): row.state for row in found.handoffs},
            relayed=frozenset(row.id for row in found.relayed),
        )

    def _tell_routes(self, routes: list[_Route]) -> list[Event]:
        events = []
        failed: set[str] = set()
        for row in routes:
            data = RouteData(sid=row.sid, case=row.route, reason=row.reason or "", turn=row.turn)
            events.append(make_event(self._t(row.at), "parlo", data))
            if row.error and row.turn not in failed:
                failed.add(row.turn)
                events.append(make_event(self._t(row.finished_at), "parlo", ErrorData(where="turn"), row.error))
        return events

    def _tell_step(self, row: _Step) -> Event:
        at = self._t(row.at)
        if row.kind == "model":
            answer = row.response
            data = ModelData(
                purpose=row.name,
                input_tokens=answer["input_tokens"],
                output_tokens=answer["output_tokens"],
                finish=answer["finish"],
                turn=row.turn,
                cached_tokens=answer.get("cached_tokens", 0),
                model=answer["model"],
            )
            return make_event(at, "parlo", data)
        assert row.request is not None, "a tool's request is read"
        call = self._tell_call(_Call(row.at, row.name, row.request, row.response, row.their_key), row.turn)
        return make_event(at, "parlo", call)

    def _tell_call(self, call: _Call, turn: str = "") -> ToolData:
        return ToolData(
            name=call.name,
            arguments=_decode(call.request["arguments"]),
            result=_decode(call.response["content"]),
            ok=call.response["ok"],
            turn=turn,
            customer=self.name_of(call.their_key),
        )

    def _tell_handoffs(self, moves: list[_Move]) -> list[Event]:
        events = []
        for row in moves:
            status, event = row.data["state"], row.kind.removeprefix("handoff_")
            data = HandoffData(
                status=status,
                event=event,
                customer=self.name_of(row.their_key),
                human=self.name_of(row.human_key) if row.human_key else "",
                reason=event if status == "ended" else row.reason,
            )
            events.append(make_event(self._t(row.at), "parlo", data))
        return events

    def _tell_sends(self, outbox: list[_Sent]) -> list[Event]:
        rows = {row.id: row for row in outbox}
        events = []
        for sent in self._scene.twilio.sent:
            row = rows.get(sent.outbox_id or "")
            data = SendData(
                to=self._person_at(sent.to_address),
                outbox=sent.outbox_id or "",
                turn=row.turn or "" if row else "",
                origin=row.kind if row else SendOrigin.UNKNOWN,
                media=[file.content_type for file in sent.media] if sent.failure is None else [],
            )
            events.append(make_event(self._t(sent.created_at), "parlo", data, sent.body))
        return events

    def _tell_statuses(self) -> list[Event]:
        events = []
        for posted in self._scene.twilio.callbacks:
            outbox_id = posted.url.rpartition("outbox=")[2]
            code = posted.form.get("ErrorCode")
            data = StatusData(
                outbox=outbox_id, status=posted.form["MessageStatus"], error_code=int(code) if code else None
            )
            events.append(make_event(self._t(posted.posted_at), "twilio", data))
        return events

    def _sum_up(self, found: _Found) -> FinalRows:
        """The rows of the scene's world at the end, those of people in the transcript only."""
        states = [row.state for row in found.inbox]
        return FinalRows(
            appointments=[self._appointment(row) for row in found.appointments if row.key in self._people],
            handoffs=[
                FinalHandoff(
                    self.name_of(row.their_key),
                    self.name_of(row.human_key) if row.human_key else "",
                    row.state,
                    row.end_reason or "",
                )
                for row in found.handoffs
            ],
            tasks=[FinalTask(row.kind, self.name_of(row.their_key) if row.their_key else "") for row in found.tasks],
            customers=[
                FinalCustomer(self.name_of(row.key), row.name or "")
                for row in found.customers
                if row.key in self._people
            ],
            inbox={state: states.count(state) for state in sorted(set(states))},
            messages=[FinalMessage(row.sid, row.state, row.route or "") for row in found.inbox],
        )

    def _appointment(self, row: _Appointment) -> FinalAppointment:
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
