"""Several sessions at the same moment: a thread each, which wait for one another where they say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Ready = Callable[[], object]

_WAIT_S = 60


def at_once(items: Sequence[Item], work: Callable[[Item, Ready], Answer]) -> list[Answer]:
    """Work on every item in a thread of its own and return the answers in the items' order.

    work: calls the `ready` that it is given once, before what is to happen at the same moment.
    Raises what the first of them raised.
    """
    gate = Barrier(len(items), timeout=_WAIT_S)

    def run(item: Item) -> Answer:
        try:
            return work(item, gate.wait)
        except BaseException:
            # Whoever still waits for this one would wait in vain.
            gate.abort()
            raise

    with ThreadPoolExecutor(len(items)) as threads:
        running = [threads.submit(run, item) for item in items]
    failed = [error for one in running if (error := one.exception()) is not None]
    for error in sorted(failed, key=lambda error: isinstance(error, BrokenBarrierError)):
        raise error
    return [one.result() for one in running]
