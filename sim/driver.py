"""Replays a transcript through production's runtime, free or forced, and records what happened.

*Free*: the recorded people say their lines while the system answers by itself; the final rows count.
*Forced*: before each of a customer's turns the recorded history is put in place, and only the next
decision is made; it is exact and comparable. Nothing here prints, saves or retries.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy.dialects.postgresql import insert

from runtime.domain.enums import Author
from runtime.domain.identity import canonical_key
from runtime.domain.ids import ConversationId, PersonId
from runtime.store import journal
from runtime.store.conversations import conversation_id_of
from runtime.store.journal import NewMessage
from runtime.store.tables import addresses, channels, conversations, people
from sim.customers import make_customer
from sim.divergence import NOT_SHOWN, AfterDivergence, Misfit, PolicyWatch, say_plainly
from sim.record import (
    AcceptedData,
    ClockData,
    ConversationRecord,
    Divergence,
    ErrorData,
    Event,
    EventData,
    EventKind,
    Expectation,
    FaultData,
    FinalRows,
    Person,
    SayData,
    make_event,
)
from sim.recorder import Recorder
from sim.samples import make_card, make_file
from sim.scheduler import NeverRests, Scheduler
from sim.stage import MESSAGES_URL, Scene, Stage
from sim.transcripts import (
    PARLO,
    Button,
    Callback,
    ClockEvent,
    End,
    Expect,
    Fault,
    FaultTarget,
    Media,
    RecordedTool,
    Said,
    Say,
    Transcript,
    find_number,
    list_participants,
    name_windows,
)
from sim.twilio.inbound import Inbound, InboundButton, InboundChoice, InboundMedia, InboundPlace
from sim.virtual_time import derive_seed
from sim.worlds import list_clock_times

THINK_S = 5.0
"""How long a person takes to write when the transcript does not say."""


class Mode(StrEnum):
    """How a transcript is replayed."""

    FREE = "free"
    FORCED = "forced"


async def replay(
    stage: Stage,
    transcript: Transcript,
    *,
    mode: Mode = Mode.FREE,
    seed: int = 0,
    after: AfterDivergence = AfterDivergence.RECORDED,
) -> ConversationRecord:
    """Replay one conversation from an empty world.

    A failure of the harness itself is part of the record (`failure`), never of its scores. `after` says how a free
    replay goes on once a recorded line no longer fits.
    """
    started = time.perf_counter()
    run = _Free(stage, transcript, seed, after) if mode is Mode.FREE else _Forced(stage, transcript, seed)
    failure = None
    try:
        await run.play()
    except NeverRests as error:
        failure = str(error)
    except Exception as error:  # noqa: BLE001 - the edge of a replay: a broken one must not end the others
        failure = f"{type(error).__name__}: {error}"
    return run.record(failure, time.perf_counter() - started)


class _Run(ABC):
    """What both ways of replaying share: one transcript, the scene it plays in, what was noted."""

    mode: Mode

    def __init__(self, stage: Stage, transcript: Transcript, seed: int) -> None:
        self.stage = stage
        self.transcript = transcript
        self.seed = derive_seed(seed, "conversation", transcript.id)
        self.participants = list_participants(transcript)
        self.events: list[Event] = []
        self.final = FinalRows()
        self.windows: list[tuple[str, Any, float, float]] = []
        self.diverged_at: Divergence | None = None
        self.customer_fault: str | None = None

    @abstractmethod
    async def play(self) -> None:
        """Replay the transcript from its first line to its last."""

    async def set_scene(self, starts_at: datetime, part: str = "") -> tuple[Scene, Scheduler]:
        seed = derive_seed(self.seed, "scene", part)
        windows = name_windows(self.transcript)
        scene = await self.stage.set_scene(self.transcript.world, starts_at, seed, windows)
        return scene, Scheduler(scene)

    async def say(self, scene: Scene, event: Say) -> None:
        """One person writes; the webhook's answer is noted."""
        inbound = self._compose(scene, event)
        form = scene.twilio.compose_inbound(inbound)
        headers = scene.twilio.sign(MESSAGES_URL, form)
        if event.unsigned:
            headers = {}
        elif event.tamper:
            headers = {name: _alter(value) for name, value in headers.items()}
        sid = form.get("MessageSid", "")
        said = msgspec.to_builtins(event)
        carried = {key: said.get(key) for key in ("media", "location", "contact", "button") if said.get(key)}
        data = SayData(sid=sid, to=event.to, list_reply=said.get("list"), tamper=event.tamper, **carried)
        self.note(scene, event.by, data, event.text)
        status = await scene.post(MESSAGES_URL, form, headers)
        self.note(scene, "twilio", AcceptedData(sid=sid, status=status))

    def _compose(self, scene: Scene, event: Say) -> Inbound:
        person = self.participants[event.by]
        number = find_number(self.transcript.world, event.to)
        media = tuple(_make_media(each) for each in event.media)
        place = event.location
        tap = _find_tap(scene, person.address, event.button) if event.button else None
        contact: dict[str, str | None] = {}
        if event.contact is not None:
            contact = {"MessageType": "contacts"}
            media += (InboundMedia("text/vcard", make_card(event.contact.name, event.contact.phone)),)
        return Inbound(
            from_address=person.address,
            to_address=f"whatsapp:{number}",
            text=event.text,
            profile_name=event.profile_name or person.name or person.key.title(),
            sid=event.sid,
            media=media,
            location=InboundPlace(place.latitude, place.longitude, place.label, place.address) if place else None,
            button=tap.button if tap else None,
            replied_to_sid=_find_quoted(scene, person.address, event.quote)
            if event.quote
            else tap.sid
            if tap
            else None,
            choice=InboundChoice(event.list_choice.id, event.list_choice.title) if event.list_choice else None,
            fields={**contact, **event.fields},
        )

    def note(self, scene: Scene, lane: str, data: EventData, text: str | None = None) -> None:
        """Keep an event at the scene's present moment."""
        offset = (scene.clock.now() - self.transcript.header.now).total_seconds()
        self.events.append(make_event(offset, lane, data, text))

    def record(self, failure: str | None, wall_s: float) -> ConversationRecord:
        """Everything noted so far, as the record of the conversation."""
        header = self.transcript.header
        events = sorted(self.events, key=lambda event: event.t)
        if failure is not None:
            events.append(make_event(events[-1].t if events else 0.0, PARLO, ErrorData(where="replay"), failure))
        return ConversationRecord(
            id=header.id,
            title=header.title,
            tags=list(header.tags),
            mode=self.mode,
            lang=header.lang,
            source=header.source,
            file=self.transcript.file,
            started_at=header.now.isoformat(),
            people={key: Person(each.role, each.name) for key, each in self.participants.items()},
            clock_times=list_clock_times(self.transcript.world, [each.address for each in self.participants.values()]),
            durations=sorted({each.minutes for it in self.transcript.world.organizations for each in it.services}),
            prices=sorted({each.price_cents for it in self.transcript.world.organizations for each in it.services}),
            events=events,
            final=self.final,
            expectations=[_tie(window, events) for window in self.windows],
            wall_s=wall_s,
            model=self.stage.settings.customer_model,
            seed=self.seed,
            failure=failure,
            diverged_at=self.diverged_at,
            customer_fault=self.customer_fault,
        )


