"""Templates through the SDK: made, approved, sent and tapped, on both ways into the emulator."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http import AsyncHttpClient
from twilio.rest import Client

from runtime.adapters.twilio.http import TwilioHttp
from runtime.adapters.twilio.messenger import TwilioAccount, TwilioMessenger
from runtime.adapters.twilio.templates import TwilioTemplates
from runtime.domain.enums import TemplateStatus
from runtime.domain.errors import Unavailable
from runtime.domain.ids import OutboxId
from runtime.domain.templates import CATALOGUE, CUSTOMER_WAITING, HUMAN_REQUESTED, Template, fill, name_version
from runtime.ports import MessageRefused, OutgoingMessage, TemplateRefused, TemplateUse
from sim.twilio.emulator import Account, TwilioEmulator
from sim.twilio.faults import FaultKind
from sim.twilio.inbound import Inbound, InboundButton
from sim.twilio.reports import Behaviour
from sim.twilio.server import EmulatorApp
from sim.twilio.transport import EmulatedHttp
from tests.sim.twilio_contract import Contract, Listening, SteadyClock, serve

pytestmark = pytest.mark.contract

CONTRACT = Contract("twilio_content_v1.json")
ACCOUNT = Account()
OURS = "whatsapp:+5215550000000"
LUPITA = "whatsapp:+5215512345678"
DAY_S = 86_400.0
VALUES = ("Ana", 'una cita para «mañana» & "hoy"', "3:15 PM", "Estética Lupita", "h-1")
PLAIN = Template(name="aviso", body="Hola {{1}}, ya quedó tu cita.", samples=("Ana",))


class Line(msgspec.Struct, frozen=True):
    """The emulator and what reaches it through the SDK."""

    emulator: TwilioEmulator
    http: Listening
    registry: TwilioTemplates
    messenger: TwilioMessenger

    @property
    def api(self) -> Any:
        """The SDK's own Content API."""
        return Client(ACCOUNT.account_sid, ACCOUNT.auth_token, http_client=self.http).content.v1

    async def approve(self, template: Template = HUMAN_REQUESTED) -> str:
        """Have a template made and handed in."""
        sid = await self.registry.create(template)
        await self.registry.submit(sid, template)
        return sid

    async def send(self, sid: str, values: tuple[str, ...] = VALUES) -> str:
        """Send a template to Lupita and give the message's sid."""
        message = OutgoingMessage(OutboxId(UUID(int=9)), OURS, LUPITA, "not sent", TemplateUse(sid, values))
        return (await self.messenger.send(message)).sid

    async def outcome(self, sid: str) -> tuple[str, int | None]:
        """Status and error code of a message in the end."""
        await self.emulator.deliver_due()
        messages = Client(ACCOUNT.account_sid, ACCOUNT.auth_token, http_client=self.http).messages
        found = await messages(sid).fetch_async()
        return found.status, found.error_code


