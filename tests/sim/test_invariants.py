"""Each of these invariants sees the rows that breach it, and lets those pass that only look like it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from runtime.domain import words
from sim.databases import borrow_copy
from sim.handoff_log import watch_handoffs
from sim.simulation.invariants import Seen, check
from sim.simulation.knobs import Knob, Profile
from sim.simulation.plan import Plan, draw_plan
from sim.stage import SETTINGS

pytestmark = pytest.mark.integration

_WITHOUT_ID = ("steps", "templates")
NOON = datetime(2026, 5, 6, 12, tzinfo=UTC)
_LOOSEN = """
    do $$ declare c record; begin
      for c in select conrelid::regclass::text as t, conname from pg_constraint where contype = 'f' loop
        execute format('alter table %s drop constraint %I', c.t, c.conname);
      end loop;
    end $$
"""


class Book:
    """A database in which rows may be written one by one, without what they refer to."""

    def __init__(self, owner: psycopg.Connection[Any]) -> None:
        self.owner = owner
        self._plan: Plan = draw_plan(1, Profile.NONE)[0]
        self._number = 0
        row = owner.execute("select organization_id from organizations").fetchone()
        assert row is not None
        self._organization: UUID = row[0]

    def write(self, table: str, **values: object) -> UUID:
        """A row with an id of its own."""
        self._number += 1
        row_id = UUID(int=self._number)
        given = {"organization_id": self._organization} | ({} if table in _WITHOUT_ID else {"id": row_id}) | values
        self.owner.execute(
            sql.SQL("insert into {} ({}) values ({})").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, given)),
                sql.SQL(", ").join(sql.Placeholder() * len(given)),
            ),
            list(given.values()),
        )
        return row_id

    def turn(self, *, after_s: float = 0.0, of: str = "chat", **values: object) -> UUID:
        """A turn that is over; `of` names its conversation."""
        at = NOON + timedelta(seconds=after_s)
        end = {"state": "done", "route": "13", "started_at": at, "finished_at": at + timedelta(seconds=1)}
        return self.write("turns", **(end | {"conversation_id": name(of)} | values))

    def model_step(self, turn: UUID, number: int, *, after_s: float = 0.0) -> None:
        """An answer of the model."""
        at = NOON + timedelta(seconds=after_s)
        values = {"kind": "model", "name": "customer", "request_key": "k", "response": Jsonb({"finish": "stop"})}
        self.write("steps", turn_id=turn, number=number, at=at, **values)

    def say(self, body: str, *, after_s: float, kind: str = "reply", **values: object) -> UUID:
        """A message of ours that was sent."""
        at = NOON + timedelta(seconds=after_s)
        fixed = {"dedupe_key": f"{self._number}", "state": "failed", "not_before": at, "created_at": at}
        row = fixed | {"conversation_id": name("chat"), "kind": kind, "body": body} | values
        row_id = self.write("outbox", **row)
        task = {"kind": "undelivered", "dedupe_key": f"undelivered:{row_id}", "summary": "x", "created_at": at}
        self.write("tasks", **task)
        return row_id

    def hear(self, turn: UUID, *, after_s: float) -> None:
        """A message of a customer's, and its place in the history."""
        at = NOON + timedelta(seconds=after_s)
        sid = f"SM{self._number}"
        common = {"conversation_id": name("chat"), "turn_id": turn}
        fixed = {"provider": "twilio", "sid": sid, "kind": "text", "body": "x", "payload": Jsonb({}), "state": "done"}
        self.write("inbox", received_at=at, **fixed, **common)
        self.write("messages", author="customer", text="x", at=at, **common)

    def ask(self, seen: Seen | None = None, struck: dict[Knob, int] | None = None) -> list[str]:
        """The invariants that are breached."""
        found = check(self.owner, self._plan, seen or Seen(now=NOON), struck or {})
        return [violation.invariant for violation in found]


@pytest.fixture
def book(server_url: str) -> Iterator[Book]:
    """An empty one."""
    with borrow_copy(server_url, f"parlo_invariants_test_{os.getpid()}") as url:
        watch_handoffs(url)
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute(_LOOSEN)
            yield Book(owner)


def name(of: str) -> UUID:
    """The id of what is called so."""
    return uuid5(UUID(int=0), of)


def test_a_journal_with_a_gap_or_without_the_answer_that_was_used_is_seen(book: Book) -> None:
    """A turn without a model has none to journal."""
    sound = book.turn(model="m")
    book.model_step(sound, 1)
    book.turn()
    before = book.ask()

    gap = book.turn(model="m")
    book.model_step(gap, 2)
    book.turn(model="m")

    assert before == []
    assert book.ask() == ["journal.numbered", "journal.answers"]


