"""A demo in which a worker, the API and Postgres are killed ends as if nothing had been."""

from __future__ import annotations

import json
import subprocess
import sys

import psycopg
import pytest

from backend.settings import CHECKOUT
from tests.chaos.promises import everything_is_true
from tests.kit.desk_run import START_S, DeskRun
from tests.kit.homes import environment_for, report_of, temporary_home, until

ALERTS = 60

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def accepted(desk: DeskRun) -> int:
    """Count alerts; none while Postgres is away."""
    try:
        return int(desk.ask("select count(*) from public.signals_raw")[0][0])
    except psycopg.OperationalError:
        return 0


def test_a_demo_survives_the_death_of_a_worker_the_api_and_postgres():
    with temporary_home() as home:
        file = home / "out.json"
        home_words = ("--alerts", str(ALERTS), "--rate", "12", "--keep", "--json", str(file))
        child = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "demo", *home_words],
            cwd=CHECKOUT,
            env=environment_for(home, DESK_API_PORT="0"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        desk = DeskRun(home)
        until(lambda: report_of(home).phase == "ready", "the desk stands", START_S)
        for share, name in enumerate(("worker-1", "api", "postgres"), start=1):
            until(lambda share=share: accepted(desk) >= share * ALERTS // 5, "alerts came in", 90)
            desk.returned(desk.kill(name))
        _, said = child.communicate(timeout=200)
        assert child.returncode == 0, said
        facts = json.loads(file.read_text())
        assert facts["ok"] is True
        assert facts["alerts"]["posted"] >= ALERTS
        assert desk.ask("select count(*) from public.fills") == [(facts["fills"],)]
        everything_is_true(desk, {})
