"""Seeded alerts as TradingView users really send them, for the demo and for load.

A seed fixes shapes, symbols, sides and distances; ids and times are arguments, so that two
runs with one seed are never taken for replays of one another.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from backend.domain.numbers import round_to_step
from backend.values import Side, format_decimal, to_utc

DUPLICATE_SHARE_MAX = 0.05
_SHAPES = (
    ("strategy", 34),
    ("own", 22),
    ("pineconnector", 10),
    ("traderspost", 9),
    ("threecommas", 8),
    ("passphrase", 7),
    ("key_value", 6),
    ("text", 4),
)
_VENUES = {"BTCUSD": ("COINBASE:BTCUSD", "BINANCE:BTCUSDT"), "XAUUSD": ("OANDA:XAUUSD", "GOLD")}
_INTERVALS = ("5", "15", "15", "15", "60", "240")
_ODD = ("straddle", "hedge?", "{{strategy.order.action}}")


@dataclass(frozen=True, slots=True)
class MarketState:
    """Where a symbol stands when the alerts are planned. lean: structure's bias, -1 to 1."""

    symbol: str
    price: Decimal
    atr: Decimal
    tick_size: Decimal
    pip_size: Decimal
    lean: int = 0


@dataclass(frozen=True, slots=True)
class AlertPlan:
    """One alert without id and time. `repeats` is the index of the alert it is a copy of."""

    index: int
    shape: str
    symbol: str
    spelling: str
    side: Side
    word: str
    price: Decimal
    stop_loss: Decimal
    take_profit: Decimal
    stop_pips: int
    target_pips: int
    interval: str
    quantity: Decimal
    repeats: int | None = None


@dataclass(frozen=True, slots=True)
class AlertPost:
    """What goes over HTTP."""

    body: bytes
    content_type: str
    plan: AlertPlan


def plan_alerts(
    seed: int,
    count: int,
    markets: Sequence[MarketState],
    duplicate_share: float = 0.03,
    odd_share: float = 0.01,
) -> list[AlertPlan]:
    """Plan alerts. odd_share: alerts with a direction that nobody understands.

    Raises ValueError without markets, or above DUPLICATE_SHARE_MAX duplicates.
    """
    if not markets:
        raise ValueError("no markets to write alerts about")
    if not 0 <= duplicate_share <= DUPLICATE_SHARE_MAX:
        raise ValueError(f"at most {DUPLICATE_SHARE_MAX:.0%} of the posts may be duplicates")
    dice = random.Random(seed)
    copies = int(count * duplicate_share)
    plans = [_plan(dice, index, dice.choice(markets), odd_share) for index in range(count - copies)]
    for _ in range(copies if plans else 0):
        original = dice.randrange(len(plans))
        repeats = plans[original].repeats
        plans.append(_copy(plans[original], len(plans), original if repeats is None else repeats))
    return plans


def write_alerts(
    plans: Sequence[AlertPlan], ids: Sequence[str], times: Sequence[datetime]
) -> list[AlertPost]:
    """Write plans with one id and one time each; copies repeat their original's bytes."""
    posts: list[AlertPost] = []
    for plan, alert_id, fired_at in zip(plans, ids, times, strict=True):
        if plan.repeats is not None:
            original = posts[plan.repeats]
            posts.append(AlertPost(original.body, original.content_type, plan))
        else:
            posts.append(write_alert(plan, alert_id, fired_at))
    return posts


def write_alert(plan: AlertPlan, alert_id: str, fired_at: datetime) -> AlertPost:
    """Write one alert in its shape."""
    fired = to_utc(fired_at)
    if plan.shape in ("pineconnector", "key_value", "text"):
        return AlertPost(_text(plan, alert_id).encode(), "text/plain; charset=utf-8", plan)
    iso = fired.strftime("%Y-%m-%dT%H:%M:%S.") + f"{fired.microsecond // 1000:03d}Z"
    document = _document(plan, alert_id, iso, int(fired.timestamp() * 1000))
    return AlertPost(json.dumps(document).encode(), "application/json; charset=utf-8", plan)


