"""`desk bench scoring`: signals a second through one scorer, from claim to record.

The worker is the real one, alone in its process beside an idle publisher: it claims signed
messages, reads facts with precedents among a history of closed rationales, scores, records and
publishes. Quotes move meanwhile, so that no two moments look alike for long. The clock runs from
the first batch that it decided to the last.
"""

from __future__ import annotations

import statistics
import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, LiteralString
from uuid import UUID

import numpy as np
import psycopg
import uuid_utils
from psycopg import Connection
from psycopg.types.json import Jsonb

from backend.bootstrap import declare
from backend.contracts.envelope import Unsigned
from backend.contracts.signals import NormalizedSignal
from backend.db import bus
from backend.db.gateway import connect_as
from backend.db.master_data import TradingBook, add_book, add_instruments
from backend.domain.market.universe import UNIVERSE
from backend.domain.sessions import Calendar
from backend.errors import DeskError
from backend.keys import load_key
from backend.policies import apply_pack, load_pack
from backend.ports import SystemClock
from backend.settings import CHECKOUT, Settings
from backend.values import Mode, OrderType, Side
from research.bench.precedents import ORG, fill
from research.bench.scratch import Scratch, scratch_database
from workers.compose import build_host
from workers.declare import declarations

Report = Callable[[str], None]

