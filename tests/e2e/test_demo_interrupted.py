"""Ctrl-C in a demo: whatever it was at, nothing of it is left."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from backend.settings import CHECKOUT
from tests.kit.desk_run import DeskRun, processes_of
from tests.kit.homes import environment_for, report_of, temporary_home, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.parametrize("moment", ["starting", "posting"])
def test_ctrl_c_ends_a_demo_and_everything_that_it_started(moment: str):
    with temporary_home() as home:
        words = ("demo", "--alerts", "400", "--rate", "5", "--keep")
        child = subprocess.Popen(
            [sys.executable, "-m", "cli.main", *words],
            cwd=CHECKOUT,
            env=environment_for(home, DESK_API_PORT="0"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        run = DeskRun(home)
        if moment == "starting":
            until(lambda: report_of(home).phase == "starting", "the desk starts", 60)
        else:
            until(lambda: report_of(home).phase == "ready", "the desk stands", 120)
            until(lambda: run.ask("select 1 from public.signals_raw"), "alerts came in", 60)
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=120)
        assert child.returncode == 130, said
        assert "Traceback" not in said
        assert processes_of(home) == []
