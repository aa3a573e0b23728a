"""Arbitrary forms, rightly signed: whatever a person or a provider comes up with, the door holds."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.store.database import open_database
from tests.runtime.web.knocking import FORM_TYPE, MESSAGES, STATUS, knocking, make_app, make_form

pytestmark = pytest.mark.integration

_TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=80)
_KNOWN = (
    "Body From To MessageSid SmsStatus MessageStatus ErrorCode Latitude Longitude NumMedia MediaUrl0 "
    "MediaContentType0 ListId ButtonPayload ExternalUserId MessageType"
)
_NAMES = st.one_of(
    st.sampled_from(_KNOWN.split()),
    _TEXT,
)
_FORMS = st.lists(st.tuples(_NAMES, _TEXT), max_size=12)
_PATHS = st.sampled_from([MESSAGES, STATUS, f"{STATUS}?outbox=00000000-0000-7000-8000-0000000000ff"])


def _post_all(database_url: str, requests: list[tuple[list[tuple[str, str]], str]]) -> list[int]:
    async def run() -> list[int]:
        database = open_database(database_url, pool_size=2)
        async with knocking(make_app(database), database) as knocker:
            answers = [await knocker.post(form, path) for form, path in requests]
        await database.close()
        return [answer.status_code for answer in answers]

    return asyncio.run(run())


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests=st.lists(st.tuples(_FORMS, _PATHS), min_size=4, max_size=8))
def test_no_form_however_odd_crashes_the_door(
    database_url: str, requests: list[tuple[list[tuple[str, str]], str]]
) -> None:
    """Signed forms of any names and values get 200 or 400, alone and on top of a good message."""
    whole = [([*make_form(f"SMfuzz{n}").items(), *form], path) for n, (form, path) in enumerate(requests)]

    statuses = _post_all(database_url, [*requests, *whole])

    assert set(statuses) <= {200, 400}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bodies=st.lists(st.binary(max_size=300), min_size=5, max_size=10),
    kind=st.sampled_from([FORM_TYPE, "application/json"]),
)
def test_no_bytes_crash_the_door(database_url: str, bodies: list[bytes], kind: str) -> None:
    """Unsigned noise is refused, and that is all."""

    async def run() -> list[int]:
        database = open_database(database_url, pool_size=1)
        async with knocking(make_app(database), database) as knocker:
            return [
                (await knocker.send(body, headers={"x-twilio-signature": "x"}, content_type=kind)).status_code
                for body in bodies
            ]

    assert set(asyncio.run(run())) <= {400, 403}
