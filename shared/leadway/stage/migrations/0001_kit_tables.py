"""The tables that the runtime keeps for every service."""

from alembic import op

from leadway.stage._tables import FOLDED_DDL, KEPT_DDL

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them."""
    for statement in (*KEPT_DDL, *FOLDED_DDL):
        op.execute(statement)