def test_an_effect_without_its_step_is_seen_and_so_is_a_step_without_its_effect(book: Book) -> None:
    """Where there are as many of each, all is well; what was refused had no effect."""
    turn = book.turn()
    told = {"kind": "tool", "request_key": "k", "turn_id": turn, "at": NOON}
    book.write("events", kind="appointment_booked", conversation_id=name("chat"), data=Jsonb({}), at=NOON)
    book.write("steps", number=1, name="book_appointment", response=Jsonb({"ok": True}), **told)
    book.write("steps", number=2, name="book_appointment", response=Jsonb({"ok": False}), **told)
    before = book.ask()

    book.write("steps", number=3, name="cancel_appointment", response=Jsonb({"ok": True}), **told)

    assert before == []
    assert book.ask() == ["journal.effects"]


def test_words_refused_for_the_window_that_do_not_fall_back_are_seen(book: Book) -> None:
    """What has no template, or was sent as it already, has failed for good."""
    texts = {"language": "es_MX", "content_hash": "h", "values_hash": "h", "body": "x", "content_sid": "HX"}
    book.write("templates", name="aviso", status="approved", changed_at=NOON, **texts)
    book.say("x", after_s=0, error_code=63016)
    book.say("x", after_s=1, error_code=63016, template="aviso", as_template=True)
    before = book.ask()

    book.say("x", after_s=2, error_code=63016, template="aviso")

    assert before == []
    assert book.ask() == ["outbox.falls_back"]


def test_a_word_to_somebody_who_wants_none_is_seen(book: Book) -> None:
    """Until they want messages again; the answer to their opt-out, and a human's words, are not meant."""
    book.say(words.OPTED_OUT, after_s=0)
    book.say(words.STILL_OUT, after_s=10)
    book.say("Hola, soy Rosa", after_s=11, kind="relay")
    book.say(words.OPTED_IN, after_s=20)
    book.say("¿En qué te ayudo?", after_s=30)
    before = book.ask()

    book.say("Tenemos promociones", after_s=15)

    assert before == []
    assert book.ask() == ["consent.kept"]


def test_a_turn_that_did_not_wait_for_the_burst_is_seen(book: Book) -> None:
    """A long burst is cut off, and what came during another turn follows it at once."""
    limit = SETTINGS.burst_s + 0.1
    cut_off = book.turn(after_s=limit)
    for after_s in (0.0, 2.0, 4.0, limit - 0.1):
        book.hear(cut_off, after_s=after_s)
    following = book.turn(after_s=limit + 1.1)
    book.hear(following, after_s=limit + 0.9)
    before = book.ask()

    hasty = book.turn(after_s=60.2)
    book.hear(hasty, after_s=60.0)

    assert before == []
    assert book.ask() == ["turns.bursts"]


def test_a_sender_who_costs_more_than_they_may_is_seen(book: Book) -> None:
    """A full bucket, and what comes back meanwhile, may be used."""
    modest, eager = book.turn(), book.turn(of="other")
    for number in range(SETTINGS.sender_burst):
        book.model_step(modest, number + 1, after_s=number)
    before = book.ask()

    for number in range(SETTINGS.sender_burst + 12):
        book.model_step(eager, number + 1, after_s=number)

    assert before == []
    assert book.ask() == ["cost.sender"]


def test_an_answer_that_was_paid_for_and_not_used_is_seen(book: Book) -> None:
    """Where a process died, it may have been in its hands."""
    book.model_step(book.turn(), 1)

    assert book.ask(Seen(now=NOON, model_answers=1)) == []
    assert book.ask(Seen(now=NOON, model_answers=2)) == ["cost.model_calls"]
    assert book.ask(Seen(now=NOON, model_answers=2), {Knob.PROCESS_KILLED: 1}) == []


def test_a_message_that_was_sent_before_anybody_else_could_know_is_seen(book: Book) -> None:
    """Where a process slept, others may have given its message back to the line meanwhile."""
    assert book.ask(Seen(now=NOON, unmarked=1)) == ["outbox.marked_first"]
    assert book.ask(Seen(now=NOON, unmarked=1), {Knob.PROCESS_STOPPED: 1}) == []


def test_a_message_that_nobody_ever_took_is_seen(book: Book) -> None:
    """However often it was brought."""
    assert book.ask(Seen(now=NOON, never_taken=1)) == ["inbox.all_taken"]


def test_silence_that_a_customer_puts_off_or_that_nobody_looks_at_is_seen(book: Book) -> None:
    """It is counted from what a human did, and its end is looked at in time."""
    human = {"staff_id": name("rosa"), "connected_at": NOON, "requested_at": NOON, "last_human_at": NOON}
    common = {"reason": "x", "state": "active", **human}
    chat = {"conversation_id": name("chat")}
    first = book.write("handoffs", due_at=NOON + timedelta(minutes=30), **common, **chat)
    act = {"kind": "handoff_take", "data": Jsonb({}), "at": NOON}
    book.write("events", subject_id=first, **act, **chat)
    before = book.ask()

    other = {"conversation_id": name("other"), "staff_id": name("perla")}
    late = common | other | {"last_human_at": NOON + timedelta(minutes=1)}
    book.write("handoffs", due_at=NOON + timedelta(minutes=32), **late)

    assert before == []
    assert book.ask() == ["handoffs.silence_is_the_humans", "handoffs.looked_at_in_time"]
