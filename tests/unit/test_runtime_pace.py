"""Loops let messages gather where the machine is full, and never where it has room."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backend.runtime.pace import LONGEST_S, MEASURED_EVERY_S, Pace, Throughput, Usage, read_usage

MANY = 1_000.0


class Machine:
    """Processors whose use and clock a test sets."""

    def __init__(self) -> None:
        self.now = 0.0
        self.idle_s = self.total_s = self.own_s = 0.0

    def usage(self) -> Usage:
        return Usage(self.idle_s, self.total_s, self.own_s)

    def monotonic(self) -> float:
        return self.now

    def spend(self, used: float, own: float = 0.0, seconds: float = MEASURED_EVERY_S) -> None:
        """Let time pass in which this share of two processors was used."""
        self.now += seconds
        self.total_s += 2 * seconds
        self.idle_s += 2 * seconds * (1 - used)
        self.own_s += own * seconds

    def pace(self) -> Pace:
        return Pace(self.usage, self.monotonic)


def waits(machine: Machine, pace: Pace, used: float, times: int, own: float = 0.0) -> list[float]:
    found: list[float] = []
    for _ in range(times):
        machine.spend(used, own)
        found.append(pace.gather_s(MANY))
    return found


@given(used=st.floats(0, 0.77))
def test_nobody_waits_while_the_machine_has_room(used: float):
    machine = Machine()
    assert set(waits(machine, machine.pace(), used, 20)) == {0.0}


def test_the_wait_grows_while_the_machine_is_full_up_to_its_longest():
    machine = Machine()
    found = waits(machine, machine.pace(), 1.0, 20)
    assert found == sorted(found)
    assert found[0] > 0
    assert found[-1] == LONGEST_S


def test_a_process_that_fills_its_own_processor_waits_though_another_is_idle():
    machine = Machine()
    assert waits(machine, machine.pace(), 0.5, 1, own=0.97)[-1] > 0


def test_the_wait_ends_when_there_is_room_again():
    machine = Machine()
    pace = machine.pace()
    waits(machine, pace, 1.0, 20)
    found = waits(machine, pace, 0.2, 12)
    assert found == sorted(found, reverse=True)
    assert found[-1] == 0


def test_the_wait_stays_where_it_makes_just_enough_room():
    machine = Machine()
    pace = machine.pace()
    reached = waits(machine, pace, 1.0, 4)[-1]
    assert set(waits(machine, pace, 0.85, 10)) == {reached}


def test_a_loop_with_little_to_do_never_waits():
    machine = Machine()
    pace = machine.pace()
    waits(machine, pace, 1.0, 20)
    assert pace.gather_s(1.4 / LONGEST_S) == 0
    assert pace.gather_s(1.6 / LONGEST_S) == LONGEST_S


def test_throughput_is_that_of_the_last_whole_second():
    machine = Machine()
    rate = Throughput(machine.monotonic)
    rate.add(40)
    assert rate.per_s == 0
    machine.now += 2
    assert rate.per_s == 20
    machine.now += 1
    assert rate.per_s == 0


def test_the_real_machine_counts_upwards():
    before, after = read_usage(), read_usage()
    assert after.total_s >= before.total_s > 0
    assert after.own_s >= before.own_s
