"""Ports on the loopback interface."""

import hashlib
import socket
from pathlib import Path

from backend.errors import DeskError

LOOPBACK = "127.0.0.1"
# Below the ranges that Linux and macOS take outgoing connections from, so that a server which
# restarts does not find its port lent to a client.
FIRST, LAST = 20_000, 29_999
TRIES_MAX = 200


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Tell whether a server could listen on that port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def listens(port: int, host: str = LOOPBACK, timeout_s: float = 0.2) -> bool:
    """Tell whether something accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout_s):
            return True
    except OSError:
        return False


def pick_port(purpose: str, home: Path, preferred: int | None = None) -> int:
    """Find a free port: the preferred one, else one that this home and purpose get each time.

    Raises DeskError port.none_free.
    """
    if preferred and is_free(preferred):
        return preferred
    start = int.from_bytes(hashlib.sha256(f"{home}:{purpose}".encode()).digest()[:4], "big")
    span = LAST - FIRST + 1
    for step in range(TRIES_MAX):
        port = FIRST + (start + step * 7) % span
        if is_free(port):
            return port
    raise DeskError(
        "port.none_free",
        f"no free port for {purpose} between {FIRST} and {LAST}",
        "stop other servers on this machine",
    )


def claim_port(purpose: str, setting: str, port: int, host: str = LOOPBACK) -> int:
    """Insist on a port that the user asked for; raises DeskError port.in_use."""
    if not is_free(port, host):
        raise DeskError(
            "port.in_use",
            f"port {port} for {purpose} is in use by another program",
            f"stop that program or set {setting} to another port (0 picks a free one)",
        )
    return port
