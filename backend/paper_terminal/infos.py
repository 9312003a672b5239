"""Descriptions of terminal, account and symbols, shaped as the package shapes them."""
# ruff: noqa: SIM905 - lists of names read better as running text

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.paper_terminal import shapes
from backend.paper_terminal.constants import MarginMode
from backend.paper_terminal.floor import Limits
from backend.paper_terminal.market import Market, Quote
from backend.paper_terminal.money import AccountState, Money
from backend.paper_terminal.symbols import SymbolSpec
from backend.paper_terminal.triggers import MarginLevels

VERSION = (500, 5400, "01 Nov 2025")
_ZEROS: dict[str, Any] = {
    **dict.fromkeys(shapes.SymbolInfo._fields, 0.0),
    **dict.fromkeys(
        "session_deals session_buy_orders session_sell_orders volume volumehigh volumelow"
        " chart_mode start_time expiration_time order_gtc_mode option_mode"
        " option_right".split(),
        0,
    ),
    **dict.fromkeys("basis category bank exchange formula isin page".split(), ""),
}


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """Who the account is. trade_mode: demo 0, contest 1, real 2."""

    login: int
    currency: str
    leverage: int
    mode: MarginMode
    trade_mode: int
    limits: Limits
    levels: MarginLevels
    server: str = "DynamicCapital-Paper"


def account_info(settings: AccountSettings, state: AccountState) -> Any:
    """Describe the account."""
    return shapes.AccountInfo(
        login=settings.login,
        trade_mode=settings.trade_mode,
        leverage=settings.leverage,
        limit_orders=settings.limits.orders,
        margin_so_mode=0,
        trade_allowed=True,
        trade_expert=True,
        margin_mode=int(settings.mode),
        currency_digits=0 if settings.currency == "JPY" else 2,
        fifo_close=settings.limits.fifo,
        balance=float(state.balance),
        credit=0.0,
        profit=float(state.profit),
        equity=float(state.equity),
        margin=float(state.margin),
        margin_free=float(state.margin_free),
        margin_level=float(state.margin_level),
        margin_so_call=float(settings.levels.call),
        margin_so_so=float(settings.levels.stop_out),
        margin_initial=0.0,
        margin_maintenance=0.0,
        assets=0.0,
        liabilities=0.0,
        commission_blocked=0.0,
        name="Paper account",
        server=settings.server,
        currency=settings.currency,
        company="Dynamic Capital Desk",
    )


def terminal_info(home: Path, ping_us: int, connected: bool, trading_off_by: str) -> Any:
    """Describe the terminal. trading_off_by: client, server, api or nobody."""
    return shapes.TerminalInfo(
        community_account=False,
        community_connection=False,
        connected=connected,
        dlls_allowed=False,
        trade_allowed=trading_off_by != "client",
        tradeapi_disabled=trading_off_by == "api",
        email_enabled=False,
        ftp_enabled=False,
        notifications_enabled=False,
        mqid=False,
        build=VERSION[1],
        maxbars=100_000,
        codepage=0,
        ping_last=ping_us,
        community_balance=0.0,
        retransmission=0.0,
        company="Dynamic Capital Desk",
        name="Paper terminal",
        language="English",
        path=str(home),
        data_path=str(home),
        commondata_path=str(home),
    )


def symbol_info(market: Market, money: Money, spec: SymbolSpec, selected: bool) -> Any:
    """Describe a symbol with its present quote."""
    quote = market.quote(spec.name)
    # Profit of one tick with one lot, in the account's currency.
    rate = money.rate(spec.currency_profit, money.currency)
    tick_value = float(spec.tick_size * spec.worth * rate)
    known: dict[str, Any] = {
        "custom": False,
        "select": selected,
        "visible": selected,
        "time": quote.server_ms // 1000,
        "digits": spec.digits,
        "spread": int((quote.ask - quote.bid) / spec.point),
        "spread_float": True,
        "trade_calc_mode": int(spec.calc_mode),
        "trade_mode": int(spec.trade_mode),
        "trade_stops_level": spec.stops_level,
        "trade_freeze_level": spec.freeze_level,
        "trade_exemode": int(spec.execution),
        "swap_mode": int(spec.swap_mode),
        "swap_long": float(spec.swap_long),
        "swap_short": float(spec.swap_short),
        "swap_rollover3days": spec.swap_triple_day or 0,
        "margin_initial": float(spec.margin_initial),
        "margin_hedged": float(spec.margin_hedged),
        "margin_hedged_use_leg": spec.margin_larger_leg,
        "volume_limit": float(spec.volume_limit),
        "ticks_bookdepth": spec.book_depth,
        "expiration_mode": spec.expiration_mode,
        "order_mode": spec.order_mode,
        "filling_mode": spec.filling_mode,
        "point": float(spec.point),
        "trade_tick_value": tick_value,
        "trade_tick_value_profit": tick_value,
        "trade_tick_value_loss": tick_value,
        "trade_tick_size": float(spec.tick_size),
        "trade_contract_size": float(spec.contract_size),
        "volume_min": float(spec.volume_min),
        "volume_max": float(spec.volume_max),
        "volume_step": float(spec.volume_step),
        "currency_base": spec.currency_base,
        "currency_profit": spec.currency_profit,
        "currency_margin": spec.currency_margin,
        "description": spec.description,
        "name": spec.name,
        "path": spec.path,
    }
    return shapes.SymbolInfo(**(_ZEROS | known | _prices(quote)))


def _prices(quote: Quote) -> dict[str, float]:
    bid, ask = float(quote.bid), float(quote.ask)
    return {
        **dict.fromkeys(("bid", "bidhigh", "bidlow"), bid),
        **dict.fromkeys(("ask", "askhigh", "asklow"), ask),
    }
