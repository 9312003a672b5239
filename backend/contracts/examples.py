"""One valid message of every family: the day of one EURUSD alert, told in JSON.

The exported schemas show them, and tests build their messages from them.
"""

from __future__ import annotations

from typing import Any, Final

ALERT_ID: Final = "019a0000-0000-7000-8000-000000000001"
SIGNAL_ID: Final = "019a0000-0000-7000-8000-000000000002"
RATIONALE_ID: Final = "019a0000-0000-7000-8000-000000000003"
HYPOTHESIS_ID: Final = "019a0000-0000-7000-8000-000000000004"
OPPORTUNITY_ID: Final = "019a0000-0000-7000-8000-000000000005"
INTENT_ID: Final = "019a0000-0000-7000-8000-000000000006"
DECISION_ID: Final = "019a0000-0000-7000-8000-000000000007"
ORDER_ID: Final = "019a0000-0000-7000-8000-000000000008"
ATTEMPT_ID: Final = "019a0000-0000-7000-8000-000000000009"
FILL_ID: Final = "019a0000-0000-7000-8000-00000000000a"
COVER_ID: Final = "019a0000-0000-7000-8000-00000000000b"
HALT_ID: Final = "019a0000-0000-7000-8000-00000000000c"
FINDING_ID: Final = "019a0000-0000-7000-8000-00000000000d"
SNAPSHOT_ID: Final = "019a0000-0000-7000-8000-00000000000e"
MESSAGE_ID: Final = "019a0000-0000-7000-8000-00000000000f"
CORRELATION_ID: Final = "019a0000-0000-7000-8000-000000000010"
POLICY_HASH: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

_RECEIVED: Final = "2026-11-20T13:45:01.204518Z"
_CLOSED: Final = "2026-11-20T13:45:00.000000Z"

_TRADING: Final[dict[str, Any]] = {
    "strategy_id": "tv-smc",
    "account_id": "paper-1",
    "mode": "paper",
}
_MARKET_BUY: Final[dict[str, Any]] = {
    "symbol": "EURUSD",
    "side": "BUY",
    "order_type": "market",
}
_LEVELS: Final[dict[str, Any]] = {"stop_loss": "1.08240", "take_profit": "1.08960"}
_REFERENCE: Final[dict[str, Any]] = {"reference_price": "1.08500", **_LEVELS}
_CONVICTION: Final[dict[str, Any]] = {"score": "0.78", "confidence": "0.81"}
_REASONS: Final[list[dict[str, str]]] = [
    {"feature": "bos_with_displacement", "weight": "0.31"},
    {"feature": "spread_regime", "weight": "-0.04"},
]
_EXPOSURES: Final[list[dict[str, str]]] = [
    {"scope": "account", "key": "paper-1", "delta": "21700.00"},
    {"scope": "instrument", "key": "EURUSD", "delta": "21700.00"},
]

