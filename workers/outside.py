"""What lies outside of Postgres, for the agents that act: a bridge or feed per account, people.

Built when first asked for, on the thread that asks: a connection belongs to one thread. Only
the owner of an account may ask for its bridge, because at a terminal the newest trading
session displaces the older one; feeds only read and displace nobody.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from psycopg import Connection

from backend.db import bus
from backend.notices import Destination, read_destinations
from backend.ports import Clock
from backend.settings import Settings
from backend.values import Mode
from backend.venues.model import VenueUnavailable
from backend.venues.mt5.venue import Mt5Venue
from backend.venues.registry import build_venue
from workers.bridge.bridge import Bridge
from workers.bridge.shadow import ShadowBridge

ACCOUNT_CONNECTIONS = "execution.account_connections"


class Outside:
    """The venues of one process."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        connect: Callable[[str], Connection[Any]],
        accounts: tuple[str, ...] = (),
    ) -> None:
        self.accounts = accounts
        """Those that this process serves, and no others; none means a share of all."""
        self._settings = settings
        self._clock = clock
        self._connect = connect
        self._lock = threading.Lock()
        self._shadow = ShadowBridge(clock)
        self._bridges: dict[str, Bridge] = {}
        self._feeds: dict[str, Mt5Venue] = {}
        urls = settings.notify_urls
        self.destinations: tuple[Destination, ...] = (
            () if urls is None else read_destinations(urls.get_secret_value(), clock)
        )
        self.console_url = settings.console_url

    @property
    def clock(self) -> Clock:
        """The process's clock."""
        return self._clock

    def bridge(self, account_id: str, mode: str | None = None) -> Bridge | ShadowBridge:
        """Return the account's trading bridge; only its lease's owner may use it.

        What is in the shadow gets one that has no connection and can get none.
        """
        if mode == Mode.SHADOW.value:
            return self._shadow
        with self._lock:
            bridge = self._bridges.get(account_id)
            if bridge is None:
                bridge = Bridge(
                    account_id, lambda: self._build(account_id, "execution_agent"), self._clock
                )
                self._bridges[account_id] = bridge
            return bridge

    def feed(self, account_id: str, role: str = "market_data_agent") -> Mt5Venue:
        """Return a connected, reading venue of the account. Raises VenueUnavailable."""
        with self._lock:
            feed = self._feeds.get(account_id)
        if feed is not None and feed.connected:
            return feed
        if feed is not None:
            feed.close()
        feed = self._build(account_id, role, read_only=True)
        feed.connect()
        with self._lock:
            self._feeds[account_id] = feed
        return feed

    def close(self) -> None:
        """Let go of every terminal."""
        with self._lock:
            for bridge in self._bridges.values():
                bridge.close()
            for feed in self._feeds.values():
                feed.close()
            self._bridges.clear()
            self._feeds.clear()

    def _build(self, account_id: str, role: str, *, read_only: bool = False) -> Mt5Venue:
        with self._connect(role) as conn:
            (account,) = bus.call(conn, ACCOUNT_CONNECTIONS, [{"i": 0, "account_id": account_id}])
        if account["account_id"] is None:
            raise VenueUnavailable(f"no account {account_id}")
        if account["mode"] == Mode.SHADOW.value:
            raise VenueUnavailable(f"account {account_id} is in the shadow: nothing connects to it")
        # Real money is traded where the desk is live and the account says that it is, too.
        live = self._settings.live and account["mode"] == Mode.LIVE.value
        return build_venue(account, self._clock, allow_live=live, read_only=read_only)
