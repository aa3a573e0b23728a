"""The emulator accepts, refuses, reports and loses messages as Twilio would, and as it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

import msgspec
import pytest

from runtime.adapters.twilio.messenger import TwilioAccount, TwilioMessenger
from runtime.adapters.twilio.signature import SignatureChecker
from runtime.domain.errors import Unavailable, UnknownOutcome
from runtime.domain.ids import OutboxId
from runtime.domain.whatsapp import is_status_callback, parse_status
from runtime.ports import MessageRefused, OutgoingMessage
from sim.twilio.api import ApiAnswer, ApiRequest
from sim.twilio.emulator import Account, TwilioEmulator
from sim.twilio.faults import FaultKind
from sim.twilio.inbound import Inbound, InboundMedia
from sim.twilio.reports import Behaviour
from sim.twilio.signing import Algorithm, SigningKey
from sim.twilio.transport import EmulatedHttp

OURS = "whatsapp:+5215550000000"
ANA = "whatsapp:+5215512345678"
OUTBOX = OutboxId(UUID("01920000-0000-7000-8000-000000000001"))
MESSAGE = OutgoingMessage(OUTBOX, OURS, ANA, "Te espero mañana a las 4:00 PM 😀")
ACCOUNT = Account()
MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT.account_sid}/Messages"


class StillClock:
    """Moves only when told to; whoever sleeps moves it."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 12, 16, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
        await asyncio.sleep(0)


class Post(msgspec.Struct, frozen=True):
    """A webhook that arrived."""

    url: str
    form: dict[str, str]
    headers: dict[str, str]


