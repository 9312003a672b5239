"""Numbers of the MetaTrader 5 protocol that this terminal speaks (MQL5 reference)."""

from enum import IntEnum


class Action(IntEnum):
    """What a trade request asks for."""

    DEAL = 1
    PENDING = 5
    SLTP = 6
    MODIFY = 7
    REMOVE = 8
    CLOSE_BY = 10


class OrderKind(IntEnum):
    """ORDER_TYPE_*."""

    BUY = 0
    SELL = 1
    BUY_LIMIT = 2
    SELL_LIMIT = 3
    BUY_STOP = 4
    SELL_STOP = 5
    BUY_STOP_LIMIT = 6
    SELL_STOP_LIMIT = 7
    CLOSE_BY = 8


class OrderState(IntEnum):
    """ORDER_STATE_*."""

    PLACED = 1
    CANCELED = 2
    PARTIAL = 3
    FILLED = 4
    REJECTED = 5
    EXPIRED = 6


class Reason(IntEnum):
    """Why an order or a deal came to be."""

    CLIENT = 0
    EXPERT = 3
    STOP_LOSS = 4
    TAKE_PROFIT = 5
    STOP_OUT = 6


class Entry(IntEnum):
    """DEAL_ENTRY_*."""

    IN = 0
    OUT = 1
    INOUT = 2
    OUT_BY = 3


class Filling(IntEnum):
    """ORDER_FILLING_*; a symbol's filling_mode is a bitmask of other numbers."""

    FOK = 0
    IOC = 1
    RETURN = 2
    BOC = 3


FILLING_BIT = {Filling.FOK: 1, Filling.IOC: 2, Filling.BOC: 4}


class TimeType(IntEnum):
    """ORDER_TIME_*."""

    GTC = 0
    DAY = 1
    SPECIFIED = 2
    SPECIFIED_DAY = 3


class Execution(IntEnum):
    """SYMBOL_TRADE_EXECUTION_*."""

    REQUEST = 0
    INSTANT = 1
    MARKET = 2
    EXCHANGE = 3


class CalcMode(IntEnum):
    """SYMBOL_CALC_MODE_*: how margin and profit are reckoned."""

    FOREX = 0
    FUTURES = 1
    CFD = 2
    CFDINDEX = 3
    CFDLEVERAGE = 4
    FOREX_NO_LEVERAGE = 5
    EXCH_STOCKS = 32
    EXCH_FUTURES = 33


class TradeMode(IntEnum):
    """SYMBOL_TRADE_MODE_*."""

    DISABLED = 0
    LONGONLY = 1
    SHORTONLY = 2
    CLOSEONLY = 3
    FULL = 4


class SwapMode(IntEnum):
    """SYMBOL_SWAP_MODE_* that this terminal charges by."""

    DISABLED = 0
    POINTS = 1
    CURRENCY_DEPOSIT = 4
    INTEREST_CURRENT = 5
    INTEREST_OPEN = 6


class MarginMode(IntEnum):
    """ACCOUNT_MARGIN_MODE_*."""

    NETTING = 0
    HEDGING = 2


DEAL_TYPE_BALANCE = 2


class Retcode(IntEnum):
    """TRADE_RETCODE_*."""

    REQUOTE = 10004
    REJECT = 10006
    CANCEL = 10007
    PLACED = 10008
    DONE = 10009
    DONE_PARTIAL = 10010
    ERROR = 10011
    TIMEOUT = 10012
    INVALID = 10013
    INVALID_VOLUME = 10014
    INVALID_PRICE = 10015
    INVALID_STOPS = 10016
    TRADE_DISABLED = 10017
    MARKET_CLOSED = 10018
    NO_MONEY = 10019
    PRICE_CHANGED = 10020
    PRICE_OFF = 10021
    INVALID_EXPIRATION = 10022
    ORDER_CHANGED = 10023
    TOO_MANY_REQUESTS = 10024
    NO_CHANGES = 10025
    SERVER_DISABLES_AT = 10026
    CLIENT_DISABLES_AT = 10027
    LOCKED = 10028
    FROZEN = 10029
    INVALID_FILL = 10030
    CONNECTION = 10031
    ONLY_REAL = 10032
    LIMIT_ORDERS = 10033
    LIMIT_VOLUME = 10034
    INVALID_ORDER = 10035
    POSITION_CLOSED = 10036
    INVALID_CLOSE_VOLUME = 10038
    CLOSE_ORDER_EXIST = 10039
    LIMIT_POSITIONS = 10040
    REJECT_CANCEL = 10041
    LONG_ONLY = 10042
    SHORT_ONLY = 10043
    CLOSE_ONLY = 10044
    FIFO_CLOSE = 10045