def _alter(signature: str) -> str:
    """Another signature of the same shape, whichever it was."""
    return ("B" if signature.startswith("A") else "A") + signature[1:]


def _make_media(media: Media) -> InboundMedia:
    content = make_file(media.content_type, sample=media.content, size=media.size, says=media.says)
    return InboundMedia(media.content_type, content, media.url, media.expired)


class _Tap(msgspec.Struct, frozen=True):
    """A button as it is tapped, and the message it stood under where that is known."""

    button: InboundButton
    sid: str | None


def _find_tap(scene: Scene, address: str, given: Button) -> _Tap:
    """The button last shown to somebody under this title.

    Raises:
        LookupError: None was, and the transcript gives no payload.
    """
    for sent in reversed(scene.twilio.sent):
        if sent.to_address != address or sent.failure is not None:
            continue
        payload = dict(sent.buttons).get(given.text)
        if payload is not None and given.payload in (None, payload):
            return _Tap(InboundButton(payload, given.text), sent.sid)
    if given.payload is None:
        raise LookupError(f"no button {given.text!r} was shown to whoever taps it")
    return _Tap(InboundButton(given.payload, given.text), None)


def _find_quoted(scene: Scene, address: str, words: str) -> str:
    """The sid of the latest message somebody got that holds these words.

    Raises:
        LookupError: They were sent nothing of the kind.
    """
    for sent in reversed(scene.twilio.sent):
        if sent.to_address == address and words in sent.body:
            return sent.sid
    raise LookupError(f"nobody was sent {words!r} to quote")


def _tie(window: tuple[str, Any, float, float], events: list[Event]) -> Expectation:
    kind, line, begins_s, ends_s = window
    spec: dict[str, object] = msgspec.to_builtins(line)
    spec.pop("type", None)
    if kind == "end":
        return Expectation(kind, spec, 0, len(events))
    inside = [index for index, event in enumerate(events) if begins_s <= event.t <= ends_s]
    first, stop = (inside[0], inside[-1] + 1) if inside else (0, 0)
    return Expectation(kind, spec, first, stop)


