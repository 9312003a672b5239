"""A lean HTTP client for load: one keep-alive connection per thread, nothing parsed twice.

The load generator shares two cores with what it measures, so it must cost little.
"""

from __future__ import annotations

import socket
import threading
from urllib.parse import urlsplit

READ_BYTES = 65_536


class Poster:
    """Posts bodies to one URL from many threads."""

    def __init__(self, url: str, timeout_s: float = 10.0) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        self._timeout_s = timeout_s
        self._local = threading.local()

    def post(self, body: bytes, content_type: str = "application/json") -> int:
        """Post one body; returns the status. Reconnects once on a dropped connection."""
        lines = f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        request = (self._head + lines).encode() + body
        for attempt in (1, 2):
            try:
                connection = self._connection()
                connection.sendall(request)
                return self._answer(connection)
            except (ConnectionError, TimeoutError):
                self._drop()
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def _answer(self, connection: socket.socket) -> int:
        received = b""
        while True:
            more = connection.recv(READ_BYTES)
            if not more:
                raise ConnectionResetError("the server closed the connection")
            received += more
            head, blank, body = received.partition(b"\r\n\r\n")
            if blank and len(body) >= _length(head):
                break
        if b"connection: close" in head.lower():
            self._drop()
        return int(head[9:12])

    def _connection(self) -> socket.socket:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = socket.create_connection(self._address, self._timeout_s)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._local.connection = connection
        return connection

    def _drop(self) -> None:
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
        self._local.connection = None


def _length(head: bytes) -> int:
    place = head.lower().find(b"content-length:")
    return 0 if place < 0 else int(head[place + 15 :].split(b"\r\n", 1)[0])
