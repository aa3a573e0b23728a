"""Brings what WhatsApp has approved into line with the catalogue.

`parlo templates` and `parlo up` call `sync_templates`; `poll_templates` only looks how far approvals have got, and
may be called as often as one likes. Neither deletes anything, nor submits a text again that was rejected.
"""

from __future__ import annotations

import msgspec
import structlog

from runtime.domain.enums import TemplateStatus
from runtime.domain.templates import CATALOGUE, Template, digest, name_version
from runtime.ports import Clock, RegisteredTemplate, TemplateRefused, TemplateRegistry
from runtime.store import templates
from runtime.store.database import Database
from runtime.store.templates import TemplateRow, describe_version

log = structlog.get_logger()

WAITING = frozenset({TemplateStatus.RECEIVED, TemplateStatus.PENDING})
"""Handed in, and nothing to do but wait: minutes as a rule, up to a day."""

UNKNOWN_SID = "the provider no longer has it"


class TemplateReport(msgspec.Struct, frozen=True):
    """How it stands with one template of the catalogue.

    Attributes:
        status: Of its present text; `unsubmitted` where that is not at the provider's.
        content_sid: Of its present text, or None.
        rejection: Why it may not be used, or None.
        in_use: What it is sent with now: the present text's sid, an older one's, or None.
    """

    name: str
    language: str
    status: TemplateStatus
    content_sid: str | None
    rejection: str | None
    in_use: str | None

    @property
    def usable(self) -> bool:
        """Whether it can be sent now, in its present text or an older one."""
        return self.in_use is not None

    @property
    def sound(self) -> bool:
        """Whether nobody has to do anything: approved, or waiting to be."""
        return self.status is TemplateStatus.APPROVED or self.status in WAITING


async def sync_templates(database: Database, registry: TemplateRegistry, clock: Clock) -> list[TemplateReport]:
    """Make and submit what the catalogue has and the provider has not; one report for each entry, in its order.

    A run that was cut off is taken up where it ended: what was made is found by its version before anything is made.

    Raises:
        Unavailable: The provider or the database cannot be reached.
    """
    registered = await registry.list_templates()
    rows = await _refresh(database, registered, clock)
    refusals: dict[str, str] = {}
    for template in CATALOGUE.values():
        row = rows.get((template.name, digest(template)))
        if row is not None and row.status is not TemplateStatus.UNSUBMITTED and row.rejection != UNKNOWN_SID:
            continue
        try:
            await _register(database, registry, template, registered, clock)
        except TemplateRefused as refusal:
            log.error("template_refused", template=template.name, code=refusal.code)
            refusals[template.name] = str(refusal)
    return await _report(database, refusals)


async def poll_templates(database: Database, registry: TemplateRegistry, clock: Clock) -> list[TemplateReport]:
    """Look how far approvals have got and write it down; nothing is made or submitted.

    Raises:
        Unavailable: The provider or the database cannot be reached.
    """
    await _refresh(database, await registry.list_templates(), clock)
    return await _report(database, {})


async def read_reports(database: Database) -> list[TemplateReport]:
    """The same from our own tables alone.

    Raises:
        Unavailable: The database cannot be reached.
    """
    return await _report(database, {})


async def _refresh(
    database: Database, registered: list[RegisteredTemplate], clock: Clock
) -> dict[tuple[str, str], TemplateRow]:
    """Every row with the provider's present word on it, by name and content hash. What it no longer has is disabled."""
    by_sid = {each.content_sid: each for each in registered}
    fresh: dict[tuple[str, str], TemplateRow] = {}
    async with database.platform() as uow:
        for row in await templates.load_versions(uow):
            found = by_sid.get(row.content_sid)
            status = found.status if found else TemplateStatus.DISABLED
            rejection = found.rejection if found else UNKNOWN_SID
            if (status, rejection) != (row.status, row.rejection):
                row = msgspec.structs.replace(row, status=status, rejection=rejection, changed_at=clock.now())
                await templates.save_version(uow, row)
                log.info("template_changed", template=row.name, status=row.status)
            fresh[row.name, row.content_hash] = row
        await uow.commit()
    return fresh


async def _register(
    database: Database,
    registry: TemplateRegistry,
    template: Template,
    registered: list[RegisteredTemplate],
    clock: Clock,
) -> None:
    """Have one text made and submitted, written down after each step."""
    version = name_version(template)
    found = next((each for each in registered if each.version == version), None)
    if found is None:
        found = RegisteredTemplate(await registry.create(template), version, TemplateStatus.UNSUBMITTED)
    await _write(database, template, found, clock)
    if found.status is TemplateStatus.UNSUBMITTED:
        await _write(database, template, await registry.submit(found.content_sid, template), clock)


async def _write(database: Database, template: Template, found: RegisteredTemplate, clock: Clock) -> None:
    row = describe_version(template, found.content_sid, found.status, at=clock.now(), rejection=found.rejection)
    async with database.single() as uow:
        await templates.save_version(uow, row)


async def _report(database: Database, refusals: dict[str, str]) -> list[TemplateReport]:
    async with database.single() as uow:
        rows = {(row.name, row.content_hash): row for row in await templates.load_versions(uow)}
        in_use = await templates.load_approved(uow, list(CATALOGUE))
    reports = []
    for template in CATALOGUE.values():
        row = rows.get((template.name, digest(template)))
        approved = in_use.get(template.name)
        reports.append(
            TemplateReport(
                name=template.name,
                language=template.language,
                status=row.status if row else TemplateStatus.UNSUBMITTED,
                content_sid=row.content_sid if row else None,
                rejection=refusals.get(template.name) or (row.rejection if row else None),
                in_use=approved.content_sid if approved else None,
            )
        )
    return reports
