"""Keep one Postgres for a whole test session: `python -m tests.kit.keeper PID HOME VERSION`.

A process of its own, because the xdist worker that happens to start the server may finish first.
Ends with the session's process, however that ends, and takes the folder with it.
"""

import shutil
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from backend.runtime import postgres
from backend.runtime.identity import identity_of, is_alive
from backend.settings import load_settings

# Crash safety of the disk is not what these tests are about; processes may still be killed.
OVERRIDES = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "autovacuum_naptime": "30s",
}


def main(session_pid: int, home: Path, version: str) -> None:
    """Start the server, say so, wait for the end of the session, stop and clean up."""
    leave = threading.Event()

    def on_signal(_signum: int, _frame: FrameType | None) -> None:
        leave.set()

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, on_signal)
    session = identity_of(session_pid)
    settings = load_settings({"DESK_HOME": str(home), "DESK_POSTGRES_VERSION": version})
    try:
        with postgres.running(settings, OVERRIDES):
            (home / "ready").touch()
            while session and is_alive(session_pid, session) and not leave.wait(0.2):
                pass
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
