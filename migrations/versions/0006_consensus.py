"""Consensus: proposals, votes, halts; the treasury's books."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "halts",
        sa.Column("halt_id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("scope_id", sa.Text(), nullable=False, comment="`*` for the platform."),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "cancel_working_orders", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column(
            "halted_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "scope in ('platform', 'organization', 'venue', 'account', 'strategy', 'instrument')",
            name=op.f("halts_scope_check"),
        ),
        sa.CheckConstraint(
            "(lifted_at is null) = (lifted_by is null)", name=op.f("halts_lifted_by_check")
        ),
        sa.PrimaryKeyConstraint("halt_id", name=op.f("halts_pkey")),
        schema="governance",
        comment="Halts, standing while lifted_at is null.",
    )
    op.create_index(
        "halts_standing_idx",
        "halts",
        ["scope", "scope_id"],
        unique=False,
        schema="governance",
        postgresql_where="lifted_at is null",
    )
    op.create_table(
        "proposals",
        sa.Column("proposal_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "subject",
            sa.Text(),
            nullable=False,
            comment="What it is about: an id or a name, as kind says.",
        ),
        sa.Column(
            "payload",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "evidence",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("state", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column(
            "opened_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("correlation_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(state = 'open') = (decided_at is null)", name=op.f("proposals_decided_at_check")
        ),
        sa.CheckConstraint(
            "state in ('open', 'approved', 'refused', 'expired', 'executed')",
            name=op.f("proposals_state_check"),
        ),
        sa.CheckConstraint("expires_at > opened_at", name=op.f("proposals_expires_at_check")),
        sa.PrimaryKeyConstraint("proposal_id", name=op.f("proposals_pkey")),
        comment="What waits for votes: intents, limits, policies, halts to lift, …",
    )
    op.create_index(
        op.f("proposals_correlation_id_idx"), "proposals", ["correlation_id"], unique=False
    )
    op.create_index(
        "proposals_open_idx",
        "proposals",
        ["org_id", "opened_at"],
        unique=False,
        postgresql_where="state = 'open'",
    )
    op.create_table(
        "voters",
        sa.Column(
            "voter",
            sa.Text(),
            nullable=False,
            comment="The login (session_user), or a JWT's subject.",
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("role_name", sa.Text(), nullable=False),
        sa.Column("persona", sa.Text(), nullable=True),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column(
            "org_id",
            sa.Text(),
            nullable=True,
            comment="Whose rows the person reads; null reads none.",
        ),
        sa.Column("state", sa.Text(), server_default=sa.text("'active'"), nullable=False),
        sa.CheckConstraint(
            "(kind = 'persona') = (persona is not null)", name=op.f("voters_persona_check")
        ),
        sa.CheckConstraint("kind in ('persona', 'human')", name=op.f("voters_kind_check")),
        sa.CheckConstraint("state in ('active', 'suspended')", name=op.f("voters_state_check")),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.org_id"], name=op.f("voters_org_id_fkey")
        ),
        sa.PrimaryKeyConstraint("voter", name=op.f("voters_pkey")),
        schema="governance",
        comment="Who may vote, and which organisation they belong to.",
    )
    op.create_table(
        "balances",
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("cash", sa.Numeric(), nullable=False),
        sa.Column("equity", sa.Numeric(), nullable=False),
        sa.Column(
            "buffer_min",
            sa.Numeric(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Cash that must stay.",
        ),
        sa.Column(
            "as_of",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("buffer_min >= 0", name=op.f("balances_buffer_min_check")),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.org_id"], name=op.f("balances_org_id_fkey")
        ),
        sa.PrimaryKeyConstraint("org_id", "currency", name=op.f("balances_pkey")),
        schema="treasury",
        comment="Cash and equity per organisation and currency.",
    )
    op.create_table(
        "votes",
        sa.Column("vote_id", sa.Uuid(), nullable=False),
        sa.Column("proposal_id", sa.Uuid(), nullable=False),
        sa.Column("voter", sa.Text(), nullable=False),
        sa.Column("voter_kind", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "sig",
            sa.Text(),
            nullable=True,
            comment="A persona's signature; a human's session is the proof.",
        ),
        sa.Column(
            "cast_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("btrim(reason) <> ''", name=op.f("votes_reason_check")),
        sa.CheckConstraint("decision in ('approve', 'refuse')", name=op.f("votes_decision_check")),
        sa.CheckConstraint(
            "voter_kind in ('persona', 'human')", name=op.f("votes_voter_kind_check")
        ),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposals.proposal_id"], name=op.f("votes_proposal_id_fkey")
        ),
        sa.PrimaryKeyConstraint("vote_id", name=op.f("votes_pkey")),
        comment="One reasoned vote per voter and proposal; append-only.",
    )
    op.create_index("votes_proposal_id_voter_key", "votes", ["proposal_id", "voter"], unique=True)


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
