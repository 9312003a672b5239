"""Which process is meant: a pid together with its start, so that a recycled pid is never hit.

Standard library only: the watchdog imports it.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path


@cache
def _boot() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def identity_of(pid: int) -> str | None:
    """Name the process that has this pid now; None if there is none, or only a zombie."""
    if sys.platform.startswith("linux"):
        try:
            # The name stands in brackets and may itself hold spaces and brackets.
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if stat[0] in {"Z", "X"} else f"{_boot()}:{stat[19]}"
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return None if not shown or shown.startswith("Z") else shown.partition(" ")[2].strip()


def is_alive(pid: int, identity: str) -> bool:
    """Tell whether that very process still runs."""
    return identity_of(pid) == identity


def signal_group(pid: int, identity: str, signum: int) -> bool:
    """Signal a process that we started as leader of its group, and all that it started.

    Does nothing if the pid belongs to another process by now. A group whose leader is gone is
    still ours: its number stays taken while members live. Tells whether anyone was there.
    """
    if identity_of(pid) not in {identity, None}:
        return False
    try:
        os.killpg(pid, signum)
    except ProcessLookupError:
        return False
    except PermissionError:
        # macOS answers so for a group of zombies; elsewhere the members are not ours to signal.
        return False
    return True


def end_groups(
    groups: Sequence[tuple[int, str, int]], grace_s: float, poll_s: float = 0.05
) -> None:
    """Ask process groups (pid, identity, signal) to end, then make them: nothing survives this."""
    for pid, identity, signum in groups:
        signal_group(pid, identity, signum)
    deadline = time.monotonic() + grace_s
    left = list(groups)
    while left and time.monotonic() < deadline:
        left = [group for group in left if _group_lives(group[0], group[1])]
        if left:
            time.sleep(poll_s)
    for pid, identity, _ in left:
        signal_group(pid, identity, signal.SIGKILL)


def _group_lives(pid: int, identity: str) -> bool:
    """Tell whether anyone of a group still runs; zombies wait for their parent, not for us."""
    if not signal_group(pid, identity, 0):
        return False
    if not sys.platform.startswith("linux"):
        return True
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            words = stat.read_text().rpartition(")")[2].split()
            if int(words[2]) == pid and words[0] not in {"Z", "X"}:
                return True
    return False
