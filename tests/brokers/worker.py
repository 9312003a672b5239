"""A Celery worker that hosts two agents, and what can be seen of it from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from celery import Celery
from psycopg import Connection

from backend.runtime.spawn import tail
from backend.settings import CHECKOUT
from tests.brokers.servers import Broker
from tests.kit.desk_folder import agent_logins, declare_all, environment_of
from tests.kit.homes import until
from tests.kit.postgres import Database
from tests.kit.trading_desk import furnished_database, post, rows

AGENTS = ("intake", "normalizer")
STOP_S = 30.0


@dataclass(frozen=True)
class Worker:
    """A worker process, its broker and its database."""

    broker: Broker
    database: Database
    inside: Connection[Any]
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def alive(self) -> bool:
        """Tell whether the process that was started first still runs."""
        return self.process.poll() is None

    def decides(self) -> None:
        """Publish an alert and wait until both agents have decided about it."""
        body = b'{"ticker":"EURUSD","action":"buy","alert_id":"%s-1"}' % uuid4().hex.encode()
        alert = post(self.inside, body)["correlation_id"]
        self.inside.execute("select bus.wake(array['intake'])")
        until(
            lambda: rows(
                self.inside,
                "select 1 from decision_traces where correlation_id = %s and agent = 'normalizer'",
                (alert,),
            ),
            f"the agents decided; the worker says:\n{tail(self.log, 30)}",
        )

    def pulses(self) -> int:
        """Count the runs of the job that only shows that jobs run."""
        found = rows(self.inside, "select runs from ops.job_runs where job = 'pulse'")
        return found[0][0] if found else 0

    def runs_a_job(self) -> None:
        """Ask for a job through the broker, as beat does, and wait until it has run."""
        before = self.pulses()
        with Celery(broker=self.broker.url) as producer:
            producer.send_task("desk.jobs.pulse", queue="desk.jobs")
        until(
            lambda: self.pulses() > before,
            f"a job ran; the worker says:\n{tail(self.log, 30)}",
            60.0,
        )

    def ends(self) -> int:
        """Ask the worker to end. Returns its status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_S)


@contextmanager
def worker_of(broker: Broker, home: Path) -> Generator[Worker]:
    """Start a worker as `desk up` does and lend it once its agents are registered."""
    logins = agent_logins((*AGENTS, "housekeeping"))
    with furnished_database() as database:
        declare_all(database, home)
        told = environment_of(database, home, logins, BROKER_URL=broker.url)
        argv = [sys.executable, "-m", "celery", "-A", "workers.app", "worker"]
        argv += ["--hostname", "tested@%h", "--loglevel", "warning", "--agents", ",".join(AGENTS)]
        argv += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        log = home / "worker.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                argv, cwd=CHECKOUT, env={**os.environ, **told}, stdout=output, stderr=output
            )
        try:
            with psycopg.connect(database.superuser_url, autocommit=True) as inside:
                worker = Worker(broker, database, inside, process, log)
                until(lambda: _registered(worker), "the agents registered", 60.0)
                yield worker
        finally:
            process.kill()
            process.wait()


def _registered(worker: Worker) -> bool:
    assert worker.alive, f"the worker ended:\n{tail(worker.log, 30)}"
    return rows(worker.inside, "select count(*) from bus.workers") == [(len(AGENTS),)]
