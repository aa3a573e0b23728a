"""Tells a webhook of Twilio's from anybody else's.

The web routes call `read_form` and `SignatureChecker.check` before they look at anything. The signed address
is rebuilt from the configured public one, never from what the request claims about itself.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import parse_qs, parse_qsl, urlsplit

from twilio.request_validator import (
    HMAC_SHA1,
    HMAC_SHA256,
    SIGNATURE_HEADER,
    SIGNATURE_SETTINGS_HEADER,
    RequestValidator,
    get_signature_algorithm,
)

from runtime.domain.errors import Broken, Untrusted

_MAX_FIELDS = 500
_DEFAULT_PORTS = {"https": 443, "http": 80}

Pairs = Sequence[tuple[str, str]]


class SignatureChecker:
    """Verifies signatures against one public address and any of several secrets.

    Args:
        public_url: Scheme, host, and port if any, as Twilio was told: ``https://parlo.example``.
        tokens: Auth tokens and shared keys, all accepted, so that a secret can be rotated.

    Raises:
        Broken: No usable secret or address was given.
    """

    def __init__(self, public_url: str, tokens: tuple[str, ...]) -> None:
        if not tokens or any(not token.strip() for token in tokens):
            raise Broken("webhooks cannot be verified without a secret")
        self._bases = _list_bases(public_url)
        self._validators = [RequestValidator(token) for token in tokens]

    def check(self, path_and_query: str, content: Pairs | bytes, headers: Mapping[str, str]) -> None:
        """Return if the request is signed with one of the secrets.

        Args:
            path_and_query: As received, still percent-encoded: ``/webhooks/twilio?x=1``.
            content: The form as decoded pairs, empty values and repeats included; or the raw body, which must then
                be covered by a hash in the query (``bodySHA256``).
            headers: Of the request, in any case.

        Raises:
            Untrusted: It is not.
        """
        folded = {name.lower(): value for name, value in headers.items()}
        given = folded.get(SIGNATURE_HEADER.lower(), "")
        algorithm = get_signature_algorithm(folded.get(SIGNATURE_SETTINGS_HEADER.lower(), "")).upper()
        if not given or algorithm not in (HMAC_SHA1, HMAC_SHA256):
            raise Untrusted("no signature of a known kind")
        if isinstance(content, bytes):
            _check_body_hash(path_and_query, content)
            form = None
        else:
            form = _Form(content)
        try:
            matches = self._matches(path_and_query, form, given.encode(), algorithm)
        except UnicodeEncodeError as error:
            raise Untrusted("text that cannot have been signed") from error
        if not matches:
            raise Untrusted("the signature does not match")

    def _matches(self, path_and_query: str, form: _Form | None, given: bytes, algorithm: str) -> bool:
        # Twilio is not consistent about the port, so both spellings of the address count.
        return any(
            hmac.compare_digest(validator.compute_signature(base + path_and_query, form, algorithm).encode(), given)
            for validator in self._validators
            for base in self._bases
        )


def read_form(body: bytes) -> list[tuple[str, str]]:
    """Decode a form, keeping empty values, repeats and order.

    Raises:
        Untrusted: It has more fields than any webhook of Twilio's.
    """
    try:
        return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise Untrusted("a form with too many fields") from error


class _Form(Mapping[str, str]):
    """Repeated names as the validator wants them."""

    def __init__(self, pairs: Pairs) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def getall(self, name: str) -> list[str]:
        return self._values[name]

    def __getitem__(self, name: str) -> str:
        return self._values[name][0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _list_bases(public_url: str) -> tuple[str, ...]:
    try:
        parts = urlsplit(public_url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Broken("the public address is not a URL") from error
    if parts.scheme not in _DEFAULT_PORTS or not host or parts.query or parts.fragment:
        raise Broken("the public address is not a URL of ours")
    host = f"[{host}]" if ":" in host else host
    path = parts.path.rstrip("/")
    bare = f"{parts.scheme}://{host}"
    with_port = f"{bare}:{port or _DEFAULT_PORTS[parts.scheme]}{path}"
    # the spelling of our own setting is the likelier one
    return (with_port, f"{bare}{path}") if port else (f"{bare}{path}", with_port)


def _check_body_hash(path_and_query: str, body: bytes) -> None:
    # The signature covers the address only: the address covers the body.
    stated = parse_qs(urlsplit(path_and_query).query).get("bodySHA256", [""])
    computed = hashlib.sha256(body).hexdigest()
    if len(stated) != 1 or not hmac.compare_digest(computed.encode(), stated[0].encode("utf-8", "replace")):
        raise Untrusted("the body does not match its hash")
