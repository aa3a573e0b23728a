"""The tables as code sees them (SQLAlchemy Core). The migrations build them; a drift test compares."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Enum,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from runtime.domain import enums

metadata = MetaData()


def _enum(kind: type[StrEnum], name: str) -> Enum:
    return Enum(kind, name=name, values_callable=lambda members: [member.value for member in members])


def _at(name: str, *, null: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=null)


def _text(name: str, *, null: bool = False, key: bool = False) -> Column[object]:
    return Column(name, Text, nullable=null, primary_key=key)


def _int(name: str, *, null: bool = False) -> Column[object]:
    return Column(name, Integer, nullable=null)


def _id(name: str, *, null: bool = False, key: bool = False) -> Column[object]:
    return Column(name, Uuid, nullable=null, primary_key=key)


def _tenant() -> Column[object]:
    return Column("organization_id", Uuid, primary_key=True)


def _to(table: str, column: str) -> ForeignKeyConstraint:
    """A composite key: a row can only point inside its own tenant."""
    return ForeignKeyConstraint(["organization_id", column], [f"{table}.organization_id", f"{table}.id"])


def _of_organization() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["organization_id"], ["organizations.organization_id"])


organizations = Table(
    "organizations",
    metadata,
    _tenant(),
    _text("name"),
    Column("status", _enum(enums.OrganizationStatus, "organization_status"), nullable=False),
    _text("timezone"),
    _at("created_at"),
)

channels = Table(
    "channels",
    metadata,
    _tenant(),
    _id("id", key=True),
    Column("kind", _enum(enums.ChannelKind, "channel_kind"), nullable=False),
    Column("address", Text, nullable=False, unique=True),
    _at("created_at"),
    _of_organization(),
)

locations = Table(
    "locations",
    metadata,
    _tenant(),
    _id("id", key=True),
    _text("name"),
    _text("address"),
    _int("position"),
    _of_organization(),
)

location_hours = Table(
    "location_hours",
    metadata,
    _tenant(),
    _id("location_id", key=True),
    Column("weekday", SmallInteger, primary_key=True),
    Column("opens_minute", SmallInteger, primary_key=True),
    Column("closes_minute", SmallInteger, nullable=False),
    _to("locations", "location_id"),
)

location_closures = Table(
    "location_closures",
    metadata,
    _tenant(),
    _id("id", key=True),
    _id("location_id"),
    _at("starts_at"),
    _at("ends_at"),
    _text("reason"),
    _to("locations", "location_id"),
)

spots = Table(
    "spots",
    metadata,
    _tenant(),
    _id("id", key=True),
    _id("location_id"),
    _text("name"),
    _int("position"),
    _to("locations", "location_id"),
)

services = Table(
    "services",
    metadata,
    _tenant(),
    _id("id", key=True),
    _text("name"),
    _int("minutes"),
    Column("buffer_minutes", Integer, nullable=False, server_default="0"),
    _int("price_cents"),
    _int("position"),
    Column("active", Boolean, nullable=False, server_default="true"),
    _of_organization(),
)

people = Table(
    "people",
    metadata,
    _tenant(),
    _id("id", key=True),
    _text("profile_name", null=True),
    _at("opted_out_at", null=True),
    _at("created_at"),
    _of_organization(),
)

addresses = Table(
    "addresses",
    metadata,
    _tenant(),
    _text("key", key=True),
    _id("person_id"),
    _text("raw"),
    _to("people", "person_id"),
)

staff = Table(
    "staff",
    metadata,
    _tenant(),
    _id("id", key=True),
    _id("person_id"),
    _text("name"),
    Column("role", _enum(enums.StaffRole, "staff_role"), nullable=False),
    _int("position"),
    Column("active", Boolean, nullable=False, server_default="true"),
    _at("first_message_at", null=True),
    _to("people", "person_id"),
    UniqueConstraint("person_id", "organization_id"),
)

staff_hours = Table(
    "staff_hours",
    metadata,
    _tenant(),
    _id("staff_id", key=True),
    Column("weekday", SmallInteger, primary_key=True),
    Column("opens_minute", SmallInteger, primary_key=True),
    Column("closes_minute", SmallInteger, nullable=False),
    _to("staff", "staff_id"),
)

staff_blocks = Table(
    "staff_blocks",
    metadata,
    _tenant(),
    _id("id", key=True),
    _id("staff_id"),
    _at("starts_at"),
    _at("ends_at"),
    _text("reason"),
    _to("staff", "staff_id"),
)

service_staff = Table(
    "service_staff",
    metadata,
    _tenant(),
    _id("service_id", key=True),
    _id("staff_id", key=True),
    _to("services", "service_id"),
    _to("staff", "staff_id"),
)

service_spots = Table(
    "service_spots",
    metadata,
    _tenant(),
    _id("service_id", key=True),
    _id("spot_id", key=True),
    _to("services", "service_id"),
    _to("spots", "spot_id"),
)

customers = Table(
    "customers",
    metadata,
    _tenant(),
    _id("id", key=True),
    _id("person_id"),
    _text("name", null=True),
    _at("created_at"),
    _to("people", "person_id"),
    UniqueConstraint("person_id", "organization_id"),
)

conversations = Table(
    "conversations",
    metadata,
    _tenant(),
    Column("id", Uuid, primary_key=True, unique=True),
    _id("channel_id"),
    _id("person_id", null=True),
    _text("our_key"),
    _text("our_address"),
    _text("their_key"),
    _text("their_address"),
    _at("last_inbound_at", null=True),
    _at("due_at", null=True),
    _at("quiet_until", null=True),
    _at("quiet_started_at", null=True),
    _at("lease_until", null=True),
    Column("fence", BigInteger, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _at("created_at"),
    _at("window_closed_at", null=True),
    _at("paid_until", null=True),
    UniqueConstraint("their_key", "our_key", "organization_id"),
    _to("channels", "channel_id"),
    _to("people", "person_id"),
)

turns = Table(
    "turns",
    metadata,
    _tenant(),
    _id("id", key=True),
    _id("conversation_id"),
    Column("state", _enum(enums.TurnState, "turn_state"), nullable=False),
    _text("route", null=True),
    _text("reason", null=True),
    _text("prompt", null=True),
    _text("prompt_hash", null=True),
    _text("model", null=True),
    Column("attempts", Integer, nullable=False, server_default="1"),
    _text("error", null=True),
    _at("started_at"),
    _at("finished_at", null=True),
    _to("conversations", "conversation_id"),
)

inbox = Table(
    "inbox",
    metadata,
    _tenant(),
    _id("id", key=True),
    _id("conversation_id"),
    _text("provider"),
    _text("sid"),
    _text("kind"),
    _text("body"),
    Column("payload", JSONB, nullable=False),
    Column("state", _enum(enums.InboxState, "inbox_state"), nullable=False, server_default="accepted"),
    _text("route", null=True),
    _id("turn_id", null=True),
    _at("received_at"),
    _at("finished_at", null=True),
    UniqueConstraint("provider", "sid"),
    _to("conversations", "conversation_id"),
    _to("turns", "turn_id"),
)

steps = Table(
    "steps",
    metadata,
    _tenant(),
    _id("turn_id", key=True),
    Column("number", Integer, primary_key=True),
    Column("kind", _enum(enums.StepKind, "step_kind"), nullable=False),
    _text("name"),
    _text("request_key"),
    Column("request", JSONB, nullable=True),
    Column("response", JSONB, nullable=False),
    _at("at"),
    _to("turns", "turn_id"),
)

messages = Table(
    "messages",
    metadata,
    _tenant(),
    _id("id", key=True),
    _id("conversation_id"),
    _id("turn_id", null=True),
    Column("author", _enum(enums.Author, "author"), nullable=False),
    _id("staff_id", null=True),
    _text("text"),
    _at("at"),
    _to("conversations", "conversation_id"),
    _to("turns", "turn_id"),
    _to("staff", "staff_id"),
)

outbox = Table(
    "outbox",
    metadata,
    _tenant(),
    Column("id", Uuid, primary_key=True, unique=True),
    _id("conversation_id"),
    _id("turn_id", null=True),
    Column("kind", _enum(enums.OutboxKind, "outbox_kind"), nullable=False),
    _text("dedupe_key"),
    _text("body"),
    Column("state", _enum(enums.OutboxState, "outbox_state"), nullable=False, server_default="queued"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _at("not_before"),
    _at("due_at", null=True),
    _at("lease_until", null=True),
    _at("submitted_at", null=True),
    _text("provider_sid", null=True),
    _int("error_code", null=True),
    _at("created_at"),
    _id("counterpart_id", null=True),
    _id("handoff_id", null=True),
    _id("media_id", null=True),
    _text("template", null=True),
    Column("template_values", JSONB, nullable=True),
    Column("as_template", Boolean, nullable=False, server_default="false"),
    Column("held", Boolean, nullable=False, server_default="false"),
    _text("refused_sid", null=True),
    UniqueConstraint("dedupe_key", "organization_id"),
    _to("conversations", "conversation_id"),
    _to("turns", "turn_id"),
    _to("conversations", "counterpart_id"),
    _to("handoffs", "handoff_id"),
    _to("media", "media_id"),
)

handoffs = Table(
    "handoffs",
    metadata,
    _tenant(),
    _id("id", key=True),
    _id("conversation_id"),
    _id("staff_id", null=True),
    Column("state", _enum(enums.HandoffState, "handoff_state"), nullable=False),
    _text("reason"),
    _at("requested_at"),
    _at("connected_at", null=True),
    _at("last_human_at", null=True),
    _at("ended_at", null=True),
    Column("end_reason", _enum(enums.HandoffEnd, "handoff_end"), nullable=True),
    _at("due_at", null=True),
    Column("origin", _enum(enums.HandoffOrigin, "handoff_origin"), nullable=False, server_default="customer"),
    _text("summary", null=True),
    _at("offered_at", null=True),
    _at("first_answer_at", null=True),
    _at("unanswered_since", null=True),
    _at("snoozed_until", null=True),
    Column("nudges", Integer, nullable=False, server_default="0"),
    Column("reopened", Integer, nullable=False, server_default="0"),
    _to("conversations", "conversation_id"),
    _to("staff", "staff_id"),
)

handoff_offers = Table(
    "handoff_offers",
    metadata,
    _tenant(),
    _id("handoff_id", key=True),
    Column("number", Integer, primary_key=True),
    _id("staff_id"),
    _at("offered_at"),
    _at("settled_at", null=True),
    Column("outcome", _enum(enums.OfferOutcome, "offer_outcome"), nullable=True),
    _to("handoffs", "handoff_id"),
    _to("staff", "staff_id"),
)

media = Table(
    "media",
    metadata,
    _tenant(),
    Column("id", Uuid, primary_key=True, unique=True),
    _id("conversation_id"),
    _id("inbox_id"),
    _int("position"),
    Column("state", _enum(enums.MediaState, "media_state"), nullable=False),
    _text("refusal", null=True),
    _text("content_type"),
    _int("size_bytes"),
    Column("content", LargeBinary, nullable=True),
    _at("created_at"),
    _at("delete_at"),
    UniqueConstraint("inbox_id", "position", "organization_id"),
    _to("conversations", "conversation_id"),
    _to("inbox", "inbox_id"),
)

reconciliations = Table(
    "reconciliations",
    metadata,
    _tenant(),
    _at("read_until"),
    _at("due_at"),
    _of_organization(),
)

templates = Table(
    "templates",
    metadata,
    _tenant(),
    _text("name", key=True),
    _text("language", key=True),
    _text("content_hash", key=True),
    _text("values_hash"),
    _text("body"),
    _text("content_sid"),
    Column("status", _enum(enums.TemplateStatus, "template_status"), nullable=False),
    _text("rejection", null=True),
    _at("changed_at"),
    _of_organization(),
)

appointments = Table(
    "appointments",
    metadata,
    _tenant(),
    _id("id", key=True),
    _id("location_id"),
    _id("customer_id"),
    _id("service_id"),
    _id("staff_id"),
    _id("spot_id", null=True),
    _at("starts_at"),
    _at("ends_at"),
    _at("occupied_until"),
    _int("price_cents"),
    Column("status", _enum(enums.AppointmentStatus, "appointment_status"), nullable=False),
    _at("created_at"),
    _at("changed_at"),
    _to("locations", "location_id"),
    _to("customers", "customer_id"),
    _to("services", "service_id"),
    _to("staff", "staff_id"),
    _to("spots", "spot_id"),
)

flows = Table(
    "flows",
    metadata,
    _tenant(),
    _id("id", key=True),
    _id("conversation_id"),
    Column("kind", _enum(enums.FlowKind, "flow_kind"), nullable=False),
    Column("state", _enum(enums.FlowState, "flow_state"), nullable=False),
    _text("service", null=True),
    _text("wanted", null=True),
    _at("changed_at"),
    _at("due_at", null=True),
    _to("conversations", "conversation_id"),
)

staff_actions = Table(
    "staff_actions",
    metadata,
    _tenant(),
    _id("id", key=True),
    _id("staff_id"),
    _id("asked_in"),
    _text("tool"),
    _text("arguments"),
    _text("undo", null=True),
    Column("state", _enum(enums.StaffActionState, "staff_action_state"), nullable=False),
    _at("at"),
    _at("settled_at", null=True),
    _of_organization(),
    _to("staff", "staff_id"),
)

tasks = Table(
    "tasks",
    metadata,
    _tenant(),
    _id("id", key=True),
    Column("kind", _enum(enums.TaskKind, "task_kind"), nullable=False),
    _id("conversation_id", null=True),
    _text("dedupe_key"),
    _text("summary"),
    _at("created_at"),
    _at("done_at", null=True),
    UniqueConstraint("dedupe_key", "organization_id"),
    _to("conversations", "conversation_id"),
    _of_organization(),
)

events = Table(
    "events",
    metadata,
    _tenant(),
    _id("id", key=True),
    _text("kind"),
    _id("conversation_id", null=True),
    _id("subject_id", null=True),
    Column("data", JSONB, nullable=False),
    _at("at"),
    _to("conversations", "conversation_id"),
    _of_organization(),
)
