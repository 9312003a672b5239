"""Say in one paragraph what a score is made of."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from backend.domain.rationale.precedents import PrecedentSummary
from backend.values import Side

_WORDS: dict[str, tuple[str, str]] = {
    # feature: (what it says when it favours the side, when it speaks against it)
    "structure_bias": ("the last break of structure agrees", "the last break points the other way"),
    "structure_break": ("a fresh break supports it", "a fresh break contradicts it"),
    "liquidity_sweep": ("liquidity was swept on the far side", "liquidity was swept on this side"),
    "structure_shift": ("structure shifted this way", "structure shifted the other way"),
    "block_balance": ("price is in an order block for it", "price is in an order block against it"),
    "trade_entry": (
        "price is in the optimal entry of the leg",
        "the leg's entry is for the others",
    ),
    "displacement": ("price was displaced this way", "price was displaced the other way"),
    "gap_balance": ("open fair value gaps lean this way", "open fair value gaps lean against it"),
    "range_position": (
        "price lies in the favourable half of the range",
        "price lies in the unfavourable half of the range",
    ),
    "structure_momentum": ("recent breaks run this way", "recent breaks run against it"),
    "volatility_fit": ("volatility is in its normal band", "volatility is out of its normal band"),
    "volatility_trend": ("ranges are widening", "ranges are shrinking"),
    "session_fit": ("the session is liquid", "the session is thin"),
    "spread_quality": ("the spread is tight", "the spread is wide"),
    "volume_delta": ("traded volume leans this way", "traded volume leans against it"),
    "depth_imbalance": ("the book leans this way", "the book leans against it"),
    "conviction": ("readers believe in its structures", "readers believe in those against it"),
    "high_conviction": (
        "a majority and the measures confirm a structure for it",
        "a majority and the measures confirm a structure against it",
    ),
}
_SHOWN = 3


def sentence_for(
    side: Side,
    score: Decimal,
    confidence: Decimal,
    contributions: Sequence[tuple[str, Decimal]],
    unknown: tuple[str, ...],
    flow_known: bool,
    past: PrecedentSummary | None = None,
    *,
    odd: bool = False,
) -> str:
    """Describe a score. contributions: (feature, amount), largest first."""
    favours = [(name, amount) for name, amount in contributions if amount > 0][:_SHOWN]
    against = [(name, amount) for name, amount in contributions if amount < 0][:_SHOWN]
    parts = [f"{side.value} scores {score:.2f} with confidence {confidence:.2f}."]
    if favours:
        parts.append(f"For it: {'; '.join(_phrase(*one) for one in favours)}.")
    if against:
        parts.append(f"Against it: {'; '.join(_phrase(*one) for one in against)}.")
    if not favours and not against:
        parts.append("Nothing known speaks for or against it.")
    if odd:
        parts.append("A structure on its side is unlike the others: a person should look at it.")
    if past is not None:
        parts.append(
            f"Of {past.count} earlier signals most like it {past.won} ended well"
            f" ({past.mean_r:+.2f} R on average)."
        )
    if not flow_known:
        parts.append("Counter-party flow is unknown, which lowers the confidence.")
    if "conviction" in unknown:
        parts.append("Readers have not voted on its structures, which lowers the confidence.")
    if "structure_bias" in unknown:
        parts.append("There are too few bars to read structure and volatility.")
    return " ".join(parts)


def _phrase(feature: str, amount: Decimal) -> str:
    favourable, unfavourable = _WORDS.get(feature, (feature, feature))
    return f"{favourable if amount > 0 else unfavourable} ({amount:+.3f})"
