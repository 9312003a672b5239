"""A lean HTTP client for load: one keep-alive connection per thread, nothing parsed twice.

The load generator shares two cores with what it measures, so it must cost little.
"""

from __future__ import annotations

import http.client
import threading
from urllib.parse import urlsplit


class Poster:
    """Posts bodies to one URL from many threads."""

    def __init__(self, url: str, timeout_s: float = 10.0) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or 80
        self._path = parts.path
        self._timeout_s = timeout_s
        self._local = threading.local()

    def post(self, body: bytes, content_type: str = "application/json") -> int:
        """Post one body; returns the status. Reconnects once on a dropped connection."""
        for attempt in (1, 2):
            connection = self._connection()
            try:
                connection.request(
                    "POST", self._path, body=body, headers={"Content-Type": content_type}
                )
                response = connection.getresponse()
                response.read()
                return response.status
            except (http.client.HTTPException, ConnectionError, TimeoutError):
                connection.close()
                self._local.connection = None
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def _connection(self) -> http.client.HTTPConnection:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
            self._local.connection = connection
        return connection
