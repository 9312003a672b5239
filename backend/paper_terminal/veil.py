"""Records that exist but are not listed yet: histories of real servers lag behind their answers."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = frozenset({"deals", "orders", "positions"})


@dataclass(frozen=True, slots=True)
class _Hidden:
    kinds: frozenset[str]
    first: int
    last: int
    order: int
    until_ms: int


class Veil:
    """Hides tickets from reading until their time has come; a restart lifts it."""

    def __init__(self) -> None:
        self._hidden: list[_Hidden] = []

    def hide(self, records: str, first: int, last: int, order: int, until_ms: int) -> None:
        """Hide tickets first to last (excluded), and this order's, for the kinds named."""
        kinds = frozenset(word.strip() for word in records.split(",")) & KINDS
        self._hidden.append(_Hidden(kinds, first, last, order, until_ms))

    def hides(self, kind: str, ticket: int, now_ms: int) -> bool:
        """Tell whether a record is not to be listed now. now_ms: the server's time."""
        if not self._hidden:
            return False
        self._hidden = [hidden for hidden in self._hidden if hidden.until_ms > now_ms]
        return any(
            kind in hidden.kinds
            and (hidden.first <= ticket < hidden.last or ticket == hidden.order)
            for hidden in self._hidden
        )
