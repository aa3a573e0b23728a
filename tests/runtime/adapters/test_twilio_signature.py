"""Only what Twilio signed with one of our secrets for our public address passes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.adapters.twilio.signature import SignatureChecker, read_form
from runtime.domain.errors import Broken, Untrusted

VECTORS = Path(__file__).resolve().parents[4] / "shared" / "data" / "twilio" / "firmas.jsonl"

PUBLIC = "https://parlo.example"
PATH = "/webhooks/twilio?origen=wa"
FORM = [("From", "whatsapp:+5215512345678"), ("Body", ""), ("Etiqueta", "b"), ("Etiqueta", "a"), ("Etiqueta", "b")]
SHA256 = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"


def sign(signed: str, secret: str = "secreto", digest: str = "sha1") -> str:
    return base64.b64encode(hmac.digest(secret.encode(), signed.encode(), digest)).decode()


def spell(base: str = PUBLIC) -> str:
    """The text that is signed for FORM: names sorted, distinct values sorted."""
    return f"{base}{PATH}BodyEtiquetaaEtiquetabFromwhatsapp:+5215512345678"


def test_a_form_signed_with_our_secret_passes() -> None:
    """Empty values count, repeated ones count once."""
    checker = SignatureChecker(PUBLIC, ("secreto",))

    checker.check(PATH, FORM, {"X-Twilio-Signature": sign(spell())})


def test_headers_are_found_in_any_case() -> None:
    """Servers fold names as they like."""
    checker = SignatureChecker(PUBLIC, ("secreto",))

    checker.check(PATH, FORM, {"x-twilio-signature": sign(spell())})


@pytest.mark.parametrize("public", [PUBLIC, f"{PUBLIC}:443", f"{PUBLIC}/"])
@pytest.mark.parametrize("signed", [PUBLIC, f"{PUBLIC}:443"])
def test_the_port_may_be_spelled_or_not(public: str, signed: str) -> None:
    """Twilio signs either; we may be configured with either."""
    SignatureChecker(public, ("secreto",)).check(PATH, FORM, {"X-Twilio-Signature": sign(spell(signed))})


def test_another_port_is_another_address() -> None:
    """Only the configured one and its absence count."""
    checker = SignatureChecker(PUBLIC, ("secreto",))

    with pytest.raises(Untrusted):
        checker.check(PATH, FORM, {"X-Twilio-Signature": sign(spell(f"{PUBLIC}:8443"))})


@pytest.mark.parametrize("secret", ["viejo", "nuevo"])
def test_every_secret_of_a_rotation_passes(secret: str) -> None:
    """While a secret is being replaced, both serve."""
    checker = SignatureChecker(PUBLIC, ("viejo", "nuevo"))

    checker.check(PATH, FORM, {"X-Twilio-Signature": sign(spell(), secret)})


def test_sha256_is_verified_where_the_header_says_so() -> None:
    """Shared keys sign with SHA-256 and name themselves."""
    checker = SignatureChecker(PUBLIC, ("otro", "secreto"))
    signature = sign(spell(), digest="sha256")

    checker.check(PATH, FORM, {"X-Twilio-Signature": signature, "X-Twilio-Webhooks-Signature-Settings": SHA256})

    with pytest.raises(Untrusted):
        checker.check(PATH, FORM, {"X-Twilio-Signature": signature})


@pytest.mark.parametrize("settings", ["key=x,algorithm=HMAC_MD5", "algorithm=none"])
def test_an_algorithm_we_do_not_know_is_refused(settings: str) -> None:
    """It is never taken for the default one."""
    checker = SignatureChecker(PUBLIC, ("secreto",))
    headers = {"X-Twilio-Signature": sign(spell()), "X-Twilio-Webhooks-Signature-Settings": settings}

    with pytest.raises(Untrusted):
        checker.check(PATH, FORM, headers)


@pytest.mark.parametrize(
    ("path", "form"),
    [
        (f"{PATH}&x=1", FORM),
        ("/webhooks/twilio", FORM),
        (PATH, [*FORM, ("Nuevo", "")]),
        (PATH, FORM[:-3]),
        (PATH, [("Body", "hola"), *FORM]),
    ],
)
def test_anything_altered_is_refused(path: str, form: list[tuple[str, str]]) -> None:
    """Address, names and values are all covered."""
    checker = SignatureChecker(PUBLIC, ("secreto",))

    with pytest.raises(Untrusted):
        checker.check(path, form, {"X-Twilio-Signature": sign(spell())})


@pytest.mark.parametrize("headers", [{}, {"X-Twilio-Signature": ""}, {"X-Twilio-Signature": "ñ\udcff"}])
def test_no_signature_is_refused(headers: dict[str, str]) -> None:
    """Nor one that cannot be one."""
    checker = SignatureChecker(PUBLIC, ("secreto",))

    with pytest.raises(Untrusted):
        checker.check(PATH, FORM, headers)


def test_text_that_cannot_be_encoded_is_refused() -> None:
    """A lone surrogate was never signed by anybody."""
    checker = SignatureChecker(PUBLIC, ("secreto",))

    with pytest.raises(Untrusted):
        checker.check(PATH, [("Body", "\ud800")], {"X-Twilio-Signature": sign(spell())})


def test_what_the_request_says_of_its_own_address_is_not_believed() -> None:
    """A signature for another host fails, whatever Host or forwarding headers claim."""
    checker = SignatureChecker(PUBLIC, ("secreto",))
    headers = {
        "X-Twilio-Signature": sign(spell("https://malo.example")),
        "Host": "malo.example",
        "X-Forwarded-Host": "malo.example",
    }

    with pytest.raises(Untrusted):
        checker.check(PATH, FORM, headers)


def test_a_raw_body_must_match_the_hash_in_the_signed_address() -> None:
    """The signature covers the address, the address covers the body."""
    checker = SignatureChecker(PUBLIC, ("secreto",))
    body = '{"algo": "ñ"}'.encode()
    path = f"/webhooks/twilio?bodySHA256={hashlib.sha256(body).hexdigest()}"
    headers = {"X-Twilio-Signature": sign(PUBLIC + path)}

    checker.check(path, body, headers)

    with pytest.raises(Untrusted):
        checker.check(path, body + b" ", headers)
    with pytest.raises(Untrusted):
        checker.check("/webhooks/twilio", body, {"X-Twilio-Signature": sign(f"{PUBLIC}/webhooks/twilio")})


@pytest.mark.parametrize("tokens", [(), ("",), ("bueno", " ")])
def test_a_checker_without_a_secret_cannot_be_made(tokens: tuple[str, ...]) -> None:
    """An empty secret would let anybody sign."""
    with pytest.raises(Broken):
        SignatureChecker(PUBLIC, tokens)


@pytest.mark.parametrize(
    "public", ["parlo.example", "ftp://parlo.example", "https://", "https://x:puerto", f"{PUBLIC}?a"]
)
def test_a_checker_without_a_public_address_cannot_be_made(public: str) -> None:
    """A mistake in the settings shows at start, not as refused messages."""
    with pytest.raises(Broken):
        SignatureChecker(public, ("secreto",))


@given(pairs=st.lists(st.tuples(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))))
def test_a_form_is_read_as_it_was_written(pairs: list[tuple[str, str]]) -> None:
    """Empty values, repeats, order and every character survive."""
    written = [(name, value) for name, value in pairs if name or value]

    assert read_form(urlencode(written).encode()) == written


def test_a_form_of_a_thousand_fields_is_refused() -> None:
    """No webhook has as many."""
    with pytest.raises(Untrusted):
        read_form(b"&".join(b"a=1" for _ in range(1000)))


def test_the_published_vectors_agree() -> None:
    """Signatures from the tests of Twilio's own libraries."""
    if not VECTORS.exists():
        pytest.skip("../shared is not beside this checkout")
    vectors = [json.loads(line) for line in VECTORS.read_text().splitlines()]

    verdicts = []
    for vector in vectors:
        parts = urlsplit(vector["url"])
        checker = SignatureChecker(f"{parts.scheme}://{parts.netloc}", ("otro", vector["auth_token"]))
        content = vector["body"].encode() if "body" in vector else [(name, value) for name, value in vector["params"]]
        try:
            checker.check(f"{parts.path}?{parts.query}", content, {"X-Twilio-Signature": vector["signature"]})
            verdicts.append(True)
        except Untrusted:
            verdicts.append(False)

    assert verdicts == [vector["valid"] for vector in vectors]
    assert len(vectors) == 10
