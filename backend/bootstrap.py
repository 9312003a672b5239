"""The composition root: from settings and servers to a desk whose processes can start.

Nothing here decides anything about trading; it prepares the database, hands out keys and
passwords, and lists the processes that `desk up`, `desk demo` and the benches keep running.
"""

from __future__ import annotations

import re
import shutil
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from backend.db.bus import dump
from backend.db.master_data import TradingBook, add_book, add_instruments, add_source
from backend.db.roles import SEALER, ensure_passwords, set_passwords
from backend.db.upgrade import upgrade
from backend.domain.market.universe import UNIVERSE
from backend.domain.sessions import Calendar
from backend.keys import ensure_keys
from backend.policies import PolicyPack, apply_pack, load_pack
from backend.runtime.desk_processes import Servers
from backend.runtime.home import Home
from backend.runtime.network import pick_port
from backend.runtime.postgres import role_url
from backend.runtime.supervisor import ProcessSpec
from backend.settings import CHECKOUT, Settings
from backend.values import Mode

Declarations = Sequence[Mapping[str, Any]]

DEMO_BOOK = TradingBook(
    org_id="demo",
    org_name="Demo Capital",
    venue_id="mt5-paper",
    account_id="paper-1",
    strategy_id="tv-smc",
    mode=Mode.PAPER,
    currency="USD",
    starting_balance=Decimal("100000"),
    login=10001,
    connection={},
)
DEMO_SOURCE = "tradingview-demo"
TERMINAL_UTC_OFFSET_HOURS = 2


@dataclass(frozen=True, slots=True)
class Shape:
    """How a desk is laid out over processes; the defaults are those of `desk up`.

    workers: one entry per worker process, the agents that it hosts ("all" or a list).
    niceness: how far workers stand back from the API, which must answer while they are busy.
    terminal_options: extra arguments of the paper terminal.
    """

    workers: tuple[str, ...] = ("all", "all")
    beat: bool = True
    plain_workers: bool = False
    niceness: int = 10
    policy: Path = CHECKOUT / "policies" / "demo.toml"
    always_open: bool = True
    terminal_options: tuple[str, ...] = ("--latency-ms", "15")
    rate_per_minute: int = 100_000
    max_age_ms: int = 600_000


@dataclass(slots=True)
class Desk:
    """A desk being put together: what its parts must agree on."""

    settings: Settings
    shape: Shape
    declarations: Declarations
    now: datetime
    book: TradingBook = DEMO_BOOK
    api_port: int = 0
    terminal_port: int = 0
    leverage: int = 0

    def prepare(self, settings: Settings, servers: Servers) -> None:
        """Migrate, hand out roles and keys, register the paper account and its policy."""
        upgrade(servers.owner_url)
        self.api_port = settings.api_port and pick_port("api", settings.home, settings.api_port)
        self.api_port = self.api_port or pick_port("api", settings.home, None)
        self.terminal_port = settings.terminal_port or pick_port("terminal", settings.home, None)
        with psycopg.connect(servers.owner_url, autocommit=True) as conn:
            set_passwords(conn, ensure_passwords(settings.keys))
            declare(conn, settings.keys, self.declarations, self.now)
            self._register(conn, settings)

    def _register(self, conn: psycopg.Connection[Any], settings: Settings) -> None:
        calendar = Calendar.ALWAYS if self.shape.always_open else None
        book = self.book_at(self.terminal_port)
        with conn.transaction():
            conn.execute("set local role desk_owner")
            add_instruments(conn, UNIVERSE, calendar)
            add_book(conn, book)
            add_source(
                conn,
                DEMO_SOURCE,
                book,
                Home(self.settings.home).secret(DEMO_SOURCE),
                self.shape.rate_per_minute,
                self.shape.max_age_ms,
            )
        pack = load_pack(settings.policy or self.shape.policy)
        # The simulated broker asks for the margin that the policy reckons with, and no more.
        self.leverage = max(1, round(1 / pack.authority.margin_rate))
        if not was_followed(conn, pack):
            apply_pack(conn, pack, applied_by="bootstrap")

    def book_at(self, terminal_port: int) -> TradingBook:
        """Return the paper account as reached at a terminal's port."""
        connection = {
            "terminal": "paper",
            "host": self.settings.terminal_host,
            "port": terminal_port,
            "server_utc_offset_hours": TERMINAL_UTC_OFFSET_HOURS,
        }
        return TradingBook(
            **{
                name: getattr(self.book, name)
                for name in TradingBook.__slots__
                if name != "connection"
            },
            connection=connection,
        )

    def processes(self, settings: Settings, servers: Servers) -> list[ProcessSpec]:
        """List the terminal, the workers, the scheduler and the API."""
        environment = child_environment(settings, servers)
        specs = [self._terminal(environment)]
        for number, agents in enumerate(self.shape.workers, start=1):
            specs.append(self._worker(number, agents, environment))
        if self.shape.beat:
            specs.append(self._beat(environment))
        specs.append(self._api(environment))
        return specs

    def endpoints(self, settings: Settings, servers: Servers) -> dict[str, str]:
        """Name the addresses that a person wants to know."""
        return {
            "api": self.api_url,
            "docs": f"{self.api_url}/docs",
            "paper_terminal": f"{settings.terminal_host}:{self.terminal_port}",
        }

    @property
    def api_url(self) -> str:
        """The API's base address."""
        return f"http://{self.settings.api_host}:{self.api_port}"

    def _terminal(self, environment: Mapping[str, str]) -> ProcessSpec:
        argv = [sys.executable, "-m", "backend.paper_terminal"]
        argv += ["--home", str(self.settings.home / "terminal" / self.settings.database)]
        argv += ["--host", self.settings.terminal_host, "--port", str(self.terminal_port)]
        argv += ["--account-login", str(self.book.login)]
        argv += ["--balance", str(self.book.starting_balance), "--margin-mode", "netting"]
        argv += ["--server-utc-offset-hours", str(TERMINAL_UTC_OFFSET_HOURS)]
        argv += ["--leverage", str(self.leverage)]
        argv += self.shape.terminal_options
        address = (self.settings.terminal_host, self.terminal_port)
        return ProcessSpec(
            "terminal", tuple(argv), env=environment, cwd=CHECKOUT, ready=listens(address)
        )

    def _worker(self, number: int, agents: str, environment: Mapping[str, str]) -> ProcessSpec:
        name = f"worker-{number}"
        if self.shape.plain_workers:
            argv = [sys.executable, "-m", "cli.main", "work", "--agents", agents]
        else:
            argv = [sys.executable, "-m", "celery", "-A", "workers.app", "worker"]
            argv += ["--hostname", f"{name}@%h", "--loglevel", "warning", "--agents", agents]
            argv += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        argv = [*standing_back(self.shape.niceness), *argv]
        return ProcessSpec(name, tuple(argv), env=environment, cwd=CHECKOUT)

    def _beat(self, environment: Mapping[str, str]) -> ProcessSpec:
        argv = [sys.executable, "-m", "celery", "-A", "workers.app", "beat"]
        argv += ["--loglevel", "warning", "--pidfile", ""]
        argv += ["--schedule", str(self.settings.home / "run" / "beat-schedule")]
        return ProcessSpec("beat", tuple(argv), env=environment, cwd=CHECKOUT)

    def _api(self, environment: Mapping[str, str]) -> ProcessSpec:
        argv = [sys.executable, "-m", "uvicorn", "backend.api.app:create_app", "--factory"]
        argv += ["--host", self.settings.api_host, "--port", str(self.api_port)]
        # The application finds the sender itself, by the proxies that it was told to trust.
        argv += ["--no-access-log", "--log-level", "warning", "--no-proxy-headers"]
        return ProcessSpec(
            "api", tuple(argv), env=environment, cwd=CHECKOUT, ready=answers(self.api_url)
        )


