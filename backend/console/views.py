"""Rows turned into what the pages show; every value is escaped where it is written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse

from backend.contracts.denials import Code

_FOLDER = Path(__file__).resolve().parent / "templates"
STYLE = (_FOLDER / "style.css").read_text()
BODY_MAX = 16_384

_AXES = (
    ("smc_confluence", "Smart money structure"),
    ("regime_fit", "Volatility regime"),
    ("flow_alignment", "Counter-party flow"),
)


def _instant(value: datetime | None) -> str:
    return "" if value is None else f"{value:%Y-%m-%d %H:%M:%S} UTC"


def _two(value: Decimal | str | None) -> str:
    return "–" if value is None else f"{Decimal(value):.2f}"


def _plain(value: Decimal | None) -> str:
    return "–" if value is None else f"{value.normalize():f}"


def _why(code: str) -> str:
    known = Code.of_number(code)
    return code if known is None else known.meaning


def _words(name: str) -> str:
    return name.replace("_", " ")


_PAGES = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_PAGES.filters.update(instant=_instant, two=_two, plain=_plain, why=_why, words=_words)


def page(name: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a page."""
    return HTMLResponse(_PAGES.get_template(name).render(**values), status)


def review_view(row: Mapping[str, Any]) -> dict[str, Any]:
    """Prepare one review: axes and contributions as lengths of bars, the alert as text."""
    body: bytes | None = row["body"]
    shown = None
    if body is not None:
        # What cannot be read is shown as such, never dropped: it may be why a person must look.
        shown = body[:BODY_MAX].decode("utf-8", "backslashreplace")
    return {
        **row,
        "scored": row["rationale_id"] is not None,
        "axes": _axes(row["axes"]) if row["axes"] else [],
        "contributions": _bars(row["contributions"] or []),
        "precedents": row["precedents"] or [],
        "alert": shown,
        "alert_cut": body is not None and len(body) > BODY_MAX,
    }


def _axes(axes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "title": title,
            "value": Decimal(axes[name]),
            "width": round(float(axes[name]) * 100, 1),
            "known": name != "flow_alignment" or axes["flow_known"],
        }
        for name, title in _AXES
    ]


def _bars(contributions: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Lay contributions out around a middle line; the largest fills its half."""
    amounts = [Decimal(str(c["weight"])) for c in contributions]
    largest = max((abs(amount) for amount in amounts), default=Decimal(0)) or Decimal(1)
    bars: list[dict[str, Any]] = []
    for nr, (contribution, amount) in enumerate(zip(contributions, amounts, strict=True)):
        width = float(abs(amount) / largest) * 50
        bars.append(
            {
                "feature": contribution["feature"],
                "amount": amount,
                "width": round(width, 1),
                "start": round(50.0 if amount > 0 else 50.0 - width, 1),
                "against": amount < 0,
                "top": nr < 3,
            }
        )
    return bars
