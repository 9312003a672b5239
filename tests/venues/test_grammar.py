"""What the terminal refuses to understand."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
import rpyc
from rpyc.core.consts import HANDLE_GETATTR

from backend.paper_terminal.grammar import Form, Refused, check_statements, parse_call
from tests.venues.process import PaperProcess

FUNCTIONS = frozenset({"account_info", "order_send", "copy_rates_from"})


def test_literal_calls_are_read():
    call = parse_call("mt5.order_send({'volume': 0.1, 'price': -1})", FUNCTIONS)
    assert (call.function, call.args, call.form) == (
        "order_send",
        [{"volume": 0.1, "price": -1}],
        Form.PLAIN,
    )
    call = parse_call("mt5.account_info(*(1, 'a'),**{'group': '*'})", FUNCTIONS)
    assert (call.args, call.kwargs) == ([1, "a"], {"group": "*"})


def test_instants_are_read_as_repr_shows_them():
    for zone in (UTC, timezone(timedelta(hours=-5, minutes=-30), "XYZ")):
        instant = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=zone)
        call = parse_call(f'mt5.copy_rates_from("EURUSD", 1, {instant!r}, 5)', FUNCTIONS)
        assert call.args[2] == instant


@pytest.mark.parametrize("form", [f for f in Form if f is not Form.PLAIN])
def test_wraps_that_bring_results_home_are_known(form: Form):
    source = form.value.replace("_call_", "mt5.account_info()")
    assert parse_call(source, FUNCTIONS).form is form


@pytest.mark.parametrize(
    "source",
    [
        "__import__('os').system('true')",
        "mt5.__class__",
        "mt5.order_send",
        "mt5.order_send.__globals__",
        "mt5.account_info().__class__.__mro__",
        "mt5.account_info(__import__('os'))",
        "mt5.account_info(open('/etc/passwd').read())",
        "mt5.account_info(mt5.account_info())",
        "[mt5.account_info(), mt5.account_info()]",
        "mt5.account_info(x for x in (1,))",
        "mt5.account_info(lambda: 1)",
        "mt5.account_info(f'{1}')",
        "mt5.account_info(datetime.datetime.now())",
        "mt5.account_info(datetime.sys.modules)",
        "mt5.account_info(datetime.timezone(datetime.timedelta(days=9)))",
        "mt5.eval('1')",
        "mt5.__init__()",
        "os.system('true')",
        "(lambda: mt5.account_info())()",
        "mt5.account_info() if True else 1",
        "1 + 1",
        "",
        "mt5.account_info(",
        "(" * 5000,
        "mt5.account_info(" + "[" * 3000 + "]" * 3000 + ")",
        "mt5.order_send('" + "x" * 70_000 + "')",
        None,
        b"mt5.account_info()",
    ],
)
def test_everything_else_is_refused(source: object):
    with pytest.raises(Refused):
        parse_call(source, FUNCTIONS)


def test_only_the_imports_of_mt5linux_are_accepted():
    check_statements("import sys; sys.path.append('C:\\\\mt5libs')")
    check_statements("import MetaTrader5 as mt5")
    check_statements("import datetime")
    for source in ("import os", "x = 1", "sys.path.append(open('x'))", "import sys as mt5"):
        with pytest.raises(Refused):
            check_statements(source)


def test_classic_client_gets_no_powers(shared_terminal: PaperProcess):
    connection = rpyc.classic.connect("127.0.0.1", shared_terminal.port)
    for attack in ("__import__('os').getpid()", "open('/etc/passwd').read()"):
        with pytest.raises(Exception, match=r"only calls of mt5|literal"):
            connection.eval(attack)
    with pytest.raises(Exception, match="statements are not executed"):
        connection.execute("import os")
    assert connection.modules["os"] is None
    account = connection.eval("mt5.initialize()") and connection.eval("mt5.account_info()")
    for name in ("__class__", "_rpyc_getattr", "__init__", "__reduce_ex__", "_replace", "_make"):
        with pytest.raises(AttributeError):
            connection.sync_request(HANDLE_GETATTR, account, name)
    for name in ("_terminal", "exposed_eval.__func__", "on_disconnect", "__dict__"):
        with pytest.raises(AttributeError):
            connection.sync_request(HANDLE_GETATTR, connection.root, name)
    connection.close()
