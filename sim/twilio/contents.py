"""Twilio's Content API: templates made, handed in for approval, approved or not, and filled in for sending.

The emulator holds one `Contents` and asks it about every request under `/v1/` and every message that names a content.
WhatsApp's part is played too: it approves after a while, rejects what breaks its rules, and changes its mind when told.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from sim.twilio.api import ApiAnswer, ApiRequest, answer_json, cut_page, refuse, refuse_missing
from sim.twilio.faults import FaultKind, Faults

TEXT_LIMIT = 1024
"""Longest text of a template with its values."""

_ROUTE = re.compile(r"/v1/Content(?:/(?P<sid>HX[0-9a-f]{32})(?P<approval>/ApprovalRequests(?P<whatsapp>/whatsapp)?)?)?")
_VARIABLE = re.compile(r"\{\{\s*([^{}\s]{1,16})\s*\}\}")
_NAME = re.compile(r"[a-z0-9_]{1,512}")
_TYPES = ("twilio/text", "twilio/quick-reply")
_NOT_USABLE = {"rejected": 63040, "paused": 63041, "disabled": 63042}


class Approval(msgspec.Struct, frozen=True):
    """A request for approval. `verdict` is WhatsApp's last word where it differs from an approval in due time."""

    name: str
    category: str
    submitted_at: datetime
    verdict: str | None = None
    reason: str = ""


class Content(msgspec.Struct):
    """A template as Twilio keeps it. Only `Contents` changes it."""

    sid: str
    friendly_name: str
    language: str
    variables: dict[str, str]
    types: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    approval: Approval | None = None


class NewContent(msgspec.Struct, frozen=True):
    """The body of a request to make one."""

    friendly_name: str
    language: str
    types: dict[str, Any]
    variables: dict[str, str] = {}


class _NewApproval(msgspec.Struct, frozen=True):
    name: str
    category: str


class Rendered(msgspec.Struct, frozen=True):
    """A content filled in.

    Attributes:
        buttons: Title and payload of each.
        failure: The error code it will be reported with whoever it is sent to, or None.
        barred: The error code it will be reported with outside the 24 hours, or None.
    """

    body: str
    buttons: tuple[tuple[str, str], ...]
    failure: int | None
    barred: int | None


