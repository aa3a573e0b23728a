"""What WhatsApp has approved for us: one row for each text a template was ever submitted with.

The rows are the platform's own. `runtime.templates` writes them, the outbox asks which may be used.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec
from sqlalchemy import text

from runtime.domain.enums import TemplateStatus
from runtime.domain.ids import PLATFORM
from runtime.domain.templates import CATALOGUE, Template, digest, digest_values
from runtime.store.database import UnitOfWork, rows_of


class TemplateRow(msgspec.Struct, frozen=True):
    """A text that was submitted, and what became of it."""

    name: str
    language: str
    content_hash: str
    values_hash: str
    body: str
    content_sid: str
    status: TemplateStatus
    rejection: str | None
    changed_at: datetime


def describe_version(
    template: Template, content_sid: str, status: TemplateStatus, *, at: datetime, rejection: str | None = None
) -> TemplateRow:
    """The row of a template's present text."""
    return TemplateRow(
        name=template.name,
        language=template.language,
        content_hash=digest(template),
        values_hash=digest_values(template),
        body=template.body,
        content_sid=content_sid,
        status=status,
        rejection=rejection,
        changed_at=at,
    )


_LOAD = text(
    f"""
    select name, language, content_hash, values_hash, body, content_sid, status::text as status, rejection, changed_at
    from templates where organization_id = '{PLATFORM}' order by name, language, changed_at, content_hash
    """
)


async def load_versions(uow: UnitOfWork) -> list[TemplateRow]:
    """Every text of every template, the oldest of each first (a platform job)."""
    return rows_of(TemplateRow, await uow.run(_LOAD))


_SAVE = text(
    f"""
    insert into templates (organization_id, name, language, content_hash, values_hash, body, content_sid, status,
      rejection, changed_at)
    values ('{PLATFORM}', :name, :language, :content_hash, :values_hash, :body, :content_sid,
      cast(:status as template_status), :rejection, :changed_at)
    on conflict (organization_id, name, language, content_hash) do update set content_sid = excluded.content_sid,
      status = excluded.status, rejection = excluded.rejection, changed_at = excluded.changed_at
    """
)


async def save_version(uow: UnitOfWork, row: TemplateRow) -> None:
    """Write down what became of a text (a platform job)."""
    await uow.run(_SAVE, msgspec.structs.asdict(row))


class ApprovedText(msgspec.Struct, frozen=True):
    """A text that may be sent, and what it is sent with."""

    name: str
    content_sid: str
    body: str


_LOAD_APPROVED = text(
    f"""
    select distinct on (t.name) t.name, t.content_sid, t.body
    from unnest(cast(:names as text[]), cast(:languages as text[]), cast(:contents as text[]),
      cast(:meanings as text[])) as wanted (name, language, content_hash, values_hash)
    join templates t on t.organization_id = '{PLATFORM}' and t.name = wanted.name and t.language = wanted.language
      and t.values_hash = wanted.values_hash and t.status = 'approved'
    order by t.name, t.content_hash = wanted.content_hash desc, t.changed_at desc, t.content_hash
    """
)


async def load_approved(uow: UnitOfWork, names: Collection[str]) -> dict[str, ApprovedText]:
    """What to send each of these templates with (a platform job); a name that has nothing yet is left out.

    It is the present text's, or while that is not approved the latest approved one that takes the same values.
    """
    known = [CATALOGUE[name] for name in names if name in CATALOGUE]
    parameters = {
        "names": [each.name for each in known],
        "languages": [each.language for each in known],
        "contents": [digest(each) for each in known],
        "meanings": [digest_values(each) for each in known],
    }
    return {each.name: each for each in rows_of(ApprovedText, await uow.run(_LOAD_APPROVED, parameters))}


_LOAD_BODIES = text(
    f"""
    select body from templates where organization_id = '{PLATFORM}' and name = :name and values_hash = :values_hash
    order by changed_at desc, content_hash
    """
)


async def load_bodies(uow: UnitOfWork, name: str) -> list[str]:
    """Every text a message of this template may have been sent with (a platform job), the catalogue's own first.

    One whose answer was lost is looked for by its text, and the provider shows that filled in (`fill_body`).

    Raises:
        KeyError: The catalogue has no such template.
    """
    template = CATALOGUE[name]
    rows = await uow.run(_LOAD_BODIES, {"name": name, "values_hash": digest_values(template)})
    return list(dict.fromkeys([template.body, *(row.body for row in rows)]))
