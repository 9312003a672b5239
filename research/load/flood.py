"""Post many alerts over few connections and write down every answer; a process of its own.

`python -m research.load.flood URL BODIES ANSWERS --connections 16 --rate 0` reads bodies (one
base64 line each), posts each once, and writes a JSON line per answer: seconds since the start,
milliseconds, status, alert id. A connection that breaks is opened again and its post sent
again, as TradingView does. With a rate, posts fall due on schedule and their latency counts
from then, so that no slow answer hides what waits behind it; without one, each connection
posts as soon as it is answered.

It shares two cores with what it measures, so it does as little as HTTP allows.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from base64 import b64decode
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

RETRY_S = 0.05


class Flood:
    """What all connections share: the bodies, the schedule, the answers."""

    def __init__(self, path: str, host: str, bodies: list[bytes], rate_per_s: float) -> None:
        head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        self.requests = [
            f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies
        ]
        self.rate_per_s = rate_per_s
        self.next = 0
        self.resent = 0
        self.answers: list[tuple[float, float, int, str | None]] = []
        self.started = time.perf_counter()

    def take(self) -> tuple[bytes, float | None] | None:
        """Return the next request and when it is due; None when all were taken."""
        if self.next >= len(self.requests):
            return None
        number = self.next
        self.next += 1
        due = self.started + number / self.rate_per_s if self.rate_per_s else None
        return self.requests[number], due


class Connection(asyncio.Protocol):
    """One keep-alive connection: a request, its answer, the next request."""

    def __init__(self, flood: Flood, ended: asyncio.Future[None]) -> None:
        self.flood = flood
        self.ended = ended
        self.transport: asyncio.Transport | None = None
        self.request: bytes | None = None
        self.since = 0.0
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send what is in hand, or what comes next."""
        self.transport = cast(asyncio.Transport, transport)
        self.received = b""
        if self.request is None:
            self.proceed()
        else:
            self.flood.resent += 1
            self.transport.write(self.request)

    def proceed(self) -> None:
        """Take the next request, and wait until it is due."""
        taken = self.flood.take()
        if taken is None:
            self.request = None
            self.ended.set_result(None)
            if self.transport is not None:
                self.transport.close()
            return
        self.request, due = taken
        now = time.perf_counter()
        self.since = now if due is None else due
        if due is not None and due > now:
            asyncio.get_running_loop().call_later(due - now, self.send)
        else:
            self.send()

    def send(self) -> None:
        """Send the request in hand, unless the connection broke meanwhile."""
        if self.transport is not None and self.request is not None:
            self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        """Note a whole answer."""
        self.received += data
        head, blank, body = self.received.partition(b"\r\n\r\n")
        if not blank:
            return
        place = head.lower().find(b"content-length:")
        length = int(head[place + 15 :].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self.received = b""
        now = time.perf_counter()
        status = int(head[9:12])
        alert_id = json.loads(body)["alert_id"] if status == 200 else None
        self.flood.answers.append(
            (now - self.flood.started, (now - self.since) * 1000, status, alert_id)
        )
        self.proceed()

    def connection_lost(self, exc: Exception | None) -> None:
        """Open another connection, unless all is done."""
        self.transport = None
        if not self.ended.done():
            task = asyncio.get_running_loop().create_task(self.reconnect())
            self.pending = task

    async def reconnect(self) -> None:
        """Try until somebody listens."""
        while True:
            try:
                await asyncio.get_running_loop().create_connection(lambda: self, HOST, PORT)
                return
            except OSError:
                await asyncio.sleep(RETRY_S)


HOST, PORT = "127.0.0.1", 80


async def run(flood: Flood, connections: int) -> None:
    """Post everything."""
    loop = asyncio.get_running_loop()
    flood.started = time.perf_counter()
    ends: list[asyncio.Future[None]] = []
    for _ in range(connections):
        ends.append(loop.create_future())
        connection = Connection(flood, ends[-1])
        await loop.create_connection(lambda made=connection: made, HOST, PORT)
    await asyncio.gather(*ends)


def main() -> None:
    """Run from the command line."""
    global HOST, PORT
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("bodies", type=Path)
    parser.add_argument("answers", type=Path)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--rate", type=float, default=0.0)
    given = parser.parse_args()
    parts = urlsplit(given.url)
    HOST, PORT = parts.hostname or HOST, parts.port or PORT
    bodies = [b64decode(line) for line in given.bodies.read_bytes().splitlines()]
    flood = Flood(parts.path, parts.netloc, bodies, given.rate)
    try:
        import uvloop

        uvloop.run(run(flood, given.connections))
    except ImportError:
        asyncio.run(run(flood, given.connections))
    with given.answers.open("w") as file:
        for answer in flood.answers:
            file.write(json.dumps(answer) + "\n")
        file.write(json.dumps({"resent": flood.resent}) + "\n")


if __name__ == "__main__":
    main()
