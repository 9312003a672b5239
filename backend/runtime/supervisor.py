"""Keep a desk's processes running, each on its own, and leave none behind."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from backend.errors import DeskError
from backend.ports import Clock
from backend.runtime.home import Home
from backend.runtime.identity import identity_of, signal_group
from backend.runtime.spawn import Account, spawn, tail
from backend.runtime.state import DeskState, ProcessState, write_state
from backend.settings import CHECKOUT

POLL_S = 0.05
BACKOFF_FIRST_S, BACKOFF_MAX_S = 0.2, 10.0
# A process that ran this long was well; its next restart is quick again.
STEADY_S = 30.0


class Restart(StrEnum):
    """What the end of a process calls for."""

    ALWAYS = "always"
    ON_FAILURE = "on_failure"
    NEVER = "never"


class Phase(StrEnum):
    """Where a supervised process stands."""

    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"  # ended, will be started again after a pause
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """A process to keep: how to start it, know it is ready, end it.

    ready: asked until it says yes; None means ready once started. May raise DeskError.
    env: on top of the supervisor's own. death_signal: sent by the kernel if we are killed.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    cwd: Path | None = None
    account: Account | None = None
    restart: Restart = Restart.ALWAYS
    ready: Callable[[], bool] | None = None
    ready_timeout_s: float = 60.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 20.0
    on_start: Callable[[int], object] | None = None
    before_restart: Callable[[], object] | None = None


@dataclass(frozen=True, slots=True)
class ProcessEvent:
    """Something that happened to a process, for a log or a screen: started, ended, …"""

    name: str
    kind: str
    pid: int
    status: int | None = None


@dataclass(slots=True)
class _Kept:
    spec: ProcessSpec
    child: "subprocess.Popen[bytes]"
    identity: str
    phase: Phase
    started_s: float
    restarts: int = 0
    backoff_s: float = BACKOFF_FIRST_S
    due_s: float = 0.0


