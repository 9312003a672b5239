"""Whether an `id` names one alert for ever, or an order that comes again."""

from __future__ import annotations

import re

from backend.domain.intake.words import words_of

_WORDS = re.compile(r"[a-z]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_ORDER_WORDS = words_of(
    "long short buy sell entry enter exit close open le se lx sx tp sl"
    " order stop limit bull bear up dn down signal"
)
_UNIQUE_DIGITS = 4
"""A run of so many digits is a time or a counter; an order's name has none."""


def is_order_name(text: str) -> bool:
    """Say whether an id reads like the name that a script gave its order: "Long", "TP 2"."""
    if any(run.isdigit() and len(run) >= _UNIQUE_DIGITS for run in _WORDS.findall(text.lower())):
        return False
    words = _WORDS.findall(_CAMEL.sub(" ", text).lower())
    # What tells alerts apart counts or tells the time: "MACD Cross" comes again.
    if not any(word.isdigit() for word in words):
        return True
    return not _ORDER_WORDS.isdisjoint(words)
