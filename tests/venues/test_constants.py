"""The adapter's numbers against those of the real wheel, which is Windows-only and only read."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from backend.venues.model import RetcodeClass
from backend.venues.mt5 import protocol, retcodes
from backend.venues.mt5.protocol import Terminal

DOWNLOAD_S = 90

NAMES = {
    "ACTION_DEAL": "TRADE_ACTION_DEAL",
    "ACTION_PENDING": "TRADE_ACTION_PENDING",
    "ACTION_SLTP": "TRADE_ACTION_SLTP",
    "ACTION_MODIFY": "TRADE_ACTION_MODIFY",
    "ACTION_REMOVE": "TRADE_ACTION_REMOVE",
    "ACTION_CLOSE_BY": "TRADE_ACTION_CLOSE_BY",
    "ORDER_BUY": "ORDER_TYPE_BUY",
    "ORDER_SELL": "ORDER_TYPE_SELL",
    "ORDER_BUY_LIMIT": "ORDER_TYPE_BUY_LIMIT",
    "ORDER_SELL_LIMIT": "ORDER_TYPE_SELL_LIMIT",
    "ORDER_BUY_STOP": "ORDER_TYPE_BUY_STOP",
    "ORDER_SELL_STOP": "ORDER_TYPE_SELL_STOP",
    "ORDER_BUY_STOP_LIMIT": "ORDER_TYPE_BUY_STOP_LIMIT",
    "ORDER_SELL_STOP_LIMIT": "ORDER_TYPE_SELL_STOP_LIMIT",
    "FILLING_FOK": "ORDER_FILLING_FOK",
    "FILLING_IOC": "ORDER_FILLING_IOC",
    "FILLING_RETURN": "ORDER_FILLING_RETURN",
    "BOOK_SELL": "BOOK_TYPE_SELL",
    "BOOK_BUY": "BOOK_TYPE_BUY",
    "TIME_GTC": "ORDER_TIME_GTC",
    "TIME_DAY": "ORDER_TIME_DAY",
    "TIME_SPECIFIED": "ORDER_TIME_SPECIFIED",
    "EXECUTION_REQUEST": "SYMBOL_TRADE_EXECUTION_REQUEST",
    "EXECUTION_INSTANT": "SYMBOL_TRADE_EXECUTION_INSTANT",
    "EXECUTION_MARKET": "SYMBOL_TRADE_EXECUTION_MARKET",
    "EXECUTION_EXCHANGE": "SYMBOL_TRADE_EXECUTION_EXCHANGE",
    "MARGIN_MODE_HEDGING": "ACCOUNT_MARGIN_MODE_RETAIL_HEDGING",
    "STATE_CANCELED": "ORDER_STATE_CANCELED",
    "STATE_REJECTED": "ORDER_STATE_REJECTED",
    "STATE_EXPIRED": "ORDER_STATE_EXPIRED",
}
WORDS = {
    "TRADE_MODES": ("ACCOUNT_TRADE_MODE_", protocol.TRADE_MODES),
    "DEAL_ENTRIES": ("DEAL_ENTRY_", protocol.DEAL_ENTRIES),
}
# Every retcode of the wheel, by what the desk does about it.
CLASSES = {
    RetcodeClass.SUCCESS: "PLACED DONE DONE_PARTIAL",
    RetcodeClass.NO_CHANGE: "NO_CHANGES",
    RetcodeClass.REFRESH_PRICE: "REQUOTE PRICE_CHANGED PRICE_OFF",
    RetcodeClass.UNKNOWN: "ERROR TIMEOUT CONNECTION",
    RetcodeClass.BACK_OFF: "TOO_MANY_REQUESTS LOCKED FROZEN",
    RetcodeClass.FIX_REQUEST: "INVALID INVALID_VOLUME INVALID_PRICE INVALID_STOPS"
    " INVALID_EXPIRATION INVALID_FILL INVALID_ORDER INVALID_CLOSE_VOLUME",
    RetcodeClass.REFUSED: "REJECT CANCEL TRADE_DISABLED MARKET_CLOSED NO_MONEY ONLY_REAL"
    " LIMIT_ORDERS LIMIT_VOLUME LIMIT_POSITIONS LONG_ONLY SHORT_ONLY CLOSE_ONLY FIFO_CLOSE",
    RetcodeClass.OPERATOR: "SERVER_DISABLES_AT CLIENT_DISABLES_AT",
    RetcodeClass.STATE_MOVED_ON: "ORDER_CHANGED POSITION_CLOSED CLOSE_ORDER_EXIST REJECT_CANCEL",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Download the newest wheel for Windows, to look into it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
    command += ["--only-binary=:all:", "--platform", "win_amd64", "--python-version", "3.11"]
    try:
        done = subprocess.run(
            [*command, "--retries", "0", "--timeout", "20", "MetaTrader5"],
            capture_output=True, text=True, timeout=DOWNLOAD_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        pytest.skip("the MetaTrader5 wheel did not download in time")
    found = list(Path(folder).glob("*.whl"))
    if not found:
        pytest.skip(f"the MetaTrader5 wheel cannot be downloaded here: {done.stderr[-200:]}")
    return zipfile.ZipFile(found[0])


@pytest.fixture(scope="module")
def constants(wheel: zipfile.ZipFile) -> dict[str, int]:
    """Read the numbers out of the wheel's source; its native half cannot be loaded here."""
    tree = ast.parse(wheel.read("MetaTrader5/__init__.py"))
    found: dict[str, int] = {}
    for statement in tree.body:
        match statement:
            case ast.Assign([ast.Name(name)], value) if name.isupper():
                found[name] = _number(value)
    return found