class _Free(_Run):
    """The system talks by itself."""

    mode = Mode.FREE

    def __init__(
        self, stage: Stage, transcript: Transcript, seed: int, after: AfterDivergence = AfterDivergence.RECORDED
    ) -> None:
        super().__init__(stage, transcript, seed)
        self._after = after

    async def play(self) -> None:
        self._scene, self._scheduler = await self.set_scene(self.transcript.header.now)
        self._window_from: float | None = None
        self._rested_at = 0.0
        watch = PolicyWatch(self.transcript, self._scene)
        for index, event in enumerate(self.transcript.events):
            if isinstance(event, Say):
                await self._wait_for(event)
                misfit = await watch.look(index)
                if misfit is not None and self.diverged_at is None:
                    self.diverged_at = self._mark(event, misfit)
                if self.diverged_at is not None and self._after is not AfterDivergence.RECORDED:
                    if self._after is AfterDivergence.SIMULATED:
                        await self._simulate(watch, event, index)
                    break
                if misfit is not None and misfit.rule == NOT_SHOWN:
                    event = say_plainly(event)
            await self._play(event)
        await self._rest()
        events, self.final = await Recorder(self._scene, self.transcript).read()
        self.events += events

    async def _play(self, event: object) -> None:
        if isinstance(event, Say):
            self._act()
            await self.say(self._scene, event)
        elif isinstance(event, ClockEvent):
            await self._pass_time(event)
        elif isinstance(event, Callback):
            await self._call_back(event)
        elif isinstance(event, Fault):
            self._inject(event)
        elif isinstance(event, Expect):
            await self._rest()
            self.windows.append(("expect", event, self._last_window[0], self._last_window[1]))
        elif isinstance(event, End):
            await self._rest()
            self.windows.append(("end", event, 0.0, self._offset()))

    async def _simulate(self, watch: PolicyWatch, line: Say, index: int) -> None:
        """Have a simulated customer go on in the place of a recorded one; what was to be left then still counts."""
        customer = make_customer(self.transcript, line.by, index)
        if customer is None:
            assert self.diverged_at is not None
            self.diverged_at = msgspec.structs.replace(self.diverged_at, went_on=AfterDivergence.STOP)
            return
        while (text := customer.answer(await watch.hear(line.by))) is not None:
            watch.note_line()
            said = Say(by=line.by, to=line.to, text=text)
            await self._play(said)
            await self._wait_for(said)
        self.customer_fault = customer.find_fault()
        await self._rest()
        for event in self.transcript.events[index:]:
            if isinstance(event, End):
                # they wrote another number of messages
                self.windows.append(("end", msgspec.structs.replace(event, inbox=None), 0.0, self._offset()))

    def _mark(self, line: Say, misfit: Misfit) -> Divergence:
        return Divergence(
            turn=1 + sum(event.kind is EventKind.SAY for event in self.events),
            t=self._offset(),
            person=line.by,
            rule=misfit.rule,
            reason=misfit.reason,
            evidence=misfit.evidence,
            went_on=self._after,
        )

    def _offset(self) -> float:
        return round((self._scene.clock.now() - self.transcript.header.now).total_seconds(), 6)

    _last_window: tuple[float, float] = (0.0, 0.0)

    def _act(self) -> None:
        """Something is done to the system: a window opens unless one is open."""
        if self._window_from is None:
            self._window_from = self._offset()

    async def _rest(self) -> None:
        await self._scheduler.settle()
        if self._window_from is not None:
            self._last_window = (self._window_from, self._offset())
            self._window_from = None

    async def _wait_for(self, event: Say) -> None:
        now = self._scene.clock.now()
        if event.at is not None:
            await self._scheduler.advance(self.transcript.header.now + timedelta(seconds=event.at))
        elif event.gap is not None:
            await self._scheduler.advance(now + timedelta(seconds=event.gap))
        else:
            await self._rest()
            await self._scheduler.advance(self._scene.clock.now() + timedelta(seconds=THINK_S))

    async def _pass_time(self, event: ClockEvent) -> None:
        await self._rest()
        now = self._scene.clock.now()
        until = self.transcript.header.now + timedelta(seconds=event.at or 0.0)
        if event.for_s is not None:
            until = now + timedelta(seconds=event.for_s)
        self._act()
        self.note(self._scene, "clock", ClockData(for_s=max(0.0, (until - now).total_seconds())))
        await self._scheduler.advance(until)
        await self._rest()

    async def _call_back(self, event: Callback) -> None:
        if event.gap is not None:
            await self._scheduler.advance(self._scene.clock.now() + timedelta(seconds=event.gap))
        else:
            await self._rest()
        self._act()
        await self._scene.report(self.participants[event.to].address, event.status, event.error_code)

    def _inject(self, event: Fault) -> None:
        scene = self._scene
        until = scene.clock.now() + timedelta(seconds=event.for_s) if event.for_s is not None else None
        self.note(scene, "twilio", FaultData(target=event.target, fault=event.kind))
        if event.target is FaultTarget.MODEL:
            scene.model.inject(event.kind, times=event.times, until=until)
        elif event.target is FaultTarget.TWILIO:
            scene.twilio.faults.inject(event.kind, times=event.times, until=until)
        else:
            self.stage.switch.take_down(scene.clock, until)


