"""Start one child process: its own session, a log file, and death when we die."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

GUARD = Path(__file__).with_name("guard.py")
LOG_BYTES_MAX = 10_000_000


@dataclass(frozen=True, slots=True)
class Account:
    """The system user that a child runs as."""

    name: str
    uid: int
    gid: int


def spawn(
    argv: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    account: Account | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
) -> "subprocess.Popen[bytes]":
    """Start argv in the background, output to log, env on top of ours.

    The kernel sends death_signal when the calling *thread* ends (Linux): call it from a thread
    that lives as long as the child should.
    """
    uid, gid = (account.uid, account.gid) if account else (-1, -1)
    numbers = (str(number) for number in (os.getpid(), int(death_signal), uid, gid))
    guarded = [sys.executable, "-I", "-S", str(GUARD), *numbers, *argv]
    rotate(log)
    with log.open("ab") as output:
        return subprocess.Popen(
            guarded,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def rotate(log: Path) -> None:
    """Put a log that has grown large aside, keeping one old one."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.is_file() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_suffix(log.suffix + ".1"))


def tail(log: Path, lines: int = 8) -> str:
    """Give the last lines of a log, for an error's hint."""
    try:
        text = log.read_bytes()[-8_192:].decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.rstrip().splitlines()[-lines:])
