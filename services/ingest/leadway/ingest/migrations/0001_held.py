"""Submissions that are kept though no lead can be made of them."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table. It is kept: nothing on the log stands for it."""
    op.execute("""
        CREATE TABLE held (held_id text PRIMARY KEY, source_id text NOT NULL, digest text NOT NULL,
          reason text NOT NULL, body bytea NOT NULL, received_at timestamptz NOT NULL, UNIQUE (source_id, digest))""")
