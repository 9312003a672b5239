"""The catalogue of faults: names, what each does, whom it strikes, its parameters' defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

ORDER_SEND = ("order_send",)
HISTORY = ("history_orders_get", "history_deals_get")
LISTS = ("positions_get", "orders_get", *HISTORY)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault. lasting: a state of things for as long as it is in force."""

    name: str
    about: str
    functions: tuple[str, ...] = ORDER_SEND
    parameters: dict[str, Any] = field(default_factory=dict)
    lasting: bool = False


def _lasting(name: str, about: str, **parameters: Any) -> Kind:
    return Kind(name, about, (), parameters, lasting=True)


_ALL = (
    # Before the server hears of it: nothing is executed.
    Kind("latency", "The request takes longer to arrive.", parameters={"ms": 500.0}),
    Kind("lost_request", "None and last_error; nothing was executed.", parameters={"code": -10005}),
    Kind("disconnect_before", "The connection ends; nothing was executed."),
    Kind("crash_before", "The process dies at once; nothing was executed."),
    Kind("reject", "The server refuses with a retcode.", parameters={"retcode": 10006}),
    Kind("requote", "The server offers a worse price (10004).", parameters={"points": 20}),
    # While it is executed.
    Kind("slippage", "The fill is worse by so many points.", parameters={"points": 10}),
    Kind("partial_fill", "Only a share of the volume is filled.", parameters={"share": 0.5}),
    Kind("overfill", "More than the volume is filled.", parameters={"share": 1.5}),
    Kind(
        "late_execution",
        "None and last_error at once; executed only later, unless the process dies first.",
        parameters={"ms": 1_500.0, "code": -10005},
    ),
    Kind("overwrite_comment", "The server keeps another comment.", parameters={"text": ""}),
    # After it was executed and is on disk.
    Kind("lost_answer", "Executed, but None and last_error.", parameters={"code": -10005}),
    Kind("false_answer", "Executed, but another retcode.", parameters={"retcode": 10012}),
    Kind("no_answer", "Executed; silence, then the connection ends.", parameters={"ms": 60_000.0}),
    Kind("disconnect_after", "Executed; the connection ends without an answer."),
    Kind("crash_after", "Executed and on disk; the process dies before it answers."),
    Kind("duplicate_answer", "Executed once, answered twice."),
    Kind("stale_answer", "Executed, but the answer to an earlier order_send comes again."),
    Kind(
        "late_records",
        "Executed; its orders, deals or positions are listed only later.",
        parameters={"ms": 2_000.0, "records": "deals,orders"},
    ),
    Kind("displace", "Another program has logged in: the session may not trade any more."),
    Kind("repeated_records", "History lists its last record twice.", HISTORY),
    Kind("empty_answer", "Lists are empty, as before a terminal has synchronised.", LISTS),
    # States of things.
    _lasting(
        "autotrading_off",
        "No program may trade: 10027 by the client, 10026 by the server, None and -8 by the api.",
        by="client",
    ),
    _lasting("server_lost", "No connection to the trade server: 10031, terminal_info tells."),
    _lasting("stale_quotes", "Ticks stand still; everything else goes on."),
    _lasting("spread", "The spread is so many times as wide.", factor=5.0),
    _lasting("market_closed", "The symbol's session is over (10018)."),
    _lasting("trade_mode", "disabled, longonly, shortonly or closeonly.", mode="closeonly"),
    _lasting("server_time", "The server's clock is shifted, as by daylight saving.", hours=1.0),
    _lasting("other_account", "Somebody logged in elsewhere.", login=99_999, trade_mode=2),
    _lasting("refuse_connections", "New connections are closed at once."),
)

KINDS = {kind.name: kind for kind in _ALL}


def parameters_of(kind: Kind, given: dict[str, Any]) -> dict[str, Any]:
    """Complete the parameters of a kind. Raises ValueError for strangers and for wrong kinds."""
    result = dict(kind.parameters)
    for name, value in given.items():
        if name not in result:
            raise ValueError(f"{kind.name} has no parameter {name}")
        wanted = type(result[name])
        accepted = {float: (int, float), str: (int, float, str)}.get(wanted, wanted)
        if isinstance(value, bool) or not isinstance(value, accepted):
            raise ValueError(f"{kind.name}: {name} must be {wanted.__name__}")
        result[name] = wanted(value)
    return result
