"""The way in: any bytes at all become an alert or a named reason why not. Never raises."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation

from backend.domain.intake.alert import IntakeCode, NotUnderstood, ParsedAlert
from backend.domain.intake.direction import Scalar
from backend.domain.intake.fields import alert_from_fields
from backend.domain.intake.text import alert_from_text
from backend.domain.intake.words import bare

BODY_BYTES_MAX = 64 * 1024
_FIELDS_MAX = 256
_DEPTH_MAX = 6
_WRAPPERS = frozenset({"data", "alert", "payload", "body", "webhook", "tradingview", "info"})
"""Objects that only wrap: their keys count as if they stood outside."""
_MESSAGES = ("message", "msg", "text", "content", "alertmessage")


class _KeyTwice(ValueError):
    """A JSON object names a key twice with different values."""


def parse_alert(body: bytes, content_type: str | None = None) -> ParsedAlert | NotUnderstood:
    """Understand a body whatever its declared type; TradingView labels JSON that it cannot parse
    as text, and relays relabel freely.
    """
    if len(body) > BODY_BYTES_MAX:
        return NotUnderstood(IntakeCode.BODY_TOO_LARGE, f"{len(body)} bytes")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return NotUnderstood(IntakeCode.BODY_NOT_UTF8, f"byte {error.start}")
    text = text.strip().strip("\x00").strip()
    if not text:
        return NotUnderstood(IntakeCode.BODY_EMPTY, "nothing but space")
    form_encoded = (content_type or "").lower().startswith("application/x-www-form-urlencoded")
    return _parse_text(text, form_encoded, depth=0)


def _parse_text(text: str, form_encoded: bool, depth: int) -> ParsedAlert | NotUnderstood:
    if text[0] not in '{["' or text.startswith("{{"):
        return alert_from_text(text, form_encoded)
    try:
        document: object = json.loads(
            text,
            parse_float=_number,
            parse_constant=_no_number,
            object_pairs_hook=_object,
        )
    except _KeyTwice as error:
        return NotUnderstood(IntakeCode.JSON_KEY_TWICE, str(error)[:64])
    except (ValueError, RecursionError):
        return NotUnderstood(IntakeCode.JSON_INVALID, "starts like JSON but is not")
    return _parse_document(document, depth)


def _parse_document(document: object, depth: int) -> ParsedAlert | NotUnderstood:
    if isinstance(document, str) and document.strip() and depth < 2:
        return _parse_text(document.strip(), False, depth + 1)
    if isinstance(document, list):
        items: list[object] = list(document)  # pyright: ignore[reportUnknownArgumentType]
        if len(items) == 1 and depth < 2:
            return _parse_document(items[0], depth + 1)
        return NotUnderstood(IntakeCode.BATCH_NOT_SUPPORTED, f"{len(items)} alerts in one body")
    if not isinstance(document, dict):
        return NotUnderstood(IntakeCode.TEXT_NOT_UNDERSTOOD, "JSON, but no object")
    fields: dict[str, Scalar] = {}
    conflict = _flatten(document, "", fields, 0)  # pyright: ignore[reportUnknownArgumentType]
    if conflict is not None:
        return conflict
    alert = alert_from_fields(fields, "json")
    if isinstance(alert, NotUnderstood) and depth < 2:
        return _from_message(fields, depth) or alert
    return alert


def _from_message(fields: dict[str, Scalar], depth: int) -> ParsedAlert | NotUnderstood | None:
    """Read a text inside JSON (`{"key": …, "message": "buy EURUSD"}`) if nothing else speaks."""
    for name in (
        "symbol",
        "ticker",
        "action",
        "side",
        "direction",
        "signal",
        "strategyorderaction",
    ):
        if fields.get(name) not in (None, ""):
            return None
    for name in _MESSAGES:
        value = fields.get(name)
        if isinstance(value, str) and value.strip():
            return _parse_text(value.strip(), False, depth + 1)
    return None


def _flatten(
    node: dict[object, object], prefix: str, into: dict[str, Scalar], depth: int
) -> NotUnderstood | None:
    if depth > _DEPTH_MAX:
        return NotUnderstood(IntakeCode.JSON_INVALID, "nested too deeply")
    for raw_key, value in node.items():
        key = bare(str(raw_key))
        name = prefix + key
        if isinstance(value, dict):
            inner = prefix if key in _WRAPPERS else name
            conflict = _flatten(value, inner, into, depth + 1)  # pyright: ignore[reportUnknownArgumentType]
            if conflict is not None:
                return conflict
        elif isinstance(value, (str, int, Decimal, bool)):
            if name in into and into[name] != value:
                return NotUnderstood(IntakeCode.FIELD_CONFLICT, name[:64])
            into[name] = value
        if len(into) > _FIELDS_MAX:
            return NotUnderstood(IntakeCode.JSON_INVALID, "too many fields")
    return None


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _no_number(_: str) -> None:
    """Read NaN and Infinity, which TradingView prints for empty plots, as nothing."""


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found and found[key] != value:
            raise _KeyTwice(key)
        found[key] = value
    return found
