"""What happens to a call on its way to the server and back, when faults are in force."""

from __future__ import annotations

import os
import time
from typing import Any

from backend.paper_terminal.constants import RETCODE_TEXT, Retcode
from backend.paper_terminal.faults import Strikes

_KILLED = 137
# What a server that did not execute would leave empty, and an asynchronous one does not know yet.
_UNTOLD = {"deal": 0, "volume": 0.0, "price": 0.0}
_WITH_ORDER = frozenset({Retcode.PLACED, Retcode.DONE, Retcode.DONE_PARTIAL})


class Lost(Exception):
    """None instead of an answer, and last_error tells this code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class ConnectionCut(Exception):
    """The connection ends without an answer, after some silence in seconds."""

    def __init__(self, silence_s: float = 0.0) -> None:
        super().__init__(silence_s)
        self.silence_s = silence_s


def there(strikes: Strikes) -> None:
    """Go to the server. Raises Lost or ConnectionCut if the request does not arrive."""
    if "latency" in strikes:
        time.sleep(strikes["latency"]["ms"] / 1000)
    if "crash_before" in strikes:
        os._exit(_KILLED)
    if "disconnect_before" in strikes:
        raise ConnectionCut
    if "lost_request" in strikes:
        raise Lost(strikes["lost_request"]["code"])


def back(strikes: Strikes, result: Any) -> Any:
    """Bring the answer of what is done and on disk. Raises Lost or ConnectionCut."""
    if "crash_after" in strikes:
        os._exit(_KILLED)
    if "disconnect_after" in strikes:
        raise ConnectionCut
    if "no_answer" in strikes:
        raise ConnectionCut(strikes["no_answer"]["ms"] / 1000)
    if "lost_answer" in strikes:
        raise Lost(strikes["lost_answer"]["code"])
    if "false_answer" in strikes and hasattr(result, "retcode"):
        return _falsified(result, strikes["false_answer"]["retcode"])
    return result


def _falsified(result: Any, retcode: int) -> Any:
    order = result.order if retcode in _WITH_ORDER else 0
    text = RETCODE_TEXT.get(retcode, "")  # type: ignore[call-overload]
    return result._replace(retcode=retcode, comment=text, order=order, **_UNTOLD)
