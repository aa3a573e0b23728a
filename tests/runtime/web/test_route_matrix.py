"""Every route against two tenants: without a proof, with a wrong one, and with a right one and the other tenant's ids.

The route table is walked, and a route that stands in no row of the matrix fails. Whatever is refused leaves every table
as it was; what is taken in for one tenant leaves every row of the other's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from enum import StrEnum, auto
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import text

from runtime.domain.enums import OutboxKind
from runtime.domain.ids import MediaId, OutboxId
from runtime.media import address_media
from runtime.parts import Parts
from runtime.store import tables
from runtime.store.database import Database
from runtime.store.media import NewFile, add_file
from runtime.store.outbox import NewOutbound, queue_messages
from runtime.web.app import create_app
from sim.samples import Sample, make_sample
from sim.twilio.signing import SigningKey, sign_form
from tests.runtime.twins import ANA, NOW, Salon, digest_rows, open_twins, rows, write_and_claim
from tests.runtime.web.knocking import MESSAGES, PUBLIC_URL, STATUS, Knocker, knocking, make_app, make_form, make_parts
from tests.runtime.web.test_media_route import LONG


class Proof(StrEnum):
    """What a route wants before it does anything."""

    TWILIO = auto()
    ADDRESS = auto()
    NOTHING = auto()


MEDIA = "/media/{media_id:str}/{expires:str}/{signature:str}"
MATRIX = {
    MESSAGES: Proof.TWILIO,
    STATUS: Proof.TWILIO,
    MEDIA: Proof.ADDRESS,
    "/health/live": Proof.NOTHING,
    "/health/ready": Proof.NOTHING,
}
"""Every route and what it wants. One that is not in here fails the tests."""
WEBHOOKS = [path for path, proof in MATRIX.items() if proof is Proof.TWILIO]
OPEN = [path for path, proof in MATRIX.items() if proof is Proof.NOTHING]


class Street(msgspec.Struct, frozen=True):
    """Two tenants behind one door, each with a message on its way, one that was sent and a file."""

    knocker: Knocker
    parts: Parts
    ours: Salon
    theirs: Salon
    outbox: Mapping[str, UUID]
    media: Mapping[str, MediaId]

    async def digest_theirs(self) -> list[object]:
        """Of every row of the other tenant's."""
        one = "select '{0}', md5(string_agg(t::text, '|' order by t::text)) from {0} t where organization_id = :org"
        sql = " union all ".join(one.format(name) for name in tables.metadata.tables)
        return list(await rows(self.parts.database, sql, org=self.theirs.organization_id))


async def _stock(parts: Parts, salon: Salon, sid: str) -> tuple[UUID, MediaId]:
    claimed, pending, _ = await write_and_claim(parts.database, salon, ANA)
    outbox_id, media_id = OutboxId(salon.ids.new()), MediaId(salon.ids.new())
    new = NewOutbound(outbox_id, claimed.id, OutboxKind.REPLY, f"x:{sid}", "hola", NOW)
    photo = make_sample(Sample.JPEG)
    file = NewFile(media_id, claimed.id, pending[0].id, 0, "image/jpeg", photo, None, NOW, NOW + LONG)
    async with parts.database.tenant(salon.organization_id) as uow:
        await queue_messages(uow, salon.organization_id, None, [new])
        await add_file(uow, salon.organization_id, file)
        sent = "update outbox set state = 'sent', provider_sid = :sid, due_at = null where id = :id"
        await uow.run(text(sent), {"sid": sid, "id": outbox_id})
        await uow.commit()
    return outbox_id, media_id


@pytest.fixture
async def street(database: Database) -> AsyncIterator[Street]:
    parts = make_parts(database)
    ours, theirs = await open_twins(database)
    stocked = {"ours": await _stock(parts, ours, "SMours"), "theirs": await _stock(parts, theirs, "SMtheirs")}
    outbox = {name: each[0] for name, each in stocked.items()}
    media = {name: each[1] for name, each in stocked.items()}
    async with knocking(create_app(parts), database) as knocker:
        yield Street(knocker, parts, ours, theirs, outbox, media)


async def test_every_route_stands_in_the_matrix(database: Database) -> None:
    """A route added later has to say what it wants, and is knocked at by what follows."""
    assert {route.path for route in make_app(database).routes} == set(MATRIX)


