"""RPyC in front of the terminal: the classic protocol's words, without its powers."""

import socket
import time
from collections.abc import Callable
from typing import Any

import rpyc
from rpyc.core import consts
from rpyc.core.protocol import DEFAULT_CONFIG, Connection
from rpyc.utils.helpers import classpartial
from rpyc.utils.server import ThreadedServer

from backend.paper_terminal.faults import Faults
from backend.paper_terminal.grammar import Form, Refused, check_statements, parse_call
from backend.paper_terminal.road import ConnectionCut
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
_PATIENCE_S = 0.25


class _Wire(Connection):
    """A connection that can fall silent, end, or say an answer twice."""

    answer_twice = False

    def cut(self, silence_s: float) -> None:
        """End the connection after some silence; the session has lost its right by then."""
        deadline = time.monotonic() + silence_s
        while not self.closed and (left := deadline - time.monotonic()) > 0:
            # The client may lose patience first: then there is nothing to wait for.
            if self._channel.poll(min(left, _PATIENCE_S)):
                break
        self._channel.close()

    def _send(self, msg: int, seq: int, args: Any) -> None:
        twice, self.answer_twice = self.answer_twice and msg == consts.MSG_REPLY, False
        if twice:
            label, key = args
            if label == consts.LABEL_REMOTE_REF:
                # Both copies are given back later: count the second one too.
                self._local_objects.add(key, self._local_objects[key])
            super()._send(msg, seq, args)
        super()._send(msg, seq, args)


class TerminalService(rpyc.Service):
    """What a classic client finds at the root: eval and execute that obey `grammar`."""

    _protocol = _Wire
    ALIASES = ("slave", "classic")
    exposed_namespace = ()

    def __init__(self, terminal: Terminal) -> None:
        super().__init__()
        self._terminal = terminal
        self._session = Session()

    def on_connect(self, conn: Any) -> None:
        """Remember the connection that faults may cut."""
        self._wire = conn

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
        try:
            result = self._terminal.call(self._session, call.function, call.args, call.kwargs)
        except ConnectionCut as cut:
            self._wire.cut(cut.silence_s)
            raise EOFError("the connection was cut") from cut
        self._wire.answer_twice, self._session.answer_twice = self._session.answer_twice, False
        try:
            return _SHAPERS[call.form](result)
        except (AttributeError, TypeError) as error:
            raise Refused(f"mt5.{call.function} has no such result") from error


def _pairs(record: Any) -> tuple[tuple[str, object], ...]:
    fields = zip(record._fields, record, strict=True)
    return tuple((name, value) for name, value in fields if name != "request")


def _one(result: Any) -> object:
    return None if result is None else _pairs(result)


def _answer(result: Any) -> object:
    if result is None:
        return None
    return (
        *_pairs(result),
        ("request", tuple(zip(result.request._fields, result.request, strict=True))),
    )


def _many(result: Any) -> object:
    return None if result is None else tuple(_pairs(record) for record in result)


def _array(result: Any) -> object:
    return None if result is None else (str(result.dtype.descr), result.tobytes())


_SHAPERS: dict[Form, Callable[[Any], object]] = {
    Form.PLAIN: lambda result: result,
    Form.ONE: _one,
    Form.ANSWER: _answer,
    Form.MANY: _many,
    Form.ARRAY: _array,
}


class TerminalServer(ThreadedServer):
    """One thread per connection; answers leave at once instead of waiting for more."""

    def __init__(self, terminal: Terminal, faults: Faults, host: str, port: int) -> None:
        self._faults = faults
        service = classpartial(TerminalService, terminal)
        super().__init__(service, hostname=host, port=port, protocol_config=dict(_CONFIG))

    def listen(self) -> int:
        """Begin to listen and give the port, before any connection is accepted."""
        self._listen()
        return int(self.port)

    def _accept_method(self, sock: socket.socket) -> None:
        if self._faults.in_force("refuse_connections") is not None:
            sock.close()
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super()._accept_method(sock)
