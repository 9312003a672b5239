"""Reads a TOML file of symbols' rules: one table per symbol, words as in `SymbolSpec`.

[EURUSD]                    # changes a symbol that there is
stops_level = 30
swap_long = "-7.2"
sessions = "mon-fri 00:05-23:55"

[US500]                     # makes a new one after another
like = "XAUUSD"
digits = 2
tick = "0.25"
calc_mode = "cfdindex"
tick_value = "12.5"
"""

from __future__ import annotations

import tomllib
from dataclasses import fields, replace
from decimal import Decimal, InvalidOperation
from enum import IntEnum
from pathlib import Path
from typing import Any

from backend.paper_terminal.constants import CalcMode, Execution, SwapMode, TradeMode
from backend.paper_terminal.sessions import parse_week
from backend.paper_terminal.symbols import SymbolSpec

_ENUMS: dict[str, type[IntEnum]] = {
    "calc_mode": CalcMode,
    "execution": Execution,
    "trade_mode": TradeMode,
    "swap_mode": SwapMode,
}
_DECIMALS = frozenset(f.name for f in fields(SymbolSpec) if f.type in (Decimal, "Decimal"))
_PLAIN = frozenset(f.name for f in fields(SymbolSpec)) - _DECIMALS - set(_ENUMS) - {"name", "week"}


def apply_rules(path: Path, specs: dict[str, SymbolSpec]) -> dict[str, SymbolSpec]:
    """Give the symbols with a file's rules on them. Raises ValueError naming symbol and word."""
    try:
        tables = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path}: {error}") from error
    result = dict(specs)
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ValueError(f"{path}: {name} is no table of a symbol")
        like = table.pop("like", name)
        if like not in result:
            raise ValueError(f"{path}: {name}: say of which symbol it is `like`")
        words = {} if like == name else {"name": name, "description": name, "path": name}
        words |= {key: value for word in table.items() for key, value in [_word(path, name, *word)]}
        result[name] = replace(result[like], **words)
    return result


def _word(path: Path, symbol: str, word: str, value: Any) -> tuple[str, Any]:
    try:
        if word == "sessions":
            return "week", parse_week(value)
        if word in _ENUMS:
            return word, _ENUMS[word][str(value).upper()]
        if word in _DECIMALS:
            return word, Decimal(str(value))
    except (KeyError, ValueError, AttributeError, InvalidOperation) as error:
        raise ValueError(f"{path}: {symbol}.{word}: {value!r} makes no sense") from error
    if word not in _PLAIN:
        raise ValueError(f"{path}: {symbol}.{word}: no such word")
    return word, value
