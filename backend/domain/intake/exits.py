"""Whether the name, comment or kind that a script gave its order calls it an exit.

Scripts write `Close entry(s) order Long`, `ExitLong`, `long_tp1`, `Long stopped out`: what closes
a long is a sell, and taken for an opening one it would trade the wrong way.
"""

from __future__ import annotations

import re
from functools import lru_cache

from backend.values import Side

LENGTH_MAX = 256
"""Characters that are looked at: bounded, as patterns must not run away on a body of 64 KiB."""
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_JOINTS = re.compile(r"[_\-]+")
_BEGINS = re.compile(
    r"\W*(?:exit(?:s|ed)?"
    r"|close[sd]?(?=\W*(?:$|\d|entr|long|short|pos|order|trade|all|buy|sell|half))"
    r"|closing|flat|flatten|cover(?:ed)?|cancel(?:led)?|reduced?|tp\s*/?\s*sl|sl\s*/?\s*tp"
    r"|tp\s*\d*|sl|stop\s*loss|stopped|stop\s*(?:out|hit)|take\s*profit|profit\s*target"
    r"|target\s*\d*\s*(?:hit|reached)"
    r"|(?:eod|end\s*of\s*day|session|time)\s*(?:close|exit)"
    r"|trail(?:ing)?|margin\s*call|liquidat\w+|break\s*even|partial"
    r"|(?:exit|close|cover|flatten)(?:longs?|shorts?|buys?|sells?|all|pos(?:ition)?s?|trades?))\b",
    re.IGNORECASE,
)
_WHOLE = re.compile(
    r"\W*(?:stop|target|profit|pt|t(?=\d)|be|eod|time\s*stop|bracket|[ls]x|x[ls]"
    r"|x\s*(?:long|short))\s*\d*\W*",
    re.IGNORECASE,
)
"""Short for an exit, where nothing else is said."""
_ENDS = re.compile(r"\b(?:exit|close|tp ?\d*|sl)\W*$", re.IGNORECASE)
_GLUED = re.compile(r"\b(?:long|short|buy|sell)(?:exit|closed?|tp|sl)\d*\b", re.IGNORECASE)
_DONE = re.compile(
    r"\b(?:exit(?:s|ed)?|closed?|closing|tp\s*\d*|sl|stop\s*(?:loss|out|hit)|stopped|take\s*profit"
    r"|trail(?:ing)?|cover(?:ed)?|target)\b",
    re.IGNORECASE,
)
_POSITION_DONE = re.compile(
    r"\b(?:long|short|buy|sell|position|trade|deal)s?\s*"
    r"(?:exit(?:s|ed)?|closed?|stopped|tp\s*\d*|sl)\b"
    r"|\bto\s*(?:close|cover)\b",
    re.IGNORECASE,
)
_PLAN = re.compile(
    r"\W?(?:(?:tp|sl|target|stop ?loss|stop|take ?profit) ?\d?[ :=@]{0,3}\d+(?:\.\d+)?"
    r"[ ,;|/]{0,3}){2,4}",
    re.IGNORECASE,
)
"""What an entry plans: an exit met one of them."""
_WORDS = re.compile(r"[A-Za-z]+")
_SIDES = {
    **dict.fromkeys(("long", "longs", "buy", "bull", "bullish"), Side.BUY),
    **dict.fromkeys(("short", "shorts", "sell", "bear", "bearish"), Side.SELL),
}


# Alerts of one script have the same few names.
@lru_cache(maxsize=1024)
def names_exit(name: str, side: Side) -> bool:
    """Say whether an order's name calls it an exit: `L exit`, or `Long TP1` of a sell.

    No script names what opens a short after the long.
    """
    text = _spaced(name)
    named = next((_SIDES[w] for w in _WORDS.findall(text.lower()) if w in _SIDES), side)
    return _says_exit(text) or _ENDS.search(text) is not None or named is not side


@lru_cache(maxsize=1024)
def tells_of_exit(comment: str, side: Side) -> bool:
    """Say whether an order's comment calls it an exit: `TP1`, or `Long stopped out` of a sell.

    A comment may well speak of the other side: `Sell-side liquidity was taken`.
    """
    text = _spaced(comment)
    if _PLAN.fullmatch(text):
        return False
    first = _WORDS.search(text.lower())
    named = _SIDES.get(first[0], side) if first else side
    return _says_exit(text) or (named is not side and _DONE.search(text) is not None)


@lru_cache(maxsize=1024)
def is_kind_of_exit(kind: str) -> bool:
    """Say whether the kind of an alert is an exit: `exitLong`, `LONG_EXIT`, `tp_hit`."""
    text = _spaced(kind)
    return any(find.search(text) for find in (_GLUED, _POSITION_DONE)) or bool(_BEGINS.match(text))


def _says_exit(text: str) -> bool:
    return any((_BEGINS.match(text), _WHOLE.fullmatch(text), _GLUED.search(text)))


def _spaced(text: str) -> str:
    return " ".join(_JOINTS.sub(" ", _CAMEL.sub(" ", text[:LENGTH_MAX])).split())
