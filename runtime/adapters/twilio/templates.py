"""The `TemplateRegistry` port over Twilio's Content API, through its SDK.

`parlo templates` and the simulator's start-up call it. It makes and submits what it is given, once; which templates
there should be, and what to do about a rejection, is not its business.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from twilio.base.exceptions import (
    TwilioException,
    TwilioRestException,
    TwilioServiceException,
)
from twilio.http import AsyncHttpClient
from twilio.rest import Client
from twilio.rest.content.v1.content import ContentList
from twilio.rest.content.v1.content.approval_create import ApprovalCreateList

from runtime.adapters.twilio.http import TwilioHttp
from runtime.adapters.twilio.messenger import TwilioAccount
from runtime.domain.enums import TemplateStatus
from runtime.domain.errors import Unavailable
from runtime.domain.templates import Template, name_version
from runtime.ports import RegisteredTemplate, TemplateRefused

# No connection, a lost answer, or one that cannot be read: made twice by mistake, a template does no harm.
_NO_ANSWER = (
    TwilioException,
    aiohttp.ClientError,
    TimeoutError,
    OSError,
    ValueError,
    TypeError,
    AttributeError,
    KeyError,
)
_PAGE_SIZE = 500
_MAX_PAGES = 20


class TwilioTemplates:
    """Templates of one account.

    Args:
        account: Credentials.
        http_client: How to reach the API; by default over the network.
        timeout_s: How long to wait for each answer.
    """

    def __init__(
        self, account: TwilioAccount, *, http_client: AsyncHttpClient | None = None, timeout_s: float = 10.0
    ) -> None:
        self._http = http_client or TwilioHttp(account.base_url)
        self._timeout_s = timeout_s
        client = Client(
            account.api_key or account.account_sid,
            account.api_secret if account.api_key else account.auth_token,
            account.account_sid,
            http_client=self._http,
        )
        self._api: Any = client.content.v1

    async def list_templates(self) -> list[RegisteredTemplate]:
        """Everything the account has, with the state of its approval.

        Raises:
            Unavailable: The list could not be read, for whatever reason.
        """
        found: list[RegisteredTemplate] = []
        try:
            async with self._explain():
                page: Any = await self._api.content_and_approvals.page_async(page_size=_PAGE_SIZE)
                for _ in range(_MAX_PAGES):
                    found += [_read_template(it.sid, it.friendly_name, it.approval_requests or {}) for it in page]
                    if not page.next_page_url:
                        break
                    page = await page.next_page_async()
        except TemplateRefused as refusal:
            raise Unavailable(f"twilio: {refusal}") from refusal
        return found

    async def create(self, template: Template) -> str:
        """Make a template and give its sid.

        Raises:
            TemplateRefused: It is not well-formed, or we may not.
            Unavailable: It may or may not have been made.
        """
        async with self._explain():
            request = ContentList.ContentCreateRequest(compose_content(template))
            created = await self._api.contents.create_async(_Bare(request.to_dict()))
            sid = created.sid
        if not sid:
            raise Unavailable("twilio: a template without sid")
        return str(sid)

    async def submit(self, content_sid: str, template: Template) -> RegisteredTemplate:
        """Hand a template in for approval.

        Raises:
            TemplateRefused: It was not taken.
            Unavailable: It may or may not have been handed in.
        """
        name = name_version(template)
        async with self._explain():
            request = ApprovalCreateList.ContentApprovalRequest({"name": name, "category": template.category})
            answer = await self._api.contents(content_sid).approval_create.create_async(_Bare(request.to_dict()))
            approval = {"status": answer.status, "rejection_reason": answer.rejection_reason}
        return _read_template(content_sid, name, approval)

    async def aclose(self) -> None:
        """Close the connections, where there are any."""
        if isinstance(self._http, TwilioHttp):
            await self._http.close()

    @asynccontextmanager
    async def _explain(self) -> AsyncIterator[None]:
        """Limit the time, and turn what the SDK raises into our own words."""
        try:
            async with asyncio.timeout(self._timeout_s):
                yield
        except (TwilioRestException, TwilioServiceException) as error:
            status = int(error.status)
            if 400 <= status < 500 and status not in (408, 429):
                raise TemplateRefused(error.code or status, f"HTTP {status}") from error
            raise Unavailable(f"twilio: HTTP {status}") from error
        except _NO_ANSWER as error:
            raise Unavailable(f"twilio: {type(error).__name__}") from error


class _Bare:
    """A request of the SDK's without the fields that were not given: the API takes null for a value."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = _leave_out_nothing(fields)

    def to_dict(self) -> dict[str, Any]:
        """As the SDK asks a request for its content."""
        return self._fields


def compose_content(template: Template) -> dict[str, Any]:
    """A template as the Content API takes it: with buttons a quick reply, else a text."""
    if template.buttons:
        actions = [{"type": "QUICK_REPLY", "title": it.title, "id": it.payload} for it in template.buttons]
        types: dict[str, Any] = {"twilio/quick-reply": {"body": template.body, "actions": actions}}
    else:
        types = {"twilio/text": {"body": template.body}}
    return {
        "friendly_name": name_version(template),
        "language": template.language,
        "variables": {str(number): sample for number, sample in enumerate(template.samples, 1)},
        "types": types,
    }


def _leave_out_nothing(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _leave_out_nothing(value) if isinstance(value, dict) else value
        for name, value in fields.items()
        if value is not None
    }


def _read_template(sid: str | None, version: str | None, approval: dict[str, Any]) -> RegisteredTemplate:
    word = str(approval.get("status") or TemplateStatus.UNSUBMITTED)
    rejection = approval.get("rejection_reason") or None
    try:
        status = TemplateStatus(word)
    except ValueError:
        # appealed against, about to be deleted, or something newer: not to be used, and the word says why
        status, rejection = TemplateStatus.DISABLED, rejection or word
    return RegisteredTemplate(sid or "", version or "", status, rejection)