class _Forced(_Run):
    """Each customer's turn on its own, after the recorded history."""

    mode = Mode.FORCED

    async def play(self) -> None:
        history: list[Say | Said] = []
        events = self.transcript.events
        index = 0
        while index < len(events):
            event = events[index]
            if isinstance(event, Say):
                burst = [event]
                while (
                    index + 1 < len(events)
                    and isinstance(follower := events[index + 1], Say)
                    and follower.gap is not None
                ):
                    burst.append(follower)
                    index += 1
                await self._play_turn(history, burst, events[index + 1 :])
                history += burst
            elif isinstance(event, Said):
                history.append(event)
            index += 1

    async def _play_turn(self, history: list[Say | Said], burst: list[Say], following: tuple[object, ...]) -> None:
        starts_at = self.transcript.header.now + timedelta(minutes=len(history))
        # a seed for each turn: the ids of one must not come back in the next
        scene, scheduler = await self.set_scene(starts_at, str(len(history)))
        await self._remember(scene, burst[0], history)
        begins_s = round((starts_at - self.transcript.header.now).total_seconds(), 6)
        for event in burst:
            await self.say(scene, event)
        await scheduler.settle()
        events, final = await Recorder(scene, self.transcript).read()
        self.events += events
        ends_s = round((scene.clock.now() - self.transcript.header.now).total_seconds(), 6)
        for line in following:
            if not isinstance(line, Expect | RecordedTool):
                break
            if isinstance(line, Expect):
                self.windows.append(("expect", line, begins_s, ends_s))
        self.final = msgspec.structs.replace(
            final,
            messages=self.final.messages + final.messages,
            inbox={
                state: self.final.inbox.get(state, 0) + final.inbox.get(state, 0)
                for state in sorted(self.final.inbox.keys() | final.inbox.keys())
            },
        )

    async def _remember(self, scene: Scene, speaking: Say, history: list[Say | Said]) -> None:
        """Put what was said before into the conversation of the person who speaks now."""
        if not history:
            return
        conversation_id, now = await self._open_conversation(scene, speaking), scene.clock.now()
        organization_id = conversation_id[0]
        rows = [
            NewMessage(
                scene.parts.ids.new(),
                conversation_id[1],
                Author.CUSTOMER if isinstance(line, Say) else Author.ASSISTANT,
                line.text,
                now - timedelta(seconds=len(history) - position),
            )
            for position, line in enumerate(history)
            if line.text
        ]
        async with self.stage.database.platform() as uow:
            await journal.add_messages(uow, organization_id, None, rows)
            await uow.commit()

    async def _open_conversation(self, scene: Scene, speaking: Say) -> Any:
        ours = canonical_key(find_number(self.transcript.world, speaking.to))
        address = self.participants[speaking.by].address
        theirs = canonical_key(address)
        assert ours is not None and theirs is not None
        conversation_id = conversation_id_of(ours.value, theirs.value)
        now = scene.clock.now()
        async with self.stage.database.platform() as uow:
            found = await uow.run(channels.select().where(channels.c.address == ours.value))
            channel = found.one()
            known = await uow.run(
                addresses.select().where(
                    addresses.c.organization_id == channel.organization_id, addresses.c.key == theirs.value
                )
            )
            row = known.one_or_none()
            person_id = row.person_id if row else PersonId(scene.parts.ids.new())
            if row is None:
                await uow.run(
                    insert(people).values(organization_id=channel.organization_id, id=person_id, created_at=now)
                )
                await uow.run(
                    insert(addresses).values(
                        organization_id=channel.organization_id, key=theirs.value, person_id=person_id, raw=address
                    )
                )
            await uow.run(
                insert(conversations)
                .values(
                    organization_id=channel.organization_id,
                    id=conversation_id,
                    channel_id=channel.id,
                    person_id=person_id,
                    our_key=ours.value,
                    our_address=f"whatsapp:{ours.value}",
                    their_key=theirs.value,
                    their_address=address,
                    created_at=now,
                )
                # somebody who has just written stands there already
                .on_conflict_do_update(index_elements=["id"], set_={"person_id": person_id})
            )
            await uow.commit()
        return channel.organization_id, ConversationId(conversation_id)