class Supervisor:
    """Starts processes in order, restarts each that ends, stops them in reverse.

    Use one per home, under its lock. `watch` runs in the calling thread; `watch_in_background`
    suits a caller with something else to do. Children die with us, even after kill -9: by the
    kernel's parent-death signal on Linux, and by a watchdog process everywhere.
    """

    def __init__(
        self,
        home: Home,
        clock: Clock,
        on_event: Callable[[ProcessEvent], None] = lambda _: None,
    ) -> None:
        self._home = home
        self._on_event = on_event
        self._started_at = clock.now().isoformat().replace("+00:00", "Z")
        self._kept: dict[str, _Kept] = {}
        self._endpoints: dict[str, str] = {}
        self._phase = "starting"
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._finished = threading.Event()
        self._identity = identity_of(os.getpid()) or ""
        self._watchdog = _start_watchdog()
        self._publish()

    def start(self, spec: ProcessSpec) -> int:
        """Start a process and wait until it is ready; gives its pid.

        Raises DeskError process.start if it ends before, process.not_ready if it takes too long.
        """
        return self.start_all([spec])[0]

    def start_all(self, specs: Sequence[ProcessSpec]) -> list[int]:
        """Start processes side by side and wait until the last is ready; gives their pids."""
        fresh: list[_Kept] = []
        with self._lock:
            for spec in specs:
                if spec.name in self._kept and self._kept[spec.name].phase is not Phase.ENDED:
                    raise ValueError(f"{spec.name} is kept already")
                self._kept[spec.name] = self._launch(spec)
                fresh.append(self._kept[spec.name])
                self._publish()
        for kept in fresh:
            self._await_ready(kept)
            with self._lock:
                kept.phase = Phase.RUNNING
                self._publish()
            self._on_event(ProcessEvent(kept.spec.name, "ready", kept.child.pid))
        return [kept.child.pid for kept in fresh]

    def announce(self, phase: str, endpoints: Mapping[str, str] | None = None) -> None:
        """Write where the desk stands, and its addresses, into the state file."""
        with self._lock:
            self._phase = phase
            self._endpoints.update(endpoints or {})
            self._publish()

    def processes(self) -> tuple[ProcessState, ...]:
        """Give what is known of every process."""
        with self._lock:
            return tuple(self._state_of(kept) for kept in self._kept.values())

    def watch(self, until: threading.Event) -> None:
        """Restart what ends, until the event is set."""
        while not until.wait(POLL_S):
            self.poll()

    def watch_in_background(self) -> None:
        """Watch in a thread of ours until stop()."""
        self._thread = threading.Thread(
            target=self._watch_then_linger, name="supervisor", daemon=True
        )
        self._thread.start()

    def _watch_then_linger(self) -> None:
        self.watch(self._stopping)
        # The kernel takes the end of this thread for the death of the parent of what it started:
        # stay until everything has been stopped in its order.
        self._finished.wait()

    def poll(self) -> None:
        """Look at every process once: note ends, start what is due."""
        with self._lock:
            for kept in list(self._kept.values()):
                if kept.phase is Phase.WAITING:
                    if time.monotonic() >= kept.due_s:
                        self._restart(kept)
                elif kept.phase is Phase.RUNNING and kept.child.poll() is not None:
                    self._ended(kept)
            if self._watchdog.poll() is not None:
                self._close_watchdog()
                self._watchdog = _start_watchdog()
                self._publish()

    def stop_one(self, name: str) -> None:
        """Stop one process for good."""
        with self._lock:
            self._stop_kept(self._kept[name])
            self._publish()

    def stop(self) -> None:
        """Stop everything in reverse order of its start: ask, wait, make."""
        self._stopping.set()
        with self._lock:
            self._phase = "stopping"
            self._publish()
            for kept in reversed(list(self._kept.values())):
                self._stop_kept(kept)
                self._publish()
            self._tell_watchdog([])
            self._close_watchdog()
            self._home.state_file.unlink(missing_ok=True)
        self._finished.set()

    def _launch(self, spec: ProcessSpec) -> _Kept:
        child = spawn(
            spec.argv,
            log=self._home.log(spec.name),
            env=spec.env,
            cwd=spec.cwd,
            account=spec.account,
            death_signal=spec.stop_signal,
        )
        # A zombie until we reap it, so the number is ours whatever happens; "" if it died at once.
        identity = identity_of(child.pid) or ""
        if spec.on_start is not None:
            spec.on_start(child.pid)
        self._on_event(ProcessEvent(spec.name, "started", child.pid))
        return _Kept(spec, child, identity, Phase.STARTING, time.monotonic())

    def _await_ready(self, kept: _Kept) -> None:
        spec = kept.spec
        log = self._home.log(spec.name)
        deadline = time.monotonic() + spec.ready_timeout_s
        while True:
            if kept.child.poll() is not None:
                raise DeskError(
                    "process.start",
                    f"{spec.name} ended at once (status {kept.child.returncode})",
                    f"its log {log} ends with:\n{tail(log)}",
                )
            if spec.ready is None or spec.ready():
                return
            if time.monotonic() > deadline:
                raise DeskError(
                    "process.not_ready",
                    f"{spec.name} was not ready within {spec.ready_timeout_s:.0f} s",
                    f"its log {log} ends with:\n{tail(log)}",
                )
            time.sleep(0.02)

    def _ended(self, kept: _Kept) -> None:
        status = kept.child.returncode
        # What it had started itself has lost its parent: end that too before starting anew.
        signal_group(kept.child.pid, kept.identity, signal.SIGKILL)
        self._on_event(ProcessEvent(kept.spec.name, "ended", kept.child.pid, status))
        wanted = kept.spec.restart is Restart.ALWAYS or (
            kept.spec.restart is Restart.ON_FAILURE and status != 0
        )
        if wanted:
            if time.monotonic() - kept.started_s > STEADY_S:
                kept.backoff_s = BACKOFF_FIRST_S
            self._pause(kept)
        kept.phase = Phase.WAITING if wanted else Phase.ENDED
        self._publish()

    def _pause(self, kept: _Kept) -> None:
        kept.due_s = time.monotonic() + kept.backoff_s
        kept.backoff_s = min(kept.backoff_s * 2, BACKOFF_MAX_S)

    def _restart(self, kept: _Kept) -> None:
        try:
            if kept.spec.before_restart is not None:
                kept.spec.before_restart()
            fresh = self._launch(kept.spec)
        except (OSError, DeskError):
            # Out of memory or disk for now: the others must not fall with it. Try again later.
            self._on_event(ProcessEvent(kept.spec.name, "restart_failed", 0))
            self._pause(kept)
            return
        kept.child, kept.identity = fresh.child, fresh.identity
        kept.started_s = fresh.started_s
        kept.restarts += 1
        kept.phase = Phase.RUNNING
        self._publish()

    def _stop_kept(self, kept: _Kept) -> None:
        if kept.phase is Phase.ENDED:
            return
        if kept.child.poll() is None:
            kept.child.send_signal(kept.spec.stop_signal)
            try:
                kept.child.wait(kept.spec.stop_timeout_s)
            except subprocess.TimeoutExpired:
                kept.child.kill()
                kept.child.wait()
        signal_group(kept.child.pid, kept.identity, signal.SIGKILL)
        kept.phase = Phase.ENDED
        self._on_event(
            ProcessEvent(kept.spec.name, "stopped", kept.child.pid, kept.child.returncode)
        )

    def _state_of(self, kept: _Kept) -> ProcessState:
        return ProcessState(
            kept.spec.name,
            kept.child.pid,
            kept.identity,
            kept.phase.value,
            kept.restarts,
            int(kept.spec.stop_signal),
            str(self._home.log(kept.spec.name)),
        )

    def _publish(self) -> None:
        processes = self.processes()
        self._tell_watchdog(
            [
                (process.pid, process.identity, process.stop_signal)
                for process in processes
                if process.phase != Phase.ENDED
            ]
        )
        state = DeskState(
            os.getpid(),
            self._identity,
            self._phase,
            self._started_at,
            processes,
            dict(self._endpoints),
        )
        write_state(self._home.state_file, state)

    def _close_watchdog(self) -> None:
        if self._watchdog.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._watchdog.stdin.close()
        self._watchdog.wait()

    def _tell_watchdog(self, groups: list[tuple[int, str, int]]) -> None:
        if self._watchdog.stdin is None:
            return
        # A watchdog that died is replaced by poll(), and told everything then.
        with contextlib.suppress(BrokenPipeError):
            self._watchdog.stdin.write(json.dumps(groups).encode() + b"\n")
            self._watchdog.stdin.flush()


def _start_watchdog() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "backend.runtime.watchdog"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd=CHECKOUT,
    )
