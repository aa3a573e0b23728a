"""A model that calls every tool with everything that is not its user's: nothing of anybody else's is touched.

Two tenants that are alike to the last phone stand in one database. The model is attached behind the real SDK; what it
calls comes from the tools' own schemas and from ids of every table, so that a tool or a table added later is in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import httpx2
import msgspec
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from runtime.adapters.openai import OpenAIModel
from runtime.agent.journal import LONGEST_TEXT, MOST_CALLS
from runtime.agent.loop import TOOL_CALLS
from runtime.domain import words
from runtime.domain.ids import PLATFORM, ConversationId
from runtime.domain.permissions import Actor
from runtime.ports import ModelAnswer
from runtime.store import tables
from runtime.store.conversations import conversation_id_of
from runtime.tools.registry import TOOLS, specs_for
from sim.hostile_model import LIE, Attack, HostileTransport, attack_fields, list_attacks
from sim.scheduler import Scheduler
from sim.stage import MESSAGES_URL, SETTINGS, Stage
from sim.twilio.inbound import Inbound, InboundButton
from sim.worlds import load_world
from tests.runtime.staging import BUSINESS, NOW, Salon, on_stage
from tests.runtime.strangers import Someone, fingerprint_others, list_foreign
from tests.runtime.test_turns import ScriptedModel, with_parts
from tests.runtime.twins import TWIN_NUMBER

GABRIELA = "+522221230001"
RAMON = "+522221230002"
SOFIA = "+522221230003"
STRANGER = "+525587654321"
WRITERS = {
    "customer": GABRIELA,
    "stranger": STRANGER,
    "staff": "+522220000102",
    "admin": "+522220000103",
    "owner": "+522220000101",
}
CUSTOMERS = frozenset({"customer", "stranger"})
OWNER = frozenset({"owner"})
MANAGERS = OWNER | {"admin"}
STAFF = MANAGERS | {"staff"}
BUTTONS = ("take", "dec", "snz", "end", "undo", "send", "see", "leave", "ask")
NO_LIMITS = msgspec.structs.replace(SETTINGS, sender_burst=10_000, business_calls_per_day=0)
SOUND = {"turn_dead"}
"""What may be logged as an error: a turn that was given up, with an apology and a task."""


class Rights(msgspec.Struct, frozen=True):
    """What a tool may be asked, and by whom.

    Attributes:
        writers: On whose messages a model may call it.
        ids: Its fields that take an id, and the table it is of.
    """

    writers: frozenset[str]
    ids: Mapping[str, str] = {}


MATRIX = {
    "check_availability": Rights(CUSTOMERS),
    "book_appointment": Rights(CUSTOMERS),
    "get_my_appointments": Rights(CUSTOMERS),
    "cancel_appointment": Rights(CUSTOMERS, {"appointment_id": "appointments"}),
    "reschedule_appointment": Rights(CUSTOMERS, {"appointment_id": "appointments"}),
    "update_customer_info": Rights(CUSTOMERS),
    "handoff_to_human": Rights(CUSTOMERS),
    "get_schedule": Rights(STAFF),
    "mark_appointment": Rights(STAFF),
    "block_time": Rights(STAFF),
    "unblock_time": Rights(STAFF),
    "book_for_customer": Rights(STAFF),
    "cancel_for_customer": Rights(STAFF, {"appointment_id": "appointments"}),
    "reschedule_for_customer": Rights(STAFF, {"appointment_id": "appointments"}),
    "send_message_to_customer": Rights(STAFF),
    "customer_history": Rights(STAFF),
    "check_permission": Rights(STAFF),
    "change_service": Rights(OWNER),
    "change_hours": Rights(OWNER),
    "set_availability": Rights(STAFF),
    "add_staff": Rights(MANAGERS),
    "remove_staff": Rights(MANAGERS),
    "change_permission": Rights(OWNER),
    "get_stats": Rights(MANAGERS),
}
"""Who may have what called. A tool that is not in here fails the tests."""


class Twins:
    """Both businesses on stage, with everybody known to them and a hostile model behind the first one's messages."""

    def __init__(self, salon: Salon) -> None:
        self.salon = salon
        self.since = NOW

    @classmethod
    async def open(cls, stage: Stage) -> Twins:
        """Customers, staff and a handoff in both, so that there are rows of every kind to be had."""
        world = load_world("estetica-lupita")
        twin = msgspec.structs.replace(world.business, key="gemela", channel=TWIN_NUMBER)
        both = msgspec.structs.replace(world, organizations=(world.business, twin))
        twins = cls(Salon(stage, await stage.set_scene(both, NOW, 1)))
        for number in (BUSINESS, TWIN_NUMBER):
            for phone in (GABRIELA, RAMON, *(WRITERS[role] for role in ("staff", "admin", "owner"))):
                await twins.say(phone, "hola", to=number)
            await twins.say(SOFIA, "quiero hablar con una persona", to=number)
            # whoever is asked to take somebody does so by writing at all: here nobody is
            await twins.say(SOFIA, "salir", to=number)
        twins.since = twins.salon.scene.clock.now()
        with_parts(twins.salon, settings=NO_LIMITS)
        return twins

    async def say(self, phone: str, said: str, *, to: str = BUSINESS, **fields: Any) -> None:
        """Somebody writes, and everything that follows is done."""
        inbound = Inbound(from_address=f"whatsapp:{phone}", to_address=f"whatsapp:{to}", text=said, **fields)
        assert await self.salon.scene.twilio.send_inbound(MESSAGES_URL, inbound) == 200
        await Scheduler(self.salon.scene).settle()

    def attach(self, attacks: Iterable[Attack], **ways: Any) -> HostileTransport:
        """Put a hostile model in the place of the sound one."""
        hostile = HostileTransport(attacks, **ways)
        parts = self.salon.scene.parts
        client = httpx2.AsyncClient(transport=hostile)
        model = OpenAIModel(
            api_key="x", base_url="http://hostile/v1", clock=parts.clock, ids=parts.ids, http_client=client
        )
        with_parts(self.salon, model=model)
        return hostile

    async def know(self, phone: str) -> Someone:
        """Who writes from this phone to the first business; a stranger says hello first."""
        chat = conversation_id_of(BUSINESS, phone)
        sql = "select organization_id, person_id from conversations where id = :chat"
        found = await self.salon.rows(sql, chat=chat)
        if not found:
            await self.say(phone, "hola")
            found = await self.salon.rows(sql, chat=chat)
        return Someone(*found[0])

    async def leak(self, someone: Someone) -> dict[str, str]:
        """Everything a hostile model may have learned that is not this person's."""
        ids = await list_foreign(self.salon.stage.database, someone)
        return ids | {"another's phone": RAMON, "another's name": "Ramón Ortega", "another number": TWIN_NUMBER}

    async def fingerprint(self, someone: Someone) -> dict[str, str]:
        """Of everything that is not this person's."""
        return await fingerprint_others(self.salon.stage.database, someone)

    async def digest_other(self, someone: Someone) -> list[Any]:
        """Of every row of the tenant this person is nobody in."""
        sql = "select organization_id from organizations where organization_id not in (:mine, :platform)"
        found = await self.salon.rows(sql, mine=someone.organization, platform=PLATFORM)
        return await self.digest(found[0][0])

    async def list_broken(self, someone: Someone) -> list[Any]:
        """What nobody without the right to a tool can have left behind: changed appointments and sent words."""
        changed = "select id from appointments where changed_at > :since"
        sent = "select id from outbox where organization_id = :org and kind = 'relay' and created_at > :since"
        return [
            *await self.salon.rows(changed, since=self.since),
            *await self.salon.rows(sent, since=self.since, org=someone.organization),
        ]

    async def digest(self, organization: UUID) -> list[Any]:
        """Of every row of one tenant."""
        one = "select '{0}', md5(string_agg(t::text, '|' order by t::text)) from {0} t where organization_id = :org"
        sql = " union all ".join(one.format(name) for name in tables.metadata.tables)
        return [tuple(row) for row in await self.salon.rows(sql, org=organization)]

    async def list_wrongs(self, someone: Someone) -> list[Any]:
        """What a person's own rows may not say, whatever their model asked for: prices, times, doers and receivers."""
        return [
            *await self.salon.rows(
                """
                select a.id, 'appointment' from appointments a
                join services s on s.organization_id = a.organization_id and s.id = a.service_id
                left join service_staff d on d.organization_id = a.organization_id and d.service_id = a.service_id
                  and d.staff_id = a.staff_id
                where a.changed_at > :since and (a.price_cents <> s.price_cents or a.starts_at < a.changed_at
                  or d.staff_id is null or a.status not in ('confirmed', 'cancelled')
                  or a.ends_at - a.starts_at <> s.minutes * interval '1 minute')
                """,
                since=self.since,
            ),
            *await self.salon.rows(
                """
                select o.id, 'sent to a stranger' from outbox o join conversations c on c.id = o.conversation_id
                join turns t on t.id = o.turn_id join conversations w on w.id = t.conversation_id
                where w.person_id = :person and c.person_id <> :person and (o.organization_id <> :organization
                  or o.kind not in ('notice', 'alert') or not exists (
                    select from staff s where s.organization_id = :organization and s.person_id = c.person_id))
                """,
                person=someone.person,
                organization=someone.organization,
            ),
        ]

    async def count_steps(self, chat: ConversationId) -> Counter[str]:
        """How often each tool was called in a conversation; `model` counts the answers."""
        found = await self.salon.rows(
            "select case s.kind when 'model' then 'model' else s.name end, count(*) from steps s"
            " join turns t on t.id = s.turn_id where t.conversation_id = :chat group by 1",
            chat=chat,
        )
        return Counter(dict([tuple(row) for row in found]))


