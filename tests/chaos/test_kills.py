"""Whatever is killed, and whenever: nothing accepted is lost, nothing is sent twice."""

from __future__ import annotations

import signal
from collections.abc import Generator

import pytest

from tests.chaos.promises import everything_is_true
from tests.kit.desk_run import DeskRun, standing_desk
from tests.kit.homes import until

ALERTS = 40

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def desk() -> Generator[DeskRun]:
    with standing_desk() as standing:
        yield standing


def test_a_killed_worker_is_taken_over_by_the_other(desk: DeskRun):
    with desk.stream(ALERTS) as stream:
        stream.reaches(ALERTS // 2)
        killed = desk.kill("worker-1")
    everything_is_true(desk, stream.answered)
    desk.returned(killed)


def test_workers_killed_in_turn_lose_nothing(desk: DeskRun):
    with desk.stream(ALERTS, seed=8) as stream:
        for number, name in enumerate(("worker-1", "worker-2", "worker-1"), start=1):
            stream.reaches(number * ALERTS // 4)
            desk.returned(desk.kill(name))
    everything_is_true(desk, stream.answered)


def test_a_killed_api_has_stored_what_it_answered(desk: DeskRun):
    with desk.stream(ALERTS, seed=9) as stream:
        stream.reaches(ALERTS // 2)
        desk.returned(desk.kill("api"))
    everything_is_true(desk, stream.answered)


def test_a_killed_postgres_comes_back_with_everything(desk: DeskRun):
    with desk.stream(ALERTS, seed=10) as stream:
        stream.reaches(ALERTS // 2)
        desk.returned(desk.kill("postgres"))
        until(desk.answers, "Postgres answered again", 60.0)
    everything_is_true(desk, stream.answered)


def test_a_killed_terminal_is_asked_about_what_was_under_way(desk: DeskRun):
    with desk.stream(ALERTS, seed=11) as stream:
        stream.reaches(ALERTS // 2)
        before = desk.sent_to_terminal()
        desk.returned(desk.kill("terminal"))
    everything_is_true(desk, stream.answered)
    assert before.items() <= desk.sent_to_terminal().items()


def test_alerts_become_fills_while_the_broker_hangs_and_when_it_is_killed(desk: DeskRun):
    fills = len(desk.booked())
    broker = desk.kill("redis", signal.SIGSTOP)
    with desk.stream(ALERTS, seed=12) as stream:
        pass
    everything_is_true(desk, stream.answered)
    assert len(desk.booked()) > fills
    desk.kill("redis", signal.SIGKILL)
    desk.returned(broker)
    with desk.stream(ALERTS, seed=13) as stream:
        pass
    everything_is_true(desk, stream.answered)
