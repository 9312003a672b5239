"""The command line of the terminal, and the settings that it makes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from backend.paper_terminal.assembly import Settings
from backend.paper_terminal.conditions import ConditionSettings
from backend.paper_terminal.constants import Execution
from backend.paper_terminal.fills import Commission
from backend.paper_terminal.floor import Limits
from backend.paper_terminal.triggers import MarginLevels

_EXECUTIONS = tuple(execution.name.lower() for execution in Execution)
_TRADE_MODES = ("demo", "contest", "real")


def read_options(argv: Sequence[str], about: str) -> argparse.Namespace:
    """Parse the command line; ends the process with 2 where it makes no sense."""
    parser = argparse.ArgumentParser(prog="python -m backend.paper_terminal", description=about)
    add = parser.add_argument
    add("--home", type=Path, required=True, help="folder of the durable state")
    add("--host", default="127.0.0.1", help="address to listen on; others than loopback are open")
    add("--port", type=int, default=18812, help="0 picks a free one; see HOME/port")
    add("--seed", type=int, default=1)
    add("--durability", choices=("normal", "full"), default="normal", help="full: fsync each")
    _account(parser.add_argument_group("account"))
    _conditions(parser.add_argument_group("conditions"))
    _market(parser.add_argument_group("market"))
    return parser.parse_args(argv)


def _account(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--account-login", type=int, default=10001)
    add("--password", default="", help="asked of who names the login; default: none is asked")
    add("--balance", type=Decimal, default=Decimal(100_000), help="first deposit")
    add("--currency", default="USD")
    add("--leverage", type=int, default=100)
    add("--margin-mode", choices=("hedging", "netting"), default="hedging")
    add("--trade-mode", choices=_TRADE_MODES, default="demo")
    add("--margin-call", type=Decimal, default=Decimal(50), help="percent of margin")
    add("--stop-out", type=Decimal, default=Decimal(30), help="percent of margin")
    add("--orders-max", type=int, default=200, help="waiting orders, 0 without limit")
    add("--positions-max", type=int, default=0, help="open positions, 0 without limit")
    add("--fifo", action="store_true", help="oldest positions close first")
    add("--commission-per-lot", type=Decimal, default=Decimal("3.00"), help="per side")
    add("--commission-bps", type=Decimal, default=Decimal(0), help="of the value, per side")
    add("--commission-min", type=Decimal, default=Decimal(0), help="per deal")


def _conditions(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--execution", choices=_EXECUTIONS, default="market")
    add("--freeze-level", type=int, default=0, help="points around the price")
    add("--latency-ms", type=float, default=0.0, help="median of a lognormal; 0 is none")
    add("--latency-sigma", type=float, default=0.35, help="its deviation, in logarithms")
    add("--latency-spike", type=float, default=0.0, help="probability of a spike on top")
    add("--latency-spike-ms", type=float, default=1_000.0)
    add("--slippage-points", type=float, default=0.0, help="mean, always adverse")
    add("--slippage-impact", type=float, default=0.0, help="by size and volatility")
    add("--partial-fill", type=float, default=0.0, help="probability, IOC and resting limits")
    add("--liquidity", type=float, default=0.0, help="of the symbol's own, to take at once")
    add("--requote", type=float, default=0.0, help="probability under instant execution")
    add("--requests-per-second", type=int, default=0, help="more are refused; 0 without limit")


def _market(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    source = group.add_mutually_exclusive_group()
    source.add_argument("--bars", type=Path, help="canonical bar file, or a folder of them")
    source.add_argument("--generated", action="store_true", help="a seeded walk (the default)")
    add("--depth", type=Path, action="append", default=[], help="recorded order book, repeatable")
    add("--rules", type=Path, help="TOML file of symbols' rules")
    add("--speed", type=float, default=1.0, help="seconds of the path per second")
    add("--start-bar", type=int, default=None, help="bar of the recording at which to start")
    add("--sessions", choices=("always", "strict"), default="always")
    add("--server-utc-offset-hours", type=float, default=2.0)
    add(
        "--machine-utc-offset-hours",
        type=float,
        default=None,
        help="for naive datetimes; default: this machine's zone",
    )


def settings_of(given: argparse.Namespace) -> Settings:
    """Make the settings of a command line."""
    conditions = ConditionSettings(
        latency_ms=given.latency_ms,
        latency_sigma=given.latency_sigma,
        latency_spike=given.latency_spike,
        latency_spike_ms=given.latency_spike_ms,
        slippage_points=given.slippage_points,
        slippage_impact=given.slippage_impact,
        partial_fill=given.partial_fill,
        liquidity=given.liquidity,
        requote=given.requote,
        requests_per_second=given.requests_per_second,
    )
    return Settings(
        home=given.home,
        login=given.account_login,
        password=given.password,
        balance=given.balance,
        currency=given.currency.upper(),
        leverage=given.leverage,
        hedging=given.margin_mode == "hedging",
        trade_mode=_TRADE_MODES.index(given.trade_mode),
        execution=Execution[given.execution.upper()],
        freeze_level=given.freeze_level,
        commission=Commission(given.commission_per_lot, given.commission_bps, given.commission_min),
        limits=Limits(given.orders_max, given.positions_max, given.fifo),
        levels=MarginLevels(given.margin_call, given.stop_out),
        conditions=conditions,
        seed=given.seed,
        bars=given.bars,
        depth=tuple(given.depth),
        rules=given.rules,
        speed=given.speed,
        start_bar=given.start_bar,
        sessions=given.sessions,
        offset_hours=given.server_utc_offset_hours,
        machine_offset_hours=given.machine_utc_offset_hours,
        full_durability=given.durability == "full",
    )
