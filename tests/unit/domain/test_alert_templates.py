"""Every message that the desk hands out is understood when TradingView has filled it."""

from __future__ import annotations

import re
from itertools import product

import pytest

from backend.domain.intake import NotUnderstood, ParsedAlert, dedupe_key, parse_alert
from backend.domain.intake.secrets import hash_secret
from backend.domain.intake.templates import AlertForm, AlertKind, template

ENTRY = {
    "ticker": "EURUSD",
    "exchange": "OANDA",
    "interval": "15",
    "timenow": "2026-11-19T14:03:00Z",
    "close": "1.0850",
    "strategy.order.action": "buy",
    "strategy.order.id": "Long",
    "strategy.order.contracts": "1",
    "strategy.order.price": "1.0851",
    "strategy.position_size": "1",
    "strategy.market_position": "long",
    "strategy.market_position_size": "1",
    "strategy.prev_market_position": "flat",
    "strategy.prev_market_position_size": "0",
}
EXIT = ENTRY | {
    "strategy.order.action": "sell",
    "strategy.order.id": "Close entry(s) order Long",
    "strategy.position_size": "0",
    "strategy.market_position": "flat",
    "strategy.market_position_size": "0",
    "strategy.prev_market_position": "long",
    "strategy.prev_market_position_size": "1",
}


def filled(message: str, values: dict[str, str]) -> bytes:
    return re.sub(r"\{\{([^{}]+)\}\}", lambda found: values[found[1]], message).encode()


@pytest.mark.parametrize("secret", [None, "s3"])
@pytest.mark.parametrize(
    ("kind", "form", "side"), list(product(AlertKind, AlertForm, ("buy", "sell")))
)
def test_template_says_what_it_is_for(
    kind: AlertKind, form: AlertForm, side: str, secret: str | None
):
    written = template(kind, form, side, secret)
    if written is None:
        assert kind is AlertKind.STRATEGY
        return
    body = filled(written.message, ENTRY)
    alert = parse_alert(body)
    assert isinstance(alert, ParsedAlert), alert
    assert alert.symbol_raw == "EURUSD"
    assert alert.side.value == (written.side or "BUY")
    assert dedupe_key(alert, body).kind == written.identity
    assert alert.warnings == ()
    if secret is not None:
        assert hash_secret(secret) in alert.secrets


@pytest.mark.parametrize("form", AlertForm)
def test_strategys_exit_is_no_entry(form: AlertForm):
    written = template(AlertKind.STRATEGY, form)
    if written is not None:
        read = parse_alert(filled(written.message, EXIT))
        assert isinstance(read, NotUnderstood)
        assert read.reason_code == "ACTION_NOT_SUPPORTED"
