"""Scoring: weights by version, precedents with their outcomes, people's labels, notices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from backend.db.tables.base import Embedding

revision = "0021"
down_revision = "0025"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_NOW = sa.text("clock_timestamp()")
_XID = "((pg_current_xact_id())::text)::bigint"
_PRIOR = (
    "rationale-2;0;structure_bias:0.16,structure_break:0.20,structure_shift:0.12,"
    "liquidity_sweep:0.16,gap_balance:0.10,block_balance:0.12,range_position:-0.08,"
    "trade_entry:0.06,displacement:0.06,structure_momentum:0.06,volatility_fit:0.24,"
    "volatility_trend:0.08,session_fit:0.16,spread_quality:0.16,volume_delta:0.16,"
    "depth_imbalance:0.08"
)


def upgrade() -> None:
    """Apply the revision."""
    op.add_column(
        "strategy_rationales",
        sa.Column(
            "unknown",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="Features that nobody could tell; they lower the confidence.",
        ),
    )
    for name in ("volume_delta", "depth_imbalance"):
        op.add_column(
            "latest_quotes",
            sa.Column(
                name,
                sa.Numeric(),
                nullable=True,
                comment="-1 all selling, +1 all buying; null where the feed has none.",
            ),
        )
        op.create_check_constraint(
            op.f(f"latest_quotes_{name}_check"), "latest_quotes", f"{name} between -1 and 1"
        )
    _weights()
    _precedents()
    _labels()
    _notices()
    op.execute("drop function if exists intake.alike(jsonb, timestamptz)")


def _weights() -> None:
    weights = op.create_table(
        "scoring_weights",
        sa.Column("weights_version", sa.Text(), nullable=False),
        sa.Column(
            "line",
            sa.Text(),
            nullable=False,
            comment="Version, intercept and log-odds, as decisions record them.",
        ),
        sa.Column("state", sa.Text(), server_default=sa.text("'candidate'"), nullable=False),
        sa.Column(
            "fit",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="What it was learned from, how calibrated.",
        ),
        sa.Column("created_at", _INSTANT, server_default=_NOW, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("activated_at", _INSTANT, nullable=True),
        sa.Column("proposal_id", sa.Uuid(), nullable=True, comment="Whose quorum activated it."),
        sa.CheckConstraint(
            "state in ('candidate', 'active', 'retired')",
            name=op.f("scoring_weights_state_check"),
        ),
        sa.CheckConstraint(
            "split_part(line, ';', 1) = weights_version", name=op.f("scoring_weights_line_check")
        ),
        sa.PrimaryKeyConstraint("weights_version", name=op.f("scoring_weights_pkey")),
        schema="intake",
        comment="Versions of the score's weights; one is active, by a passed proposal.",
    )
    op.create_index(
        "scoring_weights_active_key",
        "scoring_weights",
        ["state"],
        unique=True,
        schema="intake",
        postgresql_where="state = 'active'",
    )
    # What is believed before any outcome is in force without a vote: there is nothing older.
    op.bulk_insert(
        weights,
        [
            {
                "weights_version": "rationale-2",
                "line": _PRIOR,
                "state": "active",
                "fit": {"prior": True},
                "created_by": "migration",
            }
        ],
    )


def _precedents() -> None:
    op.create_table(
        "precedents",
        sa.Column("rationale_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("symbol_class", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column(
            "feature_vector",
            Embedding(),
            nullable=False,
            comment="As the side sees it, without what belongs to the moment.",
        ),
        sa.Column(
            "outcome_r",
            sa.Numeric(),
            nullable=False,
            comment="What the market made of it, in units of risk.",
        ),
        sa.Column("ended", sa.Text(), nullable=False),
        sa.Column(
            "policy_hash",
            sa.Text(),
            nullable=False,
            comment="Whose stop and target it was held to.",
        ),
        sa.Column("scored_at", _INSTANT, nullable=False),
        sa.Column(
            "closed_at", _INSTANT, nullable=False, comment="When its outcome could first be known."
        ),
        sa.Column("recorded_at", _INSTANT, server_default=_NOW, nullable=False),
        sa.CheckConstraint("side in ('BUY', 'SELL')", name=op.f("precedents_side_check")),
        sa.CheckConstraint(
            "ended in ('target', 'stop', 'time')", name=op.f("precedents_ended_check")
        ),
        sa.CheckConstraint("closed_at > scored_at", name=op.f("precedents_closed_at_check")),
        sa.PrimaryKeyConstraint("rationale_id", name=op.f("precedents_pkey")),
        comment="Rationales whose outcome is known, as the search for alike reads them.",
        postgresql_with={"autovacuum_vacuum_insert_scale_factor": "0.02"},
    )
    op.create_index(
        "precedents_group_idx",
        "precedents",
        ["org_id", "symbol_class", "closed_at"],
        postgresql_include=["feature_vector", "rationale_id", "outcome_r"],
    )
    op.create_index(
        "precedents_vector_idx",
        "precedents",
        ["feature_vector"],
        postgresql_using="hnsw",
        postgresql_ops={"feature_vector": "extensions.vector_l2_ops"},
    )
    op.create_index(op.f("precedents_closed_at_idx"), "precedents", ["closed_at"])
    op.create_table(
        "precedent_groups",
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("symbol_class", sa.Text(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("held >= 0", name=op.f("precedent_groups_held_check")),
        sa.PrimaryKeyConstraint("org_id", "symbol_class", name=op.f("precedent_groups_pkey")),
        schema="intake",
        comment="How many precedents each organisation has of a class.",
        postgresql_with={"fillfactor": "50"},
    )


def _labels() -> None:
    op.create_table(
        "review_labels",
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "rationale_id", sa.Uuid(), nullable=True, comment="Null for what was never scored."
        ),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("labelled_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("labelled_at", _INSTANT, server_default=_NOW, nullable=False),
        sa.Column("row_xid", sa.BigInteger(), server_default=sa.text(_XID), nullable=False),
        sa.CheckConstraint(
            "label in ('approved', 'refused')", name=op.f("review_labels_label_check")
        ),
        sa.CheckConstraint("btrim(reason) <> ''", name=op.f("review_labels_reason_check")),
        sa.ForeignKeyConstraint(
            ["review_id"], ["review_queue.review_id"], name=op.f("review_labels_review_id_fkey")
        ),
        sa.PrimaryKeyConstraint("review_id", name=op.f("review_labels_pkey")),
        comment="What people said of signals and alerts, to learn from; append-only.",
    )
    op.create_index(op.f("review_labels_rationale_id_idx"), "review_labels", ["rationale_id"])
    op.create_index(
        op.f("review_labels_org_id_labelled_at_idx"), "review_labels", ["org_id", "labelled_at"]
    )
    op.create_index(
        "review_labels_row_xid_idx",
        "review_labels",
        ["row_xid"],
        postgresql_using="brin",
        postgresql_with={"pages_per_range": "16", "autosummarize": "true"},
    )


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("notice_id", sa.Uuid(), nullable=False, comment="The review's id."),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'due'"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", _INSTANT, server_default=_NOW, nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", _INSTANT, server_default=_NOW, nullable=False),
        sa.CheckConstraint("state in ('due', 'done', 'failed')", name=op.f("notices_state_check")),
        sa.CheckConstraint("attempts >= 0", name=op.f("notices_attempts_check")),
        sa.PrimaryKeyConstraint("notice_id", name=op.f("notices_pkey")),
        schema="ops",
        comment="What a person should be told: due until every one was.",
    )
    op.create_index(
        "notices_due_idx",
        "notices",
        ["next_at"],
        schema="ops",
        postgresql_where="state = 'due'",
    )
    op.create_table(
        "notice_deliveries",
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False, comment="A name, never an address."),
        sa.Column("sent_at", _INSTANT, server_default=_NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["notice_id"],
            ["ops.notices.notice_id"],
            name=op.f("notice_deliveries_notice_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("notice_id", "destination", name=op.f("notice_deliveries_pkey")),
        schema="ops",
        comment="Which destination took which notice: none is told twice.",
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
