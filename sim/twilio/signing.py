"""Signs webhooks the way Twilio does.

The emulator and tests call it. It is written apart from the code that verifies, so that neither hides a fault
of the other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec


class Algorithm(StrEnum):
    """What a signature is made with."""

    SHA1 = "HMAC_SHA1"
    SHA256 = "HMAC_SHA256"


class SigningKey(msgspec.Struct, frozen=True):
    """A secret and how to use it.

    Attributes:
        key_id: Name of a shared key, stated beside a SHA-256 signature; unused with SHA-1.
    """

    secret: str
    algorithm: Algorithm = Algorithm.SHA1
    key_id: str = "webhooks_sharedkey_emulator"


Form = Mapping[str, str] | Iterable[tuple[str, str]]


def sign_form(url: str, form: Form, key: SigningKey) -> dict[str, str]:
    """The headers that vouch for a form posted to `url`; repeated names are allowed in pairs."""
    values: dict[str, set[str]] = {}
    for name, value in form.items() if isinstance(form, Mapping) else form:
        values.setdefault(name, set()).add(value)
    signed = url + "".join(name + value for name in sorted(values) for value in sorted(values[name]))
    return _compose_headers(signed, key)


def sign_body(url: str, body: bytes, key: SigningKey) -> tuple[str, dict[str, str]]:
    """The address with the body's hash in its query, and the headers that vouch for it."""
    joint = "&" if "?" in url else "?"
    url = f"{url}{joint}bodySHA256={hashlib.sha256(body).hexdigest()}"
    return url, _compose_headers(url, key)


def _compose_headers(signed: str, key: SigningKey) -> dict[str, str]:
    digest = hashlib.sha1 if key.algorithm is Algorithm.SHA1 else hashlib.sha256
    signature = hmac.digest(key.secret.encode(), signed.encode("utf-8", "replace"), digest)
    headers = {"X-Twilio-Signature": base64.b64encode(signature).decode("ascii")}
    if key.algorithm is Algorithm.SHA256:
        headers["X-Twilio-Webhooks-Signature-Settings"] = f"key={key.key_id},algorithm={key.algorithm}"
    return headers