@pytest.fixture(params=["in process", "over http"])
async def line(request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    """The emulator with the 24 hours enforced, reached by a function call or through a real server on loopback."""
    behaviour = Behaviour(0, 0, window_s=DAY_S)
    emulator = TwilioEmulator(SteadyClock(), account=ACCOUNT, behaviour=behaviour)
    account = TwilioAccount(ACCOUNT.account_sid, ACCOUNT.auth_token)

    def connect(inner: AsyncHttpClient) -> Line:
        http = Listening(inner)
        messenger = TwilioMessenger(account, "https://parlo.example", http_client=http)
        return Line(emulator, http, TwilioTemplates(account, http_client=http), messenger)

    if request.param == "in process":
        yield connect(EmulatedHttp(emulator))
        return
    async with serve(EmulatorApp(emulator)) as base_url:
        inner = TwilioHttp(base_url)
        yield connect(inner)
        await inner.close()


async def test_every_template_of_the_catalogue_is_made_and_approved(line: Line) -> None:
    """Handed in, it is in the list under its version with what WhatsApp thinks of it."""
    for template in CATALOGUE.values():
        await line.approve(template)

    found = {each.version: each for each in await line.registry.list_templates()}

    assert set(found) == {name_version(template) for template in CATALOGUE.values()}
    assert {each.status for each in found.values()} == {TemplateStatus.APPROVED}
    assert all(each.content_sid.startswith("HX") for each in found.values())


async def test_a_template_that_was_only_made_is_not_submitted(line: Line) -> None:
    """So that a run that was cut off in between can be taken up."""
    sid = await line.registry.create(HUMAN_REQUESTED)

    [found] = await line.registry.list_templates()

    assert (found.content_sid, found.status, found.rejection) == (sid, TemplateStatus.UNSUBMITTED, None)


async def test_the_list_is_read_over_its_pages(line: Line) -> None:
    """More templates than one page holds, ours among others'."""
    made = [await line.registry.create(msgspec.structs.replace(PLAIN, name=f"aviso_{n}")) for n in range(7)]

    found = [it.sid for it in await line.api.content_and_approvals.list_async(page_size=3)]

    assert found == made[::-1]


async def test_a_template_is_sent_outside_the_24_hours_with_its_values_and_buttons(line: Line) -> None:
    """Every character arrives; the list shows the text as the person reads it."""
    sid = await line.approve()

    message_sid = await line.send(sid)

    [sent] = line.emulator.sent
    assert sent.body == fill(HUMAN_REQUESTED, VALUES)
    assert sent.buttons == (("Tomar", "take:h-1"), ("En 15 min", "snz:h-1"), ("No puedo", "dec:h-1"))
    assert sent.content_sid == sid
    assert await line.outcome(message_sid) == ("delivered", None)
    [found] = await line.messenger.find(to_address=LUPITA, from_address=OURS, since=sent.created_at)
    assert (found.sid, found.body) == (message_sid, fill(HUMAN_REQUESTED, VALUES))


async def test_words_outside_the_24_hours_fail_and_inside_arrive(line: Line) -> None:
    """Inside, a template that nobody approved may be sent too; however the person's number is spelt."""
    sid = await line.registry.create(HUMAN_REQUESTED)
    words = OutgoingMessage(OutboxId(UUID(int=9)), OURS, LUPITA, "hola")

    outside = [await line.outcome((await line.messenger.send(words)).sid), await line.outcome(await line.send(sid))]
    line.emulator.open_window(OURS, "whatsapp:+525512345678", line.emulator.sent[0].created_at)
    inside = [await line.outcome((await line.messenger.send(words)).sid), await line.outcome(await line.send(sid))]

    assert outside == [("failed", 63016)] * 2
    assert inside == [("delivered", None)] * 2


async def test_a_window_closes_after_a_day(line: Line) -> None:
    """To the second, whoever wrote before."""
    words = OutgoingMessage(OutboxId(UUID(int=9)), OURS, LUPITA, "hola")
    now = SteadyClock().now()

    line.emulator.open_window(OURS, LUPITA, now - timedelta(seconds=DAY_S + 60))
    late = await line.outcome((await line.messenger.send(words)).sid)
    line.emulator.open_window(OURS, LUPITA, now - timedelta(seconds=DAY_S - 600))
    in_time = await line.outcome((await line.messenger.send(words)).sid)

    assert (late, in_time) == (("failed", 63016), ("delivered", None))


@pytest.mark.parametrize(("status", "code"), [("rejected", 63040), ("paused", 63041), ("disabled", 63042)])
async def test_a_template_whatsapp_took_back_fails_by_its_own_code(line: Line, status: str, code: int) -> None:
    """Later by callback, as on the real line."""
    sid = await line.approve()
    line.emulator.contents.decide(sid, status, "people complained")

    outcome = await line.outcome(await line.send(sid))

    assert outcome[1] == code
    [found] = await line.registry.list_templates()
    assert (found.status, found.rejection) == (TemplateStatus(status), "people complained")


@pytest.mark.parametrize(
    ("values", "code"),
    [(VALUES[:4], 63028), ((*VALUES, "más"), 63028), (("Ana     López", *VALUES[1:]), 63013)],
    ids=["too few", "too many", "spaces"],
)
async def test_values_that_do_not_fit_fail_later(line: Line, values: tuple[str, ...], code: int) -> None:
    """A person is never shown a sample."""
    sid = await line.approve()

    assert (await line.outcome(await line.send(sid, values)))[1] == code


@pytest.mark.parametrize("value", ["", "dos\nlíneas", "con\ttabulador"])
async def test_values_whatsapp_never_takes_are_refused_at_once(line: Line, value: str) -> None:
    """By the code for the variables."""
    sid = await line.approve()

    with pytest.raises(MessageRefused) as refused:
        await line.send(sid, (value, *VALUES[1:]))

    assert refused.value.code == 21656


async def test_a_content_that_does_not_exist_is_refused_at_once(line: Line) -> None:
    """By the code for the sid; deleted ones are gone as well."""
    sid = await line.approve()
    await line.api.contents(sid).delete_async()

    with pytest.raises(MessageRefused) as refused:
        await line.send(sid)
    with pytest.raises(TwilioRestException) as missing:
        await line.api.contents(sid).fetch_async()

    assert (refused.value.code, missing.value.status) == (21655, 404)


async def test_a_tap_carries_the_payload_and_the_message_it_belongs_to(line: Line) -> None:
    """As Twilio hands it over: the words are the button's."""
    sid = await line.approve(CUSTOMER_WAITING)
    message_sid = await line.send(sid, ("Ana", "10 minutos", "Lupita", "h-1"))
    title, payload = line.emulator.sent[0].buttons[0]

    tap = Inbound(
        from_address=LUPITA, to_address=OURS, button=InboundButton(payload, title), replied_to_sid=message_sid
    )
    form = line.emulator.compose_inbound(tap)

    assert (form["ButtonPayload"], form["ButtonText"], form["Body"]) == ("take:h-1", "Ver mensajes", "Ver mensajes")
    assert form["OriginalRepliedMessageSid"] == message_sid


async def test_whatsapp_rejects_what_breaks_its_rules_and_what_it_is_told_to(line: Line) -> None:
    """With a reason, which the list shows as well."""
    odd = msgspec.structs.replace(PLAIN, name="raro", body="{{1}}, ya quedó tu cita.")
    sids = [await line.registry.create(template) for template in (odd, PLAIN)]

    first = await line.registry.submit(sids[0], odd)
    line.emulator.faults.inject(FaultKind.TEMPLATE_REJECTED)
    second = await line.registry.submit(sids[1], PLAIN)

    assert first.status is second.status is TemplateStatus.REJECTED
    assert first.rejection == "Variables can't be at the start or end of the template"
    assert {each.rejection for each in await line.registry.list_templates()} == {first.rejection, "INVALID_FORMAT"}


async def test_a_name_is_taken_once(line: Line) -> None:
    """Which is why a text that changed is handed in under another."""
    sids = [await line.registry.create(PLAIN) for _ in range(2)]

    outcomes = [(await line.registry.submit(sid, PLAIN)).status for sid in sids]

    assert len(set(sids)) == 2
    assert outcomes == [TemplateStatus.APPROVED, TemplateStatus.REJECTED]


async def test_a_template_that_is_not_well_formed_is_refused(line: Line) -> None:
    """By the adapter's own error, since to try again changes nothing."""
    sid = await line.approve()

    with pytest.raises(TemplateRefused):
        await line.registry.create(msgspec.structs.replace(PLAIN, body=""))
    with pytest.raises(TemplateRefused):
        await line.registry.submit(sid, HUMAN_REQUESTED)


@pytest.mark.parametrize("kind", [FaultKind.DOWN, FaultKind.SERVER_ERROR, FaultKind.TOO_MANY, FaultKind.OVERLOADED])
async def test_a_provider_that_does_not_answer_well_may_be_asked_again(line: Line, kind: FaultKind) -> None:
    """Nothing was made; the next try is."""
    line.emulator.faults.inject(kind)

    with pytest.raises(Unavailable):
        await line.registry.create(HUMAN_REQUESTED)

    assert (await line.registry.create(HUMAN_REQUESTED)).startswith("HX")


async def test_wrong_credentials_are_told_apart(line: Line) -> None:
    """A list that may not be read cannot be read."""
    stranger = TwilioTemplates(TwilioAccount(ACCOUNT.account_sid, "falso"), http_client=line.http)

    with pytest.raises(TemplateRefused) as refused:
        await stranger.create(HUMAN_REQUESTED)
    with pytest.raises(Unavailable):
        await stranger.list_templates()

    assert refused.value.code == 20003


async def test_approval_may_take_its_time(line: Line) -> None:
    """Received, then pending, then approved; the endpoint for one template says the same as the list."""
    slow = TwilioEmulator(SteadyClock(), account=ACCOUNT, behaviour=Behaviour(approval_s=0.2))
    registry = TwilioTemplates(TwilioAccount(ACCOUNT.account_sid, ACCOUNT.auth_token), http_client=EmulatedHttp(slow))
    api = Client(ACCOUNT.account_sid, ACCOUNT.auth_token, http_client=EmulatedHttp(slow)).content.v1
    sid = await registry.create(HUMAN_REQUESTED)

    received = (await registry.submit(sid, HUMAN_REQUESTED)).status
    pending = (await api.contents(sid).approval_fetch().fetch_async()).whatsapp["status"]
    await SteadyClock().sleep(0.25)
    [approved] = await registry.list_templates()

    assert (received, pending, approved.status) == (TemplateStatus.RECEIVED, "pending", TemplateStatus.APPROVED)


async def test_a_sid_comes_from_the_text_and_not_from_the_emulator() -> None:
    """An emulator that has forgotten everything makes the same one, so that a database may remember it."""
    sids = set()
    for seed in (1, 2):
        emulator = TwilioEmulator(SteadyClock(), account=ACCOUNT, seed=seed)
        account = TwilioAccount(ACCOUNT.account_sid, ACCOUNT.auth_token)
        sids.add(await TwilioTemplates(account, http_client=EmulatedHttp(emulator)).create(HUMAN_REQUESTED))

    assert len(sids) == 1


async def test_requests_and_answers_keep_to_the_published_contract(line: Line) -> None:
    """Each operation: body, status, every field and no other."""
    CONTRACT.read()

    sid = await line.approve()
    await line.registry.create(PLAIN)
    await line.registry.list_templates()
    await line.api.contents.list_async(page_size=1)
    await line.api.contents(sid).fetch_async()
    await line.api.contents(sid).approval_fetch().fetch_async()
    await line.api.contents(sid).delete_async()

    for exchange in line.http.exchanges:
        CONTRACT.check(exchange)
    assert len({CONTRACT.find_operation(it)["operationId"] for it in line.http.exchanges}) == 7


async def test_the_values_of_a_message_are_json_by_number(line: Line) -> None:
    """And nothing else is said: the provider refuses words beside a content."""
    sid = await line.approve()

    await line.send(sid)

    form = line.http.exchanges[-1].form
    assert json.loads(str(form["ContentVariables"])) == {str(n): value for n, value in enumerate(VALUES, 1)}
    assert "Body" not in form