class Contents:
    """The contents of one account.

    Args:
        now: Gives the time.
        account_sid: Whose they are.
        host: Where pages claim to be.
        approval_s: How long WhatsApp takes to approve; None for ever.
        faults: `TEMPLATE_REJECTED` is taken from here.
    """

    def __init__(
        self, now: Callable[[], datetime], account_sid: str, host: str, approval_s: float | None, faults: Faults
    ) -> None:
        self._now = now
        self._account_sid = account_sid
        self._host = host.replace("//api.", "//content.")
        self._approval_s = approval_s
        self._faults = faults
        self._contents: dict[str, Content] = {}

    # -- our side: WhatsApp -------------------------------------------------------------------------------------

    def shelve(self, new: NewContent) -> Content:
        """Have a content there that was approved on an earlier day."""
        content = self._make(new)
        content.approval = Approval(new.friendly_name, "UTILITY", self._now(), "approved")
        return content

    def decide(self, sid: str, status: str, reason: str = "") -> None:
        """Let WhatsApp approve, reject, pause or disable a template that was submitted."""
        content = self._contents[sid]
        assert content.approval is not None, "it was never submitted"
        content.approval = msgspec.structs.replace(content.approval, verdict=status, reason=reason)
        content.updated_at = self._now()

    def read_status(self, content: Content) -> str:
        """The status of a content's approval now."""
        approval = content.approval
        if approval is None:
            return "unsubmitted"
        if approval.verdict is not None:
            return approval.verdict
        done = self._approval_s is not None and self._now() >= approval.submitted_at + timedelta(
            seconds=self._approval_s
        )
        return "approved" if done else "pending"

    # -- sending ------------------------------------------------------------------------------------------------

    def render(self, sid: str, variables: str) -> Rendered:
        """Fill a content in.

        Raises:
            ApiError: There is no such content, or the variables are none.
        """
        content = self._contents.get(sid)
        if content is None:
            refuse(21655, "The ContentSid Parameter is invalid")
        values = _read_variables(variables)
        kind = content.types.get("twilio/quick-reply") or content.types["twilio/text"]
        actions = kind.get("actions", ())
        body = _fill(kind["body"], values)
        failure = None
        if values.keys() != _find_variables(content):
            # Twilio would show people the samples; a wrong count is caught here instead, by the code for it
            failure = 63028
        elif any("    " in value for value in values.values()):
            failure = 63013
        elif len(body) > TEXT_LIMIT:
            failure = 63021
        status = self.read_status(content)
        barred = None if status == "approved" else _NOT_USABLE.get(status, 63016)
        buttons = tuple((it["title"], _fill(it["id"], values)) for it in actions)
        return Rendered(body, buttons, failure, barred)

    # -- the API ------------------------------------------------------------------------------------------------

    def answer(self, request: ApiRequest) -> ApiAnswer:
        """Answer a request under `/v1/`; who asks is known already.

        Raises:
            ApiError: It is refused.
        """
        if request.path == "/v1/ContentAndApprovals":
            return self._list(request, self._show_with_approval)
        route = _ROUTE.fullmatch(request.path)
        if route is None:
            refuse_missing(request.path)
        if route["sid"] is None:
            if request.method == "POST":
                return answer_json(self._show(self._make(_read(request, NewContent))), 201)
            return self._list(request, self._show)
        content = self._contents.get(route["sid"]) or refuse_missing(request.path)
        return self._answer_one(request, content, route)

    def _answer_one(self, request: ApiRequest, content: Content, route: re.Match[str]) -> ApiAnswer:
        expected = "POST" if route["whatsapp"] else "GET"
        if request.method == "DELETE" and not route["approval"]:
            del self._contents[content.sid]
            return ApiAnswer(204, b"")
        if request.method != expected:
            refuse(20004, "Method not allowed", 405)
        if route["whatsapp"]:
            return answer_json(self._submit(content, _read(request, _NewApproval)), 201)
        if route["approval"]:
            return answer_json(self._show_approval(content))
        return answer_json(self._show(content))

    def _make(self, new: NewContent) -> Content:
        _check(new)
        # Not from the emulator's seed: a database may remember the sids of an emulator that has forgotten them.
        for number in itertools.count():
            text = f"{self._account_sid}:{new.language}:{new.friendly_name}:{number}"
            sid = "HX" + hashlib.sha256(text.encode()).hexdigest()[:32]
            if sid not in self._contents:
                break
        now = self._now()
        content = Content(sid, new.friendly_name, new.language, new.variables, new.types, now, now)
        self._contents[sid] = content
        return content

    def _submit(self, content: Content, new: _NewApproval) -> dict[str, object]:
        if content.approval is not None:
            refuse(20001, "This content has been submitted before")
        if not _NAME.fullmatch(new.name) or new.category not in ("UTILITY", "MARKETING", "AUTHENTICATION"):
            refuse(20001, "Invalid name or category")
        reason = _find_fault(content)
        others = (it for it in self._contents.values() if it.approval and it.language == content.language)
        if any(it.approval and it.approval.name == new.name for it in others):
            reason = "There is already content in this language with that name"
        if self._faults.take((FaultKind.TEMPLATE_REJECTED,), self._now(), "") is not None:
            reason = "INVALID_FORMAT"
        content.approval = Approval(new.name, new.category, self._now(), "rejected" if reason else None, reason)
        content.updated_at = self._now()
        answer = self._describe_approval(content)
        return {**answer, "status": "received"} if answer["status"] == "pending" else answer

    def _list(self, request: ApiRequest, show: Callable[[Content], dict[str, object]]) -> ApiAnswer:
        if request.method != "GET":
            refuse(20004, "Method not allowed", 405)
        newest_first = list(reversed(self._contents.values()))
        page, shown = cut_page(newest_first, request, lambda it: it.sid, len(newest_first))

        def link(uri: str | None) -> str | None:
            return self._host + uri if uri else None

        meta = {
            "key": "contents",
            "page": page.page,
            "page_size": page.page_size,
            "url": link(page.uri),
            "first_page_url": link(page.first_page_uri),
            "next_page_url": link(page.next_page_uri),
            "previous_page_url": link(page.previous_page_uri),
        }
        return answer_json({"contents": [show(it) for it in shown], "meta": meta})

    def _show(self, content: Content) -> dict[str, object]:
        url = f"{self._host}/v1/Content/{content.sid}"
        approvals = f"{url}/ApprovalRequests"
        return {
            **self._show_plain(content),
            "url": url,
            "links": {"approval_create": f"{approvals}/whatsapp", "approval_fetch": approvals},
        }

    def _show_plain(self, content: Content) -> dict[str, object]:
        return {
            "sid": content.sid,
            "account_sid": self._account_sid,
            "friendly_name": content.friendly_name,
            "language": content.language,
            "variables": content.variables,
            "types": content.types,
            "date_created": _show_moment(content.created_at),
            "date_updated": _show_moment(content.updated_at),
        }

    def _show_with_approval(self, content: Content) -> dict[str, object]:
        return {**self._show_plain(content), "approval_requests": self._describe_approval(content)}

    def _show_approval(self, content: Content) -> dict[str, object]:
        return {
            "sid": content.sid,
            "account_sid": self._account_sid,
            "whatsapp": {"type": "whatsapp", **self._describe_approval(content)},
            "url": f"{self._host}/v1/Content/{content.sid}/ApprovalRequests",
        }

    def _describe_approval(self, content: Content) -> dict[str, object]:
        approval = content.approval
        return {
            "name": approval.name if approval else "",
            "category": approval.category if approval else "",
            "content_type": next(iter(content.types)) if approval else "",
            "status": self.read_status(content),
            "rejection_reason": approval.reason if approval else "",
            "allow_category_change": True,
        }