class World:
    """An emulator, a messenger that reaches it in process, and the webhooks it posted."""

    def __init__(self, *, senders: set[str] | None = None, behaviour: Behaviour | None = None) -> None:
        self.clock = StillClock()
        self.posts: list[Post] = []
        self.emulator = TwilioEmulator(
            self.clock, seed=7, account=ACCOUNT, senders=senders, behaviour=behaviour, sink=self.receive
        )
        self.messenger = TwilioMessenger(
            TwilioAccount(ACCOUNT.account_sid, ACCOUNT.auth_token),
            "https://parlo.example",
            http_client=EmulatedHttp(self.emulator),
        )

    async def receive(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> int:
        self.posts.append(Post(url, dict(form), dict(headers)))
        return 200

    async def pass_time(self, seconds: float) -> None:
        """Let everything happen that is due within so many seconds, each at its moment."""
        until = self.clock.moment + timedelta(seconds=seconds)
        while (due := self.emulator.next_due_at()) is not None and due <= until:
            self.clock.moment = max(due, self.clock.moment)
            await self.emulator.deliver_due()
        self.clock.moment = until

    def statuses(self) -> list[str]:
        return [post.form["MessageStatus"] for post in self.posts]

    async def ask(
        self,
        method: str,
        path: str,
        form: Mapping[str, str] | None = None,
        *,
        credentials: tuple[str, str] | None = (ACCOUNT.account_sid, ACCOUNT.auth_token),
    ) -> ApiAnswer:
        return await self.emulator.request(ApiRequest(method, path, (), list((form or {}).items()), credentials))


@pytest.fixture
def world() -> World:
    return World()


async def test_an_accepted_message_is_recorded_and_told_to_subscribers(world: World) -> None:
    """The record knows which outbox row it was."""
    told: list[str] = []
    world.emulator.subscribe(lambda record: told.append(record.body))

    sent = await world.messenger.send(MESSAGE)

    [record] = world.emulator.sent
    assert (record.sid, record.body, record.outbox_id) == (sent.sid, MESSAGE.body, str(OUTBOX))
    assert (record.to_address, record.from_address, record.failure) == (ANA, OURS, None)
    assert told == [MESSAGE.body]
    assert (sent.status, sent.created_at) == ("queued", world.clock.moment)


async def test_the_same_seed_gives_the_same_sids(world: World) -> None:
    """A replay is repeatable."""
    first = await world.messenger.send(MESSAGE)
    again = await World().messenger.send(MESSAGE)

    assert first.sid == again.sid
    assert len(first.sid) == 34 and first.sid.startswith("SM")


async def test_a_message_is_sent_then_delivered_and_each_is_reported_signed() -> None:
    """Reports come at their time, to the address given, with a signature our checker accepts."""
    world = World(behaviour=Behaviour(sent_s=1, delivered_s=3, read_s=60))
    await world.messenger.send(MESSAGE)

    await world.pass_time(2)
    early = world.statuses()
    await world.pass_time(100)

    assert early == ["sent"]
    assert world.statuses() == ["sent", "delivered", "read"]
    checker = SignatureChecker("https://parlo.example", (ACCOUNT.auth_token,))
    for post in world.posts:
        assert post.url == f"https://parlo.example/webhooks/twilio/status?outbox={OUTBOX}"
        assert is_status_callback(post.form) and parse_status(post.form).sid == world.emulator.sent[0].sid
        checker.check(post.url.removeprefix("https://parlo.example"), list(post.form.items()), post.headers)


async def test_a_message_has_a_day_only_once_it_was_sent(world: World) -> None:
    """While it is queued, date_sent is null."""
    sent = await world.messenger.send(MESSAGE)
    path = f"{MESSAGES}/{sent.sid}.json"

    queued = msgspec.json.decode((await world.ask("GET", path)).body)
    await world.pass_time(60)
    delivered = msgspec.json.decode((await world.ask("GET", path)).body)

    assert (queued["status"], queued["date_sent"]) == ("queued", None)
    assert (delivered["status"], delivered["date_sent"]) == ("delivered", "Mon, 12 Jan 2026 16:00:01 +0000")
    assert delivered["date_updated"] == "Mon, 12 Jan 2026 16:00:02 +0000"


async def test_reports_can_be_signed_with_a_shared_key() -> None:
    """SHA-256 and the name of the key."""
    key = SigningKey("compartida", Algorithm.SHA256)
    account = msgspec.structs.replace(ACCOUNT, signing=key)
    emulator = TwilioEmulator(StillClock(), account=account)
    form = {"Body": "", "From": ANA}

    headers = emulator.sign("https://parlo.example/x", form)

    SignatureChecker("https://parlo.example", ("compartida",)).check("/x", list(form.items()), headers)
    assert headers["X-Twilio-Webhooks-Signature-Settings"].endswith("algorithm=HMAC_SHA256")


class Refused(msgspec.Struct, frozen=True):
    """Changed form fields and the error they earn."""

    id: str
    fields: dict[str, str]
    code: int


REFUSED = [
    Refused("no recipient", {"To": ""}, 21604),
    Refused("bad recipient", {"To": "whatsapp:+52"}, 21211),
    Refused("no sender", {"From": ""}, 21603),
    Refused("bad sender", {"From": "whatsapp:lupita"}, 21212),
    Refused("a sender that is not ours", {"From": "whatsapp:+5215559999999"}, 63007),
    Refused("two channels", {"To": "+5215512345678"}, 21910),
    Refused("no words", {"Body": " "}, 21602),
    Refused("too long", {"Body": "x" * 1601}, 21617),
    Refused("too long in emoji", {"Body": "😀" * 801}, 21617),
    Refused("bad callback", {"StatusCallback": "http://mi_servidor.example/x"}, 21609),
]
VALID = {"To": ANA, "From": OURS, "Body": "x" * 1600}


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.id)
async def test_a_wrong_request_is_refused_with_twilios_code(case: Refused) -> None:
    """Nothing is kept of it."""
    world = World(senders={OURS})

    answer = await world.ask("POST", f"{MESSAGES}.json", VALID | case.fields)

    error = msgspec.json.decode(answer.body)
    assert (answer.status, error["code"], error["status"]) == (400, case.code, 400)
    assert error["more_info"].endswith(f"/{case.code}") and error["message"]
    assert not world.emulator.sent


async def test_a_user_without_a_number_can_be_written_to() -> None:
    """Their address is a country and an identifier."""
    answer = await World().ask("POST", f"{MESSAGES}.json", VALID | {"To": "whatsapp:MX.1000000001"})

    assert answer.status == 201


@pytest.mark.parametrize("credentials", [None, ("", ""), ("nobody", ""), (ACCOUNT.account_sid, "x")])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_without_credentials_nothing_is_answered(
    world: World, method: str, credentials: tuple[str, str] | None
) -> None:
    """401 and 20003."""
    answer = await world.ask(method, f"{MESSAGES}.json", VALID, credentials=credentials)

    assert (answer.status, msgspec.json.decode(answer.body)["code"]) == (401, 20003)


async def test_an_api_key_serves_like_the_token(world: World) -> None:
    """Both are credentials of the account."""
    account = TwilioAccount(ACCOUNT.account_sid, "", ACCOUNT.api_key, ACCOUNT.api_secret)
    http = EmulatedHttp(world.emulator)

    sent = await TwilioMessenger(account, "https://parlo.example", http_client=http).send(MESSAGE)

    assert sent.sid


