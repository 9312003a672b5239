"""The desk that is broken: its own home and servers, two workers, a bridge, a paper terminal."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import sys
import time
import uuid
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from backend.bootstrap import DEMO_SOURCE, Desk, Shape, child_environment
from backend.db.gateway import call
from backend.db.roles import ensure_passwords
from backend.domain.market.alerts import MarketState
from backend.errors import DeskError
from backend.ports import SystemClock
from backend.runtime.desk_processes import DeskPlan, RunningDesk, Servers, open_desk
from backend.runtime.home import Home
from backend.runtime.paper_control import PaperControl
from backend.runtime.state import ProcessState
from backend.runtime.supervisor import ProcessSpec
from backend.settings import CHECKOUT, Settings
from backend.venues.mt5.terminals import make_terminal
from research.chaos.books import DeskBooks, VenueBooks, read_desk, read_venue
from research.chaos.plan import BRIDGE, WORKERS, Fault
from research.load.market import market_states
from workers.declare import declarations

SHAPE = Shape(
    policy=CHECKOUT / "policies" / "bench.toml",
    niceness=0,
    # Slow and meagre enough that kills fall between the venue's act and our record of it.
    terminal_options=("--latency-ms", "40", "--partial-fill", "0.1", "--slippage-points", "1"),
    rate_per_minute=100_000_000,
)
READ_TIMEOUT_S = 30.0
POLL_S = 0.1
_BUSY = """
select (select count(*) from public.signals_raw r
         where not exists (select from public.alert_outcomes o
                            where o.correlation_id = r.correlation_id)) as alerts,
       (select count(*) from bus.deliveries d
          join public.signals_raw r on r.correlation_id = d.correlation_id) as messages,
       (select count(*) from execution.attempts a where a.state in ('open', 'unknown')) as attempts,
       (select count(*) from public.orders o
         where o.status in ('initialized', 'submitted', 'accepted', 'triggered',
                            'partially_filled', 'unknown', 'pending_update', 'pending_cancel')
       ) + (select count(*) from execution.parents p where p.state = 'working') as orders
"""
_RESTING = """
select o.order_id from public.orders o
 where o.status in ('accepted', 'partially_filled') and o.order_type = 'limit'
   and o.created_at < clock_timestamp() - %s * interval '1 second'
   and not exists (select from execution.parents p where p.intent_id = o.intent_id)
 order by o.created_at limit %s
"""
_SLICING = """
immediate_up_to = "0"
algorithm = "twap"
algorithm_parked = "twap"
duration_s = 45
child_ttl_s = 30
interval_s = 3
"""
"""What the chaos desk's pack says otherwise: orders of the slower timeframe are worked."""


