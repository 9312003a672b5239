"""From a JSON document to named fields, whatever the nesting.

Names are compared by letters and digits only, so that `strategy.order.action`,
`strategy-order-action` and `{"strategy": {"order": {"action": …}}}` are one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from backend.domain.intake.alert import IntakeCode, NotUnderstood
from backend.domain.intake.words import bare, is_absent, words_of

Scalar = str | int | Decimal | bool | None

_FIELDS_MAX = 256
_DEPTH_MAX = 6
_WRAPPERS = words_of(
    "data alert payload body webhook tradingview info content embeds"
    " alerts signals orders trades messages params json general"
)
"""Objects that only wrap: their keys count as if they stood outside."""
_TELLING = words_of("action side direction signal symbol ticker orderaction command")


class Fields(dict[str, Scalar]):
    """Bare names to what was given for them; the names of nested objects are joined.

    leaves: the last word of names that were joined or had dots, by name.
    """

    __slots__ = ("leaves",)

    def __init__(self, given: Mapping[str, Scalar] | None = None) -> None:
        super().__init__((n, v) for n, v in (given or {}).items() if not is_absent(v))
        self.leaves: dict[str, str] = {}

    def leaf(self, name: str) -> str:
        """Return the last word of a name: `action` of `strategy.order.action`."""
        return self.leaves.get(name, name)


class Names:
    """What one thing is called, the best name first."""

    __slots__ = ("_known", "_order")

    def __init__(self, words: str, inner: Iterable[str] = ("",)) -> None:
        """Take names in one line; inner: objects in which senders put them, best first."""
        self._order = tuple(prefix + word for prefix in inner for word in words.split())
        self._known = frozenset(self._order)

    def of(self, fields: Fields) -> list[tuple[str, Scalar]]:
        """Return those that are given, in order."""
        found = fields.keys() & self._known
        if not found:
            return []
        if len(found) == 1:
            name = found.pop()
            return [(name, fields[name])]
        return [(name, fields[name]) for name in self._order if name in found]


def flatten(document: Mapping[object, object]) -> Fields | NotUnderstood:
    """Name every value of an object; a name with two values is a conflict."""
    fields = Fields()
    return _flatten(document, "", fields, 0) or fields


def _flatten(
    node: Mapping[object, object], prefix: str, into: Fields, depth: int
) -> NotUnderstood | None:
    if depth > _DEPTH_MAX:
        return NotUnderstood(IntakeCode.JSON_INVALID, "nested too deeply")
    for raw_key, value in node.items():
        key = bare(str(raw_key)) or str(raw_key)[:64]  # a name of another script stays itself
        refused = _place(str(raw_key), key, value, prefix, into, depth)
        if refused is not None:
            return refused
        if len(into) > _FIELDS_MAX:
            return NotUnderstood(IntakeCode.JSON_INVALID, "too many fields")
    return None


def _place(
    raw_key: str, key: str, value: object, prefix: str, into: Fields, depth: int
) -> NotUnderstood | None:
    if isinstance(value, list):
        items: list[object] = list(value)  # pyright: ignore[reportUnknownArgumentType]
        if len(items) != 1:
            return _place_many(key, items, prefix, into)
        value = items[0]
    if isinstance(value, dict):
        inner = prefix if key in _WRAPPERS else prefix + key
        return _flatten(value, inner, into, depth + 1)  # pyright: ignore[reportUnknownArgumentType]
    if not isinstance(value, (str, int, Decimal, bool)) or is_absent(value):
        return None
    name = prefix + key
    if name in into and into[name] != value:
        return NotUnderstood(IntakeCode.FIELD_CONFLICT, name[:64])
    into[name] = value
    if prefix or "." in raw_key:
        into.leaves[name] = bare(raw_key.rpartition(".")[2])
    return None


def _place_many(key: str, items: list[object], prefix: str, into: Fields) -> NotUnderstood | None:
    """Keep a list as text that no number can be read from; several orders are refused."""
    for item in items:
        if isinstance(item, dict) and _tells(item):  # pyright: ignore[reportUnknownArgumentType]
            return NotUnderstood(IntakeCode.BATCH_NOT_SUPPORTED, f"{len(items)} in {key[:32]}")
    texts = [str(item) for item in items if isinstance(item, (str, int, Decimal))]
    if texts:
        into[prefix + key] = ", ".join(texts)[:256]
    return None


def _tells(item: Mapping[object, object]) -> bool:
    return any(bare(str(key)) in _TELLING for key in item)
