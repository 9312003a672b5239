"""Limits: packs as they changed, scenarios, brakes, cooldowns, news, what is usual."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0012"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    """Apply the revision."""
    op.add_column(
        "volatilities",
        sa.Column(
            "sigma_usual",
            sa.Numeric(),
            nullable=True,
            comment="Its median over the history that scenarios use.",
        ),
        schema="risk",
    )
    op.add_column(
        "volatilities",
        sa.Column(
            "spread_usual_bps", sa.Numeric(), nullable=True, comment="Median spread of recent bars."
        ),
        schema="risk",
    )
    _policy_changes()
    _scenarios()
    _measurements()
    _cooldowns()
    _news_events()


def _policy_changes() -> None:
    op.create_table(
        "policy_changes",
        sa.Column("change_id", sa.Uuid(), nullable=False),
        sa.Column("changed_at", _INSTANT, server_default=_NOW, nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("before_hash", sa.Text(), nullable=True),
        sa.Column("after_hash", sa.Text(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column(
            "differences",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
            comment="Path, before, after and effect of each.",
        ),
        sa.Column(
            "proposal_id",
            sa.Uuid(),
            nullable=True,
            comment="Whose quorum allowed it to loosen.",
        ),
        sa.CheckConstraint(
            "effect in ('first', 'tightened', 'loosened')",
            name=op.f("policy_changes_effect_check"),
        ),
        sa.CheckConstraint(
            "(effect = 'first') = (before_hash is null)",
            name=op.f("policy_changes_before_hash_check"),
        ),
        sa.ForeignKeyConstraint(
            ["after_hash"],
            ["risk.policies.policy_hash"],
            name=op.f("policy_changes_after_hash_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["before_hash"],
            ["risk.policies.policy_hash"],
            name=op.f("policy_changes_before_hash_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["proposal_id"],
            ["proposals.proposal_id"],
            name=op.f("policy_changes_proposal_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("change_id", name=op.f("policy_changes_pkey")),
        schema="risk",
        comment="Which pack followed which, in what they differ; append-only.",
    )


def _scenarios() -> None:
    op.create_table(
        "scenarios",
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column(
            "returns",
            postgresql.ARRAY(sa.Double()),
            nullable=False,
            comment="Simple returns of one day; all symbols have the same days.",
        ),
        sa.Column(
            "correlations",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="With every other symbol, as text.",
        ),
        sa.Column("first_day", _INSTANT, nullable=False),
        sa.Column("last_day", _INSTANT, nullable=False),
        sa.Column("as_of", _INSTANT, server_default=_NOW, nullable=False),
        sa.Column(
            "good_until",
            _INSTANT,
            nullable=False,
            comment="After that they are too old to judge by.",
        ),
        sa.CheckConstraint("cardinality(returns) > 0", name=op.f("scenarios_returns_check")),
        sa.PrimaryKeyConstraint("symbol", name=op.f("scenarios_pkey")),
        schema="risk",
        comment="One day's returns of each symbol, from market history; one day, one place.",
    )


def _measurements() -> None:
    op.create_table(
        "measurements",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("scope_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "value",
            sa.Numeric(),
            nullable=False,
            comment="Zero while the sample is too small to speak.",
        ),
        sa.Column("sample", sa.Integer(), nullable=False),
        sa.Column("as_of", _INSTANT, server_default=_NOW, nullable=False),
        sa.Column("good_until", _INSTANT, nullable=False),
        sa.CheckConstraint(
            "scope in ('account', 'strategy', 'venue', 'instrument')",
            name=op.f("measurements_scope_check"),
        ),
        sa.CheckConstraint(
            "kind in ('rejection_rate_pct', 'adverse_selection_bps')",
            name=op.f("measurements_kind_check"),
        ),
        sa.CheckConstraint("sample >= 0", name=op.f("measurements_sample_check")),
        sa.PrimaryKeyConstraint("scope", "scope_id", "kind", name=op.f("measurements_pkey")),
        schema="risk",
        comment="What brakes look at, measured from recent orders and fills.",
        postgresql_with={"fillfactor": "50"},
    )


def _cooldowns() -> None:
    op.create_table(
        "cooldowns",
        sa.Column("cooldown_id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("scope_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("started_at", _INSTANT, server_default=_NOW, nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column(
            "rests_until",
            _INSTANT,
            nullable=True,
            comment="Null rests until a quorum re-enables it.",
        ),
        sa.Column("ended_at", _INSTANT, nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("proposal_id", sa.Uuid(), nullable=True, comment="Whose quorum ended it early."),
        sa.CheckConstraint("scope in ('strategy', 'venue')", name=op.f("cooldowns_scope_check")),
        sa.CheckConstraint("btrim(reason) <> ''", name=op.f("cooldowns_reason_check")),
        sa.CheckConstraint(
            "(ended_at is null) = (ended_by is null)", name=op.f("cooldowns_ended_by_check")
        ),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposals.proposal_id"], name=op.f("cooldowns_proposal_id_fkey")
        ),
        sa.PrimaryKeyConstraint("cooldown_id", name=op.f("cooldowns_pkey")),
        schema="risk",
        comment="Strategies and venues that rest after a brake or by hand.",
    )
    op.create_index(
        "cooldowns_standing_key",
        "cooldowns",
        ["scope", "scope_id"],
        unique=True,
        schema="risk",
        postgresql_where="ended_at is null",
    )


def _news_events() -> None:
    op.create_table(
        "news_events",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("happens_at", _INSTANT, nullable=False),
        sa.Column(
            "currency",
            sa.Text(),
            nullable=False,
            comment="Of the instruments concerned; `*` concerns all.",
        ),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("recorded_at", _INSTANT, server_default=_NOW, nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.CheckConstraint("btrim(title) <> ''", name=op.f("news_events_title_check")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("news_events_pkey")),
        schema="risk",
        comment="Announcements around which the desk opens nothing.",
    )
    op.create_index(
        op.f("news_events_happens_at_idx"), "news_events", ["happens_at"], schema="risk"
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
