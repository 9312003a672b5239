"""End what a supervisor started if the supervisor dies without doing so: kill -9, out of memory.

Reads the list of processes from a pipe, newest line last; the end of the pipe is the death.
Standard library only, so that it stays small.
"""

import json
import signal
import sys

from backend.runtime.identity import end_groups

GRACE_S = 10.0


def main() -> None:
    """Wait for the supervisor's end, then end its children in reverse order of their start."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Only the pipe decides: a signal to the whole session must not take the guardian too.
        signal.signal(signum, signal.SIG_IGN)
    newest: list[tuple[int, str, int]] = []
    for line in sys.stdin:
        if not line.endswith("\n"):
            break  # the supervisor died while writing
        newest = [
            (int(pid), str(identity), int(signum)) for pid, identity, signum in json.loads(line)
        ]
    end_groups(list(reversed(newest)), GRACE_S)


if __name__ == "__main__":
    main()
