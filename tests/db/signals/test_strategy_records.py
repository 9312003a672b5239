"""What the market made of a strategy's signals is counted, in the order in which it closed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from psycopg import Connection

from tests.kit.signal_rows import As, a_rationale, normalized
from tests.kit.trading_desk import BOOK, add_bars, ask, rows

START = datetime(2026, 3, 2, tzinfo=UTC)
_RECORD = "select trades, wins, losses_in_row from risk.strategy_records"
_CLOSED = """
insert into public.precedents
  (rationale_id, org_id, symbol_class, symbol, side, feature_vector, outcome_r, ended, policy_hash,
   scored_at, closed_at)
select x.rationale_id, r.org_id, 'fx', r.symbol, 'BUY', r.feature_vector, x.outcome_r,
       case when x.outcome_r > 0 then 'target' else 'stop' end, 'p', x.at - interval '1 hour', x.at
  from unnest(%s::uuid[], %s::numeric[], %s::timestamptz[]) as x(rationale_id, outcome_r, at)
  join public.strategy_rationales r on r.rationale_id = x.rationale_id
"""


def close(as_role: As, inside: Connection[Any], *outcomes: str) -> None:
    """Let signals of the strategy close together, in this order."""
    rationales = [a_rationale(normalized(as_role)) for _ in outcomes]
    ask(as_role("rationale_scorer_agent"), "intake.record_rationales", *rationales)
    ((earlier,),) = rows(inside, "select count(*) from public.precedents")
    times = [START + timedelta(hours=earlier + number) for number in range(len(outcomes))]
    ids = [rationale["rationale_id"] for rationale in rationales]
    inside.execute(_CLOSED, (ids, [Decimal(outcome) for outcome in outcomes], times))


@pytest.fixture(autouse=True)
def forgotten(inside: Connection[Any]) -> None:
    inside.execute("delete from risk.strategy_records")


@pytest.mark.parametrize(
    ("batches", "record"),
    [
        ([["1.5"]], (1, 1, 0)),
        ([["-1", "-1", "2", "-1"]], (4, 1, 1)),
        ([["2", "-1"], ["-1", "-1"]], (4, 1, 3)),
        ([["-1"], ["0", "-1"], ["-1"]], (4, 0, 2)),
    ],
    ids=["a win", "losses before a win are over", "losses go on over batches", "nought ends them"],
)
def test_a_record_counts_trades_wins_and_the_losses_since_the_last_that_did_not_lose(
    as_role: As, inside: Connection[Any], batches: list[list[str]], record: tuple[int, int, int]
) -> None:
    for batch in batches:
        close(as_role, inside, *batch)
    assert rows(inside, _RECORD) == [record]


def test_sizes_are_told_the_record_and_the_volatility(as_role: As, inside: Connection[Any]) -> None:
    close(as_role, inside, "1", "-1", "-1")
    add_bars(inside, "EURUSD")
    known = {
        "symbol": "EURUSD",
        "account_id": BOOK.account_id,
        "strategy_id": BOOK.strategy_id,
        "hypothesis_id": str(uuid4()),
    }
    unknown = known | {"symbol": "NOTHING", "strategy_id": "nobody"}
    portfolio = as_role("portfolio_agent")
    (facts,) = ask(portfolio, "risk.sizing_facts", known)
    assert (facts["trades"], facts["losses_in_row"]) == (3, 2)
    assert Decimal(facts["sigma"]) > 0
    (facts,) = ask(portfolio, "risk.sizing_facts", unknown)
    assert (facts["trades"], facts["losses_in_row"], facts["sigma"]) == (0, 0, None)
