"""Reconciliation: what venues did unasked, what was found, bridges that serve one account."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.drop_constraint(op.f("intents_kind_check"), "intents", type_="check")
    op.create_check_constraint(
        op.f("intents_kind_check"), "intents", "kind in ('allocate', 'cover', 'venue')"
    )
    op.add_column(
        "workers",
        sa.Column(
            "pinned",
            postgresql.ARRAY(sa.SmallInteger()),
            nullable=True,
            comment="The shards it serves and no others; null takes its share.",
        ),
        schema="bus",
    )
    _reconciliations()
    _venue_orders()
    _venue_cash()
    _reopenings()


def _reconciliations() -> None:
    op.create_table(
        "reconciliations",
        sa.Column("reconciliation_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'asked'"), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=True, comment="The bridge that did it."),
        sa.Column("account_epoch", sa.BigInteger(), nullable=True),
        sa.Column(
            "asked_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("asked_by", sa.Text(), server_default=sa.text("session_user"), nullable=False),
        sa.Column(
            "surveyed_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the venue was read.",
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column(
            "findings",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
            comment="Kind, subject, ours, theirs, what was done, what a person may do.",
        ),
        sa.Column(
            "counts",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("venue_balance", sa.Numeric(), nullable=True),
        sa.Column(
            "our_balance",
            sa.Numeric(),
            nullable=True,
            comment="What the books say the venue should hold.",
        ),
        sa.Column("halt_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(state = 'asked') = (finished_at is null)",
            name=op.f("reconciliations_finished_at_check"),
        ),
        sa.CheckConstraint(
            "cause in ('start', 'periodic', 'again', 'requested')",
            name=op.f("reconciliations_cause_check"),
        ),
        sa.CheckConstraint(
            "state in ('asked', 'agreed', 'repaired', 'unsettled', 'unexplained', 'unavailable', "
            "'lapsed')",
            name=op.f("reconciliations_state_check"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("reconciliations_account_id_fkey")
        ),
        sa.PrimaryKeyConstraint("reconciliation_id", name=op.f("reconciliations_pkey")),
        schema="execution",
        comment="Each comparison of an account's books with its venue, and what it found.",
    )
    op.create_index(
        op.f("reconciliations_account_id_asked_at_idx"),
        "reconciliations",
        ["account_id", "asked_at"],
        unique=False,
        schema="execution",
    )
    op.create_index(
        "reconciliations_asked_key",
        "reconciliations",
        ["account_id"],
        unique=True,
        schema="execution",
        postgresql_where="state = 'asked'",
    )
    op.create_index(
        op.f("reconciliations_org_id_asked_at_idx"),
        "reconciliations",
        ["org_id", "asked_at"],
        unique=False,
        schema="execution",
    )


def _venue_cash() -> None:
    op.create_table(
        "venue_cash",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("venue_trade_id", sa.Text(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "amount",
            sa.Numeric(),
            nullable=False,
            comment="In account currency; negative was taken.",
        ),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("executed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reconciliation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("venue_cash_account_id_fkey")
        ),
        sa.PrimaryKeyConstraint("account_id", "venue_trade_id", name=op.f("venue_cash_pkey")),
        schema="execution",
        comment="Money that moved at a venue without a trade: deposits, credits, charges.",
    )
    op.create_index(
        op.f("venue_cash_org_id_executed_at_idx"),
        "venue_cash",
        ["org_id", "executed_at"],
        unique=False,
        schema="execution",
    )


def _venue_orders() -> None:
    op.create_table(
        "venue_orders",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("venue_order_id", sa.Text(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("order_type", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False, comment="Lots."),
        sa.Column("filled_quantity", sa.Numeric(), server_default=sa.text("0"), nullable=False),
        sa.Column("price", sa.Numeric(), nullable=True),
        sa.Column("magic", sa.Text(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column(
            "order_id",
            sa.Uuid(),
            nullable=True,
            comment="The order that its trades are booked under.",
        ),
        sa.Column(
            "closes_order_id",
            sa.Uuid(),
            nullable=True,
            comment="The desk's order whose position it closed.",
        ),
        sa.Column("reconciliation_id", sa.Uuid(), nullable=False, comment="Which found it first."),
        sa.Column(
            "first_seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "last_seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "origin in ('person', 'expert', 'stop_loss', 'take_profit', 'stop_out', 'venue', "
            "'synthetic')",
            name=op.f("venue_orders_origin_check"),
        ),
        sa.CheckConstraint("side in ('BUY', 'SELL')", name=op.f("venue_orders_side_check")),
        sa.CheckConstraint(
            "state in ('working', 'filled', 'canceled', 'expired', 'rejected', 'gone')",
            name=op.f("venue_orders_state_check"),
        ),
        sa.CheckConstraint("filled_quantity >= 0", name=op.f("venue_orders_filled_quantity_check")),
        sa.CheckConstraint("quantity >= 0", name=op.f("venue_orders_quantity_check")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("venue_orders_account_id_fkey")
        ),
        sa.PrimaryKeyConstraint("account_id", "venue_order_id", name=op.f("venue_orders_pkey")),
        schema="execution",
        comment="Orders in the desk's accounts that the desk did not open: people's, other "
        "programs', stops and targets, and synthetic entries that close a gap.",
    )
    op.create_index(
        op.f("venue_orders_order_id_idx"),
        "venue_orders",
        ["order_id"],
        unique=False,
        schema="execution",
    )
    op.create_index(
        op.f("venue_orders_org_id_first_seen_at_idx"),
        "venue_orders",
        ["org_id", "first_seen_at"],
        unique=False,
        schema="execution",
    )


def _reopenings() -> None:
    op.create_table(
        "reopenings",
        sa.Column("inquiry_id", sa.Uuid(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column(
            "asked_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["attempt_id"],
            ["execution.attempts.attempt_id"],
            name=op.f("reopenings_attempt_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("inquiry_id", name=op.f("reopenings_pkey")),
        schema="execution",
        comment="Inquiries about attempts that were closed: the venue knows more of them.",
    )
    op.create_index(
        op.f("reopenings_attempt_id_idx"),
        "reopenings",
        ["attempt_id"],
        unique=False,
        schema="execution",
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
