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

    INSTANT = 1
    MARKET = 2


class MarginMode(IntEnum):
    """ACCOUNT_MARGIN_MODE_*."""

    NETTING = 0
    HEDGING = 2


DEAL_TYPE_BALANCE = 2


class Retcode(IntEnum):
    """TRADE_RETCODE_* that this terminal gives."""

    REQUOTE = 10004
    REJECT = 10006
    PLACED = 10008
    DONE = 10009
    DONE_PARTIAL = 10010
    INVALID = 10013
    INVALID_VOLUME = 10014
    INVALID_PRICE = 10015
    INVALID_STOPS = 10016
    MARKET_CLOSED = 10018
    NO_MONEY = 10019
    PRICE_OFF = 10021
    INVALID_EXPIRATION = 10022
    ORDER_CHANGED = 10023
    NO_CHANGES = 10025
    FROZEN = 10029
    INVALID_FILL = 10030
    LIMIT_ORDERS = 10033
    INVALID_ORDER = 10035
    POSITION_CLOSED = 10036
    INVALID_CLOSE_VOLUME = 10038


RETCODE_TEXT = {
    Retcode.REQUOTE: "Requote",
    Retcode.REJECT: "Request rejected",
    Retcode.PLACED: "Request placed",
    Retcode.DONE: "Request executed",
    Retcode.DONE_PARTIAL: "Request executed partially",
    Retcode.INVALID: "Invalid request",
    Retcode.INVALID_VOLUME: "Invalid volume",
    Retcode.INVALID_PRICE: "Invalid price",
    Retcode.INVALID_STOPS: "Invalid stops",
    Retcode.MARKET_CLOSED: "Market closed",
    Retcode.NO_MONEY: "No money",
    Retcode.PRICE_OFF: "Off quotes",
    Retcode.INVALID_EXPIRATION: "Invalid expiration",
    Retcode.ORDER_CHANGED: "Order state changed",
    Retcode.NO_CHANGES: "No changes",
    Retcode.FROZEN: "Order or position frozen",
    Retcode.INVALID_FILL: "Unsupported filling mode",
    Retcode.LIMIT_ORDERS: "Orders limit reached",
    Retcode.INVALID_ORDER: "Invalid order",
    Retcode.POSITION_CLOSED: "Position doesn't exist",
    Retcode.INVALID_CLOSE_VOLUME: "Invalid close volume",
}

# last_error()
OK = (1, "Success")
E_INVALID_PARAMS = -2
E_NOT_FOUND = -4
E_AUTH_FAILED = -6
E_NO_CONNECTION = (-10004, "No IPC connection")

# TIMEFRAME_* to minutes; weeks and months are not offered.
TIMEFRAME_MINUTES = {
    **{m: m for m in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)},
    **{0x4000 | h: h * 60 for h in (1, 2, 3, 4, 6, 8, 12, 24)},
}

COPY_TICKS_ALL = -1
TICK_FLAG_BID = 2
TICK_FLAG_ASK = 4