def _number(node: ast.expr) -> int:
    match node:
        case ast.BinOp(left, ast.BitOr(), right):
            return _number(left) | _number(right)
        case ast.UnaryOp(ast.USub(), operand):
            return -_number(operand)
        case ast.Constant(int() as value):
            return value
    raise ValueError(ast.dump(node))


def test_the_adapter_speaks_the_wheels_numbers(constants: dict[str, int]):
    ours = {name: getattr(protocol, name) for name in NAMES}
    assert ours == {name: constants[theirs] for name, theirs in NAMES.items()}


@pytest.mark.parametrize("name", WORDS)
def test_words_for_the_wheels_numbers_are_complete(constants: dict[str, int], name: str):
    prefix, ours = WORDS[name]
    theirs = {v: k.removeprefix(prefix).lower() for k, v in constants.items() if prefix in k}
    assert ours == theirs


def test_timeframes_are_the_wheels(constants: dict[str, int]):
    assert {f"TIMEFRAME_{name}": code for name, code in protocol.TIMEFRAMES.items()}.items() <= (
        constants.items()
    )


def test_every_retcode_of_the_wheel_has_a_class(constants: dict[str, int]):
    theirs = {k: v for k, v in constants.items() if k.startswith("TRADE_RETCODE_")}
    listed = {
        f"TRADE_RETCODE_{word}": kind for kind, words in CLASSES.items() for word in words.split()
    }
    assert set(listed) == set(theirs)
    assert {name: retcodes.classify(code) for name, code in theirs.items()} == listed


def test_only_what_the_package_refuses_itself_counts_as_never_sent(constants: dict[str, int]):
    errors = {k: v for k, v in constants.items() if k.startswith("RES_E_")}
    never = {name for name, code in errors.items() if retcodes.never_sent(code) is not None}
    assert never == {*("RES_E_INVALID_PARAMS", "RES_E_UNSUPPORTED", "RES_E_AUTO_TRADING_DISABLED")}
    assert constants["RES_E_NOT_FOUND"] == retcodes.NOT_FOUND


def test_every_function_that_the_adapter_calls_is_in_the_wheel(wheel: zipfile.ZipFile):
    native = next(name for name in wheel.namelist() if name.endswith(".pyd"))
    words = wheel.read(native)
    own = {"open", "close", "history_deals_later"}
    called = {name for name in vars(Terminal) if not name.startswith("_")} - own
    assert {name for name in called if name.encode() not in words} == set()
