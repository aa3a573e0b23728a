"""What WhatsApp has approved follows the catalogue: nothing is made twice, and nothing unapproved is used."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from runtime.adapters.twilio.messenger import TwilioAccount
from runtime.adapters.twilio.templates import TwilioTemplates, compose_content
from runtime.domain.enums import TemplateStatus
from runtime.domain.errors import Unavailable
from runtime.domain.templates import CATALOGUE, CUSTOMER_WAITING, HUMAN_REQUESTED, Template, digest
from runtime.store.database import Database
from runtime.store.templates import describe_version, load_approved, load_bodies, load_versions, save_version
from runtime.templates import TemplateReport, poll_templates, read_reports, sync_templates
from sim.twilio.contents import NewContent
from sim.twilio.emulator import Account, TwilioEmulator
from sim.twilio.faults import FaultKind
from sim.twilio.reports import Behaviour
from sim.twilio.transport import EmulatedHttp

ACCOUNT = Account()
NAMES = list(CATALOGUE)
OLDER = msgspec.structs.replace(HUMAN_REQUESTED, body="Hola. {{1}} te busca en {{4}} por {{2}} desde las {{3}} de hoy.")
OTHER_VALUES = msgspec.structs.replace(OLDER, samples=("3:15 PM", *OLDER.samples[1:]))


class StillClock:
    """Moves only when told to."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 12, 16, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
        await asyncio.sleep(0)


class Office:
    """A database, and a provider whose WhatsApp takes so long to approve."""

    def __init__(self, database: Database, approval_s: float | None = 0.0) -> None:
        self.database = database
        self.clock = StillClock()
        self.open_line(approval_s)

    def open_line(self, approval_s: float | None = 0.0) -> None:
        """Reach a provider that knows nothing yet."""
        self.provider = TwilioEmulator(self.clock, account=ACCOUNT, behaviour=Behaviour(approval_s=approval_s))
        account = TwilioAccount(ACCOUNT.account_sid, ACCOUNT.auth_token)
        self.registry = TwilioTemplates(account, http_client=EmulatedHttp(self.provider))

    async def sync(self) -> list[TemplateReport]:
        return await sync_templates(self.database, self.registry, self.clock)

    async def poll(self) -> list[TemplateReport]:
        return await poll_templates(self.database, self.registry, self.clock)

    async def approved(self) -> dict[str, str]:
        async with self.database.single() as uow:
            return {name: each.content_sid for name, each in (await load_approved(uow, NAMES)).items()}

    async def count_made(self) -> int:
        return len(await self.registry.list_templates())

    async def remember(self, template: Template, status: TemplateStatus = TemplateStatus.APPROVED) -> str:
        """Have a text approved and written down on an earlier day."""
        content = self.provider.contents.shelve(msgspec.convert(compose_content(template), NewContent))
        row = describe_version(template, content.sid, status, at=self.clock.now() - timedelta(days=9))
        async with self.database.single() as uow:
            await save_version(uow, row)
        return content.sid


async def test_the_whole_catalogue_is_registered_once(database: Database) -> None:
    """A second run changes nothing, and every entry may be sent."""
    office = Office(database)

    first, second = await office.sync(), await office.sync()

    assert first == second
    assert [each.name for each in first] == NAMES
    assert all(each.status is TemplateStatus.APPROVED and each.sound for each in first)
    assert await office.approved() == {each.name: each.content_sid for each in first}
    assert await office.count_made() == len(NAMES)


async def test_a_run_that_was_cut_off_is_taken_up_without_making_anything_twice(database: Database) -> None:
    """After a text was made, or made and handed in, and before either was written down."""
    office = Office(database)
    await office.registry.create(HUMAN_REQUESTED)
    sid = await office.registry.create(CUSTOMER_WAITING)
    await office.registry.submit(sid, CUSTOMER_WAITING)

    reports = await office.sync()

    assert all(each.status is TemplateStatus.APPROVED for each in reports)
    assert await office.count_made() == len(NAMES)


async def test_a_run_that_was_cut_off_before_handing_in_is_taken_up(database: Database) -> None:
    """The row says that it was made only."""
    office = Office(database)
    sid = await office.registry.create(HUMAN_REQUESTED)
    async with database.single() as uow:
        await save_version(
            uow, describe_version(HUMAN_REQUESTED, sid, TemplateStatus.UNSUBMITTED, at=office.clock.now())
        )

    [report, *_] = await office.sync()

    assert (report.content_sid, report.status) == (sid, TemplateStatus.APPROVED)