RETCODE_TEXT = {
    Retcode.REQUOTE: "Requote",
    Retcode.REJECT: "Request rejected",
    Retcode.CANCEL: "Request canceled",
    Retcode.PLACED: "Request placed",
    Retcode.DONE: "Request executed",
    Retcode.DONE_PARTIAL: "Request executed partially",
    Retcode.ERROR: "Common error",
    Retcode.TIMEOUT: "Request canceled by timeout",
    Retcode.INVALID: "Invalid request",
    Retcode.INVALID_VOLUME: "Invalid volume",
    Retcode.INVALID_PRICE: "Invalid price",
    Retcode.INVALID_STOPS: "Invalid stops",
    Retcode.TRADE_DISABLED: "Trade disabled",
    Retcode.MARKET_CLOSED: "Market closed",
    Retcode.NO_MONEY: "No money",
    Retcode.PRICE_CHANGED: "Price changed",
    Retcode.PRICE_OFF: "Off quotes",
    Retcode.INVALID_EXPIRATION: "Invalid expiration",
    Retcode.ORDER_CHANGED: "Order state changed",
    Retcode.TOO_MANY_REQUESTS: "Too many requests",
    Retcode.NO_CHANGES: "No changes",
    Retcode.SERVER_DISABLES_AT: "AutoTrading disabled by server",
    Retcode.CLIENT_DISABLES_AT: "AutoTrading disabled by client",
    Retcode.LOCKED: "Request locked",
    Retcode.FROZEN: "Order or position frozen",
    Retcode.INVALID_FILL: "Unsupported filling mode",
    Retcode.CONNECTION: "No connection",
    Retcode.ONLY_REAL: "Only real accounts",
    Retcode.LIMIT_ORDERS: "Orders limit reached",
    Retcode.LIMIT_VOLUME: "Volume limit reached",
    Retcode.INVALID_ORDER: "Invalid order",
    Retcode.POSITION_CLOSED: "Position doesn't exist",
    Retcode.INVALID_CLOSE_VOLUME: "Invalid close volume",
    Retcode.CLOSE_ORDER_EXIST: "Close order already exists",
    Retcode.LIMIT_POSITIONS: "Positions limit reached",
    Retcode.REJECT_CANCEL: "Cancel request rejected",
    Retcode.LONG_ONLY: "Only long positions are allowed",
    Retcode.SHORT_ONLY: "Only short positions are allowed",
    Retcode.CLOSE_ONLY: "Only position closing is allowed",
    Retcode.FIFO_CLOSE: "Positions are closed by the FIFO rule only",
}

# last_error()
OK = (1, "Success")
E_FAILED = -1
E_INVALID_PARAMS = -2
E_NOT_FOUND = -4
E_AUTH_FAILED = -6
E_NO_CONNECTION = (-10004, "No IPC connection")
E_TRADING_OFF = (-8, "Auto-Trading using Python API disabled in Terminal")
ERROR_TEXT = {
    -1: "Terminal: Call failed",
    -2: "Terminal: Invalid params",
    -3: "Terminal: Out of memory",
    -4: "Terminal: Not found",
    -5: "Terminal: Incompatible versions, please install the latest version of Terminal and"
    " Python module",
    -6: "Terminal: Authorization failed",
    -7: "Terminal: Unsupported function",
    -8: "Auto-Trading using Python API disabled in Terminal",
    -10000: "IPC call failed",
    -10001: "IPC send failed",
    -10002: "IPC recv failed",
    -10003: "IPC initialize failed",
    -10004: "No IPC connection",
    -10005: "IPC timeout",
}

# TIMEFRAME_* to minutes; weeks and months are not offered.
TIMEFRAME_MINUTES = {
    **{m: m for m in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)},
    **{0x4000 | h: h * 60 for h in (1, 2, 3, 4, 6, 8, 12, 24)},
}

BOOK_TYPE_SELL = 1
BOOK_TYPE_BUY = 2

COPY_TICKS_ALL = -1
TICK_FLAG_BID = 2
TICK_FLAG_ASK = 4
