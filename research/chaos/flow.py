"""Steady alerts over HTTP, each posted until it is answered with 200, as TradingView does."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from urllib.parse import urlsplit

from backend.domain.market.alerts import MarketState, plan_alerts, write_alert
from backend.ports import SystemClock

BATCH = 60
RETRY_S = 0.1
ANSWER_TIMEOUT_S = 10.0
LAST_ANSWERS_S = 120.0
SENDERS = 3

Prices = Callable[[], Mapping[str, Decimal]]


class Flow:
    """Posts alerts at a steady rate from threads of its own until it is ended.

    A repeated post has the same bytes: it must not become a second alert.
    """

    def __init__(
        self,
        url: str,
        markets: Sequence[MarketState],
        prices: Prices,
        rate_per_s: float,
        seed: int,
    ) -> None:
        self.posted = 0
        self.repeated = 0
        self.refused: list[str] = []
        self.answered: list[str] = []
        self._url = urlsplit(url)
        self._known = markets
        self._prices = prices
        self._pause_s = SENDERS / rate_per_s
        self._bodies = self._written(seed)
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._until = 0.0

    @contextlib.contextmanager
    def running(self) -> Generator[Flow]:
        """Post until the block ends, then wait until the last post was answered."""
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(SENDERS)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._until = time.monotonic() + LAST_ANSWERS_S
            self._ended.set()
            for thread in threads:
                thread.join()

    def _work(self) -> None:
        while not self._ended.wait(self._pause_s):
            with self._lock:
                body = next(self._bodies)
                self.posted += 1
            self._post(body)

    def _post(self, body: bytes) -> None:
        while True:
            try:
                status, answer = self._posted(body)
            except (OSError, http.client.HTTPException):
                status, answer = 503, b""
            with self._lock:
                if status == 200:
                    self.answered.append(str(json.loads(answer)["alert_id"]))
                    return
                if status != 503:
                    self.refused.append(f"{status}: {answer[:200]!r}")
                    return
                self.repeated += 1
                if self._ended.is_set() and time.monotonic() > self._until:
                    self.refused.append("no answer to the end")
                    return
            threading.Event().wait(RETRY_S)

    def _posted(self, body: bytes) -> tuple[int, bytes]:
        host, port = self._url.hostname or "", self._url.port
        connection = http.client.HTTPConnection(host, port, timeout=ANSWER_TIMEOUT_S)
        with contextlib.closing(connection):
            connection.request("POST", self._url.path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def _written(self, seed: int) -> Generator[bytes]:
        clock = SystemClock()
        while True:
            seed += 1
            for plan in plan_alerts(seed, BATCH, self._known, 0.0, 0.0):
                yield write_alert(plan, f"chaos-{uuid.uuid4()}", clock.now()).body
            # None while Postgres is away: the prices of before do as well.
            prices = self._prices()
            self._known = [replace(m, price=prices.get(m.symbol, m.price)) for m in self._known]
