"""The way in: any bytes at all become an alert or a named reason why not. Never raises."""

from __future__ import annotations

import codecs
import json
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from urllib.parse import parse_qsl, unquote_plus

from backend.domain.intake.alert import IntakeCode, NotUnderstood, ParsedAlert
from backend.domain.intake.fields import alert_from_fields
from backend.domain.intake.flatten import Fields, flatten
from backend.domain.intake.own import OWN_MARK, alert_from_own
from backend.domain.intake.secrets import secret_hashes
from backend.domain.intake.text import alert_from_text
from backend.domain.intake.tolerant import read_tolerantly
from backend.domain.intake.words import is_absent

BODY_BYTES_MAX = 64 * 1024
_MESSAGES = ("message", "msg", "text", "content", "alertmessage", "description")
_SPEAKING = ("symbol", "ticker", "action", "side", "direction", "signal", "strategyorderaction")
_FORM_DOCUMENTS = ("payload", "data", "json", "body", "message")
_ENCODED_OPENINGS = ("%7b", "%5b")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class _KeyTwice(ValueError):
    """A JSON object names a key twice with different values."""


def parse_alert(body: bytes, content_type: str | None = None) -> ParsedAlert | NotUnderstood:
    """Understand a body whatever its declared type; TradingView labels JSON that it cannot parse
    as text, and relays relabel freely.
    """
    if len(body) > BODY_BYTES_MAX:
        return NotUnderstood(IntakeCode.BODY_TOO_LARGE, f"{len(body)} bytes")
    try:
        text = _decode(body)
    except UnicodeDecodeError as error:
        return NotUnderstood(IntakeCode.BODY_NOT_UTF8, f"byte {error.start}")
    text = text.strip().strip("\x00\ufeff").strip()
    if not text:
        return NotUnderstood(IntakeCode.BODY_EMPTY, "nothing but space")
    form_encoded = (content_type or "").lower().startswith("application/x-www-form-urlencoded")
    if text[:3].lower() in _ENCODED_OPENINGS:
        text = unquote_plus(text)
    if form_encoded and text[0] in "{[":
        # A document sent as a form is the name of a field without a value.
        text = text.removesuffix("=")
    return _parse_text(text, form_encoded, depth=0)


def _decode(body: bytes) -> str:
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return body.decode(encoding)
    # UTF-16 without a mark: ASCII has every second byte zero.
    if len(body) >= 4 and len(body) % 2 == 0 and 0 in body[:4]:
        if not any(body[1:64:2]) and all(body[0:64:2]):
            return body.decode("utf-16-le")
        if not any(body[0:64:2]) and all(body[1:64:2]):
            return body.decode("utf-16-be")
    return body.decode("utf-8")


def _parse_text(text: str, form_encoded: bool, depth: int) -> ParsedAlert | NotUnderstood:
    if text.startswith("```"):
        text = text.strip("`").removeprefix("json").strip()
    if not text or text[0] not in '{["\u201c' or text.startswith("{{"):
        if document := _form_document(text) if form_encoded or "&" in text or "%7B" in text else "":
            return _parse_text(document, False, depth + 1)
        return alert_from_text(text, form_encoded)
    try:
        document: object = json.loads(
            text,
            strict=False,  # a comment's line breaks come unescaped
            parse_float=_number,
            parse_constant=_no_number,
            object_pairs_hook=_object,
        )
    except _KeyTwice as error:
        return NotUnderstood(IntakeCode.JSON_KEY_TWICE, str(error)[:64])
    except (ValueError, RecursionError):
        return _parse_tolerantly(text, depth)
    return _parse_document(document, depth)


def _parse_tolerantly(text: str, depth: int) -> ParsedAlert | NotUnderstood:
    try:
        document = read_tolerantly(text, _object)
    except _KeyTwice as error:
        return NotUnderstood(IntakeCode.JSON_KEY_TWICE, str(error)[:64])
    except ValueError as error:
        return NotUnderstood(IntakeCode.JSON_INVALID, f"starts like JSON but is not: {error}"[:96])
    return _parse_document(document, depth)


def _form_document(text: str) -> str:
    """Return the JSON that a form carries in one of its fields, as chat hooks send it."""
    try:
        pairs = parse_qsl(text, max_num_fields=64)
    except ValueError:
        return ""
    for name, value in pairs:
        if name.lower() in _FORM_DOCUMENTS and value.strip().startswith("{"):
            return value.strip()
    return ""


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
    fields = flatten(document)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(fields, NotUnderstood):
        return fields
    if OWN_MARK in fields:
        return alert_from_own(fields)
    alert = alert_from_fields(fields, "json")
    if isinstance(alert, NotUnderstood) and depth < 2:
        return _from_message(fields, depth) or alert
    return alert


def _from_message(fields: Fields, depth: int) -> ParsedAlert | NotUnderstood | None:
    """Read a text inside JSON (`{"key": …, "message": "buy EURUSD"}`) if nothing else speaks."""
    if any(not is_absent(fields.get(name)) for name in _SPEAKING):
        return None
    for name in _MESSAGES:
        value = fields.get(name)
        if isinstance(value, str) and value.strip():
            alert = _parse_text(value.strip(), False, depth + 1)
            if isinstance(alert, NotUnderstood):
                return alert
            return replace(alert, secrets=(*alert.secrets, *secret_hashes(fields)))
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
