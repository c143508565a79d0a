from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    # One row for each lead that has, or had, a message at an endpoint: `number` is the message whose turn it is.
    op.execute("""
        CREATE TABLE turns (
            endpoint_id text NOT NULL,
            subject text NOT NULL,
            number bigint NOT NULL,
            attempts integer NOT NULL DEFAULT 0,
            deferrals integer NOT NULL DEFAULT 0,
            next_attempt_at timestamptz NOT NULL DEFAULT '-infinity',
            leased_until timestamptz NOT NULL,
            owner text NOT NULL,
            last_status integer,
            last_reason text,
            last_at timestamptz,
            PRIMARY KEY (endpoint_id, subject)
        ) WITH (fillfactor = 70)
    """)
    # How an endpoint has been answering: an endpoint in trouble for long is paused, and loses nothing.
    op.execute("""
        CREATE TABLE endpoint_health (
            endpoint_id text PRIMARY KEY,
            troubles integer NOT NULL,
            troubled_since timestamptz NOT NULL,
            resting_until timestamptz NOT NULL,
            last_status integer,
            last_reason text
        )
    """)
