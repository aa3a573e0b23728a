"""How far we have compared ourselves with the provider's list of messages."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, from the SQL beside this file."""
    sql = Path(__file__).with_name("0005_reconciliations.sql").read_text(encoding="utf-8")
    driver_connection = op.get_bind().connection.driver_connection
    assert driver_connection is not None
    driver_connection.execute(sql)


def downgrade() -> None:
    """Drop the table."""
    op.execute("drop table reconciliations")
