"""The yardstick: a Celery chain of empty tasks over Redis, two prefork workers.

Run as a Celery application (`celery -A research.bench.celery_empty worker`). Nothing is
durable in it and nothing is decided; the last task notes the time, which is all it does.
"""

from __future__ import annotations

import os
import time
from typing import Any

from celery import Celery, chain
from redis import Redis

HOPS = 12
DONE_KEY = "bench:done"
BROKER_VARIABLE = "BENCH_BROKER_URL"

# Celery makes attributes and tasks at run time, out of a type checker's sight.
app: Any = Celery("bench", broker=os.environ.get(BROKER_VARIABLE, "redis://127.0.0.1:6379/0"))
app.conf.update(
    task_ignore_result=True,
    task_default_queue="bench",
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)

_redis: Redis | None = None


@app.task(name="bench.hop")
def hop() -> None:
    """Do nothing."""


@app.task(name="bench.last")
def last(number: int, sent_at: float) -> None:
    """Do nothing but note when a chain ended."""
    global _redis
    if _redis is None:
        _redis = Redis.from_url(os.environ[BROKER_VARIABLE])
    _redis.rpush(DONE_KEY, f"{number} {(time.monotonic() - sent_at) * 1000:.3f}")


def send(number: int) -> None:
    """Start one chain of HOPS tasks."""
    steps = [hop.si() for _ in range(HOPS - 1)] + [last.si(number, time.monotonic())]
    chain(*steps).apply_async()