FORMS = {
    MESSAGES: make_form("SMnew", From=f"whatsapp:{ANA}"),
    STATUS: {"MessageSid": "SMours", "MessageStatus": "delivered", "To": f"whatsapp:{ANA}"},
}
WRONG: dict[str, Callable[[str, dict[str, str]], dict[str, str]]] = {
    "nothing": lambda path, form: {},
    "an empty signature": lambda path, form: {"x-twilio-signature": ""},
    "a made-up signature": lambda path, form: {"x-twilio-signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="},
    "another secret": lambda path, form: sign_form(PUBLIC_URL + path, form, SigningKey("guessed")),
    "another address": lambda path, form: sign_form(f"{PUBLIC_URL}{path}x", form, SigningKey("first-secret")),
    "another host": lambda path, form: sign_form(f"http://10.0.0.7:8000{path}", form, SigningKey("first-secret")),
    "another form": lambda path, form: sign_form(PUBLIC_URL + path, form | {"x": "1"}, SigningKey("first-secret")),
    "a session": lambda path, form: {"cookie": "session=owner", "authorization": "Bearer owner"},
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("path", WEBHOOKS)
async def test_a_webhook_without_the_right_proof_is_refused_and_changes_no_row(
    street: Street, path: str, wrong: str
) -> None:
    """403, whosever ids it names, and all tables as they were."""
    database = street.parts.database
    before = await digest_rows(database)
    for named in ("ours", "theirs"):
        address = f"{path}?outbox={street.outbox[named]}"
        form = FORMS[path] | {"MessageSid": f"SM{named}"}
        body = "&".join(f"{name}={value.replace('+', '%2B')}" for name, value in form.items()).encode()

        answer = await street.knocker.send(body, address, headers=WRONG[wrong](address, form))

        assert answer.status_code == 403
    assert await digest_rows(database) == before


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", MATRIX)
async def test_no_method_without_a_proof_changes_a_row(street: Street, path: str, method: str) -> None:
    """Only what wants no proof answers with anything; OPTIONS says which methods there are, and reads nothing."""
    before = await digest_rows(street.parts.database)
    filled = path.replace("{media_id:str}", str(street.media["theirs"])).replace("{expires:str}", "9999999999")
    filled = filled.replace("{signature:str}", "x" * 32)

    answer = await street.knocker.client.request(method, filled, params={"outbox": str(street.outbox["theirs"])})

    if answer.status_code < 300:
        assert method == "OPTIONS" or (MATRIX[path] is Proof.NOTHING and method in ("GET", "HEAD"))
    else:
        assert answer.status_code in (403, 404, 405, 415)
    assert await digest_rows(street.parts.database) == before


async def test_a_signed_message_for_one_tenant_leaves_the_others_rows(street: Street) -> None:
    """Whatever ids of the other tenant's it carries: its sids, its outbox, its handoffs in a button."""
    before = await street.digest_theirs()
    foreign = str(street.outbox["theirs"])
    extras = (
        {"OriginalRepliedMessageSid": "SMtheirs"},
        {"ButtonPayload": f"take:{foreign}", "ButtonText": "Tomar"},
        {"organization_id": str(street.theirs.organization_id), "tenant": "gemela", "AccountSid": "ACother"},
        {"ExternalUserId": "MX.theirs"},
    )
    for number, extra in enumerate(extras):
        form = make_form(f"SMnew{number}", From=f"whatsapp:{ANA}", To=f"whatsapp:{street.ours.number}") | extra

        answer = await street.knocker.post(form, f"{MESSAGES}?outbox={foreign}")

        assert answer.status_code == 200
    assert await street.digest_theirs() == before
    stored = "select count(*) from inbox where organization_id = :org and sid like 'SMnew%'"
    assert await rows(street.parts.database, stored, org=street.ours.organization_id) == [(len(extras),)]


@pytest.mark.parametrize("path", WEBHOOKS)
@pytest.mark.parametrize("status", ["delivered", "read", "failed", "undelivered"])
async def test_a_signed_report_of_one_tenants_message_moves_nobody_elses(
    street: Street, path: str, status: str
) -> None:
    """The address names the other tenant's row and the form our message: that is no report of either."""
    before = await digest_rows(street.parts.database)
    form = {"MessageSid": "SMours", "MessageStatus": status, "To": f"whatsapp:{ANA}", "ErrorCode": "63016"}

    answer = await street.knocker.post(form, f"{path}?outbox={street.outbox['theirs']}")

    assert answer.status_code == 200
    assert await digest_rows(street.parts.database) == before


async def test_a_files_signature_opens_no_other_file(street: Street) -> None:
    """Ours with the other's id, and the other way round: the same 404 as for a file that never was."""
    before = await digest_rows(street.parts.database)
    own = {name: address_media(street.parts, media).removeprefix(PUBLIC_URL) for name, media in street.media.items()}
    crossed = [
        own["ours"].replace(str(street.media["ours"]), str(street.media["theirs"])),
        own["theirs"].replace(str(street.media["theirs"]), str(street.media["ours"])),
        own["ours"].replace(str(street.media["ours"]), str(street.ours.ids.new())),
    ]

    answers = [await street.knocker.client.get(path) for path in crossed]
    allowed = [await street.knocker.client.get(path) for path in own.values()]

    assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}
    assert [answer.status_code for answer in allowed] == [200, 200]
    assert await digest_rows(street.parts.database) == before


@pytest.mark.parametrize("path", OPEN)
async def test_what_wants_no_proof_tells_nothing_of_anybody(street: Street, path: str) -> None:
    """The same answer whatever is asked of it, and no id, name or number in it."""
    plain = await street.knocker.client.get(path)
    asked = await street.knocker.client.get(
        path, params={"organization_id": str(street.theirs.organization_id)}, headers={"cookie": "session=owner"}
    )

    assert asked.content == plain.content
    told = plain.text
    secrets = [ANA, street.ours.number, "Lupita", str(street.ours.organization_id), *map(str, street.outbox.values())]
    assert not [secret for secret in secrets if secret in told]