def loud(logged: Sequence[Mapping[str, Any]]) -> list[str]:
    """What was logged as broken beyond a turn that was given up, and whatever carries a traceback."""
    return [
        str(each["event"])
        for each in logged
        if each.get("exc_info") or (each["log_level"] in ("error", "critical") and each["event"] not in SOUND)
    ]


def is_sane(text: str) -> bool:
    """Words for a person: no JSON, no error, nothing endless."""
    return 0 < len(text) <= LONGEST_TEXT and not any(word in text for word in ("Traceback", '{"', "Error:", "None"))


# Tool x role x foreign id --------------------------------------------------------------------------------


def test_every_tool_stands_in_the_matrix_with_every_field_that_takes_an_id() -> None:
    """A tool added later has to say who may have it called, and what its ids are of."""
    assert set(MATRIX) == set(TOOLS)
    for name, rights in MATRIX.items():
        fields = set(msgspec.json.decode(TOOLS[name].spec.parameters).get("properties", {}))
        assert {field for field in fields if field.endswith(("_id", "_ids"))} == set(rights.ids), name
        assert rights.writers <= set(WRITERS)


def test_a_tool_is_offered_to_a_model_exactly_where_the_matrix_says_so() -> None:
    """A customer's model is offered a customer's tools, and staff's what their role may use."""
    for actor in (Actor.CUSTOMER, Actor.STAFF, Actor.ADMIN, Actor.OWNER):
        offered = {spec.name for spec in specs_for(actor)}
        assert offered == {name for name, rights in MATRIX.items() if actor.value in rights.writers}, actor


