"""Customers, staff as people, and the conversations through which they are reached."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text, update

from runtime.domain.ids import ConversationId, CustomerId, OrganizationId, PersonId, StaffId
from runtime.store.conversations import conversation_id_of
from runtime.store.database import UnitOfWork, rows_of
from runtime.store.tables import customers, people, staff

_ENSURE_CUSTOMER = text(
    """
    insert into customers as c (organization_id, id, person_id, created_at)
    values (:organization_id, :id, :person_id, :now)
    on conflict (person_id, organization_id) do update set person_id = c.person_id
    returning id
    """
)


async def ensure_customer(
    uow: UnitOfWork, organization_id: OrganizationId, person_id: PersonId, *, new_id: CustomerId, now: datetime
) -> CustomerId:
    """The customer this person is at this business, made on first use."""
    parameters = {"organization_id": organization_id, "id": new_id, "person_id": person_id, "now": now}
    return CustomerId((await uow.run(_ENSURE_CUSTOMER, parameters)).scalar_one())


async def rename_customer(uow: UnitOfWork, organization_id: OrganizationId, customer_id: CustomerId, name: str) -> None:
    """Remember what the customer wants to be called."""
    await uow.run(
        update(customers)
        .where(customers.c.organization_id == organization_id, customers.c.id == customer_id)
        .values(name=name)
    )


_NOTE_PROFILE_NAME = text(
    "update people set profile_name = :profile_name where organization_id = :organization_id and id = :person_id"
)


async def note_profile_name(
    uow: UnitOfWork, organization_id: OrganizationId, person_id: PersonId, profile_name: str
) -> None:
    """Keep the name the person chose on WhatsApp; it is untrusted and only shown to staff."""
    parameters = {"organization_id": organization_id, "person_id": person_id, "profile_name": profile_name}
    await uow.run(_NOTE_PROFILE_NAME, parameters)


async def set_opted_out(
    uow: UnitOfWork, organization_id: OrganizationId, person_id: PersonId, at: datetime | None
) -> None:
    """Record that this person wants no proactive messages (a moment) or wants them again (None)."""
    await uow.run(
        update(people)
        .where(people.c.organization_id == organization_id, people.c.id == person_id)
        .values(opted_out_at=at)
    )


async def note_first_message(
    uow: UnitOfWork, organization_id: OrganizationId, staff_id: StaffId, *, now: datetime
) -> None:
    """The member of staff has written for the first time."""
    await uow.run(
        update(staff)
        .where(staff.c.organization_id == organization_id, staff.c.id == staff_id, staff.c.first_message_at.is_(None))
        .values(first_message_at=now)
    )


class Recipient(msgspec.Struct, frozen=True):
    """How a member of staff is reached from the business's own number."""

    staff_id: StaffId
    name: str
    channel_id: UUID
    our_key: str
    their_key: str
    their_address: str


_RECIPIENTS = text(
    """
    select s.id as staff_id, s.name, ch.id as channel_id, ch.address as our_key, a.key as their_key,
      a.raw as their_address
    from staff s
    join lateral (select key, raw from addresses a where a.organization_id = s.organization_id
      and a.person_id = s.person_id order by key limit 1) a on true
    join lateral (select id, address from channels ch where ch.organization_id = s.organization_id
      and ch.kind = 'business' order by id limit 1) ch on true
    where s.organization_id = :organization_id and (s.active or :former)
      and (s.id = any(:staff_ids) or (:owners and s.role = 'owner'))
    order by s.role, s.position, s.id
    """
)


async def find_recipients(
    uow: UnitOfWork, organization_id: OrganizationId, staff_ids: list[StaffId], *, owners: bool, former: bool = False
) -> list[Recipient]:
    """These members of staff, and the owners too if asked, each once; those who have left only with `former`."""
    parameters = {
        "organization_id": organization_id,
        "staff_ids": staff_ids,
        "owners": owners,
        "former": former,
    }
    return rows_of(Recipient, await uow.run(_RECIPIENTS, parameters))


_ENSURE_CONVERSATION = text(
    """
    insert into conversations (organization_id, id, channel_id, our_key, our_address, their_key, their_address,
      created_at)
    values (:organization_id, :id, :channel_id, :our_key, 'whatsapp:' || :our_key, :their_key, :their_address, :now)
    on conflict do nothing
    """
)


async def ensure_conversation(
    uow: UnitOfWork, organization_id: OrganizationId, recipient: Recipient, *, now: datetime
) -> ConversationId:
    """The conversation between the business's number and a member of staff, made on first use."""
    conversation_id = conversation_id_of(recipient.our_key, recipient.their_key)
    parameters = {
        "organization_id": organization_id,
        "id": conversation_id,
        "channel_id": recipient.channel_id,
        "our_key": recipient.our_key,
        "their_key": recipient.their_key,
        "their_address": recipient.their_address,
        "now": now,
    }
    await uow.run(_ENSURE_CONVERSATION, parameters)
    return conversation_id


class CustomerChat(msgspec.Struct, frozen=True):
    """A customer's conversation with the business, by the name and number a human would use."""

    conversation_id: ConversationId
    name: str | None
    key: str


_CHATS = text(
    """
    select c.id as conversation_id, coalesce(cu.name, p.profile_name) as name, c.their_key as key
    from conversations c
    join channels ch on ch.organization_id = c.organization_id and ch.id = c.channel_id and ch.kind = 'business'
    left join people p on p.organization_id = c.organization_id and p.id = c.person_id
    left join customers cu on cu.organization_id = c.organization_id and cu.person_id = c.person_id
    where c.organization_id = :organization_id and c.last_inbound_at is not null and not exists (
      select from staff s where s.organization_id = c.organization_id and s.person_id = c.person_id and s.active)
    order by c.last_inbound_at desc, c.id limit :most
    """
)


async def list_customer_chats(
    uow: UnitOfWork, organization_id: OrganizationId, *, most: int = 500
) -> list[CustomerChat]:
    """Customers who have written, the latest first."""
    return rows_of(CustomerChat, await uow.run(_CHATS, {"organization_id": organization_id, "most": most}))