@pytest.mark.parametrize("path", [f"{MESSAGES}/SM404.json", "/2010-04-01/Accounts/AC9/Messages.json", "/"])
async def test_what_is_not_there_is_not_found(world: World, path: str) -> None:
    """404 and 20404."""
    answer = await world.ask("GET", path)

    assert (answer.status, msgspec.json.decode(answer.body)["code"]) == (404, 20404)


async def test_a_queued_message_can_be_cancelled_redacted_and_deleted(world: World) -> None:
    """A cancelled one is neither sent nor reported."""
    sent = await world.messenger.send(MESSAGE)
    path = f"{MESSAGES}/{sent.sid}.json"

    cancelled = await world.ask("POST", path, {"Status": "canceled"})
    redacted = await world.ask("POST", path, {"Body": ""})
    await world.pass_time(60)
    deleted = await world.ask("DELETE", path)
    gone = await world.ask("GET", path)

    assert msgspec.json.decode(cancelled.body)["status"] == "canceled"
    assert msgspec.json.decode(redacted.body)["body"] == ""
    assert (deleted.status, gone.status) == (204, 404)
    assert not world.posts


async def test_a_date_filter_knows_whole_days_and_misses_what_is_still_queued(world: World) -> None:
    """Both are Twilio's: searching for a lost message must not rely on it."""
    await world.messenger.send(MESSAGE)
    path = f"{MESSAGES}.json"

    async def count(**dates: str) -> int:
        query = [(name.replace("_after", ">").replace("_before", "<"), day) for name, day in dates.items()]
        request = ApiRequest("GET", path, query, (), (ACCOUNT.account_sid, ACCOUNT.auth_token))
        return len(msgspec.json.decode((await world.emulator.request(request)).body)["messages"])

    queued = await count(DateSent_after="2026-01-01")
    await world.pass_time(5)

    assert queued == 0
    assert await count(DateSent_after="2026-01-12T23:59:59Z") == 1
    assert await count(DateSent_before="2026-01-12") == 1
    assert await count(DateSent="2026-01-12") == 1
    assert await count(DateSent="2026-01-13") == 0
    assert await count(DateSent_after="2026-01-13") == 0


async def test_a_long_list_is_read_page_by_page_while_messages_arrive(world: World) -> None:
    """The token names a message, so newcomers neither repeat nor hide any."""
    for number in range(120):
        await world.messenger.send(msgspec.structs.replace(MESSAGE, body=str(number)))
    path, seen = f"{MESSAGES}.json?{urlencode({'PageSize': 50})}", list[str]()

    while path:
        bare, _, query = path.partition("?")
        pairs = [(name, value) for name, _, value in (part.partition("=") for part in query.split("&"))]
        request = ApiRequest("GET", bare, pairs, (), (ACCOUNT.account_sid, ACCOUNT.auth_token))
        page = msgspec.json.decode((await world.emulator.request(request)).body)
        seen += [message["body"] for message in page["messages"]]
        path = page["next_page_uri"]
        await world.messenger.send(msgspec.structs.replace(MESSAGE, body="nuevo"))

    assert seen == [str(number) for number in reversed(range(120))]


async def test_the_messenger_finds_a_message_that_is_still_queued(world: World) -> None:
    """And none of another pair, and none from before."""
    await world.messenger.send(msgspec.structs.replace(MESSAGE, body="antes"))
    await world.clock.sleep(60)
    await world.messenger.send(MESSAGE)
    await world.messenger.send(msgspec.structs.replace(MESSAGE, to_address="whatsapp:+5215500000009"))

    found = await world.messenger.find(to_address=ANA, from_address=OURS, since=world.clock.moment)

    assert [it.body for it in found] == [MESSAGE.body]


# -- faults ---------------------------------------------------------------------------------------------------------

FAILING: list[tuple[str, type[Exception], int]] = [
    (FaultKind.DOWN, Unavailable, 0),
    (FaultKind.TOO_MANY, MessageRefused, 0),
    (FaultKind.SERVER_ERROR, UnknownOutcome, 0),
    (FaultKind.OVERLOADED, UnknownOutcome, 0),
    (FaultKind.TIMEOUT, UnknownOutcome, 0),
    ("21610", MessageRefused, 0),
    (FaultKind.TIMEOUT_AFTER_ACCEPT, UnknownOutcome, 1),
    (FaultKind.ERROR_AFTER_ACCEPT, UnknownOutcome, 1),
    (FaultKind.GARBAGE, UnknownOutcome, 1),
]


