"""Read single fields: directions, numbers, instants, symbols. Unknown is never guessed."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from backend.values import OrderType, Side

_OPENING = ("enter", "open", "go", "signal", "alert", "entry", "order", "position", "now")


def _with_openings(sides: str, also: str) -> frozenset[str]:
    words = sides.split()
    return frozenset(words + also.split()).union(
        *({f"{opening}{side}", f"{side}{opening}"} for side in words for opening in _OPENING)
    )


_BUY = _with_openings("buy long call bull bullish strongbuy", "buytoopen bto")
_SELL = _with_openings("sell short put bear bearish strongsell sellshort", "selltoopen sto")
_PENDING = {
    "buylimit": (Side.BUY, OrderType.LIMIT),
    "selllimit": (Side.SELL, OrderType.LIMIT),
    "buystop": (Side.BUY, OrderType.STOP),
    "sellstop": (Side.SELL, OrderType.STOP),
    "buymarket": (Side.BUY, OrderType.MARKET),
    "sellmarket": (Side.SELL, OrderType.MARKET),
}
_NOT_OPENING = re.compile(
    r"(exit|clos(?:e|ing)|cancel|flat|flatten|cover|reduce|modify|adjust|update|newsltp|stoploss"
    r"|takeprofit|breakeven|trail|disable|enable|hold|none|neutral|liquidat|unwind|scaleout"
    r"|squareoff)"
)
_ALSO_NOT_OPENING = re.compile(r"add|tp\d?|sl|be|stc|btc|ping|test|hello")
_ABSENT = frozenset(("", "null", "nan", "none", "na", "n/a", "undefined", "nil", "-"))
_SEPARATORS = frozenset(" _-./,:!*#|[]()\t")
# Signs of ban turn what stands beside them into its opposite.
_BANS = frozenset("🚫❌⛔🛑✖✗✘❎🙅🔕⛝")
_ORDER_TYPES = {
    "market": OrderType.MARKET,
    "mkt": OrderType.MARKET,
    "limit": OrderType.LIMIT,
    "lmt": OrderType.LIMIT,
    "stop": OrderType.STOP,
    "stp": OrderType.STOP,
    "stopmarket": OrderType.STOP,
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028\u2029\ufeff]")
_NUMBER = re.compile(r"[+-]?(\d{1,24}(\.\d{0,24})?|\.\d{1,24})([eE][+-]?\d{1,2})?")
_SYMBOL = re.compile(r"[#^.]?[A-Z0-9][A-Z0-9_.\-/!#^+&]{0,31}")
_EXCHANGE = re.compile(r"[A-Z0-9][A-Z0-9_.\- ]{0,31}")
_WRITTEN_TIMES = ("%Y.%m.%d %H:%M:%S", "%Y.%m.%d %H:%M", "%Y%m%d %H:%M:%S", "%Y%m%dT%H%M%SZ")
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)


def words_of(text: str) -> frozenset[str]:
    """Split a list of words written in one line."""
    return frozenset(text.split())


_BARE_CACHED_LENGTH_MAX = 40


def bare(word: str) -> str:
    """Keep lower-case letters and digits only, so that spellings of one word agree."""
    # The same few names come with every alert.
    return _bare_known(word) if len(word) <= _BARE_CACHED_LENGTH_MAX else _bare(word)


def _bare(word: str) -> str:
    return "".join(c for c in word.lower() if c.isascii() and c.isalnum())


def as_said(word: str) -> str:
    """Return a word as a person may read it in a reason: letters that look alike are told apart."""
    text = clean(word, 32) or ""
    return text if text.isascii() or not any(map(_is_latin, text)) else ascii(text)[1:-1]


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalpha()


_bare_known = lru_cache(maxsize=4096)(_bare)


def clean(value: str, length_max: int = 256) -> str | None:
    """Drop control characters and lone surrogates; None if nothing is left."""
    encodable = value.encode("utf-8", "replace").decode("utf-8")
    text = _CONTROL.sub(" ", encodable).strip()[:length_max].strip()
    return text or None


def is_absent(value: object) -> bool:
    """Say whether a value stands for nothing: TradingView prints NaN and null for it."""
    if isinstance(value, str):
        return (len(value) < 16 and value.strip().lower() in _ABSENT) or value.isspace()
    return value is None


def is_placeholder(value: str) -> bool:
    """Say whether a `{{placeholder}}` was left unfilled by the sender."""
    return "{{" in value and "}}" in value


def read_direction(word: str) -> tuple[Side, OrderType | None] | None:
    """Return side and, for `buylimit` and the like, the order type. None if unknown.

    Nothing in the word may be skipped that could turn its meaning: letters of other scripts,
    signs of ban, question marks.
    """
    word = word.strip()
    if len(word) > 64 or not all(is_harmless(c) for c in word):
        return None
    key = bare(word).removeprefix("ordertype").removeprefix("positiontype")  # as MetaTrader's
    if key in _BUY:
        return Side.BUY, None
    if key in _SELL:
        return Side.SELL, None
    return _PENDING.get(key)


def is_harmless(character: str) -> bool:
    """Say whether a sign beside a word leaves its meaning alone: arrows do, bans do not."""
    if character.isascii():
        return character.isalnum() or character in _SEPARATORS
    if character in _BANS:
        return False
    # Pictures (arrows, circles, rockets) and what joins them say nothing by themselves.
    return unicodedata.category(character) in ("So", "Sm", "Mn", "Cf", "Zs")


def is_not_opening(word: str) -> bool:
    """Say whether a word asks for something other than opening: exit, close, cancel, …"""
    key = bare(word)
    return _NOT_OPENING.search(key) is not None or _ALSO_NOT_OPENING.fullmatch(key) is not None


def is_true(value: object) -> bool:
    """Say whether a flag is set; anything but a clear no counts."""
    if isinstance(value, str):
        return not is_absent(value) and value.strip().lower() not in (
            "false",
            "no",
            "n",
            "off",
            "0",
        )
    return bool(value)


def read_order_type(word: str) -> OrderType | None:
    """Return the order type, or None if it is unknown."""
    return _ORDER_TYPES.get(bare(word))


def read_number(value: object) -> Decimal | None:
    """Return a finite decimal of sane length, or None. Booleans are no numbers."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value) if abs(value) < 10**24 else None
    if isinstance(value, Decimal):
        text = str(value)
    elif isinstance(value, str):
        text = value.strip().replace("\u00a0", "").lstrip("$€£").strip()
    else:
        return None
    if not text.isascii() or not _NUMBER.fullmatch(text):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    # Beyond these magnitudes no price, volume or distance is real.
    return number if number == 0 or -24 <= number.adjusted() <= 24 else None


