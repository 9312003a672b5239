"""Shared budgets are handed out in slices, rates are counted by the second."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025"
down_revision = "0023"
branch_labels = None
depends_on = None

_REPLACED = (
    "risk.lock_budgets(text[], text[])",
    "risk.keep_decisions(jsonb, public.risk_checks[], text, int)",
    "risk.authorize_one(record, text, jsonb, jsonb, text[], jsonb, jsonb)",
    "risk.judge_limits(record, text, jsonb, text[], jsonb, jsonb, boolean, numeric)",
)
_OFTEN_REWRITTEN = {"fillfactor": "50", "autovacuum_vacuum_scale_factor": "0.01"}


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "budget_slices",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("policy_hash", sa.Text(), nullable=False),
        sa.Column(
            "slices",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="By `scope.kind`: `own`, and what all `others` may use;"
            " null if none are handed out.",
        ),
        sa.Column("good_until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("budget_slices_account_id_fkey")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("budget_slices_pkey")),
        schema="risk",
        comment="What each account may use of shared budgets without asking the others.",
        postgresql_with=_OFTEN_REWRITTEN,
    )
    op.create_table(
        "order_rates",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("second", sa.DateTime(timezone=True), nullable=False),
        sa.Column("authorized", sa.Integer(), nullable=False),
        sa.CheckConstraint("authorized > 0", name=op.f("order_rates_authorized_check")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("order_rates_account_id_fkey")
        ),
        sa.PrimaryKeyConstraint("account_id", "second", name=op.f("order_rates_pkey")),
        schema="risk",
        comment="How many intents were authorised in each of the last seconds.",
        postgresql_with=_OFTEN_REWRITTEN,
    )
    for routine in _REPLACED:
        op.execute(f"drop function if exists {routine}")


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
