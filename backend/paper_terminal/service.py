"""RPyC in front of the terminal: the classic protocol's words, without its powers."""

import socket
from collections.abc import Callable
from typing import Any

import rpyc
from rpyc.core.protocol import DEFAULT_CONFIG
from rpyc.utils.helpers import classpartial
from rpyc.utils.server import ThreadedServer

from backend.paper_terminal.grammar import Form, Refused, check_statements, parse_call
from backend.paper_terminal.terminal import Session, Terminal

_SAFE_ATTRS: Any = DEFAULT_CONFIG["safe_attrs"]
_CONFIG: dict[str, Any] = {
    "allow_public_attrs": False,
    "allow_all_attrs": False,
    # mt5linux fetches arrays by pickling them here; nothing is ever unpickled on this side.
    "allow_pickle": True,
    "safe_attrs": _SAFE_ATTRS - {"__new__", "__enter__", "__exit__"},
    "include_local_traceback": False,
    "log_exceptions": False,
    "sync_request_timeout": 5,
}


class TerminalService(rpyc.Service):
    """What a classic client finds at the root: eval and execute that obey `grammar`."""

    ALIASES = ("slave", "classic")
    exposed_namespace = ()

    def __init__(self, terminal: Terminal) -> None:
        super().__init__()
        self._terminal = terminal
        self._session = Session()

    def on_disconnect(self, conn: object) -> None:
        """Give up the right to trade when the connection ends."""
        self._terminal.release(self._session, shut=False)

    def exposed_execute(self, source: object) -> None:
        """Accept the opening imports, refuse all else."""
        check_statements(source)

    def exposed_getmodule(self, name: object) -> None:
        """Give no module; the classic client asks for two when it connects."""

    def exposed_eval(self, source: object) -> Any:
        """Call one function of the terminal."""
        call = parse_call(source, self._terminal.functions)
        result = self._terminal.call(self._session, call.function, call.args, call.kwargs)
        try:
            return _SHAPERS[call.form](result)
        except (AttributeError, TypeError) as error:
            raise Refused(f"mt5.{call.function} has no such result") from error


def _pairs(record: Any) -> tuple[tuple[str, object], ...]:
    fields = zip(record._fields, record, strict=True)
    return tuple((name, value) for name, value in fields if name != "request")


def _one(result: Any) -> object:
    return None if result is None else _pairs(result)


def _many(result: Any) -> object:
    return None if result is None else tuple(_pairs(record) for record in result)


def _array(result: Any) -> object:
    return None if result is None else (str(result.dtype.descr), result.tobytes())


_SHAPERS: dict[Form, Callable[[Any], object]] = {
    Form.PLAIN: lambda result: result,
    Form.ONE: _one,
    Form.MANY: _many,
    Form.ARRAY: _array,
}


class TerminalServer(ThreadedServer):
    """One thread per connection; answers leave at once instead of waiting for more."""

    def __init__(self, terminal: Terminal, host: str, port: int) -> None:
        service = classpartial(TerminalService, terminal)
        super().__init__(service, hostname=host, port=port, protocol_config=dict(_CONFIG))

    def listen(self) -> int:
        """Begin to listen and give the port, before any connection is accepted."""
        self._listen()
        return int(self.port)

    def _accept_method(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super()._accept_method(sock)