async def test_what_waits_for_approval_is_polled_and_used_once_it_has_it(database: Database) -> None:
    """Until then it is neither used nor anything to worry about."""
    office = Office(database, approval_s=3600)

    received = await office.sync()
    pending = await office.poll()
    unusable = await office.approved()
    await office.clock.sleep(3600)
    approved = await office.poll()

    assert {each.status for each in received} == {TemplateStatus.RECEIVED}
    assert {each.status for each in pending} == {TemplateStatus.PENDING}
    assert all(each.sound and not each.usable for each in (*received, *pending))
    assert unusable == {}
    assert all(each.usable for each in approved)
    assert set(await office.approved()) == set(NAMES)


async def test_a_rejected_text_is_reported_with_its_reason_and_not_handed_in_again(database: Database) -> None:
    """Only another text would be."""
    office = Office(database)
    office.provider.faults.inject(FaultKind.TEMPLATE_REJECTED)

    [first, *others] = await office.sync()
    again = await office.sync()

    assert (first.status, first.rejection, first.sound) == (TemplateStatus.REJECTED, "INVALID_FORMAT", False)
    assert all(each.sound for each in others)
    assert again == [first, *others]
    assert await office.count_made() == len(NAMES)


@pytest.mark.parametrize("status", [TemplateStatus.PAUSED, TemplateStatus.DISABLED])
async def test_what_whatsapp_takes_back_is_used_no_more_until_it_gives_it_back(
    database: Database, status: TemplateStatus
) -> None:
    """A pause ends by itself."""
    office = Office(database)
    [first, *_] = await office.sync()
    assert first.content_sid is not None

    office.provider.contents.decide(first.content_sid, status, "low quality")
    [taken, *_] = await office.poll()
    while_taken = await office.approved()
    office.provider.contents.decide(first.content_sid, "approved")
    [given, *_] = await office.poll()

    assert (taken.status, taken.rejection, taken.in_use) == (status, "low quality", None)
    assert first.name not in while_taken
    assert (given.status, given.in_use) == (TemplateStatus.APPROVED, first.content_sid)


async def test_an_older_text_is_used_until_the_new_one_is_approved(database: Database) -> None:
    """And its words are known, to find a message whose answer was lost."""
    office = Office(database, approval_s=3600)
    older_sid = await office.remember(OLDER)

    [waiting, *_] = await office.sync()
    before = await office.approved()
    await office.clock.sleep(3600)
    [approved, *_] = await office.poll()

    assert (waiting.status, waiting.in_use) == (TemplateStatus.RECEIVED, older_sid)
    assert before == {HUMAN_REQUESTED.name: older_sid}
    assert approved.in_use == approved.content_sid != older_sid
    async with database.single() as uow:
        assert await load_bodies(uow, HUMAN_REQUESTED.name) == [HUMAN_REQUESTED.body, OLDER.body]


async def test_an_older_text_that_takes_other_values_is_not_used(database: Database) -> None:
    """It would put a time where a name belongs."""
    office = Office(database, approval_s=None)
    await office.remember(OTHER_VALUES)

    [waiting, *_] = await office.sync()

    assert waiting.in_use is None
    async with database.single() as uow:
        assert await load_bodies(uow, HUMAN_REQUESTED.name) == [HUMAN_REQUESTED.body]


async def test_what_the_provider_no_longer_has_is_made_anew(database: Database) -> None:
    """As after a new account, or an emulator that was started again; older texts are out of use."""
    office = Office(database)
    await office.remember(OLDER)
    before = await office.sync()
    office.open_line()

    polled = await office.poll()
    after = await office.sync()

    assert {each.status for each in polled} == {TemplateStatus.DISABLED}
    assert after == before
    async with database.single() as uow:
        statuses = {row.content_hash: row.status for row in await load_versions(uow)}
    assert statuses[digest(OLDER)] is TemplateStatus.DISABLED


async def test_a_text_the_provider_refuses_does_not_keep_the_others_back(database: Database) -> None:
    """It is reported with the code, and tried again the next time."""
    office = Office(database)
    office.provider.faults.inject("20001")

    [refused, *others] = await office.sync()
    [retried, *_] = await office.sync()

    assert (refused.status, refused.content_sid) == (TemplateStatus.UNSUBMITTED, None)
    assert refused.rejection is not None and refused.rejection.startswith("20001")
    assert all(each.sound for each in others)
    assert retried.sound


async def test_a_provider_that_is_down_changes_nothing(database: Database) -> None:
    """What was approved stays in use."""
    office = Office(database)
    reports = await office.sync()
    office.provider.faults.inject(FaultKind.DOWN, times=None)

    with pytest.raises(Unavailable):
        await office.sync()

    assert await read_reports(database) == reports
