"""What changed between two schemas of one type, and who would stop understanding whom.

During a rolling deploy old and new processes both send and both read. Readers refuse what
they do not know, therefore both directions must hold: new readers must accept everything that
old senders say, and old readers everything that new senders say. Only words may change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

Schema = Mapping[str, Any]

_WORDS = frozenset({"$schema", "$id", "$comment", "title", "description", "examples", "deprecated"})
_LOWER = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_UPPER = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})
_CHILDREN = frozenset({"properties", "required", "additionalProperties", "items", "anyOf", "$defs"})
_SETS = frozenset({"type", "enum"})


class Direction(StrEnum):
    """Whose messages are no longer understood."""

    NARROWED = "narrowed"
    """New readers refuse what old senders say."""
    WIDENED = "widened"
    """Old readers refuse what new senders say."""
    CHANGED = "changed"
    """Both, or nobody can tell."""


_CONSEQUENCE = {
    Direction.NARROWED: "new readers refuse what senders of the old version say",
    Direction.WIDENED: "readers of the old version refuse what new senders say",
    Direction.CHANGED: "old and new readers and senders do not agree",
}


@dataclass(frozen=True, slots=True)
class Break:
    """One change that a rolling deploy would not survive."""

    type: str
    path: str
    change: str
    direction: Direction

    def __str__(self) -> str:
        """Say what changed, what it breaks and what to do instead."""
        return (
            f"{self.type} {self.path}: {self.change}; {_CONSEQUENCE[self.direction]} during a "
            f"rolling deploy. Add a {next_version(self.type)} family and keep this one."
        )


def next_version(name: str) -> str:
    """Return the type that a breaking change needs: `x.v1` becomes `x.v2`."""
    stem, _, number = name.rpartition(".v")
    return f"{stem}.v{int(number) + 1}" if stem and number.isdigit() else f"{name}.v2"


def breaks(name: str, old: Schema, new: Schema) -> list[Break]:
    """Return every change from `old` to `new` that breaks readers of the same version."""
    compare = _Comparison(old, new)
    return [Break(name, path, change, way) for path, change, way in compare.walk("$", old, new)]


_Found = Iterator[tuple[str, str, Direction]]


class _Comparison:
    """One pair of documents: it resolves references, each in its own document."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old_root = old
        self._new_root = new

    def walk(self, path: str, old: Schema, new: Schema) -> _Found:
        old, new = _resolve(old, self._old_root), _resolve(new, self._new_root)
        if ("anyOf" in old) != ("anyOf" in new):
            old, new = _as_alternatives(old), _as_alternatives(new)
        yield from self._keywords(path, old, new)
        yield from self._properties(path, old, new)
        yield from self._unnamed(path, old, new)
        yield from self._alternatives(path, old, new)
        if "items" in old and "items" in new:
            yield from self.walk(f"{path}[]", old["items"], new["items"])
        elif "items" in old or "items" in new:
            yield path, "`items` came or went", Direction.CHANGED

    def _keywords(self, path: str, old: Schema, new: Schema) -> _Found:
        for keyword in sorted((old.keys() | new.keys()) - _WORDS - _CHILDREN):
            before, after = old.get(keyword), new.get(keyword)
            if before == after:
                continue
            if keyword in _SETS:
                yield from _set_change(path, keyword, before, after)
            else:
                way = _bound_direction(keyword, before, after)
                yield path, f"`{keyword}` {_shown(before)} became {_shown(after)}", way

    def _properties(self, path: str, old: Schema, new: Schema) -> _Found:
        was, now = old.get("properties", {}), new.get("properties", {})
        for field in sorted(was.keys() & now.keys()):
            yield from self.walk(f"{path}.{field}", was[field], now[field])
        # A reader that takes unknown keys does not mind a field that it does not know.
        for field in sorted(was.keys() - now.keys()):
            if new.get("additionalProperties", True) is not True:
                yield f"{path}.{field}", "the field was removed", Direction.NARROWED
        for field in sorted(now.keys() - was.keys()):
            if old.get("additionalProperties", True) is not True:
                yield f"{path}.{field}", "the field was added", Direction.WIDENED
        needed, needs = set(old.get("required", ())), set(new.get("required", ()))
        for field in sorted(needs - needed):
            yield f"{path}.{field}", "the field became required", Direction.NARROWED
        for field in sorted(needed - needs):
            yield f"{path}.{field}", "the field is no longer required", Direction.WIDENED

    def _unnamed(self, path: str, old: Schema, new: Schema) -> _Found:
        before, after = (schema.get("additionalProperties", True) for schema in (old, new))
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from self.walk(f"{path}.*", cast(Schema, before), cast(Schema, after))
        elif before != after:
            if after is False or before is True:
                yield path, "unknown keys are no longer taken as before", Direction.NARROWED
            elif before is False or after is True:
                yield path, "unknown keys are taken now", Direction.WIDENED

    def _alternatives(self, path: str, old: Schema, new: Schema) -> _Found:
        was = [_resolve(schema, self._old_root) for schema in old.get("anyOf", ())]
        now = [_resolve(schema, self._new_root) for schema in new.get("anyOf", ())]
        # Alternatives have no order: those that agree are set aside, the rest is compared.
        for before in list(was):
            for after in now:
                if not any(self.walk(path, before, after)):
                    was.remove(before)
                    now.remove(after)
                    break
        while was and now:
            yield from self.walk(path, was.pop(0), now.pop(0))
        if was:
            yield path, f"an alternative was removed ({_kinds(was)})", Direction.NARROWED
        if now:
            yield path, f"an alternative was added ({_kinds(now)})", Direction.WIDENED


def _resolve(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    name = str(reference).removeprefix("#/$defs/")
    target = _resolve(root["$defs"][name], root)
    return {**target, **{key: schema[key] for key in schema if key != "$ref"}}


def _as_alternatives(schema: Schema) -> Schema:
    return schema if "anyOf" in schema else {"anyOf": [schema]}


def _set_change(path: str, keyword: str, before: Any, after: Any) -> _Found:
    was, now = _as_set(before), _as_set(after)
    if before is None or after is None:
        way = Direction.WIDENED if after is None else Direction.NARROWED
        yield path, f"`{keyword}` {_shown(before)} became {_shown(after)}", way
        return
    if was - now:
        yield path, f"`{keyword}` lost {', '.join(sorted(was - now))}", Direction.NARROWED
    if now - was:
        yield path, f"`{keyword}` gained {', '.join(sorted(now - was))}", Direction.WIDENED


def _as_set(value: Any) -> set[str]:
    members = cast(list[object], value) if isinstance(value, list) else [value]
    return {str(member) for member in members}


def _bound_direction(keyword: str, before: Any, after: Any) -> Direction:
    name = keyword.removeprefix("x-")
    larger: Callable[[float, float], bool]
    if name in _LOWER:
        larger = float.__gt__
    elif name in _UPPER:
        larger = float.__lt__
    elif before is None or after is None:
        # A constraint of any other kind that comes narrows, one that goes widens.
        return Direction.NARROWED if before is None else Direction.WIDENED
    else:
        return Direction.CHANGED
    if before is None or after is None:
        return Direction.NARROWED if before is None else Direction.WIDENED
    tighter = larger(float(after), float(before))
    return Direction.NARROWED if tighter else Direction.WIDENED


def _kinds(schemas: list[Schema]) -> str:
    return ", ".join(str(schema.get("type", "any")) for schema in schemas)


def _shown(value: Any) -> str:
    return "(none)" if value is None else repr(value)
