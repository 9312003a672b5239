"""Processes are kept, each on its own, and none outlives its supervisor."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from backend.errors import DeskError
from backend.ports import SystemClock
from backend.runtime.home import Home, prepare_home
from backend.runtime.identity import end_groups, identity_of, signal_group
from backend.runtime.state import read_state
from backend.runtime.supervisor import ProcessEvent, ProcessSpec, Restart, Supervisor
from tests.kit.homes import environment_for, settings_for, temporary_home, until

SLEEPER = "import time; time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
PARENT = (
    "import subprocess, sys, time;"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    "open(sys.argv[1], 'w').write(str(child.pid)); time.sleep(600)"
)


@pytest.fixture
def home() -> Generator[Home]:
    with temporary_home() as path:
        yield prepare_home(settings_for(path))


@pytest.fixture
def events() -> list[ProcessEvent]:
    return []


@pytest.fixture
def supervisor(home: Home, events: list[ProcessEvent]) -> Generator[Supervisor]:
    made = Supervisor(home, SystemClock(), events.append)
    made.watch_in_background()
    yield made
    made.stop()


def python(name: str, code: str, *words: str, **options: object) -> ProcessSpec:
    return ProcessSpec(name, (sys.executable, "-c", code, *words), **options)  # type: ignore[arg-type]


def runs(pid: int) -> bool:
    return identity_of(pid) is not None


def test_a_killed_process_is_started_again_and_the_others_are_left_alone(supervisor: Supervisor):
    first, second = supervisor.start_all([python("one", SLEEPER), python("two", SLEEPER)])
    os.kill(first, signal.SIGKILL)
    until(lambda: supervisor.processes()[0].restarts == 1, "restart of one")
    one, two = supervisor.processes()
    assert one.pid != first
    assert one.runs()
    assert (two.pid, two.restarts) == (second, 0)


def test_a_process_that_is_not_to_be_restarted_stays_ended(
    supervisor: Supervisor, events: list[ProcessEvent]
):
    supervisor.start(python("once", "raise SystemExit(3)", restart=Restart.NEVER))
    until(lambda: any(event.kind == "ended" for event in events), "its end")
    assert supervisor.processes()[0].phase == "ended"
    assert supervisor.processes()[0].restarts == 0


def test_what_a_killed_process_had_started_is_ended_too(supervisor: Supervisor, home: Home):
    word = home.path / "grandchild"
    pid = supervisor.start(python("parent", PARENT, str(word), ready=word.exists))
    grandchild = int(until(word.read_text, "the grandchild's pid"))
    os.kill(pid, signal.SIGKILL)
    until(lambda: not runs(grandchild), "the grandchild's end")


def test_processes_stop_in_reverse_order_and_the_stubborn_are_made_to(
    home: Home, events: list[ProcessEvent]
):
    supervisor = Supervisor(home, SystemClock(), events.append)
    specs = [
        python("one", SLEEPER),
        python("two", STUBBORN, stop_timeout_s=0.3),
        python("three", SLEEPER),
    ]
    pids = supervisor.start_all(specs)
    supervisor.stop()
    assert [event.name for event in events if event.kind == "stopped"] == ["three", "two", "one"]
    assert not any(runs(pid) for pid in pids)
    assert read_state(home.state_file) is None


def test_a_process_that_ends_before_it_is_ready_says_why(supervisor: Supervisor, home: Home):
    with pytest.raises(DeskError) as caught:
        supervisor.start(python("broken", "raise SystemExit('no such venue')", ready=lambda: False))
    assert caught.value.code == "process.start"
    assert "no such venue" in caught.value.hint


def test_a_process_that_is_never_ready_is_given_up(supervisor: Supervisor):
    with pytest.raises(DeskError) as caught:
        supervisor.start(python("slow", SLEEPER, ready=lambda: False, ready_timeout_s=0.2))
    assert caught.value.code == "process.not_ready"


def test_a_recycled_pid_is_never_signalled():
    stranger = subprocess.Popen([sys.executable, "-c", SLEEPER], start_new_session=True)
    try:
        assert not signal_group(stranger.pid, "the one that had this number before", 9)
        end_groups([(stranger.pid, "the one that had this number before", 15)], grace_s=0.1)
        assert stranger.poll() is None
        known = identity_of(stranger.pid)
        assert known is not None
        end_groups([(stranger.pid, known, 15)], grace_s=5)
        assert stranger.wait(5) == -signal.SIGTERM
    finally:
        stranger.kill()
        stranger.wait()


SUPERVISE = textwrap.dedent(
    """
    import sys, threading
    from pathlib import Path
    from backend.ports import SystemClock
    from backend.runtime.home import Home
    from backend.runtime.supervisor import ProcessSpec, Supervisor
    home = Home(Path(sys.argv[1]))
    supervisor = Supervisor(home, SystemClock())
    word = home.path / "grandchild"
    supervisor.start_all([
        ProcessSpec("plain", (sys.executable, "-c", sys.argv[2])),
        ProcessSpec("stubborn", (sys.executable, "-c", sys.argv[3])),
        ProcessSpec("parent", (sys.executable, "-c", sys.argv[4], str(word)), ready=word.exists),
    ])
    supervisor.announce("ready")
    supervisor.watch(threading.Event())
    """
)


@pytest.fixture
def abandoned(home: Home) -> Generator[tuple["subprocess.Popen[bytes]", list[int]]]:
    """A supervisor in a process of its own, and the pids below it."""
    stubborn = STUBBORN.replace("time.sleep", "print(flush=True); time.sleep")
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISE, str(home.path), SLEEPER, stubborn, PARENT],
        env=environment_for(home.path),
    )

    def ready() -> bool:
        state = read_state(home.state_file)
        return state is not None and state.phase == "ready"

    until(ready, "the supervisor's readiness")
    state = read_state(home.state_file)
    assert state is not None
    pids = [kept.pid for kept in state.processes]
    pids.append(int((home.path / "grandchild").read_text()))
    try:
        yield process, pids
    finally:
        process.kill()
        process.wait()


def test_no_orphan_survives_kill_9_of_the_supervisor(
    abandoned: tuple["subprocess.Popen[bytes]", list[int]],
):
    process, pids = abandoned
    assert all(runs(pid) for pid in pids)
    process.kill()
    process.wait()
    # The stubborn one costs the watchdog its whole patience.
    until(lambda: not any(runs(pid) for pid in pids), "the end of all orphans", within_s=20)


def test_a_killed_watchdog_is_replaced(home: Home):
    supervisor = Supervisor(home, SystemClock())
    first = supervisor._watchdog.pid
    os.kill(first, signal.SIGKILL)
    leave = threading.Event()
    watcher = threading.Thread(target=supervisor.watch, args=(leave,))
    watcher.start()
    until(lambda: supervisor._watchdog.pid != first, "a new watchdog")
    leave.set()
    watcher.join()
    supervisor.stop()


def test_the_state_file_holds_no_password(supervisor: Supervisor, home: Home):
    supervisor.start(python("one", SLEEPER, env={"DATABASE_URL": "postgresql://a:hunter2@h/d"}))
    content = json.loads(home.state_file.read_text())
    assert content["processes"][0]["name"] == "one"
    assert "hunter2" not in home.state_file.read_text()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(DeskError) as caught:
        prepare_home(settings_for(tmp_path / "file"))
    assert caught.value.code == "home.not_writable"
    assert "DESK_HOME" in caught.value.hint
