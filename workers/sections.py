"""Read one section of the active policy pack into the domain's own policy type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Policy = TypeVar("Policy")


def read_section(policy_type: type[Policy], section: Mapping[str, Any] | None) -> Policy | None:
    """Build a policy from a section of a pack, or None if a number is missing or unreadable.

    None means deny: a number that nobody set is not a default.
    """
    if section is None:
        return None
    try:
        values = {
            name: convert(section[name])
            for name, (convert, required) in _converters(policy_type).items()
            if required or name in section
        }
    except (KeyError, ValueError, TypeError, InvalidOperation):
        return None
    return policy_type(**values)


@lru_cache(maxsize=64)
def _converters(policy_type: type[Any]) -> dict[str, tuple[Callable[[Any], Any], bool]]:
    """Return how each field is read, and whether a section must have it."""
    hints = get_type_hints(policy_type)
    return {
        field.name: (_converter(hints[field.name]), field.default is MISSING)
        for field in fields(policy_type)
    }


def _converter(hint: Any) -> Callable[[Any], Any]:
    if hint is Decimal:
        return _decimal
    if hint is bool:
        return _flag
    if hint is int:
        return _integer
    if isinstance(hint, type) and issubclass(hint, (StrEnum, str)):
        return hint
    if hint == tuple[str, ...]:
        return _texts
    if get_origin(hint) is UnionType and NoneType in get_args(hint):
        (inner,) = (one for one in get_args(hint) if one is not NoneType)
        convert = _converter(inner)
        return lambda value: None if value is None else convert(value)
    raise TypeError(f"a policy section cannot hold {hint}")


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not all(isinstance(one, str) for one in value):
        raise TypeError("not a list of texts")
    return tuple(value)


def _decimal(value: Any) -> Decimal:
    # A float would already have lost what was written; packs hold numbers as strings or integers.
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise TypeError("decimals travel as strings")
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError("not a finite number")
    return number


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise TypeError("not a whole number")
    return int(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("neither true nor false")
    return value
