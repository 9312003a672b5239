# ruff: noqa: E501
"""Orders that can be changed and overfilled, and the double-entry ledger under their fills."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0020"
branch_labels = None
depends_on = None

_STATUSES = "'initialized', 'submitted', 'accepted', 'partially_filled', 'filled', 'rejected', 'denied', 'canceled', 'expired', 'not_sent', 'unknown', 'triggered', 'pending_update', 'pending_cancel'"
_CHECKS = (
    ("orders", None, "status", _STATUSES),
    ("orders", None, "order_type", "'market', 'limit', 'stop', 'stop_limit', 'trailing'"),
    ("orders", None, "time_in_force", "'IOC', 'FOK', 'GTC', 'DAY', 'GTD'"),
    ("order_transitions", "execution", "from_status", _STATUSES),
    ("order_transitions", "execution", "to_status", _STATUSES),
)
_WORKING = "status in ('initialized', 'submitted', 'accepted', 'triggered', 'partially_filled', 'unknown', 'pending_update', 'pending_cancel')"


def upgrade() -> None:
    """Apply the revision."""
    _widen_orders()
    _make_tables()
    _open_books()
    # It names the orders that it holds now: what it returns is another type.
    op.execute("drop function if exists execution.fence_reports(jsonb)")


def _widen_orders() -> None:
    op.add_column(
        "fills",
        sa.Column(
            "fee",
            sa.Numeric(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Paid, in account currency; negative: received.",
        ),
    )
    op.add_column(
        "fills",
        sa.Column(
            "swap",
            sa.Numeric(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Received, in account currency.",
        ),
    )
    op.add_column(
        "fills",
        sa.Column(
            "venue_pnl", sa.Numeric(), nullable=True, comment="What the venue says it realised."
        ),
    )
    op.add_column(
        "fills",
        sa.Column(
            "position_nr",
            sa.BigInteger(),
            nullable=True,
            comment="Its place among the fills of its position.",
        ),
    )
    op.add_column(
        "orders",
        sa.Column(
            "overfilled_quantity",
            sa.Numeric(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Traded beyond the quantity.",
        ),
    )
    op.add_column(
        "orders",
        sa.Column(
            "stop_price",
            sa.Numeric(),
            nullable=True,
            comment="What triggers a stop; a trailing one moves it.",
        ),
    )
    op.add_column(
        "orders",
        sa.Column(
            "trail_distance",
            sa.Numeric(),
            nullable=True,
            comment="How far a trailing stop stays behind.",
        ),
    )
    op.add_column(
        "orders",
        sa.Column(
            "good_till",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="GTD: until when it may work at the venue.",
        ),
    )
    op.add_column(
        "orders",
        sa.Column(
            "change_id",
            sa.Uuid(),
            nullable=True,
            comment="The change that is asked of the venue now.",
        ),
    )
    op.add_column(
        "positions",
        sa.Column(
            "fills",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="How many made it what it is.",
        ),
    )
    for table, schema, column, words in _CHECKS:
        name = op.f(f"{table}_{column}_check")
        op.drop_constraint(name, table, schema=schema, type_="check")
        op.create_check_constraint(name, table, f"{column} in ({words})", schema=schema)
    for column in ("stop_price", "trail_distance"):
        op.create_check_constraint(op.f(f"orders_{column}_check"), "orders", f"{column} > 0")
    op.create_check_constraint(
        op.f("orders_overfilled_quantity_check"), "orders", "overfilled_quantity >= 0"
    )
    op.alter_column("orders", "expires_at", comment="Until when it may be sent.")
    op.drop_index("orders_working_idx", "orders")
    op.create_index(
        "orders_working_idx", "orders", ["account_id", "symbol"], postgresql_where=_WORKING
    )
    # A stop's price used to stand where a limit's does.
    op.execute(
        "update public.orders set stop_price = limit_price, limit_price = null"
        " where order_type = 'stop' and stop_price is null"
    )


def _make_tables() -> None:
    op.create_table(
        "order_changes",
        sa.Column("change_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column(
            "from_status",
            sa.Text(),
            nullable=False,
            comment="What the order returns to if the venue refuses.",
        ),
        sa.Column(
            "wanted",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="The terms to be; null takes one away.",
        ),
        sa.Column(
            "standing",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="Those terms as they were.",
        ),
        sa.Column(
            "intent_id", sa.Uuid(), nullable=True, comment="The authority for more exposure."
        ),
        sa.Column(
            "added_quantity",
            sa.Numeric(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Lots reserved for it in advance.",
        ),
        sa.Column("added_notional", sa.Numeric(), server_default=sa.text("0"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column(
            "requested_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state = 'pending') = (ended_at is null)", name=op.f("order_changes_ended_at_check")
        ),
        sa.CheckConstraint("kind in ('modify', 'cancel')", name=op.f("order_changes_kind_check")),
        sa.CheckConstraint(
            "state in ('pending', 'applied', 'refused', 'superseded')",
            name=op.f("order_changes_state_check"),
        ),
        sa.ForeignKeyConstraint(
            ["intent_id"], ["intents.intent_id"], name=op.f("order_changes_intent_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("order_changes_order_id_fkey")
        ),
        sa.PrimaryKeyConstraint("change_id", name=op.f("order_changes_pkey")),
        sa.UniqueConstraint("intent_id", name=op.f("order_changes_intent_id_key")),
        schema="execution",
        comment="What was asked of working orders, and how it ended; one at a time.",
    )
    op.create_index(
        op.f("order_changes_order_id_idx"),
        "order_changes",
        ["order_id"],
        unique=False,
        schema="execution",
    )
    op.create_index(
        "order_changes_pending_key",
        "order_changes",
        ["order_id"],
        unique=True,
        schema="execution",
        postgresql_where="state = 'pending'",
    )
    op.create_table(
        "entries",
        sa.Column(
            "transaction_id", sa.Uuid(), nullable=False, comment="Of a fill: the fill's own id."
        ),
        sa.Column("line", sa.SmallInteger(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("strategy_id", sa.Text(), nullable=True),
        sa.Column("symbol", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column(
            "amount", sa.Numeric(), nullable=False, comment="Debit positive, credit negative."
        ),
        sa.Column(
            "rate",
            sa.Numeric(),
            nullable=True,
            comment="At which it was converted into the account's currency.",
        ),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column(
            "occurred_at", sa.DateTime(timezone=True), nullable=False, comment="The venue's clock."
        ),
        sa.Column(
            "posted_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "row_xid",
            sa.BigInteger(),
            server_default=sa.text("((pg_current_xact_id())::text)::bigint"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "book in ('cash', 'capital', 'realized', 'commission', 'fee', 'swap', 'funding', 'valuation', 'conversion', 'unconverted', 'unrealized', 'revaluation', 'adjustment')",
            name=op.f("entries_book_check"),
        ),
        sa.CheckConstraint(
            "kind in ('fill', 'deposit', 'withdrawal', 'swap', 'funding', 'fee', 'conversion', 'revaluation', 'adjustment')",
            name=op.f("entries_kind_check"),
        ),
        sa.CheckConstraint("amount <> 0", name=op.f("entries_amount_check")),
        sa.CheckConstraint("rate > 0", name=op.f("entries_rate_check")),
        sa.PrimaryKeyConstraint("transaction_id", "line", name=op.f("entries_pkey")),
        schema="ledger",
        comment="Double entries, debit positive: per transaction and currency they sum to zero; append-only.",
    )
    op.create_index(
        op.f("entries_posted_at_idx"),
        "entries",
        ["posted_at"],
        unique=False,
        schema="ledger",
        postgresql_using="brin",
        postgresql_with={"pages_per_range": "16", "autosummarize": "true"},
    )
    op.create_index(
        "entries_row_xid_idx",
        "entries",
        ["row_xid"],
        unique=False,
        schema="ledger",
        postgresql_using="brin",
        postgresql_with={"pages_per_range": "16", "autosummarize": "true"},
    )
    op.create_table(
        "venue_balances",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("balance", sa.Numeric(), nullable=False),
        sa.Column("equity", sa.Numeric(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("venue_balances_account_id_fkey")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("venue_balances_pkey")),
        schema="ledger",
        comment="What the venue last said that an account holds.",
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "statements",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column(
            "opening",
            sa.Numeric(),
            nullable=False,
            comment="Cash when the day began, as the ledger has it.",
        ),
        sa.Column(
            "movements",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="What moved it, by book.",
        ),
        sa.Column("closing", sa.Numeric(), nullable=False),
        sa.Column(
            "unrealized",
            sa.Numeric(),
            nullable=True,
            comment="Of open positions at the day's last quotes.",
        ),
        sa.Column("equity", sa.Numeric(), nullable=True),
        sa.Column("venue_balance", sa.Numeric(), nullable=True),
        sa.Column("venue_as_of", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "difference", sa.Numeric(), nullable=True, comment="Venue less ledger, to the cent."
        ),
        sa.Column(
            "positions",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
            comment="Those that are not what their fills make.",
        ),
        sa.Column(
            "currencies",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="Amounts not converted yet.",
        ),
        sa.Column("base_currency", sa.Text(), nullable=True),
        sa.Column(
            "base_rate",
            sa.Numeric(),
            nullable=True,
            comment="Base currency of the organisation per unit.",
        ),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column(
            "posted_until",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="Entries posted before this are in the closing.",
        ),
        sa.Column(
            "generated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "state in ('agreed', 'differs', 'unknown')", name=op.f("statements_state_check")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("statements_account_id_fkey")
        ),
        sa.PrimaryKeyConstraint("account_id", "day", name=op.f("statements_pkey")),
        schema="ledger",
        comment="An account's day: what moved its cash, and whether the venue agrees.",
    )
    op.create_index(
        op.f("statements_org_id_day_idx"),
        "statements",
        ["org_id", "day"],
        unique=False,
        schema="ledger",
    )


def _open_books() -> None:
    """Post what happened before there were books, in the currencies of the accounts."""
    op.execute(
        "insert into ledger.entries (transaction_id, line, org_id, account_id, kind, book,"
        " currency, amount, note, occurred_at)"
        " select t.id, l.line, t.org_id, t.account_id, 'deposit', l.book, t.currency, l.amount,"
        "        'opening balance', clock_timestamp()"
        "   from (select gen_random_uuid() as id, a.* from public.accounts a"
        "          where a.starting_balance <> 0) t"
        "  cross join lateral (values (0, 'cash', t.starting_balance),"
        "                             (1, 'capital', -t.starting_balance)) l(line, book, amount)"
    )
    op.execute(
        "insert into ledger.entries (transaction_id, line, org_id, account_id, strategy_id, symbol,"
        " kind, book, currency, amount, occurred_at)"
        " select f.fill_id, l.line, f.org_id, f.account_id, f.strategy_id, f.symbol, 'fill',"
        "        l.book, a.currency, l.amount, f.filled_at"
        "   from public.fills f join public.accounts a on a.account_id = f.account_id"
        "  cross join lateral (values (0, 'cash', f.realized_pnl - f.commission),"
        "                             (1, 'realized', -f.realized_pnl),"
        "                             (2, 'commission', f.commission)) l(line, book, amount)"
        "  where l.amount <> 0"
    )
    op.execute(
        "update public.positions p set fills = f.n"
        "  from (select account_id, symbol, count(*) as n from public.fills group by 1, 2) f"
        " where f.account_id = p.account_id and f.symbol = p.symbol"
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
