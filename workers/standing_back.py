"""What lower priority a worker was given holds for its sessions in the server too, and everywhere.

A worker started with `nice` should leave the machine to whoever must answer meanwhile. Two
things stand in the way. Its sessions' work is done by processes of the Postgres server, which
know nothing of that. And where Linux schedules sessions of processes as groups (autogroup), a
process' own niceness says nothing between two groups.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import psutil
from psycopg import Connection

_AUTOGROUP = Path("/proc/self/autogroup")


def niceness() -> int:
    """Return how far this process stands back: 0 not at all, and where that is unknown."""
    if not hasattr(os, "getpriority"):
        return 0
    return max(os.getpriority(os.PRIO_PROCESS, 0), 0)


def stand_back() -> None:
    """Let the group that this process is scheduled in stand back as far as the process does."""
    wanted = niceness()
    if wanted and _AUTOGROUP.exists():
        # Whoever leads no group of its own must not hold back the terminal that it shares.
        with contextlib.suppress(OSError):
            if os.getsid(0) == os.getpid():
                _AUTOGROUP.write_text(str(wanted))


def let_stand_back(conn: Connection[Any]) -> bool:
    """Let the server's process of a session stand back as this one does.

    Only over a local socket and only a process that is Postgres': elsewhere the number names
    somebody else. Returns whether it was done; nothing depends on it.
    """
    wanted = niceness()
    if not wanted or not conn.info.host.startswith("/"):
        return False
    try:
        server = psutil.Process(conn.info.backend_pid)
        if "postgres" not in server.name() or server.nice() >= wanted:
            return False
        server.nice(wanted)
    except (psutil.Error, OSError):
        return False
    return True