AGENT = "rationale_scorer"
TIMEFRAMES = {"M5": 5, "M15": 15, "H1": 60, "H4": 240}
WAIT_S = 300.0
QUOTES_PER_S = 5
"""How often every symbol's quote moves: what a major's feed does in a busy hour."""
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much: the defaults are what the desk is judged by."""

    signals: int = 6_000
    warm_up: int = 500
    precedents: int = 100_000


QUICK = Sizes(signals=1_500, warm_up=300, precedents=5_000)


def run_scoring_bench(settings: Settings, sizes: Sizes, report: Report) -> dict[str, Any]:
    """Publish signals, let one worker score them all, and return the figures."""
    with scratch_database(settings, "scoring") as scratch:
        with psycopg.connect(scratch.url, autocommit=True) as owner:
            report("furnishing")
            _furnish(owner, scratch)
            owner.execute("set role desk_owner")
            fill(owner, np.random.default_rng(7), sizes.precedents, report)
        _publish(scratch, sizes.warm_up)
        host = build_host(scratch.settings, [AGENT])
        host.start()
        try:
            with psycopg.connect(scratch.url, autocommit=True) as owner:
                owner.execute("set role desk_owner")
                _until_scored(owner, sizes.warm_up)
                # What is warm by now is what is measured: bars read, plans made.
                host.stop()
                report(f"publishing {sizes.signals:,} signals")
                published_at = _publish(scratch, sizes.signals)
                host = build_host(scratch.settings, [AGENT])
                backend_before = _database_s(owner)
                worker_before = time.process_time()
                with _moving_quotes(scratch):
                    host.start()
                    _until_scored(owner, sizes.warm_up + sizes.signals)
                    worker_s = time.process_time() - worker_before
                return _figures(owner, sizes, published_at, worker_s, backend_before)
        finally:
            host.stop()


def _figures(
    owner: Connection[Any],
    sizes: Sizes,
    since: datetime,
    worker_s: float,
    backend_before: float,
) -> dict[str, Any]:
    batches = owner.execute(_BATCHES, (since,)).fetchall()
    first, last = batches[0], batches[-1]
    counted = sum(count for _, count, _ in batches[:-1])
    span_s = (last[0] - first[0]).total_seconds()
    found = [float(precedents) for _, _, precedents in batches]
    return {
        "signals": sizes.signals,
        "signals_per_s": round(counted / span_s, 1),
        "worker_cpu_us_per_signal": round(worker_s / sizes.signals * 1e6),
        "database_us_per_signal": round(
            (_database_s(owner) - backend_before) / sizes.signals * 1e6
        ),
        "batches": len(batches),
        "batch_median": statistics.median(count for _, count, _ in batches),
        "precedents_held": sizes.precedents,
        "precedents_per_signal": round(statistics.mean(found), 2),
        "looks_alike": len(UNIVERSE) * len(TIMEFRAMES) * len(Side),
    }


def _furnish(owner: Connection[Any], scratch: Scratch) -> None:
    open_wide = [{**one, "depth_max": 10_000_000} for one in declarations()]
    declare(owner, scratch.settings.keys, open_wide, SystemClock().now())
    owner.execute("set role desk_owner")
    add_instruments(owner, UNIVERSE, Calendar.ALWAYS)
    add_book(
        owner,
        TradingBook(
            org_id=ORG,
            org_name="Bench",
            venue_id="bench",
            account_id="bench",
            strategy_id="bench",
            mode=Mode.PAPER,
            currency="USD",
            starting_balance=Decimal(1_000_000),
            login=1,
            connection={},
        ),
    )
    for timeframe, minutes in TIMEFRAMES.items():
        owner.execute(_BARS, {"timeframe": timeframe, "minutes": minutes})
    owner.execute(_CONVICTION)
    owner.execute(_QUOTES)
    apply_pack(owner, load_pack(CHECKOUT / "policies" / "bench.toml"), applied_by="desk bench")
    owner.execute("reset role")


@contextmanager
def _moving_quotes(scratch: Scratch) -> Generator[None]:
    """Let quotes and spreads move, each time to one of fifty spreads."""
    over = threading.Event()

    def move() -> None:
        with psycopg.connect(scratch.url, autocommit=True) as feed:
            feed.execute("set role desk_owner")
            moved = 0
            while not over.wait(1 / QUOTES_PER_S):
                moved += 1
                feed.execute(_MOVED_QUOTES, {"moved": moved, "spread": moved * 37 % 50})

    thread = threading.Thread(target=move, name="quotes", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(WAIT_S)


def _publish(scratch: Scratch, count: int) -> datetime:
    """Store and publish signals as the normaliser does. Returns when it began."""
    began = SystemClock().now()
    key = load_key(scratch.settings.keys, "normalizer")
    with (
        psycopg.connect(scratch.url, autocommit=True) as owner,
        connect_as(scratch.settings, "normalizer_agent") as normalizer,
    ):
        owner.execute("set role desk_owner")
        signals = list(_signals(count))
        for start in range(0, count, CHUNK):
            chunk = signals[start : start + CHUNK]
            rows = [signal.model_dump(mode="json") for signal in chunk]
            owner.execute(_SIGNALS, (Jsonb(rows),))
            wires = [key.sign_wire(_envelope(signal, key.key_id)) for signal in chunk]
            normalizer.execute("select bus.publish(%s::jsonb)", (bus.dump(wires),))
    return began


def _signals(count: int) -> Iterator[NormalizedSignal]:
    clock = SystemClock()
    timeframes = list(TIMEFRAMES)
    for number in range(count):
        instrument = UNIVERSE[number % len(UNIVERSE)]
        yield NormalizedSignal(
            signal_id=_new_id(),
            alert_id=_new_id(),
            symbol=instrument.symbol,
            symbol_class=instrument.symbol_class,
            side=Side.BUY if number % 2 else Side.SELL,
            order_type=OrderType.MARKET,
            price=None,
            stop_loss=None,
            take_profit=None,
            quantity=None,
            timeframe=timeframes[number // len(UNIVERSE) % len(timeframes)],
            session="london",
            source_time=None,
            received_at=clock.now(),
            strategy_id="bench",
            mode=Mode.PAPER,
        )


def _envelope(signal: NormalizedSignal, key_id: str) -> Unsigned:
    return Unsigned(
        msg_id=_new_id(),
        type=signal.TYPE,
        correlation_id=signal.alert_id,
        causation_id=None,
        ttl_ms=signal.TTL_MS,
        sender="agent.normalizer",
        intent=None,
        idempotency_key=f"bench:{uuid.uuid4()}",
        org_id=ORG,
        ordering_key=signal.symbol,
        created_at=signal.received_at,
        payload=signal.model_dump(mode="json"),
        key_id=key_id,
    )


def _until_scored(owner: Connection[Any], count: int) -> None:
    deadline = time.monotonic() + WAIT_S
    scored = partial(_one, owner, "select count(*) from public.strategy_rationales")
    while scored() < count:
        if time.monotonic() > deadline:
            raise DeskError(
                "bench.stuck", f"{scored()} of {count} were scored", "see bus.dead_letters"
            )
        time.sleep(0.2)


def _database_s(owner: Connection[Any]) -> float:
    """Return the seconds that sessions of the scorer's database were at work."""
    owner.execute("select pg_stat_clear_snapshot()")
    return _one(
        owner,
        "select active_time / 1000 from pg_stat_database where datname = current_database()",
    )


