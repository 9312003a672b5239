"""Three ways to a terminal: the package itself, mt5linux to one elsewhere, our paper terminal.

All give results by value, so that the adapter cannot tell which one answers.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, Literal

from backend.venues.mt5.protocol import Terminal, TerminalUnreachable
from backend.venues.mt5.rpyc_terminal import RpycTerminal, direct_link, mt5linux_link

TerminalKind = Literal["package", "mt5linux", "paper"]


class PackageTerminal:
    """The MetaTrader5 package in this process (Windows). One thread owns it, so calls can time out.

    After a timeout the thread may hang in the package for good; further calls then time out too,
    and the supervisor has to restart the process.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._module: Any = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="metatrader5")

    def open(self) -> None:
        """Import the package. Raises TerminalUnreachable where there is none."""
        try:
            self._module = importlib.import_module("MetaTrader5")
        except ImportError as error:
            message = "the MetaTrader5 package is not installed (it exists for Windows only)"
            raise TerminalUnreachable(message, sent=False) from error

    def close(self) -> None:
        """Close the package's connection."""
        if self._module is not None:
            self._thread.submit(self._module.shutdown)
            self._module = None

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Give one of the package's functions, bounded in time."""
        if name.startswith("_"):
            raise AttributeError(name)

        return lambda *args, **kwargs: self._later(name, *args, **kwargs)()

    def history_deals_later(self, ticket: int) -> Callable[[], Any]:
        """Ask for an order's deals now; the function that is returned waits for them."""
        return self._later("history_deals_get", ticket=ticket)

    def order_send(self, request: dict[str, Any], timeout_s: float | None = None) -> Any:
        """Send a trade request."""
        return self._later("order_send", request)(timeout_s)

    def _later(self, name: str, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        if self._module is None:
            raise TerminalUnreachable("terminal is not open", sent=False)
        pending: Future[Any] = self._thread.submit(getattr(self._module, name), *args, **kwargs)

        def wait(timeout_s: float | None = None) -> Any:
            try:
                return pending.result(self._timeout_s if timeout_s is None else timeout_s)
            except FutureTimeout as error:
                # A call that never began can still be taken back.
                raise TerminalUnreachable("no answer in time", sent=not pending.cancel()) from error

        return wait


def make_terminal(kind: TerminalKind, host: str, port: int, timeout_s: float) -> Terminal:
    """Make a terminal of a kind; nothing is connected yet."""
    if kind == "package":
        return PackageTerminal(timeout_s)  # type: ignore[return-value]
    link = mt5linux_link if kind == "mt5linux" else direct_link
    return RpycTerminal(lambda: link(host, port, timeout_s))
