"""Twilio on this machine: messages accepted, kept, reported on; people's messages handed over.

The driver and `parlo up` hold one; `sim.twilio.transport` lets the SDK reach it in process and
`sim.twilio.server` over HTTP. It has no clock, chance or network of its own: time comes from a port,
identifiers from a seed, and webhooks leave through a sink.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import hmac
import itertools
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from runtime.domain.identity import canonical_key
from runtime.domain.whatsapp import DeliveryStatus, advance_status
from runtime.ports import Clock
from sim.twilio.api import (
    ApiAnswer,
    ApiError,
    ApiRequest,
    NewMessage,
    answer_error,
    answer_json,
    list_media,
    list_messages,
    read_new_message,
    refuse,
    refuse_missing,
)
from sim.twilio.contents import Contents, Rendered
from sim.twilio.faults import LOSING, FaultKind, Faults
from sim.twilio.files import Fetcher, judge_file
from sim.twilio.inbound import Inbound, choose_body, compose_form
from sim.twilio.messages import (
    API_VERSION,
    MediaFile,
    Message,
    SentFile,
    SentRecord,
    compose_callback,
    media_path,
    render_media,
    render_message,
)
from sim.twilio.reports import BEFORE_ANSWER, Behaviour, bend_reports, list_statuses
from sim.twilio.signing import SigningKey, sign_form

_ROUTE = re.compile(
    rf"/{API_VERSION}/Accounts/(?P<account>[^/]+)/Messages"
    r"(?:/(?P<message>[^/.]+)(?P<media>/Media(?:/(?P<file>[^/.]+))?)?)?(?P<json>\.json)?"
)
Sink = Callable[[str, Mapping[str, str], Mapping[str, str]], Awaitable[int]]
"""Posts a form: address, fields and headers; gives the HTTP status, or 0 where nobody answered."""


class AnswerLost(Exception):
    """The answer never comes; raised when even a patient caller would have given up."""


class NotReachable(Exception):
    """No connection is made."""


class Account(msgspec.Struct, frozen=True):
    """The emulated account: made-up credentials.

    Attributes:
        signing: How webhooks are signed; None means SHA-1 with the auth token.
        api_url: Where files claim to be.
    """

    account_sid: str = "AC" + "0" * 31 + "1"
    auth_token: str = "emulated-token"
    api_key: str = "SK" + "0" * 31 + "1"
    api_secret: str = "emulated-secret"
    signing: SigningKey | None = None
    api_url: str = "https://api.twilio.com"


class PostedCallback(msgspec.Struct, frozen=True):
    """A callback that was posted. `answered` is the HTTP status, 0 for none."""

    url: str
    form: dict[str, str]
    posted_at: datetime
    answered: int


class _Step(msgspec.Struct, frozen=True):
    """Something that is due for a message: a change of status, or the report of one."""

    sid: str
    status: str
    error_code: int | None
    report: bool


class TwilioEmulator:
    """Twilio's messaging API for one account.

    Args:
        clock: The only source of time.
        seed: Of all identifiers.
        account: Credentials it accepts and signs with.
        senders: WhatsApp addresses of ours; None accepts every well-formed one.
        behaviour: What happens by itself, and when.
        sink: Posts webhooks; without it none are posted.

    Attributes:
        sent: Every message accepted for sending, in order.
        callbacks: Every status callback posted, in order.
        faults: Inject here.
        fetcher: Fetches the files of messages; None takes them to be there, and keeps nothing.
        contents: Templates, and what WhatsApp thinks of them.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        seed: int = 0,
        account: Account | None = None,
        senders: Collection[str] | None = None,
        behaviour: Behaviour | None = None,
        sink: Sink | None = None,
    ) -> None:
        self.account = account or Account()
        self.behaviour = behaviour or Behaviour()
        self.sink = sink
        self.fetcher: Fetcher | None = None
        self.faults = Faults()
        self.sent: list[SentRecord] = []
        self.callbacks: list[PostedCallback] = []
        self.contents = Contents(
            clock.now, self.account.account_sid, self.account.api_url, self.behaviour.approval_s, self.faults
        )
        self._clock = clock
        self._seed = seed
        self._senders = senders
        self._counter = itertools.count(1)
        self._messages: dict[str, Message] = {}
        self._last_heard: dict[tuple[str, str], datetime] = {}
        self._due: list[tuple[datetime, int, _Step]] = []
        self._order = itertools.count()
        self._woken = asyncio.Event()
        self._subscribers: list[Callable[[SentRecord], None]] = []

    # -- our side: people ---------------------------------------------------------------------------------------

    def subscribe(self, callback: Callable[[SentRecord], None]) -> None:
        """Be told of each message at the moment it is accepted, also when its answer is then lost."""
        self._subscribers.append(callback)

    def compose_inbound(self, inbound: Inbound) -> dict[str, str]:
        """Keep a person's message and give the form that hands it over. A known sid is handed over again."""
        now = self._clock.now()
        sid = inbound.sid or self._new_sid("MM" if inbound.media else "SM")
        message = self._messages.get(sid) or Message(
            sid=sid,
            account_sid=self.account.account_sid,
            direction="inbound",
            from_address=inbound.from_address,
            to_address=inbound.to_address,
            body=choose_body(inbound),
            status="received",
            created_at=now,
            updated_at=now,
            sent_at=now,
            media={},
        )
        self._messages[sid] = message
        self.open_window(inbound.to_address, inbound.from_address, now)
        kept = list(message.media)
        urls: list[str] = []
        for index, media in enumerate(inbound.media):
            if media.url is not None:
                urls.append(media.url)
                continue
            media_sid = kept[index] if index < len(kept) else self._new_sid("ME")
            if not media.expired:
                message.media[media_sid] = MediaFile(media_sid, media.content_type, media.content, now)
            urls.append(self.account.api_url + media_path(message, media_sid))
        return compose_form(inbound, sid=sid, account_sid=self.account.account_sid, media_urls=urls)

    def open_window(self, our_address: str, their_address: str, at: datetime) -> None:
        """Have it that somebody wrote to a number of ours then, the last time before now."""
        self._last_heard[_name_pair(our_address, their_address)] = at

    def open_windows(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Have it that each wrote just now: to a number of ours, from theirs."""
        for our_address, their_address in pairs:
            self.open_window(our_address, their_address, self._clock.now())

    def sign(self, url: str, form: Mapping[str, str]) -> dict[str, str]:
        """The headers that vouch for a form."""
        return sign_form(url, form, self.account.signing or SigningKey(self.account.auth_token))

    async def send_inbound(self, url: str, inbound: Inbound) -> int:
        """Hand over a person's message through the sink and give the HTTP status."""
        form = self.compose_inbound(inbound)
        return await self.sink(url, form, self.sign(url, form)) if self.sink else 0

    def find_file(self, sid: str) -> MediaFile | None:
        """A file of any message, by its sid."""
        return next((it.media[sid] for it in self._messages.values() if sid in it.media), None)

    # -- our side: time -----------------------------------------------------------------------------------------

    def next_due_at(self) -> datetime | None:
        """When something happens next by itself, or None."""
        return self._due[0][0] if self._due else None

    async def deliver_due(self) -> int:
        """Let happen all that is due by now, in order; give how many steps that was."""
        count = 0
        while self._due and self._due[0][0] <= self._clock.now():
            _, _, step = heapq.heappop(self._due)
            await self._take_step(step)
            count += 1
        return count

    async def run(self) -> None:
        """Let things happen when they are due, until cancelled."""
        while True:
            await self.deliver_due()
            self._woken.clear()
            waits: set[asyncio.Future[Any]] = {asyncio.ensure_future(self._woken.wait())}
            due_at = self.next_due_at()
            if due_at is not None:
                wait_s = (due_at - self._clock.now()).total_seconds()
                waits.add(asyncio.ensure_future(self._clock.sleep(max(0.0, wait_s))))
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()

    # -- the API ------------------------------------------------------------------------------------------------

    async def request(self, request: ApiRequest) -> ApiAnswer:
        """Answer a request to the API.

        Raises:
            AnswerLost: A fault: the request may have been carried out.
            NotReachable: A fault: the request never arrived.
        """
        creating = request.method == "POST" and request.path.endswith("/Messages.json")
        making = request.method == "POST" and request.path.startswith("/v1/")
        to_address = dict(request.form).get("To", "") if creating or making else None
        if self.faults.active:
            refused = await self._refuse_by_fault(to_address)
            if refused is not None:
                return refused
        try:
            return await self._create(request) if creating else self._answer(request)
        except ApiError as error:
            return answer_error(error)

    def _authenticate(self, request: ApiRequest) -> None:
        user, password = request.credentials or ("", "")
        secrets = {self.account.account_sid: self.account.auth_token, self.account.api_key: self.account.api_secret}
        if not hmac.compare_digest(secrets.get(user, "").encode(), password.encode()) or user not in secrets:
            refuse(20003, "Authenticate", 401)

    def _answer(self, request: ApiRequest) -> ApiAnswer:
        self._authenticate(request)
        if request.path.startswith("/v1/"):
            return self.contents.answer(request)
        route = _ROUTE.fullmatch(request.path)
        if route is None or route["account"] != self.account.account_sid:
            refuse_missing(request.path)
        if route["message"] is None:
            _allow(request, "GET")
            return list_messages(list(self._messages.values()), request)
        message = self._messages.get(route["message"]) or refuse_missing(request.path)
        if route["media"]:
            return self._answer_media(request, message, route["file"], shown=route["json"] is not None)
        _allow(request, "GET", "POST", "DELETE")
        if request.method == "DELETE":
            del self._messages[message.sid]
            return ApiAnswer(204, b"")
        if request.method == "POST":
            self._update(message, dict(request.form))
        return answer_json(render_message(message))

    def _answer_media(self, request: ApiRequest, message: Message, file: str | None, *, shown: bool) -> ApiAnswer:
        if file is None:
            _allow(request, "GET")
            return list_media([render_media(message, it) for it in message.media.values()], request)
        media = message.media.get(file) or refuse_missing(request.path)
        _allow(request, "GET", "DELETE")
        if request.method == "DELETE":
            del message.media[file]
            return ApiAnswer(204, b"")
        return answer_json(render_media(message, media)) if shown else ApiAnswer(200, media.content, media.content_type)

    def _update(self, message: Message, fields: dict[str, str]) -> None:
        if fields.get("Status") == DeliveryStatus.CANCELED:
            if message.sent_at is not None:
                refuse(30409, "Message already sent and cannot be canceled.")
            message.status = DeliveryStatus.CANCELED
        if "Body" in fields:
            if fields["Body"]:
                refuse(20001, "A body can only be replaced by an empty one.")
            message.body = ""
        message.updated_at = self._clock.now()

    # -- sending ------------------------------------------------------------------------------------------------

    async def _create(self, request: ApiRequest) -> ApiAnswer:
        self._authenticate(request)
        if request.path != f"/{API_VERSION}/Accounts/{self.account.account_sid}/Messages.json":
            refuse_missing(request.path)
        new = read_new_message(request.form, self._senders)
        rendered = None
        if new.content_sid is not None:
            rendered = self.contents.render(new.content_sid, new.content_variables)
            new = msgspec.structs.replace(new, body=rendered.body)
        message = self._keep(new)
        refused = await self._fetch_files(message)
        failure = self._foresee_failure(new, rendered) or refused
        answer = answer_json(render_message(message), 201)
        record = SentRecord(
            message.sid,
            new.to_address,
            new.from_address,
            new.body,
            message.created_at,
            _read_outbox_id(new.status_callback),
            failure,
            new.media_urls,
            tuple(_describe_file(file) for file in message.media.values()),
            rendered.buttons if rendered else (),
            new.content_sid,
        )
        self.sent.append(record)
        await self._schedule(message, failure)
        for subscriber in self._subscribers:
            subscriber(record)
        return await self._lose_by_fault(answer, new.to_address) if self.faults.active else answer

    def _keep(self, new: NewMessage) -> Message:
        now = self._clock.now()
        message = Message(
            sid=self._new_sid("MM" if new.media_urls else "SM"),
            account_sid=self.account.account_sid,
            direction="outbound-api",
            from_address=new.from_address,
            to_address=new.to_address,
            body=new.body,
            status=DeliveryStatus.ACCEPTED if new.messaging_service_sid else DeliveryStatus.QUEUED,
            created_at=now,
            updated_at=now,
            status_callback=new.status_callback,
            messaging_service_sid=new.messaging_service_sid,
            media={},
            media_urls=new.media_urls,
        )
        self._messages[message.sid] = message
        return message

    async def _fetch_files(self, message: Message) -> int | None:
        """Fetch what is to be sent, before the answer though Twilio does it after; the failure it ends with, if any."""
        failure = None
        for url in message.media_urls if self.fetcher else ():
            assert self.fetcher is not None
            fetched = await self.fetcher(url)
            failure = failure or judge_file(fetched)
            if judge_file(fetched) is None:
                sid = self._new_sid("ME")
                message.media[sid] = MediaFile(sid, fetched.content_type, fetched.content, self._clock.now())
        return failure

    def _foresee_failure(self, new: NewMessage, rendered: Rendered | None) -> int | None:
        now = self._clock.now()
        fault = self.faults.take_failing_later(now, new.to_address)
        if fault is not None:
            return fault.code
        if new.from_address == new.to_address:
            return 63031
        if rendered is not None and rendered.failure is not None:
            return rendered.failure
        if self._is_open(new, now):
            return None
        return rendered.barred if rendered else 63016

    def _is_open(self, new: NewMessage, now: datetime) -> bool:
        if self.behaviour.window_s is None:
            return True
        heard_at = self._last_heard.get(_name_pair(new.from_address, new.to_address))
        return heard_at is not None and now < heard_at + timedelta(seconds=self.behaviour.window_s)

    async def _schedule(self, message: Message, failure: int | None) -> None:
        now = self._clock.now()
        statuses = list_statuses(self.behaviour, failure)
        for status in statuses:
            self._push(status.after_s, _Step(message.sid, status.status, failure, report=False))
        reports = [it for it in statuses if it.status in self.behaviour.callbacks] if message.status_callback else []
        for report in bend_reports(reports, self.faults, now, message.to_address):
            step = _Step(message.sid, report.status, failure, report=True)
            if report.after_s == BEFORE_ANSWER:
                await self._take_step(step)
            else:
                self._push(report.after_s, step)
        self._woken.set()

    def _push(self, after_s: float, step: _Step) -> None:
        heapq.heappush(self._due, (self._clock.now() + timedelta(seconds=after_s), next(self._order), step))

    async def _take_step(self, step: _Step) -> None:
        message = self._messages.get(step.sid)
        if message is None:
            return
        now = self._clock.now()
        if not step.report:
            if message.status == DeliveryStatus.CANCELED:
                return
            message.status = advance_status(message.status, step.status)
            message.error_code = step.error_code
            message.updated_at = now
            message.sent_at = message.sent_at or now
            return
        if self.sink is None or message.status_callback is None or message.status == DeliveryStatus.CANCELED:
            return
        form = compose_callback(message, step.status, step.error_code)
        answered = await self.sink(message.status_callback, form, self.sign(message.status_callback, form))
        self.callbacks.append(PostedCallback(message.status_callback, form, now, answered))

    # -- faults -------------------------------------------------------------------------------------------------

    async def _refuse_by_fault(self, to_address: str | None) -> ApiAnswer | None:
        slow = self.faults.take((FaultKind.SLOW,), self._clock.now(), to_address)
        if slow is not None:
            await self._clock.sleep(slow.delay_s)
        fault = self.faults.take_refusing(self._clock.now(), to_address)
        if fault is None:
            return None
        if fault.kind == FaultKind.DOWN:
            raise NotReachable
        if fault.kind == FaultKind.TIMEOUT:
            await self._clock.sleep(fault.delay_s)
            raise AnswerLost
        if fault.kind == FaultKind.TOO_MANY:
            return answer_error(ApiError(429, 20429, "Too Many Requests"))
        if fault.kind == FaultKind.SERVER_ERROR:
            return answer_error(ApiError(500, 20500, "An internal server error has occurred"))
        if fault.kind == FaultKind.OVERLOADED:
            return answer_error(ApiError(503, 20503, "Service is temporarily unavailable"))
        return answer_error(ApiError(401 if fault.code == 20003 else 400, fault.code or 0, "refused"))

    async def _lose_by_fault(self, answer: ApiAnswer, to_address: str) -> ApiAnswer:
        fault = self.faults.take(LOSING, self._clock.now(), to_address)
        if fault is None:
            return answer
        if fault.kind == FaultKind.GARBAGE:
            return ApiAnswer(201, b"<html>gateway</html>", "text/html")
        if fault.kind == FaultKind.ERROR_AFTER_ACCEPT:
            return answer_error(ApiError(500, 20500, "An internal server error has occurred"))
        await self._clock.sleep(fault.delay_s)
        raise AnswerLost

    def _new_sid(self, prefix: str) -> str:
        text = f"{self._seed}:{next(self._counter)}"
        return prefix + hashlib.sha256(text.encode()).hexdigest()[:32]


@lru_cache(maxsize=4096)
def _name_pair(our_address: str, their_address: str) -> tuple[str, str]:
    """One person is one person, however their number is spelt."""
    keys = (canonical_key(our_address), canonical_key(their_address))
    ours, theirs = (key.value if key else raw for key, raw in zip(keys, (our_address, their_address), strict=True))
    return ours, theirs


def _allow(request: ApiRequest, *methods: str) -> None:
    if request.method not in methods:
        refuse(20004, "Method not allowed", 405)


def _describe_file(file: MediaFile) -> SentFile:
    digest = hashlib.sha256(file.content).hexdigest()
    return SentFile(file.sid, file.content_type, len(file.content), digest)


def _read_outbox_id(url: str | None) -> str | None:
    return dict(parse_qsl(urlsplit(url).query)).get("outbox") if url else None
