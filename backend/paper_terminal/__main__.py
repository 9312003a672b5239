"""Start the paper terminal: `python -m backend.paper_terminal --home DIR --port 18812`."""

import argparse
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from backend.paper_terminal.assembly import Settings, assemble
from backend.paper_terminal.conditions import ConditionSettings
from backend.paper_terminal.control import ControlServer
from backend.paper_terminal.service import TerminalServer

_TIMER_S = 0.2
log = logging.getLogger("paper_terminal")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m backend.paper_terminal", description=__doc__)
    add = parser.add_argument
    add("--home", type=Path, required=True, help="folder of the durable state")
    add(
        "--host",
        default="127.0.0.1",
        help="address to listen on; others than loopback are open",
    )
    add("--port", type=int, default=18812, help="0 picks a free one; see HOME/port")
    add("--account-login", type=int, default=10001)
    add("--balance", type=Decimal, default=Decimal(100_000), help="first deposit")
    add("--currency", default="USD")
    add("--leverage", type=int, default=100)
    add("--margin-mode", choices=("hedging", "netting"), default="hedging")
    add("--trade-mode", choices=("demo", "contest", "real"), default="demo")
    add("--execution", choices=("market", "instant"), default="market")
    add("--freeze-level", type=int, default=0, help="points around the price, pending orders")
    add("--commission-per-lot", type=Decimal, default=Decimal("3.00"), help="per side")
    add("--latency-ms", type=float, default=0.0, help="median of a lognormal; 0 is none")
    add("--slippage-points", type=float, default=0.0, help="mean, always adverse")
    add("--partial-fill", type=float, default=0.0, help="probability, IOC orders only")
    add("--seed", type=int, default=1)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--bars", type=Path, help="canonical bar file, or a folder of them")
    source.add_argument("--generated", action="store_true", help="a seeded walk (the default)")
    add("--speed", type=float, default=1.0, help="seconds of the path per second")
    add(
        "--start-bar",
        type=int,
        default=None,
        help="bar of the recording at which to start",
    )
    add("--sessions", choices=("always", "strict"), default="always")
    add("--server-utc-offset-hours", type=float, default=2.0)
    add(
        "--durability",
        choices=("normal", "full"),
        default="normal",
        help="full: fsync each",
    )
    return parser.parse_args(argv)


def _settings(given: argparse.Namespace) -> Settings:
    conditions = ConditionSettings(given.latency_ms, given.slippage_points, given.partial_fill)
    return Settings(
        home=given.home,
        login=given.account_login,
        balance=given.balance,
        currency=given.currency.upper(),
        leverage=given.leverage,
        hedging=given.margin_mode == "hedging",
        trade_mode=("demo", "contest", "real").index(given.trade_mode),
        instant=given.execution == "instant",
        freeze_level=given.freeze_level,
        commission_per_lot=given.commission_per_lot,
        conditions=conditions,
        seed=given.seed,
        bars=given.bars,
        speed=given.speed,
        start_bar=given.start_bar,
        sessions=given.sessions,
        offset_hours=given.server_utc_offset_hours,
        full_durability=given.durability == "full",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. 2 if the settings or the folder do not allow it."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    given = _arguments(sys.argv[1:] if argv is None else argv)
    if given.host not in _LOOPBACK:
        log.warning("port.open_to_others host=%s: the protocol has no password", given.host)
    try:
        terminal, faults, close = assemble(_settings(given))
        server = TerminalServer(terminal, faults, given.host, given.port)
        control = ControlServer(given.home, faults, terminal.status)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"paper terminal: {error}\n")
        return 2
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    port = server.listen()
    threading.Thread(target=server.start, name="accept", daemon=True).start()
    control.start()
    (given.home / "port").write_text(f"{port}\n")
    sys.stdout.write(json.dumps({"ready": True, "port": port, "pid": os.getpid()}) + "\n")
    sys.stdout.flush()
    while not stopping.wait(_TIMER_S):
        terminal.tick()
    control.close()
    server.close()
    terminal.close(close)
    return 0


if __name__ == "__main__":
    sys.exit(main())
