"""A strategy may trade at several accounts: what was chosen where, and what venues cost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_NOW = sa.text("clock_timestamp()")
_JSON = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    """Apply the revision."""
    # Their arguments or results changed; the folder brings them back.
    op.execute("drop function if exists risk.judge_batch(jsonb, text[], record, boolean)")
    op.execute("drop function if exists risk.weigh_book(record, jsonb, text[], jsonb)")
    op.add_column(
        "opportunities",
        sa.Column(
            "propensity",
            sa.Numeric(),
            nullable=True,
            comment="The chance that its venue had; null where there was nothing to choose.",
        ),
    )
    op.add_column(
        "opportunities",
        sa.Column(
            "explored",
            sa.Boolean(),
            nullable=True,
            comment="Another venue was expected to cost less.",
        ),
    )
    op.add_column(
        "opportunities",
        sa.Column(
            "notional",
            sa.Numeric(),
            nullable=True,
            comment="The largest that it could become as the venue was chosen.",
        ),
    )
    op.create_check_constraint(
        op.f("opportunities_propensity_check"), "opportunities", "propensity between 0 and 1"
    )
    op.create_index(
        "opportunities_choices_idx",
        "opportunities",
        ["strategy_id", "created_at"],
        postgresql_where="propensity is not null",
    )
    op.create_table(
        "venue_models",
        sa.Column("model", sa.Text(), primary_key=True, comment="Changes with any number of it."),
        sa.Column("state", sa.Text(), server_default=sa.text("'candidate'"), nullable=False),
        sa.Column("body", _JSON, nullable=False, comment="What venues cost, as believed."),
        sa.Column("rows", sa.Integer(), nullable=False, comment="Choices that it learned from."),
        sa.Column(
            "evaluation",
            _JSON,
            nullable=False,
            comment="What it would have earned with later choices, off policy.",
        ),
        sa.Column("learned_at", _INSTANT, server_default=_NOW, nullable=False),
        sa.Column("activated_at", _INSTANT, nullable=True),
        sa.Column("proposal_id", sa.Uuid(), nullable=True, comment="Whose quorum activated it."),
        sa.CheckConstraint(
            "state in ('candidate', 'active', 'retired')", name=op.f("venue_models_state_check")
        ),
        schema="execution",
        comment="What venues are believed to cost; one is active, by a passed proposal.",
    )
    op.create_index(
        "venue_models_active_key",
        "venue_models",
        ["state"],
        unique=True,
        schema="execution",
        postgresql_where="state = 'active'",
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
