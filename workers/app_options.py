"""Options that every way of hosting agents shares."""

from __future__ import annotations

from workers.agent import AGENTS


def agent_names(text: str | None) -> tuple[str, ...]:
    """Return the agents of a comma-separated list; none given means all, `none` means none."""
    if not text or text == "all":
        return AGENTS
    if text == "none":
        return ()
    return tuple(name.strip() for name in text.split(",") if name.strip())
