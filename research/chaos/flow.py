"""Steady alerts over HTTP, each posted until it is answered with 200, as TradingView does.

Most become market orders at once; some rest as limits near the market or far from it, some are
worked over a while.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from urllib.parse import urlsplit

from backend.domain.market.alerts import AlertPlan, MarketState, plan_alerts, write_alert
from backend.domain.numbers import round_to_step
from backend.ports import SystemClock

BATCH = 60
RETRY_S = 0.1
ANSWER_TIMEOUT_S = 10.0
LAST_ANSWERS_S = 120.0
SENDERS = 3

AT_ONCE, WORKED = "15", "60"
"""Timeframes: the pack sends what the first says at once, and works what the second says."""
LIMITS = {3: Decimal("0.03"), 13: Decimal("4")}
"""Which alerts of twenty ask for a limit, and how many average ranges behind the market."""
WORKED_OF_TWENTY = 8

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
                alert_id = f"chaos-{uuid.uuid4()}"
                yield _varied(plan, self._known, alert_id, clock.now())
            # None while Postgres is away: the prices of before do as well.
            prices = self._prices()
            self._known = [replace(m, price=prices.get(m.symbol, m.price)) for m in self._known]


def _varied(plan: AlertPlan, markets: Sequence[MarketState], alert_id: str, now: datetime) -> bytes:
    """Write an alert: by its place among twenty it rests, is worked, or goes at once."""
    place = plan.index % 20
    if place == WORKED_OF_TWENTY:
        return write_alert(replace(plan, shape="own", interval=WORKED), alert_id, now).body
    plan = replace(plan, interval=AT_ONCE)
    if place not in LIMITS:
        return write_alert(plan, alert_id, now).body
    market = next(m for m in markets if m.symbol == plan.symbol)
    # From where the market stands, not from the alert's own idea of it: else many are refused.
    behind_by = plan.side.sign * LIMITS[place] * market.atr
    away = plan.price - round_to_step(market.price - behind_by, market.tick_size)
    behind = replace(
        plan,
        shape="own",
        price=plan.price - away,
        stop_loss=plan.stop_loss - away,
        take_profit=plan.take_profit - away,
    )
    told = json.loads(write_alert(behind, alert_id, now).body)
    return json.dumps(told | {"order_type": "limit"}).encode()
