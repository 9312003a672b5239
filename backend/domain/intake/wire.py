"""An understood alert as JSON: what `signals_raw.parsed` holds, exact and readable in SQL.

Decimals are strings, instants RFC 3339 with `Z`, absent fields are null. The edge function
writes the same form.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from backend.domain.intake.alert import Distance, DistanceUnit, ParsedAlert
from backend.values import OrderType, Side, format_decimal, format_instant, read_instant

Json = str | int | bool | None | dict[str, str] | list[str]

_DECIMALS = ("price", "stop_loss", "take_profit", "quantity")
_TEXTS = ("alert_id", "exchange", "timeframe", "strategy_code", "order_name", "comment")


def encode_alert(alert: ParsedAlert) -> dict[str, Json]:
    """Write an understood alert as a JSON object."""
    encoded: dict[str, Json] = {
        "shape": alert.shape,
        "symbol_raw": alert.symbol_raw,
        "side": alert.side.value,
        "order_type": alert.order_type.value,
        "stop_distance": encode_distance(alert.stop_distance),
        "take_distance": encode_distance(alert.take_distance),
        "source_time": None if alert.source_time is None else format_instant(alert.source_time),
        "bar_time": alert.bar_time,
        "max_lag_s": alert.max_lag_s,
        "sequence": alert.sequence,
        "warnings": list(alert.warnings),
    }
    for name in _DECIMALS:
        value: Decimal | None = getattr(alert, name)
        encoded[name] = None if value is None else format_decimal(value)
    for name in _TEXTS:
        encoded[name] = getattr(alert, name)
    return encoded


def stored_form(alert: ParsedAlert) -> dict[str, Json] | None:
    """Write an alert as jsonb takes it; None where a text holds what jsonb cannot.

    Postgres has no NUL in texts, and halves of surrogate pairs are no Unicode.
    """
    for name in (*_TEXTS, "shape", "symbol_raw"):
        text: str | None = getattr(alert, name)
        if text is not None and not text.isprintable() and _unstorable(text):
            return None
    if any(map(_unstorable, alert.warnings)):
        return None
    return encode_alert(alert)


def _unstorable(text: str) -> bool:
    return any(c == "\x00" or "\ud800" <= c <= "\udfff" for c in text)


def decode_alert(encoded: Mapping[str, object]) -> ParsedAlert:
    """Read what `encode_alert` wrote. Raises KeyError, TypeError or ValueError on anything else."""
    sequence = encoded["sequence"]
    warnings, max_lag_s = encoded["warnings"], encoded.get("max_lag_s")
    source_time = _text(encoded, "source_time")
    if sequence is not None and not isinstance(sequence, int):
        raise TypeError("sequence is no integer")
    if not isinstance(warnings, list):
        raise TypeError("warnings are no list")
    return ParsedAlert(
        shape=_given(encoded, "shape"),
        symbol_raw=_given(encoded, "symbol_raw"),
        side=Side(_given(encoded, "side")),
        order_type=OrderType(_given(encoded, "order_type")),
        stop_distance=decode_distance(encoded["stop_distance"]),
        take_distance=decode_distance(encoded["take_distance"]),
        source_time=None if source_time is None else read_instant(source_time),
        bar_time=encoded.get("bar_time") is True,
        max_lag_s=max_lag_s if isinstance(max_lag_s, int) else None,
        sequence=sequence,
        warnings=tuple(str(warning) for warning in warnings),  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        price=_decimal(encoded, "price"),
        stop_loss=_decimal(encoded, "stop_loss"),
        take_profit=_decimal(encoded, "take_profit"),
        quantity=_decimal(encoded, "quantity"),
        alert_id=_text(encoded, "alert_id"),
        exchange=_text(encoded, "exchange"),
        timeframe=_text(encoded, "timeframe"),
        strategy_code=_text(encoded, "strategy_code"),
        order_name=_text(encoded, "order_name"),
        comment=_text(encoded, "comment"),
    )


def encode_distance(distance: Distance | None) -> dict[str, str] | None:
    """Write a distance with its unit."""
    if distance is None:
        return None
    return {"value": format_decimal(distance.value), "unit": distance.unit.value}


def decode_distance(encoded: object) -> Distance | None:
    """Read what `encode_distance` wrote. Raises as `decode_alert` does."""
    if encoded is None:
        return None
    if not isinstance(encoded, dict):
        raise TypeError("a distance is an object")
    fields: dict[str, object] = dict(encoded)  # pyright: ignore[reportUnknownArgumentType]
    return Distance(_number(_given(fields, "value")), DistanceUnit(_given(fields, "unit")))


def _given(encoded: Mapping[str, object], name: str) -> str:
    value = _text(encoded, name)
    if value is None:
        raise ValueError(f"{name} is missing")
    return value


def _text(encoded: Mapping[str, object], name: str) -> str | None:
    value = encoded[name]
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value


def _decimal(encoded: Mapping[str, object], name: str) -> Decimal | None:
    value = _text(encoded, name)
    return None if value is None else _number(value)


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise ValueError("not a decimal number") from error
