"""What staff had asked for: waiting for their yes, or done and still to be undone."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, from the SQL beside this file."""
    sql = Path(__file__).with_name("0006_staff_actions.sql").read_text(encoding="utf-8")
    driver_connection = op.get_bind().connection.driver_connection
    assert driver_connection is not None
    driver_connection.execute(sql)


def downgrade() -> None:
    """Drop the table and its type."""
    op.execute("drop table staff_actions")
    op.execute("drop type staff_action_state")
