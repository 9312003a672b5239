"""Become another program that dies with its parent: `guard.py PARENT SIGNAL UID GID argv…`.

Runs as a file with the bare interpreter, between fork and the real program, because code of ours
between fork and exec inside a threaded process could deadlock. Standard library only.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, signum: int, uid: int, gid: int, argv: list[str]) -> None:
    """Drop privileges, ask the kernel for a signal at the parent's death, then exec argv."""
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # After the change of user, which clears the request; other systems rely on the watchdog.
    if sys.platform.startswith("linux"):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signum, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl refused")
    if os.getppid() != parent:
        # The parent died before the request was made.
        sys.exit(1)
    os.execvp(argv[0], argv)


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:5]]
    main(numbers[0], numbers[1], numbers[2], numbers[3], sys.argv[5:])
