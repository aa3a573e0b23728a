"""What one sender may have a model asked, and an index to count what a business has used today."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, the index and the kind of task, from the SQL beside this file."""
    sql = Path(__file__).with_name("0004_limits.sql").read_text(encoding="utf-8")
    driver_connection = op.get_bind().connection.driver_connection
    assert driver_connection is not None
    driver_connection.execute(sql)


def downgrade() -> None:
    """Drop what can be dropped; a kind of task stays, since an enum's value cannot be taken back."""
    op.execute("drop index steps_model_calls")
    op.execute("alter table conversations drop column paid_until")
