"""The embedded Redis as the broker: jobs need it, agents do not."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.brokers.promises import WorkerAndBroker
from tests.brokers.servers import EmbeddedRedis, running
from tests.brokers.worker import Worker, worker_of


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Generator[Worker]:
    folder = tmp_path_factory.mktemp("broker")
    with (
        running(EmbeddedRedis(folder)) as broker,
        worker_of(broker, tmp_path_factory.mktemp("home")) as started,
    ):
        yield started


class TestEmbeddedRedis(WorkerAndBroker):
    pass


def test_worker_starts_and_ends_without_its_broker(tmp_path_factory: pytest.TempPathFactory):
    broker = EmbeddedRedis(tmp_path_factory.mktemp("absent"))
    with worker_of(broker, tmp_path_factory.mktemp("home")) as started:
        started.decides()
        with running(broker):
            started.runs_a_job()
        started.decides()
        assert started.ends() == 0
