"""The score reads what readers make of structures: its weights move on by a version."""

from __future__ import annotations

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_PRIOR = (
    "rationale-3;0;structure_bias:0.16,structure_break:0.20,structure_shift:0.12,"
    "liquidity_sweep:0.16,gap_balance:0.10,block_balance:0.12,range_position:-0.08,"
    "trade_entry:0.06,displacement:0.06,structure_momentum:0.06,volatility_fit:0.24,"
    "volatility_trend:0.08,session_fit:0.16,spread_quality:0.16,volume_delta:0.16,"
    "depth_imbalance:0.08,conviction:0.16,high_conviction:0.08"
)


def upgrade() -> None:
    """Apply the revision."""
    # What nobody voted on may follow without a vote; weights that voters chose stay in force.
    op.execute(
        "update intake.scoring_weights set state = 'retired'"
        " where state = 'active' and weights_version = 'rationale-2' and proposal_id is null"
    )
    op.execute(
        "insert into intake.scoring_weights (weights_version, line, state, fit, created_by)"
        f" select 'rationale-3', '{_PRIOR}',"
        " case when exists (select from intake.scoring_weights w where w.state = 'active')"
        " then 'candidate' else 'active' end, '{\"prior\": true}', 'migration'"
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
