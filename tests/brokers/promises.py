"""What holds with every broker: jobs need it, agents do not. Each module lends its own worker."""

from __future__ import annotations

from tests.brokers.worker import Worker


class WorkerAndBroker:
    """In this order: the last ends the worker."""

    def test_worker_hosts_agents_and_runs_jobs(self, worker: Worker):
        worker.decides()
        worker.runs_a_job()

    def test_agents_go_on_without_the_broker_and_jobs_go_on_after_it(self, worker: Worker):
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

    def test_worker_ends_in_order_when_asked(self, worker: Worker):
        assert worker.ends() == 0
        assert worker.inside.execute("select count(*) from bus.workers").fetchone() == (0,)
