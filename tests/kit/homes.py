"""Homes for tests that start servers of their own."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeVar

from backend.runtime.control import DeskReport, report, stop_desk
from backend.settings import CHECKOUT, Settings, load_settings

T = TypeVar("T")


def settings_for(home: Path, **environment: str) -> Settings:
    """Give settings that know this home and nothing of the machine's environment."""
    return load_settings({"DESK_HOME": str(home), **environment})


@contextlib.contextmanager
def temporary_home() -> Generator[Path]:
    """Lend a folder with a short path, open enough for servers that run as another user."""
    home = Path(tempfile.mkdtemp(prefix="desk-home-"))
    try:
        yield home
    finally:
        stop_desk(settings_for(home))
        shutil.rmtree(home, ignore_errors=True)


def run_desk(home: Path, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the command as a person would."""
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *words],
        cwd=CHECKOUT,
        env=environment_for(home, **environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def environment_for(home: Path, **environment: str) -> dict[str, str]:
    """Give this environment without any setting of a desk but those named."""
    ours = ("DESK_", "DATABASE_URL", "BROKER_URL")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    return {**kept, "DESK_HOME": str(home), **environment}


def until(ask: Callable[[], T], what: str, within_s: float = 30.0) -> T:
    """Ask until the answer is yes; fails with the name of what did not happen."""
    deadline = time.monotonic() + within_s
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {what}")
        time.sleep(0.02)
    return answer


def report_of(home: Path) -> DeskReport:
    """Say how the desk of this home does."""
    return report(settings_for(home))