def declare(
    conn: psycopg.Connection[Any], keys: Path, declarations: Declarations, now: datetime
) -> None:
    """Tell the bus who hears and says what, and register every agent's public key."""
    names = [str(declaration["agent"]) for declaration in declarations]
    # The sealer makes its key known itself, with its first seal.
    ensure_keys(keys, [SEALER])
    with conn.transaction():
        conn.execute("set local role desk_owner")
        conn.execute("select bus.declare_agents(%s::jsonb)", (dump(list(declarations)),))
        for agent, key in ensure_keys(keys, names).items():
            conn.execute(
                "select bus.register_key(%s, %s, %s, %s)",
                (agent, key.key_id, key.public_bytes, now),
            )


def child_environment(settings: Settings, servers: Servers) -> dict[str, str]:
    """Return what children need; the owner's password is not among it."""
    return {
        "DATABASE_URL": without_login(servers.owner_url),
        "BROKER_URL": servers.broker_url,
        "DESK_HOME": str(settings.home),
        "DESK_KEYS": str(settings.keys),
        "DESK_DATABASE": settings.database,
        "DESK_LOG_LEVEL": settings.log_level,
        "DESK_TRUSTED_PROXIES": ",".join(settings.trusted_proxies),
    }


def without_login(owner_url: str) -> str:
    """Return the URL of the same database that names nobody; every role adds its own login."""
    url = role_url(owner_url, "", "").replace("://:@", "://", 1)
    # What is left of a pooler's user is the project, which every login there must name.
    return re.sub(r"://(\.[^:@/]+):@", r"://\1@", url, count=1)


def standing_back(niceness: int) -> list[str]:
    """Return the words before a command that lower its priority; none where that is unknown."""
    nice = shutil.which("nice") if niceness > 0 else None
    return [] if nice is None else [nice, "-n", str(niceness)]


def listens(address: tuple[str, int]) -> Callable[[], bool]:
    """Return a check that something accepts connections at the address."""

    def check() -> bool:
        try:
            socket.create_connection(address, 0.5).close()
        except OSError:
            return False
        return True

    return check


def answers(api_url: str) -> Callable[[], bool]:
    """Return a check that the API is ready."""

    def check() -> bool:
        try:
            with urllib.request.urlopen(f"{api_url}/ready", timeout=1) as response:
                return response.status == 200
        except (urllib.error.URLError, OSError):
            return False

    return check


def was_followed(conn: psycopg.Connection[Any], pack: PolicyPack) -> bool:
    """Tell whether voters or operators went on from this pack: a restart undoes no vote."""
    row = conn.execute(
        "select exists (select from risk.policies p, risk.policies a"
        " where p.policy_hash = %s and not p.active and a.active and a.name = p.name"
        " and a.applied_by not like %s)",
        (pack.policy_hash, "%(bootstrap)"),
    ).fetchone()
    return row is not None and bool(row[0])
