"""Tells people through Apprise: Telegram, Slack, mail and whatever else has a URL there.

The URLs carry passwords: they come from the environment, stay in this module, and everything
outside of it knows a destination by a name that gives nothing away.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from backend.errors import DeskError
from backend.ports import Clock, Notice
from backend.values import Severity

CONNECT_S, READ_S = 3.0, 4.0
FAILURES_MAX = 3
PAUSE_S_FIRST, PAUSE_S_MAX = 15.0, 300.0


class NoticeNotTaken(ConnectionError):
    """The destination did not take a notice; it may be tried again."""


Send = Callable[[str, Notice], bool]
"""Hands a notice to a URL. True if it was taken."""


@dataclass(slots=True)
class Destination:
    """One address, whose notices it gets, and the circuit breaker before it."""

    name: str
    org_id: str | None
    """None: of every organisation."""
    url: str = field(repr=False)
    send: Send = field(repr=False)
    clock: Clock = field(repr=False)
    failures: int = 0
    closed_until_ns: int = 0

    def notify(self, notice: Notice) -> None:
        """Hand over a notice. Raises NoticeNotTaken, at once while the breaker is open."""
        if self.clock.monotonic_ns() < self.closed_until_ns:
            raise NoticeNotTaken(f"{self.name} failed {self.failures} times and rests")
        if self.send(self.url, notice):
            self.failures = 0
            return
        self.failures += 1
        if self.failures >= FAILURES_MAX:
            pause_s = min(PAUSE_S_MAX, PAUSE_S_FIRST * 2 ** (self.failures - FAILURES_MAX))
            self.closed_until_ns = self.clock.monotonic_ns() + int(pause_s * 1e9)
        raise NoticeNotTaken(f"{self.name} did not take it")

    def wants(self, org_id: str) -> bool:
        """Tell whether this address gets an organisation's notices."""
        return self.org_id is None or self.org_id == org_id


def read_destinations(text: str, clock: Clock, send: Send | None = None) -> tuple[Destination, ...]:
    """Read `[org=]URL` entries, separated by white space.

    Raises DeskError notices.url, which never shows the URL: it may hold a password.
    """
    found: list[Destination] = []
    for number, entry in enumerate(text.split(), start=1):
        org_id, separator, url = entry.partition("=")
        if not separator or ":" in org_id or "/" in org_id:
            org_id, url = "", entry
        scheme, separator, rest = url.partition("://")
        if not separator or not scheme.isalnum() or not rest:
            raise DeskError(
                "notices.url",
                f"entry {number} of DESK_NOTIFY_URLS is no Apprise URL",
                "like tgram://bottoken/chat, slack://…, mailto://…; `org=URL` for one organisation",
            )
        digest = hashlib.sha256(url.encode()).hexdigest()[:8]
        found.append(
            Destination(
                f"{scheme.lower()}-{digest}", org_id or None, url, send or send_by_apprise, clock
            )
        )
    return tuple(found)


def send_by_apprise(url: str, notice: Notice) -> bool:
    """Hand a notice to an Apprise URL, within a few seconds. False if it was not taken."""
    # Two hundred services take a quarter of a second to import: only who sends pays for them.
    import apprise

    kinds = {
        Severity.INFO: apprise.NotifyType.INFO,
        Severity.WARN: apprise.NotifyType.WARNING,
        Severity.CRITICAL: apprise.NotifyType.FAILURE,
    }
    asset = apprise.AppriseAsset(
        app_id="Dynamic Capital Desk", app_desc="", app_url="", async_mode=False
    )
    plugin: Any = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if plugin is None or plugin is False:
        return False
    plugin.socket_connect_timeout, plugin.socket_read_timeout = CONNECT_S, READ_S
    sender = apprise.Apprise(asset=asset)
    sender.add(plugin)
    return bool(
        sender.notify(
            body=notice.body,
            title=notice.title,
            notify_type=kinds[notice.severity],
            body_format=apprise.NotifyFormat.TEXT,
        )
    )


def names_of(destinations: Iterable[Destination]) -> list[str]:
    """Return names, as they may be shown and stored."""
    return [destination.name for destination in destinations]
