"""Limits judged in steps: the signatures that were replaced go."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0015"
branch_labels = None
depends_on = None

_REPLACED = (
    "risk.judge_limits(risk.limits[], jsonb, text[], jsonb, jsonb, boolean, numeric)",
    "risk.judge_limits(record, text, jsonb, text[], jsonb, boolean, numeric)",
    "risk.authorize_one(jsonb, jsonb, jsonb, text, numeric, numeric, risk.policies,"
    " risk.limits[], text[], jsonb, jsonb)",
    "risk.authorize_one(record, text, jsonb, jsonb, text[], jsonb)",
    "risk.read_intents(jsonb, jsonb)",
    "risk.book_symbols(jsonb, text[], text[])",
    "risk.daily_sigmas(text[])",
)


def upgrade() -> None:
    """Apply the revision."""
    for routine in _REPLACED:
        op.execute(f"drop function if exists {routine}")


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
