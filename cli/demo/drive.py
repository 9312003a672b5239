"""The demo's course: start a desk, wait for its market, post, wait for every outcome."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg
from psycopg import sql

from backend.bootstrap import DEMO_SOURCE
from backend.db.roles import ensure_passwords
from backend.domain.market.alerts import AlertPost, plan_alerts, write_alert
from backend.errors import DeskError
from backend.ports import SystemClock
from backend.runtime import postgres
from backend.runtime.control import report, stop_desk
from backend.runtime.desk_processes import find_servers
from backend.runtime.home import Home, prepare_home
from backend.runtime.spawn import rotate, tail
from backend.settings import Settings
from cli.console import err
from cli.demo import summary
from cli.demo.screen import Screen
from research.load.market import market_states
from research.load.open_loop import Load, schedule
from research.load.post import Poster

START_WAIT_S = 300.0
OUTCOME_WAIT_S = 120.0
POLL_S = 0.25
SENDERS = 4
RESEND_S, RESEND_PAUSE_S = 60.0, 0.25


def run_demo(
    settings: Settings, alerts: int, seed: int, rate: float, keep: bool, json_file: Path | None
) -> bool:
    """Run the demo. Returns whether every accepted alert reached one final outcome."""
    if settings.external_database is not None:
        raise DeskError(
            "demo.external_database",
            "the demo makes a fresh database of its own and DATABASE_URL is set",
            "unset DATABASE_URL; `desk up` is the verb for a server of your own",
        )
    for signum in (signal.SIGTERM, signal.SIGHUP):
        # As Ctrl-C: whoever ends us wants the desk ended too.
        signal.signal(signum, _interrupt)
    clock = SystemClock()
    name = f"demo_{clock.now():%Y%m%d_%H%M%S}_{uuid.uuid4().hex[:4]}"
    settings = settings.model_copy(update={"database": name})
    with _desk(settings, keep) as desk:
        servers = find_servers(settings)
        _drop_older(settings, name)
        url = servers.url("desk_reader", ensure_passwords(settings.keys)["desk_reader"])
        reader = summary.Reader(url)
        _post_and_watch(settings, reader, desk, clock, alerts, seed, rate)
        told = summary.read(reader, alerts)
        told["json"]["database_url"] = _tcp_url(settings)
        told["json"]["api_url"] = report(settings).endpoints["api"]
        if json_file is not None:
            json_file.write_text(json.dumps(told["json"], indent=2) + "\n")
        summary.show(told)
        if keep:
            _tell_ways_in(told["json"])
        return bool(told["json"]["ok"])


def _interrupt(_signum: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _tell_ways_in(facts: dict[str, Any]) -> None:
    lines = (
        "the desk keeps running; `desk down` stops it:",
        "  [bold]desk status[/]",
        f"  [bold]desk replay {facts['example_correlation_id']}[/]",
        f"  [bold]psql '{facts['database_url']}'[/]",
    )
    for line in lines:
        err().print(line, soft_wrap=True)


@contextmanager
def _desk(settings: Settings, keep: bool) -> Iterator[subprocess.Popen[bytes]]:
    """Run `desk up` beside us: it ends with us, unless it is to be kept."""
    home = prepare_home(settings)
    before = report(settings)
    if before.phase not in ("stopped", "crashed"):
        raise DeskError(
            "desk.already_running",
            f"a desk already runs in {settings.home}",
            "stop it with `desk down`, or set DESK_HOME to run another one beside it",
        )
    begin = time.monotonic()
    child = _start(home.log("desk"), settings)
    try:
        with err().status("starting Postgres, Redis, API, workers and paper terminal …"):
            _await_desk(settings, child, home.log("desk"))
        err().print(f"the desk stands after {time.monotonic() - begin:.1f} s")
        yield child
    except BaseException:
        err().print("stopping the desk …")
        _stop(settings, child)
        raise
    if not keep:
        with err().status("stopping …"):
            _stop(settings, child)


def _start(log: Path, settings: Settings) -> subprocess.Popen[bytes]:
    rotate(log)
    with log.open("wb") as output:
        # A session of its own: Ctrl-C is ours, and what is kept outlives this terminal.
        return subprocess.Popen(
            (sys.executable, "-m", "cli.main", "up"),
            env={**os.environ, "DESK_DATABASE": settings.database},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _await_desk(settings: Settings, child: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_WAIT_S
    while True:
        found = report(settings)
        if found.phase == "ready" and found.pid == child.pid:
            return
        if child.poll() is not None:
            raise DeskError("desk.start", "the desk did not start", tail(log))
        if time.monotonic() > deadline:
            raise DeskError("desk.start", "the desk was not ready in time", tail(log))
        time.sleep(0.05)


def _stop(settings: Settings, child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        child.wait()
    # Whatever it left if it did not end by itself.
    stop_desk(settings)


def _post_and_watch(
    settings: Settings,
    reader: summary.Reader,
    desk: subprocess.Popen[bytes],
    clock: SystemClock,
    alerts: int,
    seed: int,
    rate: float,
) -> None:
    with err().status("waiting for quotes, bars and venue health …"), reader.session() as conn:
        markets = market_states(conn)
    token = Home(settings.home).secret(DEMO_SOURCE)
    poster = Poster(f"{report(settings).endpoints['api']}/webhooks/tradingview/{token}")
    plans = plan_alerts(seed, alerts, markets)
    written: dict[int, AlertPost] = {}
    refused: list[int] = []

    def send(number: int) -> None:
        plan = plans[number]
        original = number if plan.repeats is None else plan.repeats
        # Ids and times belong to the moment of posting: two runs are never taken for one.
        post = written.get(original) or write_alert(plan, f"demo-{uuid.uuid4()}", clock.now())
        written[original] = post
        status = _deliver(poster, post)
        if status != 200:
            refused.append(status)

    screen = Screen(alerts)
    with screen.live(), schedule(send, alerts, rate, SENDERS) as load:
        _watch(reader, screen, load, desk, Home(settings.home).log("desk"))
    if refused:
        raise DeskError(
            "demo.refused",
            f"the webhook refused {len(refused)} of {alerts} posts (first: HTTP {refused[0]})",
            f"see {Home(settings.home).log('api')}",
        )


def _deliver(poster: Poster, post: AlertPost) -> int:
    """Post as TradingView does: once more after a 5xx, or if nobody answers."""
    deadline = time.monotonic() + RESEND_S
    while True:
        try:
            status = poster.post(post.body, post.content_type)
        except (OSError, http.client.HTTPException):
            status = 503
        if status < 500 or time.monotonic() > deadline:
            return status
        time.sleep(RESEND_PAUSE_S)


def _watch(
    reader: summary.Reader,
    screen: Screen,
    load: Load,
    desk: subprocess.Popen[bytes],
    log: Path,
) -> None:
    """Draw until every accepted alert has its outcome and nothing more is under way.

    Gives up when nothing moved for OUTCOME_WAIT_S; raises DeskError if the desk ends.
    """
    moved: tuple[int, ...] = ()
    deadline = time.monotonic() + OUTCOME_WAIT_S
    while True:
        begin = time.monotonic()
        state = reader.progress()
        if state is not None:
            screen.update(load.sent, state)
            if load.finished and state.settled:
                return
            now_moved = (load.sent, state.decided, state.fills, state.under_way)
            if now_moved != moved:
                moved, deadline = now_moved, time.monotonic() + OUTCOME_WAIT_S
        if desk.poll() is not None:
            raise DeskError("desk.ended", "the desk ended while the demo ran", tail(log))
        if time.monotonic() > deadline:
            return
        # Looking costs the desk something: a long look is followed by a longer pause.
        time.sleep(max(POLL_S, 4 * (time.monotonic() - begin)))


def _drop_older(settings: Settings, current: str) -> None:
    """Drop the databases of earlier demos; only the last one is worth its disk."""
    handle = postgres.find_running(settings)
    if handle is None:
        return
    with psycopg.connect(handle.superuser_url(), autocommit=True) as conn:
        names = conn.execute(
            "select d.datname from pg_database d where d.datname like 'demo\\_%%'"
            " and d.datname <> %s",
            (current,),
        ).fetchall()
        for (name,) in names:
            conn.execute(
                sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
            )


def _tcp_url(settings: Settings) -> str:
    handle = postgres.find_running(settings)
    assert handle is not None
    password = ensure_passwords(settings.keys)["desk_reader"]
    return handle.url("desk_reader", password, settings.database, tcp=True)