def read_positive(value: object) -> Decimal | None:
    """Return a decimal greater than zero, or None."""
    number = read_number(value)
    return number if number is not None and number > 0 else None


def read_instant(value: object) -> datetime | None:
    """Read seconds, milliseconds, microseconds, nanoseconds or ISO 8601 as UTC, or None.

    A written time without a zone is taken as UTC, which is what TradingView sends.
    """
    number = read_number(value)
    if number is not None and number >= 10**8:
        return _from_epoch(number)
    if not isinstance(value, str):
        return None
    text = value.strip()
    instant: datetime | None = None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        for layout in _WRITTEN_TIMES:
            try:
                instant = datetime.strptime(text, layout).replace(tzinfo=UTC)
                break
            except ValueError:
                continue
    if instant is None or len(text) < 8:
        return None
    return _sane(instant)


def _from_epoch(number: Decimal) -> datetime | None:
    seconds = number
    for _ in range(3):
        if seconds >= 10**11:
            seconds = seconds / 1000
    if seconds >= 10**11:
        return None
    whole = int(seconds)
    micros = int((seconds - whole) * 1_000_000)
    return _sane(datetime.fromtimestamp(whole, UTC).replace(microsecond=micros))


def _sane(instant: datetime) -> datetime | None:
    aware = instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
    try:
        utc = aware.astimezone(UTC)
    except (OverflowError, ValueError):
        return None
    return utc if _EARLIEST <= utc < _LATEST else None


def read_symbol(value: str) -> tuple[str, str | None] | None:
    """Split `EXCH:SYM` into symbol and exchange, upper case. None if it is no symbol."""
    text = clean(value, 80)
    if text is None:
        return None
    exchange, colon, symbol = text.upper().rpartition(":")
    symbol = symbol.strip()
    if not symbol.isascii() or not _SYMBOL.fullmatch(symbol):
        return None
    if not colon:
        return symbol, None
    exchange = exchange.strip()
    if not exchange.isascii() or not _EXCHANGE.fullmatch(exchange):
        return None
    return symbol, exchange