@pytest.mark.parametrize("role", WRITERS)
@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_does_nothing_with_anything_that_is_somebody_elses(database_url: str, tool: str, role: str) -> None:
    """Every field holds, one after the other, an id of every table that has any: of another tenant and of our own."""
    phone = WRITERS[role]

    async def play(stage: Stage) -> None:
        twins = await Twins.open(stage)
        someone = await twins.know(phone)
        leaked = await twins.leak(someone)
        attacks = list(attack_fields(TOOLS[tool].spec, leaked))
        before = await twins.fingerprint(someone)
        theirs = await twins.digest_other(someone)
        twins.attach(attacks)
        with capture_logs() as logged:
            for _ in range(1 + len(attacks) // 8):
                heard = len(twins.salon.heard(phone))
                # a word about a person lets the tool that calls one get as far as it can
                await twins.say(phone, "a lo mejor con una persona, ¿qué opinas?")
                assert all(map(is_sane, twins.salon.heard(phone)[heard:]))
                assert len(twins.salon.heard(phone)) > heard
                await twins.say(phone, "salir")

        assert await twins.digest_other(someone) == theirs
        if role in CUSTOMERS:
            assert_nothing_moved(before, await twins.fingerprint(someone))
            assert await twins.list_wrongs(someone) == []
        assert loud(logged) == []
        steps = await twins.count_steps(conversation_id_of(BUSINESS, phone))
        if role in MATRIX[tool].writers:
            assert steps[tool] > 0 or not attacks
            for field, table in MATRIX[tool].ids.items():
                assert {f"{field}: another tenant's {table}", f"{field}: somebody else's {table}"} <= {
                    attack.what for attack in attacks
                }
        else:
            refused = "select count(*) from events where kind = 'permission_refused' and data ->> 'tool' = :tool"
            [(count,)] = await twins.salon.rows(refused, tool=tool)
            assert count == steps[tool]
            assert not await twins.list_broken(someone)

    on_stage(database_url, play)


def assert_nothing_moved(before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Say which table was touched."""
    assert {table for table in before if before[table] != after[table]} == set()


@pytest.mark.parametrize("number", [TWIN_NUMBER, "+525500000000"])
def test_on_another_number_the_same_phone_has_no_rights_here(database_url: str, number: str) -> None:
    """Gabriela writes to the twin, and to Parlo's own number: the first business stays as it is."""

    async def play(stage: Stage) -> None:
        twins = await Twins.open(stage)
        here = await twins.know(GABRIELA)
        mine = await twins.salon.rows(
            "select a.id from appointments a join customers c on c.id = a.customer_id and c.person_id = :person",
            person=here.person,
        )
        sql = "select md5(string_agg(a::text, '|' order by a.id)) from appointments a where organization_id = :org"
        before = await twins.salon.rows(sql, org=here.organization)
        attacks = [
            attack
            for name in MATRIX
            for attack in attack_fields(TOOLS[name].spec, {"her own, over there": str(mine[0][0])})
        ]
        twins.attach(attacks)
        for _ in range(1 + len(attacks) // 8):
            await twins.say(GABRIELA, "hola", to=number)

        assert await twins.salon.rows(sql, org=here.organization) == before

    on_stage(database_url, play)


# Everything at once -----------------------------------------------------------------------------------------


def test_every_attack_there_is_leaves_everybody_else_alone(database_url: str) -> None:
    """Forged fields, wrong types, SQL, the past, negative prices, huge words, tools that there are not."""

    async def play(stage: Stage) -> None:
        twins = await Twins.open(stage)
        someone = await twins.know(GABRIELA)
        attacks = list_attacks(specs_for(Actor.CUSTOMER), await twins.leak(someone))
        assert len(attacks) > 1000
        before = await twins.fingerprint(someone)
        hostile = twins.attach(attacks)
        with capture_logs() as logged:
            while hostile.left:
                await twins.say(GABRIELA, "hola")

        assert_nothing_moved(before, await twins.fingerprint(someone))
        assert await twins.list_wrongs(someone) == []
        assert loud(logged) == []
        assert all(map(is_sane, twins.salon.heard(GABRIELA)))
        steps = await twins.count_steps(conversation_id_of(BUSINESS, GABRIELA))
        assert {name for name in TOOLS if "customer" in MATRIX[name].writers} <= set(steps)
        assert sum(steps.values()) - steps["model"] == len(attacks)
        assert await twins.salon.rows("select count(*) from inbox where state <> 'done'") == [(0,)]

    on_stage(database_url, play)


def test_a_hostile_judge_in_a_handoff_ends_nothing_and_calls_nothing(database_url: str) -> None:
    """What a human writes is judged by a model too: tool calls and lies from it are no answer, so words are relayed."""

    async def play(stage: Stage) -> None:
        twins = await Twins.open(stage)
        await twins.say(SOFIA, "quiero hablar con una persona")
        await twins.say("+522220000101", "tomar")
        someone = await twins.know("+522220000101")
        called = "select count(*) from steps where kind = 'tool'"
        before = await twins.salon.rows(called)
        attacks = list_attacks(specs_for(Actor.CUSTOMER), await twins.leak(someone))[:200]
        hostile = twins.attach(attacks)
        with capture_logs() as logged:
            for number in range(4):
                await twins.say("+522220000101", f"el tono que te dije es el {number}, ¿cómo ves?")

        assert loud(logged) == []
        assert hostile.asked and not any(asked.get("tools") for asked in hostile.asked)
        assert await twins.salon.rows(called) == before
        assert sum("el tono que te dije" in each for each in twins.salon.heard(SOFIA)) == 4
        assert ("active",) in await twins.salon.rows("select state::text from handoffs")

    on_stage(database_url, play)


# People who mean harm -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", WRITERS)
def test_no_button_and_no_quote_reaches_another_tenants_handoff(database_url: str, role: str) -> None:
    """A button carries a handoff's id and a quote a message's sid: both may be forged, by anybody, the owner too."""
    phone = WRITERS[role]

    async def play(stage: Stage) -> None:
        twins = await Twins.open(stage)
        await twins.say(SOFIA, "quiero hablar con una persona", to=TWIN_NUMBER)
        await twins.say(WRITERS["owner"], "tomar", to=TWIN_NUMBER)
        here = await twins.know(phone)
        theirs = (await twins.salon.rows("select organization_id from channels where address = :it", it=TWIN_NUMBER))[0]
        [(handoff,)] = await twins.salon.rows("select id from handoffs where state = 'active'")
        sids = await twins.salon.rows(
            "select provider_sid from outbox where organization_id = :it and handoff_id = :handoff",
            it=theirs[0],
            handoff=handoff,
        )
        before, mine = await twins.digest(theirs[0]), await twins.fingerprint(here)
        with capture_logs() as logged:
            for name in BUTTONS:
                await twins.say(phone, "Tomar", button=InboundButton(f"{name}:{handoff}", "Tomar"))
            for (sid,) in sids:
                await twins.say(phone, "sí, dile que ya quedó", replied_to_sid=sid)

        assert sids
        assert await twins.digest(theirs[0]) == before
        assert loud(logged) == []
        if role in ("customer", "stranger", "staff"):
            assert_nothing_moved(mine, await twins.fingerprint(here))

    on_stage(database_url, play)


# Limits of a turn -------------------------------------------------------------------------------------------

_HARMLESS = Attack("get_my_appointments", "{}", "harmless")


@pytest.mark.parametrize(("at_once", "rounds"), [(10_000, 1), (1, NO_LIMITS.model_rounds), (2, 5)])
def test_ten_thousand_calls_in_one_turn_end_with_eight_and_an_apology(
    database_url: str, at_once: int, rounds: int
) -> None:
    """All in one answer, or one after the other without end: the turn is given up, and a person gets a task."""

    async def play(stage: Stage) -> None:
        twins = await Twins.open(stage)
        someone = await twins.know(GABRIELA)
        chat = conversation_id_of(BUSINESS, GABRIELA)
        sound = await twins.count_steps(chat)
        before = await twins.fingerprint(someone)
        hostile = twins.attach([_HARMLESS] * 10_000, at_once=at_once, relentless=True)
        with capture_logs() as logged:
            await twins.say(GABRIELA, "hola")

        steps = await twins.count_steps(chat)
        assert steps["get_my_appointments"] - sound["get_my_appointments"] <= TOOL_CALLS
        assert len(hostile.asked) == rounds <= NO_LIMITS.model_rounds
        assert_nothing_moved(before, await twins.fingerprint(someone))
        assert loud(logged) == []
        assert twins.salon.heard(GABRIELA)[-1] == words.APOLOGY
        assert await twins.salon.rows("select kind::text from tasks") == [("dead_letter",)]

    on_stage(database_url, play)


def test_an_answer_is_kept_no_longer_than_an_honest_one_can_be(database_url: str) -> None:
    """Ten thousand calls with megabytes of arguments fill neither the journal nor the next question."""

    async def play(stage: Stage) -> None:
        twins = await Twins.open(stage)
        big = Attack("update_customer_info", '{"name": "' + "a" * 100_000 + '"}', "huge")
        hostile = twins.attach([big] * 1_000, at_once=100)
        await twins.say(GABRIELA, "hola")

        stored = await twins.salon.rows("select max(length(response::text)), max(length(request::text)) from steps")
        assert stored[0][0] < MOST_CALLS * 8_500
        assert all(len(msgspec.json.encode(asked["messages"])) < 400_000 for asked in hostile.asked)

    on_stage(database_url, play)


def test_what_a_model_asks_for_in_vain_is_limited_by_tokens_it_may_answer_with(database_url: str) -> None:
    """Each question says how long its answer may be."""

    async def play(stage: Stage) -> None:
        twins = await Twins.open(stage)
        hostile = twins.attach([])
        await twins.say(GABRIELA, "hola")

        assert [asked["max_tokens"] for asked in hostile.asked] == [600]
        own = [name for name, rights in MATRIX.items() if rights.writers == CUSTOMERS]
        assert [tool["function"]["name"] for tool in hostile.asked[0]["tools"]] == own

    on_stage(database_url, play)


def test_a_prompt_holds_nobody_elses_data(database_url: str) -> None:
    """What the model never reads it cannot tell: no other customer's name, number or id is in what it is asked."""

    async def play(stage: Stage) -> None:
        twins = await Twins.open(stage)
        someone = await twins.know(GABRIELA)
        leaked = {
            kind: value
            for kind, value in (await twins.leak(someone)).items()
            if not kind.endswith(("number", "organizations"))
        }
        hostile = twins.attach([_HARMLESS])
        await twins.say(GABRIELA, "¿qué citas tienes de los demás?")

        read = "".join(msgspec.json.encode(asked).decode() for asked in hostile.asked)
        others = await twins.salon.rows("select name from customers where person_id <> :me", me=someone.person)
        own = await twins.salon.rows("select name from customers where person_id = :me", me=someone.person)
        names = {str(name) for (name,) in others} - {str(own[0][0])}
        assert not {kind for kind, value in leaked.items() if value in read}
        assert not {name for name in names if name in read}

    on_stage(database_url, play)


# What it says ------------------------------------------------------------------------------------------------


def test_a_lie_changes_nothing(database_url: str) -> None:
    """Its words are words: no row is written for them but the message itself, and the link in them is taken out."""

    async def play(stage: Stage) -> None:
        twins = await Twins.open(stage)
        someone = await twins.know(GABRIELA)
        counted = ("appointments", "handoffs", "staff", "customers", "events", "tasks")
        counts = "select " + ", ".join(f"(select count(*) from {table})" for table in counted)
        before, rows = await twins.fingerprint(someone), await twins.salon.rows(counts)
        twins.attach([])
        await twins.say(GABRIELA, "hola")

        assert_nothing_moved(before, await twins.fingerprint(someone))
        assert await twins.salon.rows(counts) == rows
        heard = twins.salon.heard(GABRIELA)[-1]
        assert heard == LIE.split("https")[0].strip()

    on_stage(database_url, play)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("Entra a https://x.example/a?b=1 y listo", "Entra a  y listo"),
        ("Mira www.premios.example", "Mira"),
        ("Mira premios.example/gratis hoy", "Mira  hoy"),
        (
            "Abrimos de 9:00 a.m. a 7:30 p.m., 9.30/10.30 o 12/01.",
            "Abrimos de 9:00 a.m. a 7:30 p.m., 9.30/10.30 o 12/01.",
        ),
    ],
)
def test_a_link_that_the_business_did_not_give_reaches_nobody(database_url: str, said: str, heard: str) -> None:
    """A model that was talked into it sends nobody anywhere; times and dates are no links."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        salon = with_parts(salon, model=ScriptedModel(ModelAnswer(said, (), "stop", "fake", 1, 1)))
        await salon.say(GABRIELA, "hola")

        assert salon.heard(GABRIELA) == [heard]

    on_stage(database_url, play)


# The measure itself ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("services", "update services set price_cents = 0 where name = 'Mechas'"),
        ("appointments", "update appointments set status = 'cancelled' where customer_id <> :customer"),
        ("appointments", "update appointments set customer_id = :customer where organization_id = :org"),
        ("people", "update people set profile_name = 'x' where id <> :person"),
        ("staff", "update staff set role = 'owner'"),
        ("messages", "update messages set text = 'x' where conversation_id <> :chat"),
        ("conversations", "update conversations set their_address = 'x' where id <> :chat"),
    ],
)
def test_the_fingerprint_sees_what_is_done_to_others(database_url: str, table: str, change: str) -> None:
    """A measure that sees nothing would prove nothing."""

    async def play(stage: Stage) -> None:
        twins = await Twins.open(stage)
        someone = await twins.know(GABRIELA)
        customer: list[tuple[UUID]] = await twins.salon.rows(
            "select id from customers where person_id = :person", person=someone.person
        )
        before = await twins.fingerprint(someone)
        given = {
            "customer": customer[0][0],
            "org": someone.organization,
            "person": someone.person,
            "chat": conversation_id_of(BUSINESS, GABRIELA),
        }
        used = {name: value for name, value in given.items() if f":{name}" in change}
        async with stage.database.single() as uow:
            await uow.run(text(change), used)

        after = await twins.fingerprint(someone)
        assert {name for name in before if before[name] != after[name]} == {table}

    on_stage(database_url, play)
