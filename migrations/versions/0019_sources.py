"""Sources: tokens that rotate, addresses, readings made after the answer, missing numbers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.execute(
        "drop function if exists intake.accept_alert("
        "bytea, bytea, text, inet, jsonb, text, text, text, uuid, timestamptz)"
    )
    _create_tokens()
    _create_readings()
    _create_numbers()


def _create_tokens() -> None:
    op.create_table(
        "source_tokens",
        sa.Column("token_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        _now("created_at"),
        sa.Column(
            "valid_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="After a rotation; null while it is the newest.",
        ),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "octet_length(token_sha256) = 32", name=op.f("source_tokens_token_sha256_check")
        ),
        _of_source("source_tokens"),
        sa.PrimaryKeyConstraint("token_id", name=op.f("source_tokens_pkey")),
        sa.UniqueConstraint("token_sha256", name=op.f("source_tokens_token_sha256_key")),
        schema="intake",
        comment="Tokens of sources, kept as their hashes only.",
    )
    op.create_index(
        op.f("source_tokens_source_id_idx"), "source_tokens", ["source_id"], schema="intake"
    )
    op.execute(
        "insert into intake.source_tokens (token_id, source_id, token_sha256, created_at,"
        " revoked_at) select gen_random_uuid(), s.source_id, s.token_sha256, s.created_at,"
        " s.revoked_at from intake.sources s"
    )
    op.drop_column("sources", "token_sha256", schema="intake")
    op.alter_column(
        "sources",
        "secret_sha256",
        comment="Of the secret that bodies must carry, if any.",
        schema="intake",
    )
    op.add_column(
        "sources",
        sa.Column(
            "allowed_addresses",
            postgresql.ARRAY(postgresql.INET()),
            nullable=True,
            comment="Who may post; null allows every address.",
        ),
        schema="intake",
    )
    op.create_table_comment(
        "sources",
        "Webhooks: each feeds one strategy, by tokens of its own.",
        existing_comment="Webhooks: a token each, kept as its hash only.",
        schema="intake",
    )
    op.create_table(
        "spendings",
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("paid_until", sa.DateTime(timezone=True), nullable=False),
        _of_source("spendings"),
        sa.PrimaryKeyConstraint("source_id", name=op.f("spendings_pkey")),
        schema="intake",
        comment="How far ahead a source has posted, where the door does not count itself.",
    )


def _create_readings() -> None:
    op.create_table(
        "readings",
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("understood", sa.Boolean(), nullable=False),
        sa.Column("parsed", postgresql.JSONB(), nullable=True),
        sa.Column("reason_code", sa.Text(), nullable=True),
        sa.Column("dedupe_kind", sa.Text(), nullable=False),
        sa.Column("dedupe_value", sa.Text(), nullable=False),
        sa.Column(
            "first_alert_id",
            sa.Uuid(),
            nullable=True,
            comment="The alert that it repeats, if it does.",
        ),
        sa.Column("source_time", sa.DateTime(timezone=True), nullable=True),
        _now("read_at"),
        sa.Column(
            "row_xid",
            sa.BigInteger(),
            server_default=sa.text("((pg_current_xact_id())::text)::bigint"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "dedupe_kind in ('id', 'time', 'bytes')", name=op.f("readings_dedupe_kind_check")
        ),
        sa.CheckConstraint(
            "understood = (parsed is not null)", name=op.f("readings_understood_check")
        ),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["signals_raw.alert_id"], name=op.f("readings_alert_id_fkey")
        ),
        sa.PrimaryKeyConstraint("alert_id", name=op.f("readings_pkey")),
        schema="intake",
        comment="What an alert says whose door did not read it; append-only.",
    )
    op.create_index(
        "intake_readings_row_xid_idx",
        "readings",
        ["row_xid"],
        schema="intake",
        postgresql_using="brin",
        postgresql_with={"pages_per_range": "16", "autosummarize": "true"},
    )


def _create_numbers() -> None:
    op.create_table(
        "numberings",
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column(
            "expected", sa.BigInteger(), nullable=False, comment="The number that comes next."
        ),
        sa.Column(
            "looked_until",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="Alerts received before were looked at.",
        ),
        _of_source("numberings"),
        sa.PrimaryKeyConstraint("source_id", name=op.f("numberings_pkey")),
        schema="intake",
        comment="How far the numbers of a source's alerts were looked at.",
    )
    op.create_table(
        "gaps",
        sa.Column("gap_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("first_missing", sa.BigInteger(), nullable=False),
        sa.Column("last_missing", sa.BigInteger(), nullable=False),
        sa.Column(
            "after_alert_id", sa.Uuid(), nullable=False, comment="The alert that showed the gap."
        ),
        _now("noticed_at"),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "closed_by",
            sa.Text(),
            nullable=True,
            comment="'arrived', or the person who looked into it.",
        ),
        sa.CheckConstraint("first_missing <= last_missing", name=op.f("gaps_order_check")),
        _of_source("gaps"),
        sa.PrimaryKeyConstraint("gap_id", name=op.f("gaps_pkey")),
        schema="intake",
        comment="Numbers of a source that never came, or came late.",
    )
    op.create_index(
        "gaps_open_key",
        "gaps",
        ["source_id", "first_missing"],
        unique=True,
        schema="intake",
        postgresql_where=sa.text("closed_at is null"),
    )
    # What has a number is looked for by its source and time; the others pay nothing.
    op.create_index(
        "signals_raw_numbered_idx",
        "signals_raw",
        ["source_id", "received_at"],
        postgresql_where=sa.text("(parsed ->> 'sequence') is not null"),
    )


def _now(name: str) -> sa.Column[object]:
    return sa.Column(
        name,
        sa.DateTime(timezone=True),
        server_default=sa.text("clock_timestamp()"),
        nullable=False,
    )


def _of_source(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["source_id"], ["intake.sources.source_id"], name=op.f(f"{table}_source_id_fkey")
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
