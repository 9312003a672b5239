"""Master data."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "instruments",
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("symbol_class", sa.Text(), nullable=False),
        sa.Column("base_currency", sa.Text(), nullable=False),
        sa.Column("quote_currency", sa.Text(), nullable=False),
        sa.Column("digits", sa.Integer(), nullable=False),
        sa.Column("tick_size", sa.Numeric(), nullable=False),
        sa.Column(
            "pip_size",
            sa.Numeric(),
            nullable=True,
            comment="What people call a pip; null where nobody does.",
        ),
        sa.Column(
            "contract_size", sa.Numeric(), nullable=False, comment="Units of the base in one lot."
        ),
        sa.Column("volume_min", sa.Numeric(), nullable=False),
        sa.Column("volume_max", sa.Numeric(), nullable=False),
        sa.Column("volume_step", sa.Numeric(), nullable=False),
        sa.Column(
            "calendar",
            sa.Text(),
            server_default=sa.text("'weekdays'"),
            nullable=False,
            comment="Which trading hours apply.",
        ),
        sa.Column("state", sa.Text(), server_default=sa.text("'new'"), nullable=False),
        sa.CheckConstraint(
            "calendar in ('weekdays', 'always')", name=op.f("instruments_calendar_check")
        ),
        sa.CheckConstraint(
            "state in ('new', 'tradable', 'watchlist_only', 'deprecated')",
            name=op.f("instruments_state_check"),
        ),
        sa.CheckConstraint("contract_size > 0", name=op.f("instruments_contract_size_check")),
        sa.CheckConstraint("digits between 0 and 10", name=op.f("instruments_digits_check")),
        sa.CheckConstraint("pip_size > 0", name=op.f("instruments_pip_size_check")),
        sa.CheckConstraint("tick_size > 0", name=op.f("instruments_tick_size_check")),
        sa.CheckConstraint("volume_max >= volume_min", name=op.f("instruments_volume_max_check")),
        sa.CheckConstraint("volume_min > 0", name=op.f("instruments_volume_min_check")),
        sa.CheckConstraint("volume_step > 0", name=op.f("instruments_volume_step_check")),
        sa.PrimaryKeyConstraint("symbol", name=op.f("instruments_pkey")),
        comment="What can be traded; only state tradable is.",
    )
    op.create_table(
        "organizations",
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("base_currency", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("org_id", name=op.f("organizations_pkey")),
        comment="Who owns accounts; what people may read is cut along it.",
    )
    op.create_table(
        "venues",
        sa.Column("venue_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("max_latency_ms", sa.Integer(), server_default=sa.text("1000"), nullable=False),
        sa.CheckConstraint("kind in ('mt5')", name=op.f("venues_kind_check")),
        sa.CheckConstraint("state in ('active', 'closed')", name=op.f("venues_state_check")),
        sa.CheckConstraint("max_latency_ms > 0", name=op.f("venues_max_latency_ms_check")),
        sa.PrimaryKeyConstraint("venue_id", name=op.f("venues_pkey")),
        comment="Where orders go.",
    )
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("venue_id", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column(
            "login", sa.BigInteger(), nullable=True, comment="The venue's number for the account."
        ),
        sa.Column(
            "connection",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="How the bridge reaches the terminal; names of secrets, never secrets.",
        ),
        sa.Column("state", sa.Text(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("starting_balance", sa.Numeric(), nullable=False),
        sa.CheckConstraint("mode in ('paper', 'shadow', 'live')", name=op.f("accounts_mode_check")),
        sa.CheckConstraint(
            "state in ('active', 'halted', 'closed')", name=op.f("accounts_state_check")
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.org_id"], name=op.f("accounts_org_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["venue_id"], ["venues.venue_id"], name=op.f("accounts_venue_id_fkey")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("accounts_pkey")),
        comment="A venue's account: one mode, one currency, one bridge at a time.",
    )
    op.create_index(op.f("accounts_org_id_idx"), "accounts", ["org_id"], unique=False)
    op.create_table(
        "instrument_aliases",
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("venue_id", sa.Text(), nullable=True),
        sa.CheckConstraint("alias = upper(alias)", name=op.f("instrument_aliases_alias_check")),
        sa.ForeignKeyConstraint(
            ["symbol"], ["instruments.symbol"], name=op.f("instrument_aliases_symbol_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["venue_id"], ["venues.venue_id"], name=op.f("instrument_aliases_venue_id_fkey")
        ),
        sa.PrimaryKeyConstraint("alias", name=op.f("instrument_aliases_pkey")),
        comment="Other spellings of a symbol, in upper case.",
    )
    op.create_index(
        op.f("instrument_aliases_symbol_idx"), "instrument_aliases", ["symbol"], unique=False
    )
    op.create_table(
        "strategies",
        sa.Column("strategy_id", sa.Text(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'active'"), nullable=False),
        sa.Column(
            "routing_policy",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "mode in ('paper', 'shadow', 'live')", name=op.f("strategies_mode_check")
        ),
        sa.CheckConstraint(
            "state in ('active', 'paused', 'closed')", name=op.f("strategies_state_check")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("strategies_account_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.org_id"], name=op.f("strategies_org_id_fkey")
        ),
        sa.PrimaryKeyConstraint("strategy_id", name=op.f("strategies_pkey")),
        comment="Whose signals trade in which account, and in which mode.",
    )
    op.create_index(op.f("strategies_org_id_idx"), "strategies", ["org_id"], unique=False)


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
