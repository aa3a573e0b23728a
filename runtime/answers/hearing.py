"""One human's turn at work: each of their messages in order, with what it does to handoffs and what is told.

Works inside the turn's last transaction with the organization's humans locked. Called by `runtime.answers.humans`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from runtime.agent.owner_intent import DecidedBy, Intent, Judgement
from runtime.answers.situation import Situation, reply_to
from runtime.domain import words
from runtime.domain.enums import HandoffState
from runtime.domain.handoff import NUDGES, UNDO, HandoffEvent
from runtime.domain.ids import StaffId
from runtime.domain.spanish.folding import fold_words
from runtime.domain.spanish.handoff_commands import Command, Order
from runtime.flows import handoff as flow
from runtime.flows.handoff import Line, Scene, name_of
from runtime.parts import Parts
from runtime.store import handoffs, journal, people
from runtime.store.handoffs import Handoff, Human
from runtime.store.outbox import NewOutbound, Quoted

_KEPT_FOR = timedelta(minutes=30)
"""How long a message that was judged to be for Parlo can still be sent to the customer."""
_MOST_NAMES = 5
_READING = timedelta(seconds=2)
"""Nobody has read an alert, let alone answered it, within this time of its being written."""
_CLEAR = Judgement(Intent.RELAY, DecidedBy.RULE)
_ASKED = Judgement(Intent.RELAY, DecidedBy.RULE, ask_to_end=True)
_UNSURE = Judgement(Intent.RELAY, DecidedBy.RULE, unsure=True)


class Meaning(msgspec.Struct, frozen=True):
    """One message and what it means: an order, a judgement, or an answer to a quoted message.

    Attributes:
        answer: What Parlo says to it if it turns out to be for Parlo, or None where it has nothing to say.
    """

    line: Line
    written_at: datetime
    command: Command | None = None
    judgement: Judgement | None = None
    quoted: Quoted | None = None
    answer: str | None = None


class Hearing:
    """Hears a human's messages one after the other; what is to be told collects in `told`."""

    def __init__(
        self,
        parts: Parts,
        situation: Situation,
        scene: Scene,
        humans: Sequence[Human],
        staff_id: StaffId,
        has: Handoff | None,
    ) -> None:
        self.told: list[NewOutbound] = []
        self._parts = parts
        self._situation = situation
        self._scene = scene
        self._humans = humans
        self._staff_id = staff_id
        self._has = has
        self._replies = 0
        self._orders: dict[Order, Callable[[Meaning, Command], Awaitable[None]]] = {
            Order.TAKE: self._take,
            Order.DECLINE: self._decline,
            Order.SNOOZE: self._snooze,
            Order.PASS_ON: self._pass_on,
            Order.LINE: self._show_line,
            Order.UNDO: self._undo,
            Order.SEND: self._send_kept,
            Order.END: self._end_by_order,
            Order.HELP: self._help,
        }

    async def hear(self, meaning: Meaning) -> None:
        """Do what one message asks for."""
        if self._human is None:
            # they were an owner or admin when the turn was routed
            self._reply(words.NOT_ASKED_ANY_MORE)
        elif meaning.command is not None:
            await self._orders[meaning.command.order](meaning, meaning.command)
        elif meaning.quoted is not None:
            await self._answer_quoted(meaning, meaning.quoted)
        elif meaning.judgement is not None:
            await self._follow(meaning, meaning.judgement)

    # -- what the human says -----------------------------------------------------------------------------------

    def _reply(self, text: str) -> None:
        self._replies += 1
        self.told.append(reply_to(self._situation, self._parts, f"human:{self._replies}", text))

    @property
    def _human(self) -> Human | None:
        """The human as somebody who may take customers; None once they may not."""
        return next((each for each in self._humans if each.staff_id == self._staff_id), None)

    @property
    def _own(self) -> Handoff | None:
        """The customer this human has or is asked to take; None where another was asked in their place."""
        return self._has if self._has is not None and self._has.staff_id == self._staff_id else None

    async def _look_again(self) -> None:
        """Who is free now, and what this human has."""
        scene = self._scene
        self._humans = await handoffs.lock_humans(scene.uow, scene.organization_id)
        self._has = await handoffs.load_of_human(scene.uow, scene.organization_id, self._staff_id)

    async def _follow(self, meaning: Meaning, judgement: Judgement) -> None:
        """Do what the judge made of a message."""
        before = await self._find_before(meaning)
        if self._has is None or before is not None:
            await self._follow_up(meaning, judgement, before)
        elif judgement.intent is Intent.END and self._is_too_soon(judgement, self._has):
            await self._relay(meaning, _ASKED, self._has)
        elif judgement.intent is Intent.END:
            await self._end(self._has)
        elif judgement.intent is Intent.ASIDE:
            await self._set_aside(meaning, self._has)
        else:
            await self._relay(meaning, judgement, self._has)

    async def _find_before(self, meaning: Meaning) -> Handoff | None:
        """The customer a message was written to, if they were let go since: whoever is offered next is not meant."""
        has = self._has
        if has is not None and (has.state is HandoffState.ACTIVE or not _precedes(meaning.written_at, has)):
            return None
        scene = self._scene
        ended = await handoffs.load_last_ended(scene.uow, scene.organization_id, self._staff_id)
        if ended is None or ended.ended_at is None or scene.now - ended.ended_at > UNDO + _READING:
            return None
        return ended

    async def _follow_up(self, meaning: Meaning, judgement: Judgement, before: Handoff | None) -> None:
        """A word right after the end: a last greeting still reaches the customer it was for."""
        if judgement.intent is Intent.RELAY and before is not None:
            await self._say_once(meaning, before)
        elif judgement.intent is Intent.ASIDE:
            self._reply(meaning.answer or words.CANNOT_DO_YET)
        else:
            self._reply(words.NOTHING_OPEN)

    @staticmethod
    def _is_too_soon(judgement: Judgement, has: Handoff) -> bool:
        """A model sees an end before the human has said a word: their first is for the customer, and they are asked."""
        return judgement.decided_by is DecidedBy.MODEL and has.first_answer_at is None

    async def _relay(self, meaning: Meaning, judgement: Judgement, has: Handoff) -> None:
        if self._from_central and meaning.line.attachments:
            self._reply(words.files_elsewhere(self._scene.business))
            return
        has = await self._take_by_speaking(has)
        sender = await self._scene.conversation_with(self._staff_id)
        self.told += await flow.relay_to_customer(self._scene, has, [meaning.line], sender=sender)
        self._has = await handoffs.load_open(self._scene.uow, self._scene.organization_id, has.id)
        customer = name_of(has)
        if judgement.ask_to_end:
            self._reply(words.ask_to_end(customer))
        elif judgement.unsure:
            self._reply(words.how_to_end(customer))
        elif self._from_central:
            self._reply(words.answers_elsewhere(customer, self._scene.business))

    @property
    def _from_central(self) -> bool:
        return self._scene.organization_id != self._situation.claimed.organization_id

    async def _take_by_speaking(self, has: Handoff) -> Handoff:
        human = self._human
        if has.state is HandoffState.ACTIVE or human is None:
            return has
        taken, told = await flow.take(self._scene, has, human)
        self.told += told
        return taken

    async def _end(self, has: Handoff) -> None:
        if has.staff_id != self._staff_id:
            self._reply(words.NOT_ASKED_ANY_MORE)
            return
        self.told += await flow.end(self._scene, has, HandoffEvent.HUMAN_ENDS)
        await self._look_again()

    async def _set_aside(self, meaning: Meaning, has: Handoff) -> None:
        """Not for the customer: answer what can be answered, and keep the words in case they were."""
        await self._keep(meaning)
        self._reply(f"{meaning.answer or words.CANNOT_DO_YET}\n\n{words.kept_aside(name_of(has))}")

    async def _keep(self, meaning: Meaning) -> None:
        has = self._has
        assert has is not None
        await self._scene.note("handoff_aside", has.id, has.conversation_id, inbox_id=str(meaning.line.inbox_id))

    async def _answer_quoted(self, meaning: Meaning, quoted: Quoted) -> None:
        """An answer to a quoted message goes to whom the message was about."""
        assert quoted.handoff_id is not None
        scene = self._scene
        about = await handoffs.load(scene.uow, scene.organization_id, quoted.handoff_id)
        if about is None:
            self._reply(words.HANDOFF_OVER)
            return
        if self._has is not None and about.conversation_id == self._has.conversation_id:
            await self._relay(meaning, _CLEAR, self._has)
            return
        await self._say_once(meaning, about)

    async def _say_once(self, meaning: Meaning, about: Handoff) -> None:
        """Pass one message on to a customer this human does not have at the moment."""
        to = msgspec.structs.replace(about, state=HandoffState.ENDED, staff_id=self._staff_id)
        sender = await self._scene.conversation_with(self._staff_id)
        self.told += await flow.relay_to_customer(self._scene, to, [meaning.line], sender=sender)
        self._reply(words.relayed_by_quote(name_of(about)))

    # -- what the human orders ------------------------------------------------------------------------------------

    async def _take(self, meaning: Meaning, command: Command) -> None:
        human = self._human
        if human is None:
            self._reply(words.NOTHING_OPEN)
            return
        wanted = await self._find_wanted(command)
        if isinstance(wanted, str):
            if command.name is not None and self._has is not None and self._has.state is HandoffState.ACTIVE:
                await self._relay(meaning, _UNSURE, self._has)
            else:
                self._reply(wanted)
            return
        own = self._own
        if own is not None and (not isinstance(wanted, Handoff) or wanted.id != own.id):
            self._reply(words.finish_first(name_of(own)))
        elif isinstance(wanted, Handoff):
            await self._take_handoff(wanted, human)
        else:
            taken, told = await flow.take_unasked(self._scene, wanted.conversation_id, human)
            self._has = await handoffs.load_open(self._scene.uow, self._scene.organization_id, taken.id)
            self.told += told
            self._reply(words.taken(wanted.name or words.NAMELESS))

    async def _take_handoff(self, wanted: Handoff, human: Human) -> None:
        customer = name_of(wanted)
        if wanted.state is HandoffState.ENDED:
            self._reply(words.HANDOFF_OVER)
        elif wanted.state is HandoffState.ACTIVE and wanted.staff_id == self._staff_id:
            self._reply(words.taken_already(customer))
        elif wanted.state is HandoffState.ACTIVE and not self._is_left_alone(wanted):
            self._reply(words.taken_by(wanted.staff_name or words.NAMELESS_PERSON, customer))
        else:
            _, told = await flow.take(self._scene, wanted, human)
            self.told += told
            self._reply(words.taken(customer))
            await self._look_again()

    def _is_left_alone(self, wanted: Handoff) -> bool:
        """Whether the customer has waited so long that somebody else may step in."""
        if wanted.unanswered_since is None:
            return False
        since = max(wanted.unanswered_since, wanted.last_human_at or wanted.unanswered_since)
        return self._scene.now - since >= NUDGES[0]

    async def _find_wanted(self, command: Command) -> Handoff | people.CustomerChat | str:
        """Whom an order to take means; words where it is nobody, or several."""
        scene = self._scene
        if command.handoff_id is not None:
            found = await handoffs.load(scene.uow, scene.organization_id, command.handoff_id)
            return found if found is not None else words.HANDOFF_OVER
        open_ones = await handoffs.load_all_open(scene.uow, scene.organization_id)
        if command.name is None:
            if self._has is not None:
                return self._has
            waiting = [each for each in open_ones if each.state is HandoffState.WAITING]
            return waiting[0] if waiting else words.NOBODY_WAITS
        named = [each for each in open_ones if _is_named(name_of(each), command.name)]
        if len(named) == 1:
            return named[0]
        if len(named) > 1:
            return words.which_customer([name_of(each) for each in named][:_MOST_NAMES])
        return await self._find_chat(command.name)

    async def _find_chat(self, name: str) -> people.CustomerChat | str:
        chats = await people.list_customer_chats(self._scene.uow, self._scene.organization_id)
        digits = name.replace(" ", "")
        if digits.isdecimal() and len(digits) >= 4:
            named = [chat for chat in chats if chat.key.endswith(digits[-10:])]
        else:
            named = [chat for chat in chats if chat.name and _is_named(chat.name, name)]
        if len(named) == 1:
            return named[0]
        if named:
            return words.which_customer([chat.name or chat.key for chat in named][:_MOST_NAMES])
        return words.unknown_customer(name)

    async def _decline(self, meaning: Meaning, command: Command) -> None:
        offered = await self._offered(command)
        if offered is not None:
            self._reply(words.declined(name_of(offered)))
            self.told += await flow.decline(self._scene, offered)
            await self._look_again()

    async def _snooze(self, meaning: Meaning, command: Command) -> None:
        offered = await self._offered(command)
        if offered is not None:
            self.told += await flow.snooze(self._scene, offered)
            self._reply(words.snoozed(name_of(offered)))
            await self._look_again()

    async def _offered(self, command: Command) -> Handoff | None:
        """The customer this human is asked to take, if the order is about that one; says so where it is not."""
        has = self._own
        if has is not None and has.state is HandoffState.OFFERED and command.handoff_id in (None, has.id):
            return has
        if has is not None and command.handoff_id == has.id:
            self._reply(words.taken_already(name_of(has)))
        else:
            self._reply(words.NOT_ASKED_ANY_MORE)
        return None

    async def _pass_on(self, meaning: Meaning, command: Command) -> None:
        has, others = self._has, [each for each in self._humans if each.staff_id != self._staff_id]
        named = [each for each in others if command.name and _is_named(each.name, command.name)]
        if has is None:
            self._reply(words.NOTHING_OPEN)
        elif len(named) != 1 and command.name is not None:
            # nobody of that name works here: it was said to the customer
            await self._relay(meaning, _UNSURE, has)
        elif len(named) != 1:
            self._reply(words.cannot_pass_on([each.name for each in others], None))
        elif not named[0].free:
            self._reply(words.cannot_pass_on([], named[0].name))
        else:
            has = await self._take_by_speaking(has)
            self.told += await flow.pass_on(self._scene, has, named[0])
            self._reply(words.passed_on(name_of(has), named[0].name))
            self.told += await flow.connect_waiting(self._scene)
            await self._look_again()

    async def _show_line(self, meaning: Meaning, command: Command) -> None:
        open_ones = await handoffs.load_all_open(self._scene.uow, self._scene.organization_id)
        if not open_ones:
            self._reply(words.NOBODY_WAITS)
            return
        lines = [
            words.line_entry(number, name_of(each), words.describe_state(each.state, each.staff_name))
            for number, each in enumerate(open_ones, start=1)
        ]
        self._reply(words.line(lines))

    async def _undo(self, meaning: Meaning, command: Command) -> None:
        human = self._human
        undone = await flow.undo_end(self._scene, human, written_at=meaning.written_at) if human else None
        if undone is None:
            self._reply(words.CANNOT_UNDO)
            return
        reopened, told = undone
        self.told += told
        self._reply(words.undone(name_of(reopened)))
        await self._look_again()

    async def _send_kept(self, meaning: Meaning, command: Command) -> None:
        """Send the customer what was kept aside."""
        has, scene = self._has, self._scene
        since = scene.now - _KEPT_FOR
        kept = await journal.find_kept(scene.uow, scene.organization_id, has.id, since=since) if has else None
        if has is None or kept is None:
            if has is not None and has.state is HandoffState.ACTIVE and fold_words(meaning.line.text) != "enviar":
                await self._relay(meaning, _UNSURE, has)
            else:
                self._reply(words.NOTHING_KEPT)
            return
        line = msgspec.structs.replace(meaning.line, inbox_id=kept.inbox_id, text=kept.text)
        await self._scene.note("handoff_aside_sent", has.id, has.conversation_id, inbox_id=str(kept.inbox_id))
        await self._relay(msgspec.structs.replace(meaning, line=line), _CLEAR, has)

    async def _end_by_order(self, meaning: Meaning, command: Command) -> None:
        if self._has is None or command.handoff_id not in (None, self._has.id):
            self._reply(words.NOTHING_OPEN)
        else:
            await self._end(self._has)

    async def _help(self, meaning: Meaning, command: Command) -> None:
        self._reply(words.HANDOFF_HELP)


def _precedes(written_at: datetime, offered: Handoff) -> bool:
    """Whether a message was written before its writer can have known whom they are offered."""
    return offered.offered_at is not None and written_at < offered.offered_at + _READING


def _is_named(full: str, wanted: str) -> bool:
    """Whether each wanted word begins a word of the name: "ana" is Ana López, "lópez" too."""
    words_of = fold_words(full).split()
    return all(any(word.startswith(part) for word in words_of) for part in fold_words(wanted).split())
