"""Quorums as rules, proposals as events, votes that may be revised, halts with causes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0016"
branch_labels = None
depends_on = None

# Proposals of before have a past as well: what their state says must have happened.
_EVENTS_OF_OLD = """
insert into public.proposal_events
  (event_id, proposal_id, event, recorded_by, detail, recorded_at)
select gen_random_uuid(), p.proposal_id, s.event, p.proposed_by,
       '{"migrated": true}', case when s.event = 'opened' then p.opened_at else p.decided_at end
  from public.proposals p
 cross join lateral unnest(case p.state
         when 'open' then array['opened']
         when 'executed' then array['opened', 'approved', 'executed']
         else array['opened', p.state] end) as s(event)
"""


def upgrade() -> None:
    """Apply the revision."""
    op.execute("drop function if exists governance.count_votes(public.proposals)")
    op.create_table(
        "halt_causes",
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column(
            "callers",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="Roles whose members may halt for it.",
        ),
        sa.Column(
            "cancel_working_orders", sa.Boolean(), server_default=sa.text("true"), nullable=False
        ),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("cause", name=op.f("halt_causes_pkey")),
        schema="governance",
        comment="For what a halt is recorded unasked, and by whom.",
    )
    op.create_table(
        "quorum_rules",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "humans",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="How many different people must approve.",
        ),
        sa.Column(
            "personas",
            sa.Integer(),
            server_default=sa.text("2"),
            nullable=False,
            comment="How many of the electorate must approve.",
        ),
        sa.Column(
            "electorate",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{strategy_analyst,execution_overseer,risk_sentinel}'"),
            nullable=False,
            comment="The personas with a vote.",
        ),
        sa.Column(
            "checks",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{subject_stands}'"),
            nullable=False,
            comment="Automated checks that must hold when the votes are complete.",
        ),
        sa.Column(
            "ttl_s",
            sa.Integer(),
            server_default=sa.text("3600"),
            nullable=False,
            comment="How long it waits unless its opener says.",
        ),
        sa.Column("why", sa.Text(), nullable=False),
        sa.CheckConstraint("humans + personas > 0", name=op.f("quorum_rules_quorum_check")),
        sa.CheckConstraint("humans >= 0", name=op.f("quorum_rules_humans_check")),
        sa.CheckConstraint(
            "personas <= cardinality(electorate)", name=op.f("quorum_rules_electorate_check")
        ),
        sa.CheckConstraint("personas >= 0", name=op.f("quorum_rules_personas_check")),
        sa.CheckConstraint("ttl_s > 0", name=op.f("quorum_rules_ttl_s_check")),
        sa.PrimaryKeyConstraint("kind", name=op.f("quorum_rules_pkey")),
        schema="governance",
        comment="Who must approve a proposal of each kind; a kind without a row is refused.",
    )
    op.create_table(
        "proposal_events",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("proposal_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False, comment="Whose session took the step."),
        sa.Column(
            "detail",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="Rule, votes and checks of a decision.",
        ),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "event in ('opened', 'approved', 'refused', 'expired', 'executed')",
            name=op.f("proposal_events_event_check"),
        ),
        sa.ForeignKeyConstraint(
            ["proposal_id"],
            ["proposals.proposal_id"],
            name=op.f("proposal_events_proposal_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("proposal_events_pkey")),
        comment="What became of each proposal, each step once; append-only.",
    )
    op.create_index(
        "proposal_events_decided_key",
        "proposal_events",
        ["proposal_id"],
        unique=True,
        postgresql_where="event in ('approved', 'refused', 'expired')",
    )
    op.create_index(
        "proposal_events_once_key", "proposal_events", ["proposal_id", "event"], unique=True
    )
    op.create_table(
        "halt_acknowledgements",
        sa.Column("halt_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("process_id", sa.Uuid(), nullable=False),
        sa.Column(
            "acknowledged_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["halt_id"],
            ["governance.halts.halt_id"],
            name=op.f("halt_acknowledgements_halt_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("halt_id", "worker_id", name=op.f("halt_acknowledgements_pkey")),
        schema="governance",
        comment="Which agent's loop came round under which halt, and when.",
    )
    op.alter_column(
        "proposals",
        "state",
        existing_type=sa.TEXT(),
        comment="As the last of its events says.",
        existing_nullable=False,
        existing_server_default=sa.text("'open'::text"),
    )
    op.add_column(
        "votes",
        sa.Column(
            "revision",
            sa.Integer(),
            server_default=sa.text("1"),
            nullable=False,
            comment="A change of mind is a new row with the next.",
        ),
    )
    op.create_check_constraint(op.f("votes_revision_check"), "votes", "revision > 0")
    op.drop_index("votes_proposal_id_voter_key", table_name="votes")
    op.create_index(
        "votes_proposal_id_voter_revision_key",
        "votes",
        ["proposal_id", "voter", "revision"],
        unique=True,
    )
    op.create_table_comment(
        "votes",
        "Reasoned votes; of each voter the last revision counts. Append-only.",
        existing_comment="One reasoned vote per voter and proposal; append-only.",
        schema=None,
    )
    op.add_column(
        "halts",
        sa.Column(
            "cause",
            sa.Text(),
            server_default=sa.text("'requested'"),
            nullable=False,
            comment="Else a cause of halt_causes.",
        ),
        schema="governance",
    )
    op.add_column(
        "halts",
        sa.Column(
            "detail",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="What was observed.",
        ),
        schema="governance",
    )
    op.add_column(
        "halts",
        sa.Column("lift_proposal_id", sa.Uuid(), nullable=True, comment="Whose quorum lifted it."),
        schema="governance",
    )
    op.drop_index("halts_standing_idx", table_name="halts", schema="governance")
    op.create_index(
        "halts_standing_key",
        "halts",
        ["scope", "scope_id"],
        unique=True,
        schema="governance",
        postgresql_where="lifted_at is null",
    )
    op.create_foreign_key(
        op.f("halts_lift_proposal_id_fkey"),
        "halts",
        "proposals",
        ["lift_proposal_id"],
        ["proposal_id"],
        source_schema="governance",
    )
    op.execute(_EVENTS_OF_OLD)


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