def _read(request: ApiRequest, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(request.json, type=kind)
    except msgspec.MsgspecError as error:
        refuse(20001, f"Invalid body: {error}")


def _check(new: NewContent) -> None:
    if not new.types or not set(new.types) <= set(_TYPES):
        refuse(20001, f"Invalid types: one of {', '.join(_TYPES)}")
    for name, kind in new.types.items():
        if not (isinstance(kind, dict) and isinstance(kind.get("body"), str) and kind["body"]):
            refuse(20001, f"Invalid {name}: a body is required")
        actions = kind.get("actions", [])
        if (name == "twilio/quick-reply") != bool(actions) or len(actions) > 10:
            refuse(20001, f"Invalid {name}: 1 to 10 actions for a quick reply, none else")
        for action in actions:
            if not (0 < len(action.get("title") or "") <= 20 and 0 < len(action.get("id") or "") <= 200):
                refuse(20001, "Invalid action: title of 1 to 20 characters, id of 1 to 200")
    if len(new.variables) > 100 or any(len(key) > 16 or " " in key for key in new.variables):
        refuse(20001, "Invalid variables")


def _find_variables(content: Content) -> set[str]:
    found: set[str] = set()
    for kind in content.types.values():
        texts = [kind["body"], *(action["id"] for action in kind.get("actions", ()))]
        found.update(*(_VARIABLE.findall(text) for text in texts))
    return found


def _find_fault(content: Content) -> str:
    """Why WhatsApp rejects it; empty where it does not."""
    body = next(iter(content.types.values()))["body"].strip()
    if _VARIABLE.match(body) or re.search(r"\}\}[\s.!?]*$", body):
        return "Variables can't be at the start or end of the template"
    if re.search(r"\}\}\s*\{\{", body):
        return "Variables can't be next to each other"
    if not all(content.variables.get(name) for name in _find_variables(content)):
        return "A variable has no sample"
    return ""


def _read_variables(text: str) -> dict[str, str]:
    try:
        values = msgspec.json.decode(text or "{}", type=dict[str, str])
    except msgspec.MsgspecError:
        refuse(21656, "The ContentVariables Parameter is invalid")
    if any(not value.strip() or "\n" in value or "\t" in value or len(value) > 1600 for value in values.values()):
        refuse(21656, "The ContentVariables Parameter is invalid")
    return values


def _fill(text: str, values: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: values.get(found[1], found[0]), text)


def _show_moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
