"""The demo's course: start a desk, wait for its market, post, wait for every outcome."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
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
from backend.runtime.spawn import spawn, tail
from backend.settings import Settings
from cli.console import err
from cli.demo import summary
from cli.demo.screen import Screen
from research.load.market import market_states
from research.load.open_loop import schedule
from research.load.post import Poster

START_WAIT_S = 300.0
OUTCOME_WAIT_S = 120.0
POLL_S = 0.25
SENDERS = 4


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
    clock = SystemClock()
    name = f"demo_{clock.now():%Y%m%d_%H%M%S}_{uuid.uuid4().hex[:4]}"
    settings = settings.model_copy(update={"database": name})
    with _desk(settings, keep):
        servers = find_servers(settings)
        _drop_older(settings, name)
        url = servers.url("desk_reader", ensure_passwords(settings.keys)["desk_reader"])
        with psycopg.connect(url, autocommit=True) as conn:
            posted = _post_and_watch(settings, conn, clock, alerts, seed, rate)
            told = summary.read(conn)
        told["database_url"] = _tcp_url(settings)
        told["api_url"] = report(settings).endpoints["api"]
        told["ok"] = told["ok"] and told["alerts"]["posted"] == posted
        if json_file is not None:
            json_file.write_text(json.dumps(told["json"] | _links(told), indent=2) + "\n")
        summary.show(told)
        if keep:
            err().print(
                "the desk keeps running: [bold]desk status[/], [bold]desk down[/];"
                f" [bold]psql '{told['database_url']}'[/]"
            )
        return bool(told["ok"])


def _links(told: dict[str, Any]) -> dict[str, Any]:
    return {key: told[key] for key in ("ok", "database_url", "api_url")}


@contextmanager
def _desk(settings: Settings, keep: bool) -> Iterator[None]:
    """Run `desk up` beside us: it ends with us, unless it is to be kept."""
    prepare_home(settings)
    before = report(settings)
    if before.phase not in ("stopped", "crashed"):
        raise DeskError(
            "desk.already_running",
            f"a desk already runs in {settings.home}",
            "stop it with `desk down`, or set DESK_HOME to run another one beside it",
        )
    log = Home(settings.home).log("desk")
    words = (sys.executable, "-m", "cli.main", "up", *(("--detach",) if keep else ()))
    child = spawn(words, log=log, env={**os.environ, "DESK_DATABASE": settings.database})
    begin = time.monotonic()
    try:
        with err().status("starting Postgres, Redis, API, workers and paper terminal …"):
            while report(settings).phase != "ready":
                if child.poll() not in (None, 0):
                    raise DeskError("desk.start", "the desk did not start", tail(log))
                if time.monotonic() - begin > START_WAIT_S:
                    raise DeskError("desk.start", "the desk was not ready in time", tail(log))
                time.sleep(0.05)
        err().print(f"the desk stands after {time.monotonic() - begin:.1f} s")
        yield
    except BaseException:
        stop_desk(settings)
        raise
    if not keep:
        stop_desk(settings)
        child.wait()


def _post_and_watch(
    settings: Settings,
    conn: psycopg.Connection[Any],
    clock: SystemClock,
    alerts: int,
    seed: int,
    rate: float,
) -> int:
    with err().status("waiting for quotes, bars and venue health …"):
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
        status = poster.post(post.body, post.content_type)
        if status != 200:
            refused.append(status)

    screen = Screen(alerts)
    with screen.live(), schedule(send, alerts, rate, SENDERS) as load:
        _watch(conn, screen, load, clock.now() + timedelta(seconds=alerts / rate))
    if refused:
        raise DeskError(
            "demo.refused",
            f"the webhook refused {len(refused)} of {alerts} posts (first: HTTP {refused[0]})",
            f"see {Home(settings.home).log('api')}",
        )
    return alerts


def _watch(conn: psycopg.Connection[Any], screen: Screen, load: Any, ends_at: datetime) -> None:
    deadline = time.monotonic() + OUTCOME_WAIT_S
    while True:
        state = summary.progress(conn)
        screen.update(load.sent, state)
        if load.finished:
            if state.accepted == state.decided:
                return
            if time.monotonic() > deadline:
                return
        else:
            deadline = time.monotonic() + OUTCOME_WAIT_S
        time.sleep(POLL_S)


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