@pytest.mark.parametrize(("kind", "error", "accepted"), FAILING, ids=lambda value: str(value))
async def test_a_fault_strikes_as_often_as_told_and_then_no_more(
    world: World, kind: str, error: type[Exception], accepted: int
) -> None:
    """The messenger's word agrees with what the emulator did, as far as a caller can know."""
    world.emulator.faults.inject(kind, times=2)

    for _ in range(2):
        with pytest.raises(error) as caught:
            await world.messenger.send(MESSAGE)
        assert type(caught.value) is error
    await world.messenger.send(MESSAGE)

    assert len(world.emulator.sent) == 2 * accepted + 1
    assert world.emulator.faults.struck == {kind: 2}


async def test_a_message_accepted_behind_a_lost_answer_can_be_found(world: World) -> None:
    """This is how an unknown outcome is settled."""
    world.emulator.faults.inject(FaultKind.TIMEOUT_AFTER_ACCEPT)
    since = world.clock.moment

    with pytest.raises(UnknownOutcome):
        await world.messenger.send(MESSAGE)
    found = await world.messenger.find(to_address=ANA, from_address=OURS, since=since)

    assert [it.body for it in found] == [MESSAGE.body]


async def test_a_slow_answer_takes_its_time(world: World) -> None:
    """By the clock that was given, not by the wall."""
    world.emulator.faults.inject(FaultKind.SLOW, delay_s=7)
    before = world.clock.moment

    await world.messenger.send(MESSAGE)

    assert world.clock.moment - before == timedelta(seconds=7)


async def test_a_fault_ends_at_its_time_and_spares_other_people(world: World) -> None:
    """Faults can be bound to a time and to a recipient."""
    world.emulator.faults.inject("21610", times=None, until=world.clock.moment + timedelta(seconds=30), to_address=ANA)

    await world.messenger.send(msgspec.structs.replace(MESSAGE, to_address="whatsapp:+5215500000009"))
    with pytest.raises(MessageRefused):
        await world.messenger.send(MESSAGE)
    await world.clock.sleep(31)
    await world.messenger.send(MESSAGE)

    assert len(world.emulator.sent) == 2


def test_a_fault_nobody_knows_is_refused(world: World) -> None:
    """A slip in a transcript must not pass unnoticed."""
    with pytest.raises(ValueError, match="no such fault"):
        world.emulator.faults.inject("caído")


@pytest.mark.parametrize(("code", "status"), [(63016, "failed"), (63024, "undelivered")])
async def test_a_message_may_be_accepted_and_fail_later(world: World, code: int, status: str) -> None:
    """The error comes by callback; the record foresees that nobody will see the message."""
    world.emulator.faults.inject(str(code))

    sent = await world.messenger.send(MESSAGE)
    await world.pass_time(60)

    assert world.emulator.sent[0].failure == code
    [post] = world.posts
    assert (post.form["MessageStatus"], post.form["ErrorCode"]) == (status, str(code))
    fetched = msgspec.json.decode((await world.ask("GET", f"{MESSAGES}/{sent.sid}.json")).body)
    assert (fetched["status"], fetched["error_code"]) == (status, code)


async def test_outside_the_window_a_message_fails_later() -> None:
    """A person who wrote less than a day ago may be answered freely."""
    world = World(behaviour=Behaviour(window_s=86_400))
    await world.messenger.send(MESSAGE)
    world.emulator.compose_inbound(Inbound(from_address=ANA, to_address=OURS, text="hola"))
    await world.messenger.send(MESSAGE)
    await world.clock.sleep(86_401)
    await world.messenger.send(MESSAGE)

    assert [record.failure for record in world.emulator.sent] == [63016, None, 63016]


class Bent(msgspec.Struct, frozen=True):
    """A fault of callbacks, and the statuses reported within a minute and within an hour."""

    kind: FaultKind
    soon: list[str]
    later: list[str]


BENT = [
    Bent(FaultKind.CALLBACK_MISSING, [], []),
    Bent(FaultKind.CALLBACK_LATE, [], ["sent", "delivered"]),
    Bent(FaultKind.CALLBACK_DUPLICATED, ["sent", "sent", "delivered", "delivered"], []),
    Bent(FaultKind.CALLBACK_OUT_OF_ORDER, ["delivered", "sent"], []),
    Bent(FaultKind.CALLBACK_EARLY, ["sent", "delivered"], []),
]


