"""Where the market stands before the first alert: prices, ranges, the structure's lean."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

from psycopg import Connection

from backend.domain.market.alerts import MarketState
from backend.errors import DeskError

READY_WAIT_S = 90.0
BARS_NEEDED = 100
LEAN_BARS = 40

_MARKETS = """
select i.symbol, i.tick_size, coalesce(i.pip_size, i.tick_size) as pip_size,
       (q.bid + q.ask) / 2 as price, b.bars, b.atr, b.drift
  from public.instruments i
  join public.latest_quotes q on q.symbol = i.symbol
  join execution.venue_health h on h.symbol = i.symbol and h.venue_id = q.venue_id
   and h.throttle_per_minute > 0
  cross join lateral (
    select count(*) as bars, avg(r.high - r.low) as atr,
           (array_agg(r.close order by r.opened_at desc))[1]
           - (array_agg(r.close order by r.opened_at))[1] as drift
      from (select m.high, m.low, m.close, m.opened_at from public.market_bars m
             where m.symbol = i.symbol and m.timeframe = 'M15'
             order by m.opened_at desc limit %(bars)s) r) b
 where i.state = 'tradable'
 order by i.symbol
"""

_WANTED = "select count(*) from public.instruments i where i.state = 'tradable'"


def market_states(conn: Connection[Any]) -> list[MarketState]:
    """Wait until every tradable instrument has quotes, bars and a venue's health."""
    deadline = time.monotonic() + READY_WAIT_S
    while True:
        wanted = conn.execute(_WANTED).fetchone()
        rows = conn.execute(_MARKETS.encode(), {"bars": BARS_NEEDED}).fetchall()
        ready = [row for row in rows if row[4] >= BARS_NEEDED]
        if wanted is not None and len(ready) == wanted[0] > 0:
            return [_state(*row) for row in ready]
        if time.monotonic() > deadline:
            raise DeskError(
                "demo.no_market",
                f"{len(ready)} of {wanted[0] if wanted else 0} instruments have quotes, bars and"
                f" venue health after {READY_WAIT_S:.0f} s",
                "see the logs of the workers and of the terminal in DESK_HOME/log",
            )
        time.sleep(0.1)


def _state(
    symbol: str, tick: Decimal, pip: Decimal, price: Decimal, _: int, atr: Decimal, drift: Decimal
) -> MarketState:
    lean = 0 if abs(drift) < atr else (1 if drift > 0 else -1)
    return MarketState(symbol, price, atr, tick, pip, lean)
