"""Handoff, whole: offers, windows, templates and files that pass between a customer and a person."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Widen the handoff and what is sent, from the SQL beside this file."""
    sql = Path(__file__).with_name("0003_handoff.sql").read_text(encoding="utf-8")
    driver_connection = op.get_bind().connection.driver_connection
    assert driver_connection is not None
    driver_connection.execute(sql)


def downgrade() -> None:
    """Refuse: the states of before cannot say what rows say now."""
    raise RuntimeError("0003 has no downgrade; restore a backup instead")