def _one(owner: Connection[Any], query: LiteralString) -> Any:
    row = owner.execute(query).fetchone()
    assert row is not None
    return row[0]


def _new_id() -> UUID:
    return UUID(bytes=uuid_utils.uuid7().bytes)


_BARS: LiteralString = """
insert into public.market_bars
  (symbol, timeframe, opened_at, open, high, low, close, volume, spread, source)
select n.symbol, %(timeframe)s, b.opened_at, p.o, greatest(p.o, p.c) * 1.0004,
       least(p.o, p.c) * 0.9996, p.c, 100, p.o * 0.00008, 'bench'
  from public.instruments n
 cross join lateral (
   select g, date_bin(%(minutes)s * interval '1 minute', clock_timestamp(), '2000-01-01')
             - g * %(minutes)s * interval '1 minute' as opened_at
     from generate_series(1, 220) g) b
 cross join lateral (
   select round((1.2 + 0.01 * sin(b.g / 9.0 + length(n.symbol))
                 + 0.004 * sin(b.g * 1.7))::numeric, 5) as c,
          round((1.2 + 0.01 * sin((b.g + 1) / 9.0 + length(n.symbol))
                 + 0.004 * sin((b.g + 1) * 1.7))::numeric, 5) as o) p
"""
_CONVICTION: LiteralString = """
insert into public.market_conviction
  (symbol, timeframe, opened_at, up, down, high_up, high_down, structures, policy_hash)
select m.symbol, m.timeframe, max(m.opened_at), 0.6, 0.2, true, false, 3, 'bench'
  from public.market_bars m
 group by m.symbol, m.timeframe
"""
_QUOTES: LiteralString = """
insert into public.latest_quotes (venue_id, symbol, bid, ask, quoted_at, received_at)
select 'bench', n.symbol, 1.2, 1.2001, clock_timestamp(), clock_timestamp()
  from public.instruments n
"""
_MOVED_QUOTES: LiteralString = """
update public.latest_quotes
   set bid = 1.2 + %(moved)s * 0.00001,
       ask = 1.2 + %(moved)s * 0.00001 + 0.00005 + %(spread)s * 0.000002,
       quoted_at = clock_timestamp(), received_at = clock_timestamp()
"""
_SIGNALS: LiteralString = """
with x as (
  select s.* from jsonb_populate_recordset(null::public.signals_normalized, %s) s
), raw as (
  insert into public.signals_raw
    (alert_id, correlation_id, org_id, source_id, received_at, body, understood, reason_code)
  select x.alert_id, x.alert_id, 'bench', 'bench', x.received_at, '', false, 'TR211' from x
)
insert into public.signals_normalized
  (signal_id, alert_id, correlation_id, org_id, symbol, symbol_class, side, order_type,
   timeframe, session, received_at, strategy_id, mode)
select x.signal_id, x.alert_id, x.alert_id, 'bench', x.symbol, x.symbol_class, x.side,
       x.order_type, x.timeframe, x.session, x.received_at, x.strategy_id, x.mode
  from x
"""
_BATCHES: LiteralString = """
select r.scored_at, count(*), avg(cardinality(r.precedents))
  from public.strategy_rationales r
 where r.scored_at > %s
 group by r.scored_at order by r.scored_at
"""
