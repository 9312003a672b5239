"""Look at a desk that runs elsewhere, and stop it."""

import contextlib
import os
import signal
import time
from dataclasses import dataclass

import psutil

from backend.errors import DeskError
from backend.runtime import postgres, redis
from backend.runtime.home import Home
from backend.runtime.state import DeskState, ProcessState, end_leftovers, read_state
from backend.settings import Settings

STOP_WAIT_S = 120.0
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class ProcessReport:
    """One process of a desk and how it does; memory in bytes, processor time in seconds."""

    name: str
    pid: int
    running: bool
    phase: str
    restarts: int
    memory_bytes: int
    cpu_s: float
    log: str


@dataclass(frozen=True, slots=True)
class DeskReport:
    """How a desk stands: stopped, or the phase that its supervisor is in."""

    home: str
    phase: str
    pid: int | None
    started_at: str | None
    endpoints: dict[str, str]
    processes: tuple[ProcessReport, ...]

    @property
    def healthy(self) -> bool:
        """Tell whether the desk is ready and every process runs."""
        return self.phase == "ready" and all(process.running for process in self.processes)


def report(settings: Settings) -> DeskReport:
    """Describe the desk of this home; "crashed" means that its supervisor went without stopping."""
    home = Home(settings.home)
    state = read_state(home.state_file)
    if state is None:
        return DeskReport(str(home.path), "stopped", None, None, {}, ())
    processes = tuple(_report(process) for process in state.processes)
    phase = state.phase if state.supervised() else "crashed"
    return DeskReport(
        str(home.path), phase, state.pid, state.started_at, state.endpoints, processes
    )


def stop_desk(settings: Settings) -> bool:
    """Stop the desk of this home, or what a crashed one left; tells whether there was anything.

    Raises DeskError desk.stop if its supervisor does not go.
    """
    home = Home(settings.home)
    state = read_state(home.state_file)
    if state is not None and state.supervised():
        _ask_to_stop(state)
        return True
    found = False
    if state is not None:
        found = bool(end_leftovers(state))
        home.state_file.unlink(missing_ok=True)
    found = postgres.stop_running(home) or found
    if (broker := redis.find_running(settings)) is not None:
        redis.stop(broker)
        found = True
    return found


def _ask_to_stop(state: DeskState) -> None:
    os.kill(state.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_WAIT_S
    while state.supervised():
        if time.monotonic() > deadline:
            raise DeskError(
                "desk.stop",
                f"the desk (pid {state.pid}) does not stop",
                f"`kill -9 {state.pid}` ends it; its watchdog then ends its processes",
            )
        time.sleep(POLL_S)


def _memory_bytes(process: psutil.Process) -> int:
    try:
        # Shares shared memory out among those who map it: Postgres' buffers count once.
        return process.memory_full_info().pss
    except (psutil.Error, AttributeError):
        return process.memory_info().rss


def _report(process: ProcessState) -> ProcessReport:
    memory, cpu = 0, 0.0
    running = process.runs()
    if running:
        with contextlib.suppress(psutil.Error):
            alive = psutil.Process(process.pid)
            family = [alive, *alive.children(recursive=True)]
            for member in family:
                with contextlib.suppress(psutil.Error):
                    memory += _memory_bytes(member)
                    times = member.cpu_times()
                    cpu += times.user + times.system
    return ProcessReport(
        process.name,
        process.pid,
        running,
        process.phase,
        process.restarts,
        memory,
        round(cpu, 2),
        process.log,
    )
