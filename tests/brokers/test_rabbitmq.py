"""Debian's RabbitMQ as the broker: jobs need it, agents do not."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.brokers.servers import RabbitMq, need, running
from tests.brokers.worker import Worker, worker_of


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Generator[Worker]:
    need("rabbitmq-server")
    folder = tmp_path_factory.mktemp("broker")
    with (
        running(RabbitMq(folder)) as broker,
        worker_of(broker, tmp_path_factory.mktemp("home")) as started,
    ):
        yield started


def test_worker_hosts_agents_and_runs_jobs(worker: Worker):
    worker.decides()
    worker.runs_a_job()


def test_agents_go_on_without_the_broker_and_jobs_go_on_after_it(worker: Worker):
    pulses = worker.pulses()
    worker.broker.stop()
    for _ in range(3):
        worker.decides()
    assert worker.alive
    assert worker.pulses() == pulses
    worker.broker.start()
    worker.runs_a_job()
    worker.decides()
    assert worker.alive


def test_worker_ends_in_order_when_asked(worker: Worker):
    assert worker.ends() == 0
    assert worker.inside.execute("select count(*) from bus.workers").fetchone() == (0,)