@dataclass(slots=True)
class Stage:
    """A desk that runs, and what may be done to it."""

    desk: RunningDesk
    parts: Desk
    keep: bool = False
    """Whether its home stays, to look at."""

    @property
    def webhook(self) -> str:
        """Give the address that alerts are posted to."""
        token = Home(self.desk.settings.home).secret(DEMO_SOURCE)
        return f"{self.parts.api_url}/webhooks/tradingview/{token}"

    @property
    def control(self) -> PaperControl:
        """Give the terminal's back door."""
        settings = self.desk.settings
        return PaperControl(settings.home / "terminal" / settings.database)

    def session(self, role: str = "desk_reader") -> psycopg.Connection[Any]:
        """Open a session of one who may only read, or of another role."""
        password = ensure_passwords(self.desk.settings.keys)[role]
        url = self.desk.servers.url(role, password)
        return psycopg.connect(url, autocommit=True, connect_timeout=5)

    def ask(self, query: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
        """Read rows; none while Postgres is away."""
        try:
            with self.session() as conn:
                return conn.execute(query, parameters).fetchall()
        except psycopg.OperationalError:
            return []

    def markets(self) -> Sequence[MarketState]:
        """Say where the market stands."""
        with self.session() as conn:
            return market_states(conn)

    def prices(self) -> dict[str, Decimal]:
        """Give the middle of each symbol's last quote; nothing while Postgres is away."""
        return dict(self.ask("select q.symbol, (q.bid + q.ask) / 2 from public.latest_quotes q"))

    def kill(self, name: str, within_s: float) -> datetime:
        """Kill a part with SIGKILL as soon as it runs; gives the instant before."""
        self._until(lambda: self._process(name).phase == "running", f"{name} ran again", within_s)
        at = SystemClock().now()
        os.kill(self._process(name).pid, signal.SIGKILL)
        return at

    def inject(self, fault: Fault) -> bool:
        """Put a fault in force; false where the terminal itself is away just now."""
        try:
            self.control.inject(
                fault.name, action=fault.action, next_calls=fault.calls, **fault.parameters
            )
        except DeskError:
            return False
        return True

    def withdraw(self, older_s: float, most: int = 1000) -> int:
        """Cancel what rests at the venue, as a person would; gives how many were asked for."""
        asked = 0
        for (order_id,) in self.ask(_RESTING, older_s, most):
            item = {"i": 0, "order_id": str(order_id), "reason": "the chaos ends it"}
            # It may be filled meanwhile, or Postgres away.
            with contextlib.suppress(psycopg.Error), self.session("desk_operator") as conn:
                call(conn, "execution.cancel_orders", [item])
                conn.execute("select bus.wake('{execution}')")
                asked += 1
        return asked

    def settle(self, within_s: float) -> str:
        """Wait until nothing is under way; names what still is where nothing moves any more.

        What rests is withdrawn. within_s: how long nothing may change; a machine with other
        work takes its time.
        """
        seen: list[tuple[Any, ...]] = []
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            now = self.ask(_BUSY)
            if now == [(0, 0, 0, 0)]:
                return ""
            self.withdraw(0)
            if now != seen:
                seen, deadline = now, time.monotonic() + within_s
            time.sleep(POLL_S)
        return f"alerts, messages, attempts, orders under way for {within_s:.0f} s: {seen}"

    def freeze(self, within_s: float) -> None:
        """Let quotes stand still: nothing is triggered any more while the books are read."""
        control = self.control
        self._until(lambda: self._froze(control), "the terminal froze", within_s)

    def agree(self, within_s: float) -> str:
        """Have account and venue compared until they agree; gives the last word on it."""
        deadline = time.monotonic() + within_s
        state = "never compared"
        while state not in ("agreed", "unexplained") and time.monotonic() < deadline:
            with contextlib.suppress(psycopg.OperationalError):
                state = self._compared(deadline)
        return state

    def stop_workers(self) -> None:
        """Stop whoever trades: a book is read while nobody writes it."""
        for name in (BRIDGE, *WORKERS):
            self.desk.supervisor.stop_one(name)

    def read_both(self) -> tuple[DeskBooks, VenueBooks]:
        """Read both sides' books."""
        host, port = self.desk.settings.terminal_host, self.parts.terminal_port
        venue = read_venue(
            make_terminal("paper", host, port, READ_TIMEOUT_S), self.parts.book.login or 0
        )
        with self.session() as conn:
            return read_desk(conn, self.parts.book.account_id), venue

    def _compared(self, deadline: float) -> str:
        account = self.parts.book.account_id
        with self.session("desk_operator") as conn:
            (asked,) = call(
                conn, "execution.ask_reconciliations", [{"i": 0, "account_id": account}]
            )
            conn.execute("select bus.wake('{execution}')")
        state = "asked"
        while state == "asked" and time.monotonic() < deadline:
            time.sleep(POLL_S)
            found = self.ask(
                "select state from execution.reconciliations where reconciliation_id = %s",
                asked["reconciliation_id"],
            )
            state = found[0][0] if found else state
        return state

    def _froze(self, control: PaperControl) -> bool:
        try:
            control.clear()
            control.inject("stale_quotes", keep=True)
        except DeskError:
            return False
        return True

    def _process(self, name: str) -> ProcessState:
        return next(p for p in self.desk.supervisor.processes() if p.name == name)

    def _until(self, ask: Callable[[], bool], what: str, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while not ask():
            if time.monotonic() > deadline:
                raise DeskError(
                    "chaos.late",
                    f"not within {within_s:.0f} s: {what}",
                    f"see the logs in {self.desk.settings.home / 'log'}",
                )
            time.sleep(POLL_S)


@contextlib.contextmanager
def open_stage(settings: Settings) -> Generator[Stage]:
    """Start the desk in a fresh home under ours; the home is removed unless it is to be kept."""
    home = settings.home / "chaos" / uuid.uuid4().hex[:6]
    settings = settings.model_copy(
        update={
            "home": home,
            "keys_folder": None,
            "database_url": None,
            "broker_url": None,
            "api_port": 0,
            "terminal_port": 0,
            "log_level": "warning",
        }
    )
    shape = replace(SHAPE, policy=_pack(home))
    parts = Desk(settings, shape, declarations(), SystemClock().now())

    def processes(given: Settings, servers: Servers) -> list[ProcessSpec]:
        return [*parts.processes(given, servers), _bridge(parts, given, servers)]

    plan = DeskPlan(parts.prepare, processes, parts.endpoints)
    with open_desk(settings, plan, SystemClock()) as desk:
        desk.supervisor.watch_in_background()
        stage = Stage(desk, parts)
        yield stage
    if not stage.keep:
        shutil.rmtree(home, ignore_errors=True)


def _pack(home: Path) -> Path:
    """Write the pack of the bench with other numbers of slicing."""
    text = SHAPE.policy.read_text()
    for line in _SLICING.strip().splitlines():
        name = line.partition(" = ")[0]
        text, times = re.subn(rf"(?m)^{name} = .*$", line, text)
        if times != 1:
            raise DeskError("chaos.pack", f"{name} stands {times} times in the pack", "")
    home.mkdir(parents=True, exist_ok=True)
    file = home / "chaos.toml"
    file.write_text(text)
    return file


def _bridge(parts: Desk, settings: Settings, servers: Servers) -> ProcessSpec:
    argv = (sys.executable, "-m", "cli.main", "work", "--agents", "execution")
    return ProcessSpec(
        BRIDGE,
        (*argv, "--account", parts.book.account_id),
        env=child_environment(settings, servers),
        cwd=CHECKOUT,
    )
