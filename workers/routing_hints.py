"""Which worker a message goes to: the same shard function as `bus.shard_of`."""

from __future__ import annotations

import hashlib
from functools import lru_cache


@lru_cache(maxsize=4096)
def shard_of(ordering_key: str) -> int:
    """Return the shard (0-63) of an ordering key."""
    return hashlib.sha256(ordering_key.encode()).digest()[0] % 64
