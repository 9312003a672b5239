"""A whole desk in a home of its own: what is posted to it, killed in it, and true of it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import urlsplit
from uuid import uuid4

import psutil
import psycopg

from backend.bootstrap import DEMO_SOURCE
from backend.domain.market.alerts import plan_alerts, write_alert
from backend.ports import SystemClock
from backend.runtime import postgres
from backend.runtime.control import ProcessReport, report
from backend.runtime.desk_processes import running_database
from backend.runtime.home import Home
from backend.settings import CHECKOUT, Settings
from research.load.market import market_states
from tests.kit.homes import environment_for, settings_for, temporary_home, until

START_S = 200.0
SETTLE_S = 90.0
ANSWER_S = 60.0
SENDERS = 2
EXPERT = 3
"""The terminal says so of what a program sent; its own stops and targets are called otherwise."""

IN_FLIGHT: LiteralString = """
select (select count(*) from public.signals_raw r
         where not exists (select from public.alert_outcomes o
                            where o.correlation_id = r.correlation_id)),
       (select count(*) from bus.deliveries d
          join public.signals_raw r on r.correlation_id = d.correlation_id),
       (select count(*) from execution.attempts a where a.state in ('open', 'unknown'))
"""


def desk(home: Path, *words: str, timeout_s: float = START_S) -> subprocess.CompletedProcess[str]:
    """Run a verb as a person would, however long a busy machine takes."""
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *words],
        cwd=CHECKOUT,
        env=environment_for(home, DESK_API_PORT="0"),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def processes_of(home: Path) -> list[str]:
    """Name what still runs with this home in its command line, environment or folder."""
    found: list[str] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            where = [process.cwd(), *process.cmdline(), process.environ().get("DESK_HOME", "")]
            # The process that asks is told of the home too, by its test.
            if process.pid != os.getpid() and any(str(home) in word for word in where):
                found.append(f"{process.pid} {' '.join(process.cmdline())}")
    return found


@dataclass
class DeskRun:
    """A desk that runs, seen from outside."""

    home: Path

    @property
    def settings(self) -> Settings:
        """Give the settings of a verb that is run beside this desk."""
        return settings_for(self.home)

    @property
    def api_url(self) -> str:
        """Give the API's address."""
        return report(self.settings).endpoints["api"]

    def process(self, name: str) -> ProcessReport:
        """Say how one process of the desk does."""
        return next(p for p in report(self.settings).processes if p.name == name)

    def kill(self, name: str, signum: signal.Signals = signal.SIGKILL) -> ProcessReport:
        """Signal one process without warning; returns what it was."""
        found = self.process(name)
        os.kill(found.pid, signum)
        return found

    def returned(self, before: ProcessReport) -> None:
        """Wait until the supervisor has put another process in place of this one."""

        def replaced() -> bool:
            now = self.process(before.name)
            return now.running and now.pid != before.pid

        until(replaced, f"{before.name} was started again", START_S)

    def ask(self, query: LiteralString, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Read rows as one who may read everything."""
        with self.session() as conn:
            return conn.execute(query, parameters).fetchall()

    def session(self) -> psycopg.Connection[tuple[Any, ...]]:
        """Open a session of one who may read everything."""
        handle = postgres.find_running(self.settings)
        if handle is None:
            raise psycopg.OperationalError("no Postgres runs")
        return psycopg.connect(handle.superuser_url(running_database(self.settings)))

    def answers(self) -> bool:
        """Tell whether the database answers now."""
        try:
            return bool(self.ask("select 1"))
        except (psycopg.OperationalError, FileNotFoundError):
            return False

    def settles(self) -> None:
        """Wait until every accepted alert has its outcome and nothing about it is under way."""
        seen: list[object] = [None]

        def settled() -> bool:
            try:
                seen[0] = self.ask(IN_FLIGHT)[0]
            except psycopg.OperationalError as error:
                seen[0] = str(error)
            return seen[0] == (0, 0, 0)

        try:
            until(settled, "the desk settled", SETTLE_S)
        except AssertionError:
            raise AssertionError(f"alerts, messages, attempts under way: {seen[0]}") from None

    @contextlib.contextmanager
    def stream(self, count: int, rate_per_s: float = 40.0, seed: int = 7) -> Generator[Stream]:
        """Post alerts in the background; leaving waits until all were answered with 200."""
        with self.session() as conn:
            markets = market_states(conn)
        clock = SystemClock()
        bodies = [
            write_alert(plan, f"test-{uuid4()}", clock.now()).body
            for plan in plan_alerts(seed, count, markets, duplicate_share=0)
        ]
        stream = Stream(self._webhook(), bodies, rate_per_s)
        stream.start()
        try:
            yield stream
        except BaseException:
            stream.cancel()
            raise
        stream.finish()

    def post(self, body: bytes) -> str:
        """Post one alert; returns its id."""
        status, answer = post_once(self._webhook(), body)
        assert status == 200, answer
        return str(json.loads(answer)["alert_id"])

    def sent_to_terminal(self) -> dict[str, list[tuple[str, Decimal, Decimal]]]:
        """Read from the terminal's own books what programs traded, by client order id."""
        database = running_database(self.settings)
        file = self.home / "terminal" / database / "terminal.sqlite3"
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as books:
            orders = books.execute(
                "select ticket, comment from history_orders where reason = ?"
                " union all select ticket, comment from orders where reason = ?",
                (EXPERT, EXPERT),
            ).fetchall()
            deals = books.execute("select order_ticket, ticket, volume, price from deals")
            trades: dict[int, list[tuple[str, Decimal, Decimal]]] = {}
            for order, ticket, volume, price in deals:
                trades.setdefault(order, []).append((str(ticket), Decimal(volume), Decimal(price)))
        sent: dict[str, list[tuple[str, Decimal, Decimal]]] = {}
        for ticket, client_order_id in orders:
            assert client_order_id not in sent, f"{client_order_id} reached the terminal twice"
            sent[client_order_id] = trades.get(ticket, [])
        return sent

    def booked(self) -> dict[str, list[tuple[str, Decimal, Decimal]]]:
        """Read the same from our own books."""
        booked: dict[str, list[tuple[str, Decimal, Decimal]]] = {}
        for client_order_id, trade, quantity, price in self.ask(
            "select a.client_order_id, f.venue_trade_id, f.quantity, f.price"
            "  from public.fills f"
            "  join execution.attempts a on a.attempt_id = f.attempt_id"
            " order by f.venue_trade_id::bigint"
        ):
            booked.setdefault(client_order_id, []).append((trade, quantity, price))
        return booked

    def _webhook(self) -> str:
        token = Home(self.home).secret(DEMO_SOURCE)
        return f"{self.api_url}/webhooks/tradingview/{token}"


@dataclass
class Stream:
    """Alerts that are posted until each got its 200, as TradingView does with a 5xx."""

    url: str
    bodies: Sequence[bytes]
    rate_per_s: float
    answered: dict[int, str] = field(default_factory=dict[int, str])
    """The alert's id by the number of the post."""
    repeated: int = 0
    failure: Exception | None = None

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._left = threading.Event()
        self._numbers = iter(range(len(self.bodies)))
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(SENDERS)]

    def start(self) -> None:
        """Begin to post."""
        for thread in self._threads:
            thread.start()

    def reaches(self, count: int) -> None:
        """Wait until so many posts were answered."""
        with self._changed:
            done = self._changed.wait_for(
                lambda: self.failure is not None or len(self.answered) >= count, ANSWER_S
            )
        self._check()
        assert done, f"{len(self.answered)} of {count} posts were answered"

    def finish(self) -> None:
        """Wait until every post was answered with 200."""
        self.reaches(len(self.bodies))
        for thread in self._threads:
            thread.join()

    def cancel(self) -> None:
        """Post nothing more."""
        self._left.set()

    def _check(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _work(self) -> None:
        try:
            while not self._left.wait(SENDERS / self.rate_per_s):
                with self._changed:
                    number = next(self._numbers, None)
                if number is None:
                    return
                self._post(number)
        except Exception as error:
            with self._changed:
                self.failure = error
                self._changed.notify_all()
            raise

    def _post(self, number: int) -> None:
        def answered() -> str:
            try:
                status, answer = post_once(self.url, self.bodies[number])
            except (OSError, http.client.HTTPException):
                status, answer = 503, b""
            assert status in (200, 503), f"{status}: {answer!r}"
            if status == 200:
                return str(json.loads(answer)["alert_id"])
            self.repeated += 1
            return ""

        alert_id = until(answered, f"post {number} was answered", ANSWER_S)
        with self._changed:
            self.answered[number] = alert_id
            self._changed.notify_all()


def post_once(url: str, body: bytes) -> tuple[int, bytes]:
    """Post a body over a connection of its own; returns status and answer."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    with contextlib.closing(connection):
        connection.request("POST", parts.path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()


@contextlib.contextmanager
def standing_desk() -> Generator[DeskRun]:
    """Start a desk in a fresh home, lend it, and leave nothing of it."""
    with temporary_home() as home:
        started = desk(home, "up", "--detach")
        assert started.returncode == 0, started.stderr
        yield DeskRun(home)
