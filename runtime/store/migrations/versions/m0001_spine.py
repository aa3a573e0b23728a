"""Everything the spine needs: tenants, people, conversations, turns, handoff, appointments."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the first schema from the SQL beside this file."""
    sql = Path(__file__).with_name("0001_spine.sql").read_text(encoding="utf-8")
    # the driver's own call: SQLAlchemy would read the % of format() as a placeholder
    driver_connection = op.get_bind().connection.driver_connection
    assert driver_connection is not None
    driver_connection.execute(sql)


def downgrade() -> None:
    """Refuse: the first schema has nothing before it."""
    raise RuntimeError("0001 has no downgrade; drop the database instead")
