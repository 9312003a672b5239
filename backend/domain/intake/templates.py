"""Messages to paste into TradingView's alert dialog, one per form and kind of alert.

A strategy's message leaves the direction to `{{strategy.order.action}}` and says where the
position stands afterwards, so that exits are told from entries. An indicator or a drawn line
knows no direction: it needs one alert per direction, and the message says which.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AlertKind(StrEnum):
    """What fires the alert."""

    STRATEGY = "strategy"
    """A Pine strategy's order fills."""
    INDICATOR = "indicator"
    """A Pine indicator's alertcondition() or alert()."""
    MANUAL = "manual"
    """An alert set by hand on a price, a line or an indicator's value."""


class AlertForm(StrEnum):
    """How the message is written."""

    DESK = "desk"
    TRADINGVIEW = "tradingview"
    TRADERSPOST = "traderspost"
    THREECOMMAS = "3commas"
    OPENALGO = "openalgo"
    OCTOBOT = "octobot"
    PINECONNECTOR = "pineconnector"
    PAIRS = "pairs"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Template:
    """A message, and what to know before pasting it."""

    kind: AlertKind
    form: AlertForm
    side: str | None
    """BUY or SELL; None where a placeholder says it."""
    message: str
    identity: str
    """`id`, `time` or `bytes`: what repetitions are known by. `bytes` cannot trade live."""


_ORDER = "{{strategy.order.action}}"
_SIDED = {
    AlertForm.DESK: (
        '{{"desk": 1, "time": "{{{{timenow}}}}", "symbol": "{{{{exchange}}}}:{{{{ticker}}}}", '
        '"side": "{side}", "timeframe": "{{{{interval}}}}", "price": "{{{{close}}}}"{secret}}}'
    ),
    AlertForm.TRADINGVIEW: (
        '{{"ticker": "{{{{ticker}}}}", "exchange": "{{{{exchange}}}}", '
        '"interval": "{{{{interval}}}}", "timenow": "{{{{timenow}}}}", '
        '"close": "{{{{close}}}}", "action": "{side}"{secret}}}'
    ),
    AlertForm.TRADERSPOST: (
        '{{"ticker": "{{{{ticker}}}}", "action": "{side}", "time": "{{{{timenow}}}}", '
        '"interval": "{{{{interval}}}}"{secret}}}'
    ),
    AlertForm.THREECOMMAS: (
        '{{"max_lag": "300", "timestamp": "{{{{timenow}}}}", "trigger_price": "{{{{close}}}}", '
        '"tv_exchange": "{{{{exchange}}}}", "tv_instrument": "{{{{ticker}}}}", '
        '"action": "{side}", "bot_uuid": "desk"{secret}}}'
    ),
    AlertForm.OPENALGO: (
        '{{"strategy": "desk", "symbol": "{{{{ticker}}}}", "exchange": "{{{{exchange}}}}", '
        '"action": "{side}", "pricetype": "MARKET", "timestamp": "{{{{timenow}}}}"{secret}}}'
    ),
    AlertForm.OCTOBOT: "EXCHANGE={{{{exchange}}}};SYMBOL={{{{ticker}}}};SIGNAL={side};"
    "TIME={{{{timenow}}}}{pairs_secret}",
    AlertForm.PINECONNECTOR: "{first},{side},{{{{ticker}}}},timestamp={{{{timenow}}}}",
    AlertForm.PAIRS: "symbol={{{{ticker}}}};side={side};timeframe={{{{interval}}}};"
    "timestamp={{{{timenow}}}}{pairs_secret}",
    AlertForm.TEXT: "{line}{side} {{{{ticker}}}}",
}
_AFTER = {
    AlertForm.DESK: ', "order": "{{strategy.order.id}}", "quantity": '
    '"{{strategy.order.contracts}}", "position": "{{strategy.market_position}}", '
    '"position_size": "{{strategy.market_position_size}}", '
    '"previous_position": "{{strategy.prev_market_position}}", '
    '"previous_position_size": "{{strategy.prev_market_position_size}}"',
    AlertForm.TRADINGVIEW: ', "strategy": {"order": {"id": "{{strategy.order.id}}", '
    '"contracts": "{{strategy.order.contracts}}", "price": "{{strategy.order.price}}"}, '
    '"market_position": "{{strategy.market_position}}", '
    '"prev_market_position": "{{strategy.prev_market_position}}"}',
    AlertForm.TRADERSPOST: ', "sentiment": "{{strategy.market_position}}"',
    AlertForm.THREECOMMAS: ', "strategy_info": {"market_position": '
    '"{{strategy.market_position}}", "prev_market_position": '
    '"{{strategy.prev_market_position}}"}, "order": {"amount": '
    '"{{strategy.order.contracts}}", "currency_type": "base"}',
    AlertForm.OPENALGO: ', "quantity": "{{strategy.order.contracts}}", '
    '"position_size": "{{strategy.position_size}}"',
    AlertForm.OCTOBOT: ";POSITION_SIZE={{strategy.position_size}}",
    AlertForm.PAIRS: ";order_id={{strategy.order.id}};market_position={{strategy.market_position}}",
}
"""Where the position stands after a strategy's order; forms without it cannot carry one."""


def template(
    kind: AlertKind, form: AlertForm, side: str = "buy", secret: str | None = None
) -> Template | None:
    """Write one message; None where a form cannot say what a strategy must.

    side: `buy` or `sell`, for alerts that know no direction. secret: for sources that demand one.
    """
    of_strategy = kind is AlertKind.STRATEGY
    if of_strategy and form not in _AFTER:
        return None
    message = _SIDED[form].format(
        side=_ORDER if of_strategy else side,
        secret="" if secret is None else f', "secret": "{secret}"',
        pairs_secret="" if secret is None else f";SECRET={secret}",
        first=secret or "1",
        line="" if secret is None else f"{secret}\n",
    )
    if of_strategy and message.endswith("}") and message.startswith("{"):
        message = message[:-1] + _AFTER[form] + "}"
    elif of_strategy:
        message += _AFTER[form]
    return Template(
        kind=kind,
        form=form,
        side=None if of_strategy else side.upper(),
        message=message,
        identity="bytes" if form is AlertForm.TEXT else "time",
    )
