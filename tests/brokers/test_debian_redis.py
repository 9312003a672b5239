"""Debian's Redis as the broker: jobs need it, agents do not."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.brokers.promises import WorkerAndBroker
from tests.brokers.servers import DebianRedis, need, running
from tests.brokers.worker import Worker, worker_of


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Generator[Worker]:
    need("redis-server")
    folder = tmp_path_factory.mktemp("broker")
    with (
        running(DebianRedis(folder)) as broker,
        worker_of(broker, tmp_path_factory.mktemp("home")) as started,
    ):
        yield started


class TestDebianRedis(WorkerAndBroker):
    pass
