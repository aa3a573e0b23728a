"""Distinct identifier types, so that swapping two is a type error."""

from __future__ import annotations

from typing import NewType
from uuid import UUID

OrganizationId = NewType("OrganizationId", UUID)
ChannelId = NewType("ChannelId", UUID)
PersonId = NewType("PersonId", UUID)
StaffId = NewType("StaffId", UUID)
CustomerId = NewType("CustomerId", UUID)
ServiceId = NewType("ServiceId", UUID)
LocationId = NewType("LocationId", UUID)
SpotId = NewType("SpotId", UUID)
AppointmentId = NewType("AppointmentId", UUID)
ConversationId = NewType("ConversationId", UUID)
InboxId = NewType("InboxId", UUID)
TurnId = NewType("TurnId", UUID)
OutboxId = NewType("OutboxId", UUID)
HandoffId = NewType("HandoffId", UUID)
TaskId = NewType("TaskId", UUID)
MediaId = NewType("MediaId", UUID)

PLATFORM = OrganizationId(UUID("00000000-0000-7000-8000-000000000001"))
"""The platform's own organization: it holds the central number and every message to an unknown one."""
