"""Let every full index begin with what is looked for, and end with the tenant.

While a table is empty, an index on (tenant, something) looks as good to Postgres as the primary key. It was chosen for
the check of foreign keys into `conversations`, and a connection keeps such a plan: with each new conversation of a
business, storing a message there took longer.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_INDEXES = {
    "conversations_of_person": ("conversations", "person_id, organization_id", "organization_id, person_id"),
    "messages_of_conversation": ("messages", "conversation_id, at, id", "organization_id, conversation_id, at, id"),
    "appointments_of_customer": ("appointments", "customer_id, starts_at", "organization_id, customer_id, starts_at"),
    "events_of_conversation": ("events", "conversation_id, at, id", "organization_id, conversation_id, at, id"),
}
_UNIQUE: dict[str, tuple[str, ...]] = {
    "staff": ("person_id", "organization_id"),
    "customers": ("person_id", "organization_id"),
    "conversations": ("their_key", "our_key", "organization_id"),
    "outbox": ("dedupe_key", "organization_id"),
    "tasks": ("dedupe_key", "organization_id"),
}


def upgrade() -> None:
    """Build the new ones and drop the old ones."""
    for index, (table, new, _) in _INDEXES.items():
        _replace_index(index, table, new)
    for table, columns in _UNIQUE.items():
        _replace_unique(table, old=columns[::-1], new=columns)


def downgrade() -> None:
    """Put the old ones back."""
    for index, (table, _, old) in _INDEXES.items():
        _replace_index(index, table, old)
    for table, columns in _UNIQUE.items():
        _replace_unique(table, old=columns, new=columns[::-1])


def _replace_index(index: str, table: str, columns: str) -> None:
    op.execute(f"drop index {index}")
    op.execute(f"create index {index} on {table} ({columns})")


def _replace_unique(table: str, *, old: tuple[str, ...], new: tuple[str, ...]) -> None:
    op.execute(f"alter table {table} drop constraint {table}_{'_'.join(old)}_key")
    op.execute(f"alter table {table} add unique ({', '.join(new)})")
