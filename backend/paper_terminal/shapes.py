"""Results as the MetaTrader5 package shapes them: same names, same order.

Over RPyC a named tuple travels by reference; `_rpyc_getattr` opens its fields and nothing else.
"""
# ruff: noqa: SIM905 - lists of names read better as running text

from collections import namedtuple
from typing import Any

import numpy as np

_OPEN = frozenset({"_asdict", "_fields", "count", "index"})


def _readable(self: Any, name: str) -> object:
    if name in _OPEN or name in self._fields or (name in _SAFE and hasattr(self, name)):
        return getattr(self, name)
    raise AttributeError(f"cannot access {name!r}")


_SAFE = frozenset(
    "__len__ __getitem__ __iter__ __contains__ __eq__ __ne__ __lt__ __le__ __gt__ __ge__"
    " __add__ __mul__ __rmul__ __hash__ __repr__ __str__ __doc__".split()
)


class _ReadableDict(dict[str, object]):
    def _rpyc_getattr(self, name: str) -> object:
        if name in _SAFE or name in {"keys", "values", "items", "get"}:
            return getattr(self, name)
        raise AttributeError(f"cannot access {name!r}")


def _shape(name: str, fields: str) -> Any:
    base = namedtuple(name, fields)  # the package's own kind, made from the list above

    def as_dict(self: Any) -> _ReadableDict:
        return _ReadableDict(zip(self._fields, self, strict=True))

    return type(name, (base,), {"__slots__": (), "_rpyc_getattr": _readable, "_asdict": as_dict})


BookInfo = _shape("BookInfo", "type price volume volume_dbl")
Tick = _shape("Tick", "time bid ask last volume time_msc flags volume_real")
AccountInfo = _shape(
    "AccountInfo",
    "login trade_mode leverage limit_orders margin_so_mode trade_allowed trade_expert margin_mode"
    " currency_digits fifo_close balance credit profit equity margin margin_free margin_level"
    " margin_so_call margin_so_so margin_initial margin_maintenance assets liabilities"
    " commission_blocked name server currency company",
)
TerminalInfo = _shape(
    "TerminalInfo",
    "community_account community_connection connected dlls_allowed trade_allowed tradeapi_disabled"
    " email_enabled ftp_enabled notifications_enabled mqid build maxbars codepage ping_last"
    " community_balance retransmission company name language path data_path commondata_path",
)
SymbolInfo = _shape(
    "SymbolInfo",
    "custom chart_mode select visible session_deals session_buy_orders session_sell_orders volume"
    " volumehigh volumelow time digits spread spread_float ticks_bookdepth trade_calc_mode"
    " trade_mode start_time expiration_time trade_stops_level trade_freeze_level trade_exemode"
    " swap_mode swap_rollover3days margin_hedged_use_leg expiration_mode filling_mode order_mode"
    " order_gtc_mode option_mode option_right bid bidhigh bidlow ask askhigh asklow last lasthigh"
    " lastlow volume_real volumehigh_real volumelow_real option_strike point trade_tick_value"
    " trade_tick_value_profit trade_tick_value_loss trade_tick_size trade_contract_size"
    " trade_accrued_interest trade_face_value trade_liquidity_rate volume_min volume_max"
    " volume_step volume_limit swap_long swap_short margin_initial margin_maintenance"
    " session_volume session_turnover session_interest session_buy_orders_volume"
    " session_sell_orders_volume session_open session_close session_aw session_price_settlement"
    " session_price_limit_min session_price_limit_max margin_hedged price_change price_volatility"
    " price_theoretical price_greeks_delta price_greeks_theta price_greeks_gamma price_greeks_vega"
    " price_greeks_rho price_greeks_omega price_sensitivity basis category currency_base"
    " currency_profit currency_margin bank description exchange formula isin name page path",
)
TradeRequest = _shape(
    "TradeRequest",
    "action magic order symbol volume price stoplimit sl tp deviation type type_filling type_time"
    " expiration comment position position_by",
)
OrderCheckResult = _shape(
    "OrderCheckResult",
    "retcode balance equity profit margin margin_free margin_level comment request",
)
OrderSendResult = _shape(
    "OrderSendResult",
    "retcode deal order volume price bid ask comment request_id retcode_external request",
)
TradeOrder = _shape(
    "TradeOrder",
    "ticket time_setup time_setup_msc time_done time_done_msc time_expiration type type_time"
    " type_filling state magic position_id position_by_id reason volume_initial volume_current"
    " price_open sl tp price_current price_stoplimit symbol comment external_id",
)
TradePosition = _shape(
    "TradePosition",
    "ticket time time_msc time_update time_update_msc type magic identifier reason volume"
    " price_open sl tp price_current swap profit symbol comment external_id",
)
TradeDeal = _shape(
    "TradeDeal",
    "ticket order time time_msc type entry magic position_id reason volume price commission swap"
    " profit fee symbol comment external_id",
)

RATES_DTYPE = np.dtype(
    [
        ("time", "<i8"),
        ("open", "<f8"),
        ("high", "<f8"),
        ("low", "<f8"),
        ("close", "<f8"),
        ("tick_volume", "<u8"),
        ("spread", "<i4"),
        ("real_volume", "<u8"),
    ]
)
TICKS_DTYPE = np.dtype(
    [
        ("time", "<i8"),
        ("bid", "<f8"),
        ("ask", "<f8"),
        ("last", "<f8"),
        ("volume", "<u8"),
        ("time_msc", "<i8"),
        ("flags", "<u4"),
        ("volume_real", "<f8"),
    ]
)