@pytest.mark.parametrize("case", BENT, ids=lambda case: case.kind)
async def test_callbacks_come_late_twice_swapped_or_not_at_all(world: World, case: Bent) -> None:
    """The message itself takes its normal course."""
    world.emulator.faults.inject(case.kind)

    sent = await world.messenger.send(MESSAGE)
    await world.pass_time(60)
    soon = world.statuses()
    await world.pass_time(3600)

    assert soon == case.soon
    assert world.statuses() == case.soon + case.later
    fetched = msgspec.json.decode((await world.ask("GET", f"{MESSAGES}/{sent.sid}.json")).body)
    assert fetched["status"] == "delivered"


async def test_a_callback_may_come_before_the_answer_it_belongs_to(world: World) -> None:
    """The receiver cannot know the sid yet."""
    known: list[bool] = []
    answered = False

    async def receive(url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> int:
        known.append(answered)
        return 200

    world.emulator.sink = receive
    world.emulator.faults.inject(FaultKind.CALLBACK_EARLY)

    await world.messenger.send(MESSAGE)
    answered = True
    await world.pass_time(60)

    assert known == [False, True]


async def test_what_the_receiver_answered_is_kept(world: World) -> None:
    """Twilio does not repeat a callback that was refused, and neither does this."""

    async def refuse(url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> int:
        return 503

    world.emulator.sink = refuse
    await world.messenger.send(MESSAGE)

    await world.pass_time(60)

    assert [it.answered for it in world.emulator.callbacks] == [503, 503]


# -- files ----------------------------------------------------------------------------------------------------------


async def test_a_file_a_person_sent_is_served_to_who_may_see_it(world: World) -> None:
    """Reading it takes our credentials."""
    voice = InboundMedia("audio/ogg", b"OggS")
    form = world.emulator.compose_inbound(Inbound(from_address=ANA, to_address=OURS, media=(voice,)))
    path = form["MediaUrl0"].removeprefix("https://api.twilio.com")

    stranger = await world.ask("GET", path, credentials=None)
    content = await world.ask("GET", path)
    described = await world.ask("GET", f"{path}.json")
    listed = await world.ask("GET", f"{MESSAGES}/{form['MessageSid']}/Media.json")

    assert stranger.status == 401
    assert (content.body, content.content_type) == (b"OggS", "audio/ogg")
    assert msgspec.json.decode(described.body)["content_type"] == "audio/ogg"
    assert len(msgspec.json.decode(listed.body)["media_list"]) == 1


# -- time -----------------------------------------------------------------------------------------------------------


class LeapingLoop(asyncio.SelectorEventLoop):
    """A loop whose time leaps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self.leapt_s = 0.0

    def time(self) -> float:
        return self.leapt_s

    def _run_once(self) -> None:
        scheduled = self._scheduled  # type: ignore[attr-defined]  # the loop's own list of timers
        if not self._ready and scheduled:  # type: ignore[attr-defined]  # and of what can run now
            self.leapt_s = max(self.leapt_s, scheduled[0].when())
        super()._run_once()  # type: ignore[misc]  # not in the published types


class LoopClock:
    """Time as the running loop has it."""

    def now(self) -> datetime:
        return datetime(2026, 1, 12, tzinfo=UTC) + timedelta(seconds=asyncio.get_running_loop().time())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def test_on_a_leaping_loop_a_day_of_time_outs_and_callbacks_takes_no_time() -> None:
    """Nothing in the SDK's way in process needs a socket or the wall's time."""
    received: list[tuple[float, str]] = []

    async def receive(url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> int:
        received.append((asyncio.get_running_loop().time(), form["MessageStatus"]))
        return 200

    async def live() -> float:
        emulator = TwilioEmulator(LoopClock(), behaviour=Behaviour(1, 2, 86_400), sink=receive)
        account = TwilioAccount(emulator.account.account_sid, emulator.account.auth_token)
        messenger = TwilioMessenger(account, "https://parlo.example", http_client=EmulatedHttp(emulator), timeout_s=10)
        running = asyncio.create_task(emulator.run())
        emulator.faults.inject(FaultKind.TIMEOUT)
        with pytest.raises(UnknownOutcome):
            await messenger.send(MESSAGE)
        gave_up_s = asyncio.get_running_loop().time()
        await messenger.send(MESSAGE)
        await asyncio.sleep(90_000)
        running.cancel()
        return gave_up_s

    make_loop: Callable[[], asyncio.AbstractEventLoop] = LeapingLoop
    with asyncio.Runner(loop_factory=make_loop) as runner:
        gave_up_s = runner.run(live())

    assert round(gave_up_s, 3) == 10
    assert [(round(at_s, 3), status) for at_s, status in received] == [
        (11, "sent"),
        (12, "delivered"),
        (86_410, "read"),
    ]
