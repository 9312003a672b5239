"""The rules by which a signal is put into canonical form, shared with the edge functions.

`contracts/normalization/rules.json` is the specification; `cases.json` beside it says what
comes out, and both programs are tested on it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from backend.contracts.base import Contract

FOLDER = Path(__file__).resolve().parent.parent.parent / "contracts" / "normalization"


class SymbolRules(Contract):
    """How a spelling leads to an instrument."""

    separators: str
    leading_marks: str
    suffix_marks: str
    suffixes: frozenset[str]
    """What may stand behind a mark after any known spelling."""
    glued_suffixes: tuple[str, ...]
    """What may stand without a mark behind a pair."""
    suffix_length_max: int
    suffix_digits_max: int
    """With more digits it is a date."""
    spread_marks: str
    """Between two symbols they make a spread: a suffix after them is shorter than a pair."""
    foreign_suffixes: frozenset[str]
    """They make another instrument of a pair: its inverse, an option, a future."""
    pair_length: int
    """From this length on a spelling names a pair, and any short suffix may follow a mark."""
    stem_length_min: int
    exchange_delay_marks: tuple[str, ...]
    share_exchanges: frozenset[str]
    """Where a bare ticker means a share: `NYSE:GOLD` is a mining company."""
    share_classes: frozenset[str]
    """What such an exchange quotes under a bare ticker."""


class TimeframeRules(Contract):
    """Bar lengths and how people spell them."""

    seconds: dict[str, int]
    units: dict[str, int]
    words: dict[str, str]


class Place(Contract):
    """A session by its own city's clock; the end is exclusive."""

    tag: str
    zone: str
    from_hour: int
    until_hour: int


class Overlap(Contract):
    """The tag of several sessions at once."""

    tag: str
    of: tuple[str, ...]


class Week(Contract):
    """When the week of currencies and metals begins on Sunday and ends on Friday."""

    zone: str
    turns_at_hour: int


class SessionRules(Contract):
    """The sessions, which of them leads, and the trading week."""

    places: tuple[Place, ...]
    overlap: Overlap
    leading: tuple[str, ...]
    closed: str
    week: Week


class PriceRules(Contract):
    """How old a quote may be that a distance is measured from."""

    reference_age_s_max: int


class Notes(Contract):
    """What is said of a signal that was completed."""

    default_timeframe: str
    measured_from_quote: str


class Rules(Contract):
    """The whole specification."""

    about: str
    version: int
    symbols: SymbolRules
    timeframes: TimeframeRules
    sessions: SessionRules
    prices: PriceRules
    lifecycle: dict[str, Literal["passes", "denied"]]
    refusals: dict[str, Literal["review", "denied"]]
    """Each reason for which a signal is not normalised, and who looks at it: a person or nobody."""
    notes: Notes


RULES = Rules.model_validate_json((FOLDER / "rules.json").read_bytes())
