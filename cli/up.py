"""desk up, down, status: start a desk, stop it, look at it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from backend.errors import DeskError
from backend.settings import Settings, load_settings
from cli.console import err, out, print_error, print_json, print_table
from cli.options import AsJson

if TYPE_CHECKING:
    from backend.runtime.control import DeskReport
    from backend.runtime.desk_processes import Servers
    from backend.runtime.supervisor import ProcessEvent

DETACH_WAIT_S = 300.0
MARKS = {"ready": "[green]✓[/]", "ended": "[red]✗[/]", "leftover_ended": "[yellow]![/]"}


def up(
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return once the desk is ready.")
    ] = False,
    servers: Annotated[
        bool, typer.Option("--servers", help="Start Postgres and Redis only.")
    ] = False,
) -> None:
    """Start a desk and keep it running until Ctrl-C.

    Postgres and Redis are embedded unless DATABASE_URL and BROKER_URL are set. Data lie in
    DESK_HOME (default .desk in the checkout).
    """
    settings = load_settings()
    if detach:
        _detach(settings, servers)
    else:
        _run(settings, servers)


def down() -> None:
    """Stop the desk of this home, or what a crash left of it."""
    from backend.runtime.control import stop_desk

    found = stop_desk(load_settings())
    err().print("stopped" if found else "nothing was running")


def status(
    as_json: AsJson = False,
) -> None:
    """Show what runs, where, and how it does; status 0 only if the desk is ready and whole."""
    from backend.runtime.control import report

    found = report(load_settings())
    if as_json:
        print_json(found)
    else:
        _show(found)
    raise typer.Exit(0 if found.healthy else 1)


def _run(settings: Settings, servers: bool) -> None:
    from backend.ports import SystemClock
    from backend.runtime.desk_processes import DeskPlan, open_desk, run_until

    clock = SystemClock()
    if servers:
        plan = DeskPlan()
    else:
        from backend.bootstrap import Desk, Shape
        from workers.declare import declarations

        desk_parts = Desk(settings, Shape(), declarations(), clock.now())
        plan = DeskPlan(desk_parts.prepare, desk_parts.processes, desk_parts.endpoints)
    leave = threading.Event()
    started = False
    name_endpoints = plan.endpoints

    def endpoints(settings: Settings, servers: "Servers") -> Mapping[str, str]:
        # Asked for right before the desk is announced as ready: from here on there is work.
        nonlocal started
        started = True
        return name_endpoints(settings, servers)

    def on_signal(_signum: int, _frame: FrameType | None) -> None:
        # While starting there is nothing to finish in hand: break off. Later, leave in order;
        # a second signal changes nothing, every process has its own time limit.
        if not started and not leave.is_set():
            leave.set()
            raise KeyboardInterrupt
        leave.set()

    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, on_signal)
    with open_desk(settings, replace(plan, endpoints=endpoints), clock, _tell) as desk:
        if not leave.is_set():
            _show_addresses(settings)
            run_until(desk, leave)
        err().print("stopping …")


def _tell(event: "ProcessEvent") -> None:
    if event.kind in {"started", "stopped"}:
        return
    status = "" if event.status is None else f" (status {event.status}), starting it again"
    err().print(f"{MARKS.get(event.kind, ' ')} {event.name} {event.kind.replace('_', ' ')}{status}")


def _show_addresses(settings: Settings) -> None:
    from backend.runtime.control import report

    for name, address in report(settings).endpoints.items():
        err().print(f"  [bold]{name}[/] {address}")
    err().print("the desk stands; Ctrl-C stops it")


def _detach(settings: Settings, servers: bool) -> None:
    """Start `desk up` in a session of its own and wait until it is ready or has failed."""
    from backend.runtime.control import report
    from backend.runtime.home import Home, prepare_home
    from backend.runtime.spawn import rotate, tail

    prepare_home(settings)
    log = Home(settings.home).log("desk")
    rotate(log)
    words = [sys.executable, "-m", "cli.main", "up", *(["--servers"] if servers else [])]
    with log.open("ab") as output:
        begin = log.stat().st_size
        child = subprocess.Popen(
            words,
            env=os.environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + DETACH_WAIT_S
    while True:
        found = report(settings)
        if found.phase == "ready" and found.pid == child.pid:
            err().print(f"the desk stands (pid {child.pid}); `desk down` stops it")
            return
        if child.poll() is not None:
            said = log.read_bytes()[begin:].decode(errors="replace").strip()
            raise DeskError("desk.start", "the desk did not start", said)
        if time.monotonic() > deadline:
            child.terminate()
            raise DeskError("desk.start", "the desk was not ready in time", tail(log))
        time.sleep(0.05)


def _show(found: "DeskReport") -> None:
    if found.phase == "stopped":
        out().print(f"no desk runs in {found.home}; `desk up` starts one")
        return
    if found.phase == "crashed":
        error = DeskError(
            "desk.crashed",
            f"the desk of {found.home} went without stopping",
            "`desk up` tidies and starts it again",
        )
        print_error(error, as_json=False)
    rows = [
        (
            process.name,
            process.phase if process.running else "gone",
            str(process.pid),
            str(process.restarts),
            f"{process.memory_bytes / 1e6:.0f} MB",
            f"{process.cpu_s:.1f} s",
        )
        for process in found.processes
    ]
    print_table(
        f"desk in {found.home}: {found.phase}",
        ("process", "phase", "pid", "restarts", "memory", "cpu"),
        rows,
    )
    for name, address in found.endpoints.items():
        out().print(f"[bold]{name}[/] {address}")
