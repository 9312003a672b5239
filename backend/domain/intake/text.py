"""Alerts that are not JSON: PineConnector's line, key=value, and a small free grammar.

Free text has to be consumed whole: "don't buy EURUSD" contains a direction and a symbol,
and means neither.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote_plus

from backend.domain.intake.alert import IntakeCode, NotUnderstood, ParsedAlert
from backend.domain.intake.fields import alert_from_fields
from backend.domain.intake.flatten import Fields
from backend.domain.intake.words import (
    as_said,
    bare,
    clean,
    is_absent,
    is_harmless,
    is_not_opening,
    is_placeholder,
    read_direction,
    read_positive,
    read_symbol,
    words_of,
)

_FILLED = re.compile(
    r"(?P<name>.{0,120}?):? ?\border (?P<action>\w+) @ (?P<quantity>[\d.]+) filled on "
    r"(?P<symbol>\S+?)\. New strategy position is (?P<position>-?[\d.]+)\.?",
    re.IGNORECASE | re.DOTALL,
)
_PAIR = re.compile(r"\s*([A-Za-z][A-Za-z0-9_.\- ]{0,40}?)\s*[=:]\s*(.*?)\s*", re.DOTALL)
_TOKEN_PAIR = re.compile(r"([A-Za-z][A-Za-z_.]{0,20}\d?)[=:](\S+)")
_FILLER = words_of(
    "at now market mkt signal alert entry on lots lot please go enter open strong of"
)
_COINS = ("btc",)  # elsewhere: buy to close
_SIGNS = frozenset("\u2013\u2014\u2022\u00b7\u2026")  # dashes and bullets, standing alone
_PRICED = {"at": "price", "entry": "price", "price": "price", "sl": "sl", "tp": "tp"}
_PROTECTED = {
    **dict.fromkeys(("stop", "stoploss"), "sl"),
    **dict.fromkeys(("target", "takeprofit", "tp1", "target1"), "tp"),
    # The first target counts, as in JSON.
    **{name: name for name in ("tp2", "tp3")},
}
_PAIR_NAMES = {
    "symbol",
    "ticker",
    "side",
    "action",
    "qty",
    "quantity",
    "tf",
    "timeframe",
    "id",
    "q",
    "lot",
    "volume",
    "secret",
    "comment",
}
_COMMA = re.compile(r""",(?=(?:[^"]*"[^"]*")*[^"]*$)""")
"""A comma that stands outside of double quotes."""
_PIPS = {"sl": "slpips", "tp": "tppips"}
_TOKENS_MAX = 24


def alert_from_text(text: str, form_encoded: bool = False) -> ParsedAlert | NotUnderstood:
    """Read an alert from plain text, trying the strictest form first."""
    if form_encoded and "=" in text:
        return _from_pairs(parse_qsl(text, keep_blank_values=True, max_num_fields=64))
    if filled := _FILLED.fullmatch(text.strip()):
        return _from_filled(filled)
    commas = [part.strip() for part in _COMMA.split(text)]
    if len(commas) >= 3 and "=" not in "".join(commas[:3]) and commas[0] and _commands(commas[1]):
        return _from_pineconnector(commas)
    for separator in (";", "\n", "&", ",", "|"):
        parts = [part for part in text.split(separator) if part.strip()]
        if separator == "&":
            parts = [unquote_plus(part) for part in parts]
        pairs = [match.groups() for part in parts if (match := _PAIR.fullmatch(part))]
        if len(pairs) >= 2 and len(pairs) == len(parts):
            return _from_pairs([(name, value) for name, value in pairs])
    return _from_words(text)


def _commands(word: str) -> bool:
    return read_direction(word) is not None or is_not_opening(word)


def _from_pairs(pairs: list[tuple[str, str]]) -> ParsedAlert | NotUnderstood:
    fields = Fields()
    for name, value in pairs[:64]:
        conflict = _add(fields, bare(name), value)
        if conflict is not None:
            return conflict
    return alert_from_fields(fields, "key_value")


def _add(fields: Fields, name: str, value: str) -> NotUnderstood | None:
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    if fields.get(name, value) != value:
        return NotUnderstood(IntakeCode.FIELD_CONFLICT, name[:64])
    if not is_absent(value):
        fields[name] = value
    return None


def _from_filled(match: re.Match[str]) -> ParsedAlert | NotUnderstood:
    """Read TradingView's default message of a strategy's order fill."""
    fields = Fields(
        {
            "symbol": match["symbol"],
            "action": match["action"],
            "quantity": match["quantity"],
            "positionsize": match["position"],
            "strategy": clean(match["name"], 64),
        }
    )
    return alert_from_fields(fields, "order_filled")


def _from_pineconnector(parts: list[str]) -> ParsedAlert | NotUnderstood:
    """Read `ID,command,symbol,key=value…`; sl and tp are pips, risk is the sender's own unit."""
    fields = Fields({"command": parts[1], "symbol": parts[2]})
    for part in parts[3:]:
        if not part:
            continue
        name, equals, value = part.partition("=")
        if not equals:
            return NotUnderstood(IntakeCode.TEXT_NOT_UNDERSTOOD, "a part is not key=value")
        key = bare(name)
        conflict = _add(fields, _PIPS.get(key, key), value)
        if conflict is not None:
            return conflict
    return alert_from_fields(fields, "pineconnector", secrets_beside=parts[:1])


def _from_words(text: str) -> ParsedAlert | NotUnderstood:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # Two lines are a password and the order.
    line = lines[-1] if lines else ""
    if len(lines) > 2 or (len(lines) == 2 and len(lines[0].split()) > 1):
        return NotUnderstood(IntakeCode.TEXT_NOT_UNDERSTOOD, "more than one line")
    tokens = line.replace(",", " ").split()
    if not 0 < len(tokens) <= _TOKENS_MAX:
        return NotUnderstood(IntakeCode.TEXT_NOT_UNDERSTOOD, "no short command")
    fields = _fields_of(tokens)
    if isinstance(fields, NotUnderstood):
        return fields
    return alert_from_fields(fields, "text", secrets_beside=lines[:-1])


def _fields_of(tokens: list[str]) -> Fields | NotUnderstood:
    fields = Fields()
    i = 0
    while i < len(tokens):
        token = tokens[i]
        key = bare(token)
        following = tokens[i + 1] if i + 1 < len(tokens) else ""
        if is_placeholder(token):
            return NotUnderstood(IntakeCode.PLACEHOLDER_NOT_FILLED, "text")
        name = _PRICED.get(key) or _PROTECTED.get(key)
        if read_direction(token):
            added = ("action", token)
        elif (pair := _TOKEN_PAIR.fullmatch(token)) and (":" not in token or _known(pair[1])):
            added = _pair_of(pair[1], pair[2])
        elif token.startswith("@"):
            i += 0 if token != "@" else 1
            added = ("price", token[1:] or following)
        elif name and read_positive(following) is not None:
            i += 1
            added = (name, following)
        elif key in ("limit", "stop"):
            added = ("ordertype", token)
        elif key in _FILLER or not any(map(str.isalnum, token)):
            if not all(is_harmless(sign) or sign in _SIGNS for sign in token):
                return NotUnderstood(IntakeCode.TEXT_NOT_UNDERSTOOD, f"sign {as_said(token)}")
            i += 1
            continue
        elif key not in _COINS and is_not_opening(token):
            return NotUnderstood(IntakeCode.ACTION_NOT_SUPPORTED, key[:32])
        elif read_positive(token) is not None:
            added = ("quantity", token)
        elif "symbol" not in fields and len(key) >= 3 and read_symbol(token.rstrip(":")):
            added = ("symbol", token.rstrip(":"))
        else:
            return NotUnderstood(IntakeCode.TEXT_NOT_UNDERSTOOD, f"word {key[:32]}")
        if fields.get(added[0], added[1]) != added[1]:
            code = IntakeCode.DIRECTION_CONFLICT if added[0] == "action" else None
            return NotUnderstood(code or IntakeCode.TEXT_NOT_UNDERSTOOD, f"{added[0]} twice")
        fields[added[0]] = added[1]
        i += 1
    if not fields.keys() & {"action", "side", "direction", "signal"}:
        return NotUnderstood(IntakeCode.DIRECTION_MISSING, "no direction in the text")
    return fields


def _known(name: str) -> bool:
    """Tell `sl:1.2` from `OANDA:EURUSD`."""
    key = bare(name)
    return key in _PRICED or key in _PROTECTED or key in _PAIR_NAMES


def _pair_of(name: str, value: str) -> tuple[str, str]:
    key = bare(name)
    return _PRICED.get(key) or _PROTECTED.get(key) or key, value.strip("\"'")