_SIGNALS: Final[dict[str, dict[str, Any]]] = {
    "signals.raw.v1": {
        "alert_id": ALERT_ID,
        "source_id": "tradingview",
        "received_at": _RECEIVED,
        "source_time": _CLOSED,
        "symbol_raw": "OANDA:EURUSD",
        "exchange": "OANDA",
        "side": "BUY",
        "order_type": "market",
        "price": "1.08500",
        **_LEVELS,
        "quantity": None,
        "timeframe": "15",
        "strategy_id": "tv-smc",
        "mode": "paper",
        "body_sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    },
    "signals.normalized.v1": {
        "signal_id": SIGNAL_ID,
        "alert_id": ALERT_ID,
        **_MARKET_BUY,
        "symbol_class": "fx_major",
        "price": "1.08500",
        **_LEVELS,
        "quantity": None,
        "timeframe": "M15",
        "session": "overlap",
        "source_time": _CLOSED,
        "received_at": _RECEIVED,
        "strategy_id": "tv-smc",
        "mode": "paper",
    },
    "signals.rationale.v1": {
        "rationale_id": RATIONALE_ID,
        "signal_id": SIGNAL_ID,
        **_MARKET_BUY,
        **_CONVICTION,
        "axes": {
            "smc_confluence": "0.84",
            "regime_fit": "0.71",
            "flow_alignment": "0.50",
            "flow_known": False,
        },
        "top_contributions": _REASONS,
        "conflicts": ["price is in premium"],
        "precedents": ["019a0000-0000-7000-8000-0000000000f1"],
        "sentence": "Break of structure with displacement in the overlap; price is in premium.",
        "weights_version": "smc-2026.1",
        **_REFERENCE,
        "atr": "0.00130",
        "quantity": None,
        "timeframe": "M15",
        "strategy_id": "tv-smc",
        "mode": "paper",
    },
    "signals.hypothesis.v1": {
        "hypothesis_id": HYPOTHESIS_ID,
        "signal_id": SIGNAL_ID,
        "rationale_id": RATIONALE_ID,
        **_MARKET_BUY,
        **_CONVICTION,
        "probability": "0.58",
        "expected_reward_to_risk": "1.77",
        "evidence": _REASONS,
        "window_opens_at": _RECEIVED,
        "window_closes_at": "2026-11-20T14:00:00.000000Z",
        "latency_class": "immediate",
        **_REFERENCE,
        "atr": "0.00130",
        "quantity": None,
        "strategy_id": "tv-smc",
        "mode": "paper",
    },
    "signals.health.v1": {
        "venue_id": "mt5-paper",
        "symbol": "EURUSD",
        "fill_confidence": "0.97",
        "throttle_per_minute": 120,
        "debt_to_risk": "0.00",
        "spread_bps": "0.8",
        "rejection_rate": "0.01",
        "latency_p95_ms": 85,
        "as_of": _RECEIVED,
    },
    "signal.event.opportunity.v1": {
        "opportunity_id": OPPORTUNITY_ID,
        "hypothesis_id": HYPOTHESIS_ID,
        "signal_id": SIGNAL_ID,
        **_MARKET_BUY,
        "score": "5.8",
        "confidence": "0.81",
        "horizon_ms": 900_000,
        "features": {"probability": "0.58", "spread_bps": "0.8"},
        "explanations": _REASONS,
        "model_version": "smc-2026.1",
        "routing_policy": "stronger",
        "venue_id": "mt5-paper",
        "latency_class": "immediate",
        **_REFERENCE,
        "atr": "0.00130",
        "quantity": None,
        **_TRADING,
    },
}

_INTENT: Final[dict[str, Any]] = {
    "intent_id": INTENT_ID,
    **_MARKET_BUY,
    "quantity": "0.20",
    "notional": "21700.00",
    **_REFERENCE,
    "venue_id": "mt5-paper",
    "latency_class": "immediate",
    "reduce_only": False,
    "exposure_deltas": _EXPOSURES,
    "reason_codes": ["BOUND_BY_RISK"],
    **_TRADING,
}

_MONEY: Final[dict[str, dict[str, Any]]] = {
    "portfolio.intent.allocate.v1": {
        **_INTENT,
        "opportunity_id": OPPORTUNITY_ID,
        "signal_id": SIGNAL_ID,
        "target_size": "21700.00",
        "current_size": "0.00",
        "confidence": "0.81",
        "risk_score": "0.22",
        "utility": "0.41",
        "constraints": {"leverage": "0.22", "risk_fraction": "0.0075", "quantity_cap": "5.00"},
    },
    "hedger.intent.cover.v1": {
        **_INTENT,
        "intent_id": COVER_ID,
        "side": "SELL",
        "stop_loss": None,
        "take_profit": None,
        "reduce_only": True,
        "exposure_deltas": [{"scope": "account", "key": "paper-1", "delta": "-21700.00"}],
        "reason_codes": ["ATR_SPIKE"],
        "covers_fill_id": FILL_ID,
        "residual_exposure": "21700.00",
    },
    "hedger.event.cover.v1": {
        "fill_id": FILL_ID,
        "order_id": ORDER_ID,
        "symbol": "EURUSD",
        "account_id": "paper-1",
        "action": "cover",
        "cover_intent_id": COVER_ID,
        "residual_before": "21700.00",
        "residual_after": "0.00",
        "reason_code": "ATR_SPIKE",
    },
    "risk.state.context.v1": {
        "intent_id": INTENT_ID,
        **_MARKET_BUY,
        "requested_quantity": "0.20",
        "authorized_quantity": "0.20",
        "notional": "21700.00",
        **_REFERENCE,
        "venue_id": "mt5-paper",
        "latency_class": "immediate",
        "reduce_only": False,
        "trimmed_by": [],
        "breach_flags": [],
        "risk_level": "LOW",
        "highest_utilization": "0.22",
        "portfolio_var": "182.40",
        "daily_drawdown_pct": "0.35",
        "treasury_utilization": "0.12",
        "volatility": "0.0061",
        "policy_hash": POLICY_HASH,
        **_TRADING,
    },
}

_ORDER: Final[dict[str, Any]] = {
    "time_in_force": "IOC",
    "latency_class": "immediate",
    "reduce_only": False,
    "policy_hash": POLICY_HASH,
    **_TRADING,
}

_ORDERS: Final[dict[str, dict[str, Any]]] = {
    "order.intent.route.v1": {
        "intent_id": INTENT_ID,
        **_MARKET_BUY,
        "quantity": "0.20",
        "price_limit": None,
        **_REFERENCE,
        "routing_plan": [
            {"venue_id": "mt5-paper", "weight": "1", "min_fill": "0", "max_latency_ms": 500}
        ],
        "policy_decision_id": DECISION_ID,
        "risk_score": "0.22",
        **_ORDER,
    },
    "order.command.place.v1": {
        "order_id": ORDER_ID,
        "intent_id": INTENT_ID,
        "child_index": 0,
        "venue_id": "mt5-paper",
        **_MARKET_BUY,
        "quantity": "0.20",
        "limit_price": None,
        **_REFERENCE,
        "algorithm": "immediate",
        "deviation_points": 10,
        "expires_at": "2026-11-20T13:46:01.204518Z",
        **_ORDER,
    },
    "execution.event.fill.v1": {
        "fill_id": FILL_ID,
        "order_id": ORDER_ID,
        "intent_id": INTENT_ID,
        "attempt_id": ATTEMPT_ID,
        "venue_id": "mt5-paper",
        "venue_trade_id": "50031877",
        "symbol": "EURUSD",
        "side": "BUY",
        "filled_size": "0.20",
        "price": "1.08504",
        "reference_price": "1.08500",
        "filled_at": "2026-11-20T13:45:01.312004Z",
        "latency_ms": 61,
        "slippage_bps": "0.37",
        "commission": "0.70",
        "liquidity_flag": "TAKER",
        "pnl": {
            "market_move": "0.00",
            "spread": "-0.80",
            "slippage": "0.00",
            "commission": "-0.70",
            "total": "-1.50",
        },
        "hedge_hint": {"residual_exposure": "21700.80", "suggested_side": "SELL"},
        **_TRADING,
    },
    "execution.event.order.v1": {
        "order_id": ORDER_ID,
        "intent_id": INTENT_ID,
        "attempt_id": ATTEMPT_ID,
        "venue_id": "mt5-paper",
        "symbol": "EURUSD",
        "status": "rejected",
        "filled_quantity": "0",
        "code": "TR414",
        "message": "not enough money",
        "venue_order_id": None,
        "occurred_at": "2026-11-20T13:45:01.312004Z",
        "latency_ms": 61,
        **_TRADING,
    },
}

_HALT: Final[dict[str, Any]] = {
    "halt_id": HALT_ID,
    "scope": "account",
    "scope_id": "paper-1",
    "requested_by": "risk_sentinel",
}

_OVERSIGHT: Final[dict[str, dict[str, Any]]] = {
    "compliance.event.alert.v1": {
        "alert_id": FINDING_ID,
        "order_id": ORDER_ID,
        "account_id": "paper-1",
        "symbol": "EURUSD",
        "severity": "WARN",
        "rule_id": "slippage-above-limit",
        "description": "The fill slipped 12.4 bps, the rule allows 10.",
        "remediation_required": False,
        "evidence": {"slippage_bps": "12.4", "limit_bps": "10"},
    },
    "reporter.event.snapshot.v1": {
        "snapshot_id": SNAPSHOT_ID,
        "generated_at": "2026-11-20T13:50:00.000000Z",
        "account_id": "paper-1",
        "metrics": {
            "realized_pnl": "-1.50",
            "commission": "0.70",
            "fills": 1,
            "open_exposure": {"EURUSD": "21700.80"},
            "slippage_bps_mean": "0.37",
            "alerts_active": 0,
        },
        "audience": [{"role": "desk_operator", "channel": "console", "pii_scope": "NONE"}],
    },
    "system.halt.intent.v1": {
        **_HALT,
        "reason": "daily loss reached its hard limit",
        "cancel_working_orders": True,
        "effective_at": "2026-11-20T15:02:11.000000Z",
    },
    "system.resume.intent.v1": {
        **_HALT,
        "reason": "limits reviewed; risk sentinel, compliance and an operator agree",
        "effective_at": "2026-11-20T16:30:00.000000Z",
    },
    "strategy.blackboard.v1": {
        "topic": "regime.volatility",
        "key": "EURUSD",
        "note": {"regime": "calm", "atr_percentile": "0.41"},
        "as_of": _RECEIVED,
    },
    "treasury.status.v1": {
        "currency": "USD",
        "nav": "100240.15",
        "cash_buffer": "88300.00",
        "buffer_min": "20000.00",
        "utilization": "0.12",
        "throttle": "1",
        "as_of": _RECEIVED,
    },
}

PAYLOADS: Final[dict[str, dict[str, Any]]] = {**_SIGNALS, **_MONEY, **_ORDERS, **_OVERSIGHT}
"""A valid payload for every family, by type."""

ENVELOPE: Final[dict[str, Any]] = {
    "msg_id": MESSAGE_ID,
    "type": "signals.raw.v1",
    "version": "v1",
    "correlation_id": CORRELATION_ID,
    "causation_id": None,
    "ttl_ms": 300_000,
    "sender": "agent.intake",
    "intent": None,
    "idempotency_key": "intake:019a0000-0000-7000-8000-000000000001",
    "org_id": "demo",
    "ordering_key": "EURUSD",
    "created_at": _RECEIVED,
    "payload": PAYLOADS["signals.raw.v1"],
    "key_id": "139e3940e64b5491",
    # Signed with the key whose 32 bytes are zeros; a test signs it again.
    "sig": (
        "ed25519:oE/bs8eO7mOA4Fl2JQ1pkFMSYfaWr+HzZGf51QJkoabJIMUdP1BZ0NryT3ExOz0SD4CwcSK/5SLzFdjm70MaBQ=="
    ),
}
