"""What a worker holds leases on and has not handled: handed on by peers, or read ahead."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from workers.deciding import Claimed


class InHand:
    """Messages that wait in one loop, given by any thread and taken by the loop alone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[str, Claimed]] = []
        self._failed: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, worker_id: str, batch: Sequence[Claimed]) -> None:
        """Add messages that are leased to this worker."""
        with self._lock:
            self._waiting.extend((worker_id, claimed) for claimed in batch)

    def take(self, worker_id: str, limit: int) -> tuple[list[Claimed], list[int]]:
        """Return the oldest in the order of their deliveries, and the ids to be given back.

        Given back is what was on its way here while an older message of its key failed.
        """
        if not self._waiting:
            return [], []
        with self._lock:
            # Two publishers may hand in the other order than they committed, and what was read
            # ahead may be older than what was handed meanwhile.
            self._waiting.sort(key=lambda item: item[1].delivery_id)
            taken, self._waiting = self._waiting[:limit], self._waiting[limit:]
        # What was leased to this loop before its session broke is claimed anew by then.
        ours = [claimed for holder, claimed in taken if holder == worker_id]
        back = [claimed.delivery_id for claimed in ours if self._is_behind(claimed)]
        return [claimed for claimed in ours if claimed.delivery_id not in back], back

    def fail(self, failed: Claimed) -> list[int]:
        """Let go of what waits behind a failed message of its key, and of what will come yet.

        Returns the ids that are to be given back.
        """
        key = failed.ordering_key
        with self._lock:
            back = [c.delivery_id for _, c in self._waiting if c.ordering_key == key]
            self._waiting = [item for item in self._waiting if item[1].ordering_key != key]
        self._failed[key] = failed.delivery_id
        return back

    def claimed(self, batch: Sequence[Claimed]) -> None:
        """Note what was claimed of the bus: nothing of its keys waits for another try any more."""
        for claimed in batch:
            self._failed.pop(claimed.ordering_key, None)

    def _is_behind(self, claimed: Claimed) -> bool:
        failed = self._failed.get(claimed.ordering_key)
        return failed is not None and claimed.delivery_id > failed
