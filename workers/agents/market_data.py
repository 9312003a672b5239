"""Market Data: brings quotes, bars and account totals from the venues, and lets nothing bad in.

Mission: the desk's view of the market is fresh and sound. Hears nothing; reads every venue
by its own clock. SLO 40/75 ms per look. Failover: the next worker in rank goes on reading;
stale quotes are seen as stale by whoever needs them, who then deny.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from backend.domain.market.bars import Bar
from backend.domain.market.quality import Checked, check_bars
from backend.domain.sessions import Calendar
from backend.domain.timeframe import timeframe_seconds
from backend.ports import Quote
from backend.values import format_decimal, format_instant
from backend.venues.model import SymbolUnknown, VenueUnavailable
from backend.venues.mt5.venue import Mt5Venue
from workers.agent import Canvas, Context, Decision, Effect, Facts
from workers.outside import Outside

CANVAS = Canvas(
    mission="Keep quotes, bars and account totals fresh, and refuse what cannot be true.",
    observations="Ticks, closed bars and account totals of every active venue.",
    actions="Records quotes, ticks, bars and equity; reports gaps and refused bars by name. "
    "Its jobs let readers vote on the structures that new bars bring.",
    beliefs="The newest bar held of each symbol and timeframe.",
    policy="A bar that fails the quality gate is refused by name, never repaired. A venue that "
    "does not answer leaves its quotes to age.",
    slo_p50_ms=40,
    slo_p95_ms=75,
    failover="Ticks belong to the first worker in rank; the next one takes over with its lease.",
)
HEARS: tuple[str, ...] = ()
EMITS: tuple[str, ...] = ()
FACTS = None
TICK_FACTS = "ops.feed_facts"
EFFECTS = ("ops.record_accounts", "ops.record_bars", "ops.record_quotes")
MAY_CALL = (
    "execution.account_connections",
    "execution.pin_accounts",
    "ops.begin_structures",
    "ops.feed_facts",
    "ops.record_accounts",
    "ops.record_bars",
    "ops.record_quotes",
    "ops.record_structure_models",
    "ops.record_structures",
    "ops.structure_facts",
    "ops.structure_rows",
)
EVERY_MS = 500

TIMEFRAMES = ("M5", "M15", "H1", "H4")
HISTORY_BARS = 300
RUNS_PER_TICK = 6
"""Runs of bars read in one tick: a first start must not keep quotes waiting."""

Due = tuple[str, str, datetime]
"""Bars of a symbol and timeframe that should be held by now, and since when."""


def ask_tick(now: datetime) -> dict[str, Any]:
    """Ask what to read."""
    return {"timeframes": list(TIMEFRAMES)}


def call_tick(facts: Facts, context: Context, outside: Outside) -> dict[str, Any]:
    """Read every venue; one that does not answer is named in the report."""
    quotes: list[dict[str, str]] = []
    runs: list[dict[str, Any]] = []
    accounts: list[dict[str, str]] = []
    silent: list[dict[str, str]] = []
    wanted = _due(facts, context.now)
    own = outside.accounts
    for feed in facts["feeds"]:
        if feed["account_id"] not in own if own else feed["elsewhere"]:
            continue
        try:
            venue = outside.feed(feed["account_id"])
            # Another account of the same venue sees the same market.
            if feed["market"] or own:
                found = (_quoted(venue, one["symbol"]) for one in facts["instruments"])
                quotes += [_quote(feed["venue_id"], quote) for quote in found if quote is not None]
            state = venue.account()
            accounts.append(
                {
                    "account_id": feed["account_id"],
                    "equity": format_decimal(state.equity),
                    "balance": format_decimal(state.balance),
                    "as_of": format_instant(state.received_at),
                }
            )
            wanted = _read_bars(venue, wanted, runs, context.now)
        except (VenueUnavailable, PermissionError, ValueError) as error:
            # Whatever is wrong with one account silences no other.
            silent.append({"venue_id": feed["venue_id"], "error": str(error)})
    return {"quotes": quotes, "runs": runs, "accounts": accounts, "silent": silent}


def _read_bars(
    venue: Mt5Venue, wanted: list[Due], runs: list[dict[str, Any]], now: datetime
) -> list[Due]:
    """Read as many runs of bars as a tick has room for; give those that the broker lacks."""
    unknown: list[Due] = []
    for symbol, timeframe, start in wanted:
        if len(runs) >= RUNS_PER_TICK:
            break
        try:
            rows = [_row(bar) for bar in venue.bars(symbol, timeframe, start, now)]
            runs.append({"symbol": symbol, "timeframe": timeframe, "rows": rows})
        except SymbolUnknown:
            unknown.append((symbol, timeframe, start))
    return unknown


def _quoted(venue: Mt5Venue, symbol: str) -> Quote | None:
    """Give a quote; None where the broker does not offer the symbol. Raises VenueUnavailable."""
    try:
        return venue.quote(symbol)
    except SymbolUnknown:
        return None


def handle_tick(facts: Facts, context: Context) -> Decision:
    """Judge what was read and record what is sound."""
    report = facts["report"]
    effects = [Effect("ops.record_quotes", quote) for quote in report["quotes"]]
    effects += [Effect("ops.record_accounts", account) for account in report["accounts"]]
    calendars = {item["symbol"]: Calendar(item["calendar"]) for item in facts["instruments"]}
    kept = refused = missing = 0
    named: list[str] = []
    for run in report["runs"]:
        checked = _check(run, calendars[run["symbol"]], context.now)
        kept += len(checked.bars)
        refused += len(checked.refused)
        missing += sum(gap.missing for gap in checked.gaps)
        named += [
            f"{run['symbol']} {run['timeframe']} row {bar.line} {bar.column} {bar.code.value}"
            for bar in checked.refused[:3]
        ]
        if checked.bars:
            effects.append(Effect("ops.record_bars", _run(run, checked)))
    silent = [venue["venue_id"] for venue in report["silent"]]
    routine = not report["runs"] and not silent
    return Decision(
        outcome="degraded" if silent or refused else "recorded",
        explanation=_explain(len(report["quotes"]), kept, refused, missing, named, silent),
        effects=tuple(effects),
        features={"quotes": str(len(report["quotes"])), "bars": str(kept), "gaps": str(missing)},
        quiet=routine,
    )


def _due(facts: Facts, now: datetime) -> list[Due]:
    """Return the runs of bars that should have closed by now and are not held."""
    due: list[Due] = []
    for timeframe in TIMEFRAMES:
        length = timedelta(seconds=timeframe_seconds(timeframe))
        for instrument in facts["instruments"]:
            newest = facts["newest"].get(f"{instrument['symbol']}/{timeframe}")
            if newest is None:
                due.append((instrument["symbol"], timeframe, now - HISTORY_BARS * length))
                continue
            start = datetime.fromisoformat(newest) + length
            if start + length <= now:
                due.append((instrument["symbol"], timeframe, start))
    return due


def _check(run: Mapping[str, Any], calendar: Calendar, now: datetime) -> Checked:
    bars = [_bar(row) for row in run["rows"]]
    return check_bars(enumerate(bars, start=1), run["timeframe"], calendar, until=now)


def _run(run: Mapping[str, Any], checked: Checked) -> dict[str, Any]:
    return {
        "symbol": run["symbol"],
        "timeframe": run["timeframe"],
        "source": "venue",
        "rows": [_row(bar) for bar in checked.bars],
    }


def _row(bar: Bar) -> dict[str, str | None]:
    return {
        "opened_at": format_instant(bar.opened_at),
        "open": format_decimal(bar.open),
        "high": format_decimal(bar.high),
        "low": format_decimal(bar.low),
        "close": format_decimal(bar.close),
        "volume": format_decimal(bar.volume),
        "spread": None if bar.spread is None else format_decimal(bar.spread),
    }


def _bar(row: Mapping[str, Any]) -> Bar:
    return Bar(
        datetime.fromisoformat(row["opened_at"]),
        Decimal(row["open"]),
        Decimal(row["high"]),
        Decimal(row["low"]),
        Decimal(row["close"]),
        Decimal(row["volume"]),
        None if row["spread"] is None else Decimal(row["spread"]),
    )


def _quote(venue_id: str, quote: Quote) -> dict[str, str]:
    flow = {
        "volume_delta": quote.volume_delta,
        "depth_imbalance": quote.depth_imbalance,
        "bid_depth": quote.bid_depth,
        "ask_depth": quote.ask_depth,
    }
    return {
        "venue_id": venue_id,
        "symbol": quote.symbol,
        "bid": format_decimal(quote.bid),
        "ask": format_decimal(quote.ask),
        "quoted_at": format_instant(quote.venue_time),
        "received_at": format_instant(quote.received_at),
        # Where the feed tells nothing of the other side, nothing is said of it.
        **{name: format_decimal(value) for name, value in flow.items() if value is not None},
    }


def _explain(
    quotes: int, kept: int, refused: int, missing: int, named: list[str], silent: list[str]
) -> str:
    parts = [f"{quotes} quotes and {kept} bars recorded"]
    if refused:
        parts.append(f"{refused} bars refused ({'; '.join(named)})")
    if missing:
        parts.append(f"{missing} bars missing while the market was open")
    if silent:
        parts.append(f"no answer from {', '.join(silent)}")
    return ", ".join(parts) + "."