def _plan(dice: random.Random, index: int, market: MarketState, odd_share: float) -> AlertPlan:
    shape = dice.choices([s for s, _ in _SHAPES], [w for _, w in _SHAPES])[0]
    with_lean = dice.random() < 0.68
    # Rolled always: where the market stands must not shift the dice of what follows.
    either = dice.choice((-1, 1))
    lean = market.lean or either
    side = Side.BUY if (lean > 0) == with_lean else Side.SELL
    noise = Decimal(repr(round(dice.uniform(-0.1, 0.1), 3)))
    stop_atr = Decimal(repr(round(dice.uniform(1.2, 2.2), 2)))
    ratio = Decimal(repr(round(dice.uniform(1.6, 2.6), 2)))
    tick = market.tick_size
    price = round_to_step(market.price + noise * market.atr, tick)
    risk = max(10 * tick, stop_atr * market.atr)
    word = side.value.lower()
    if dice.random() < 0.25:
        word = "long" if side is Side.BUY else "short"
    if dice.random() < odd_share:
        word = dice.choice(_ODD)
    return AlertPlan(
        index=index,
        shape=shape,
        symbol=market.symbol,
        spelling=_spelling(dice, market.symbol),
        side=side,
        word=word,
        price=price,
        stop_loss=round_to_step(price - side.sign * risk, tick),
        take_profit=round_to_step(price + side.sign * risk * ratio, tick),
        stop_pips=max(1, round(risk / market.pip_size)),
        target_pips=max(2, round(risk * ratio / market.pip_size)),
        interval=dice.choice(_INTERVALS),
        quantity=Decimal(dice.randint(1, 20)) / 100,
    )


def _copy(plan: AlertPlan, index: int, repeats: int) -> AlertPlan:
    return replace(plan, index=index, repeats=repeats)


def _spelling(dice: random.Random, symbol: str) -> str:
    exchanges = _VENUES.get(symbol, (f"OANDA:{symbol}", f"FX:{symbol}"))
    return dice.choice((symbol, symbol, symbol, *exchanges, f"{symbol}.m"))


def _document(plan: AlertPlan, alert_id: str, iso: str, ms: int) -> dict[str, object]:
    symbol = plan.spelling.rpartition(":")[2]
    exchange = plan.spelling.rpartition(":")[0] or "OANDA"
    price, stop, target = map(format_decimal, (plan.price, plan.stop_loss, plan.take_profit))
    quantity = format_decimal(plan.quantity)
    if plan.shape == "strategy":
        position = "long" if plan.side is Side.BUY else "short"
        order = {
            "action": plan.word,
            "contracts": quantity,
            "price": price,
            "id": position.title(),
            "comment": f"{position} entry",
        }
        return {
            "alert_id": alert_id,
            "ticker": symbol,
            "exchange": exchange,
            "interval": plan.interval,
            "timenow": iso,
            "strategy": {"order": order, "market_position": position},
            "sl": stop,
            "tp": target,
        }
    if plan.shape == "traderspost":
        return {
            "ticker": symbol,
            "action": plan.word,
            "price": price,
            "sentiment": "bullish" if plan.side is Side.BUY else "bearish",
            "stopLoss": {"type": "stop", "stopPrice": stop},
            "takeProfit": {"limitPrice": target},
            "time": iso,
            "interval": plan.interval,
            "signalId": alert_id,
        }
    if plan.shape == "threecommas":
        return {
            "secret": "demo",
            "max_lag": "300",
            "timestamp": iso,
            "trigger_price": price,
            "tv_exchange": exchange,
            "tv_instrument": symbol,
            "action": {"buy": "enter_long", "sell": "enter_short"}.get(plan.word, plan.word),
            "bot_uuid": alert_id,
            "order": {"amount": quantity, "currency_type": "base"},
        }
    if plan.shape == "passphrase":
        return {
            "passphrase": "demo",
            "action": plan.word.upper(),
            "symbol": plan.spelling,
            "price": price,
            "volume": quantity,
            "sl_pips": plan.stop_pips,
            "id": alert_id,
            "timestamp": ms,
        }
    return {
        "id": alert_id,
        "symbol": plan.spelling,
        "side": plan.word,
        "order_type": "market",
        "price": price,
        "stop_loss": stop,
        "take_profit": target,
        "quantity": quantity,
        "timeframe": plan.interval,
        "time": iso,
        "strategy": "tv-smc",
        "sequence": plan.index + 1,
    }


def _text(plan: AlertPlan, alert_id: str) -> str:
    symbol = plan.spelling.rpartition(":")[2]
    if plan.shape == "pineconnector":
        protection = f"sl={plan.stop_pips},tp={plan.target_pips}"
        return f"60123456789,{plan.word},{symbol},risk=1,{protection},id={alert_id}"
    price, stop, target = map(format_decimal, (plan.price, plan.stop_loss, plan.take_profit))
    if plan.shape == "key_value":
        fields = {
            "SYMBOL": plan.spelling,
            "SIGNAL": plan.word.upper(),
            "PRICE": price,
            "SL": stop,
            "TP": target,
            "INTERVAL": plan.interval,
            "ID": alert_id,
        }
        return ";".join(f"{name}={value}" for name, value in fields.items())
    return f"{plan.word} {plan.spelling} @ {price} sl={stop} tp={target} id={alert_id}"
