"""What clients may write: calls of `mt5.*` with literal arguments, and nothing else.

Source is parsed, never evaluated. Around a call, four fixed comprehensions are understood that
bring a result home by value in one round trip; Python behind a real `mt5linux` server evaluates
the same text to the same result. Their words stand in `backend/venues/mt5/rpyc_terminal.py` too.
"""

import ast
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Any

SOURCE_CHARS_MAX = 65_536
_CALL = "_call_"


class Form(Enum):
    """How the caller wants the result; the texts are valid Python around the call."""

    PLAIN = _CALL
    ONE = (
        "[None if r is None else tuple((k, v) for k, v in r._asdict().items() if k != 'request')"
        f" for r in ({_CALL},)][0]"
    )
    ANSWER = (
        "[None if r is None else tuple((k, tuple(v._asdict().items()) if k == 'request' else v)"
        f" for k, v in r._asdict().items()) for r in ({_CALL},)][0]"
    )
    MANY = (
        "[None if rs is None else tuple(tuple(r._asdict().items()) for r in rs)"
        f" for rs in ({_CALL},)][0]"
    )
    ARRAY = f"[None if a is None else (str(a.dtype.descr), a.tobytes()) for a in ({_CALL},)][0]"


_WRAPS = [(form, *form.value.split(_CALL)) for form in Form if form is not Form.PLAIN]
_PREAMBLE = {
    ast.dump(statement)
    for statement in ast.parse("import sys\nimport datetime\nimport MetaTrader5 as mt5").body
}


class Refused(ValueError):
    """The source is not of the allowed kind."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call as the client wrote it."""

    function: str
    args: list[Any]
    kwargs: dict[str, Any]
    form: Form


def parse_call(source: object, functions: frozenset[str]) -> Call:
    """Read a call. Raises Refused for whatever is not one."""
    form, inner = _unwrap(source)
    call = _parse(inner, "eval").body  # type: ignore[attr-defined]
    match call:
        case ast.Call(ast.Attribute(ast.Name("mt5"), name)):
            pass
        case _:
            raise Refused("only calls of mt5 functions with literal arguments are allowed")
    if name not in functions:
        raise Refused(f"mt5.{name} is not offered")
    args: list[Any] = []
    for node in call.args:
        if isinstance(node, ast.Starred):
            args.extend(_sequence(node.value))
        else:
            args.append(_literal(node))
    kwargs: dict[str, Any] = {}
    for keyword in call.keywords:
        value = _literal(keyword.value)
        if keyword.arg is not None:
            kwargs[keyword.arg] = value
        elif isinstance(value, dict) and all(isinstance(key, str) for key in value):
            kwargs.update(value)
        else:
            raise Refused("keyword arguments must have names")
    return Call(name, args, kwargs, form)


def check_statements(source: object) -> None:
    """Accept the imports with which `mt5linux` opens a connection. Raises Refused otherwise."""
    for statement in _parse(source, "exec").body:  # type: ignore[attr-defined]
        if ast.dump(statement) not in _PREAMBLE and not _appends_path(statement):
            raise Refused("statements are not executed here")


def _appends_path(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(
            ast.Call(
                ast.Attribute(ast.Attribute(ast.Name("sys"), "path"), "append"),
                [ast.Constant(str())],
                [],
            )
        ):
            return True
    return False


def _parse(source: object, mode: str) -> ast.AST:
    if not isinstance(source, str) or len(source) > SOURCE_CHARS_MAX:
        raise Refused("source must be a text of moderate length")
    try:
        return ast.parse(source.strip(), mode=mode)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Refused("source cannot be parsed") from error


def _unwrap(source: object) -> tuple[Form, object]:
    """Take a known wrap off. What is inside is parsed alone, so it cannot reach out of it."""
    if isinstance(source, str):
        for form, before, after in _WRAPS:
            if source.startswith(before) and source.endswith(after):
                return form, source[len(before) : len(source) - len(after)]
    return Form.PLAIN, source


def _sequence(node: ast.expr) -> list[Any]:
    if not isinstance(node, ast.Tuple | ast.List):
        raise Refused("arguments must be literal")
    return [_literal(item) for item in node.elts]


def _literal(node: ast.expr) -> Any:
    if isinstance(node, ast.Call | ast.Attribute):
        return _instant(node)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise Refused("arguments must be literal") from error


def _instant(node: ast.expr) -> Any:
    """Build datetime, timezone and timedelta: what `repr` of an instant shows."""
    kinds = {"datetime": datetime, "timedelta": timedelta, "timezone": timezone}
    match node:
        case ast.Attribute(ast.Attribute(ast.Name("datetime"), "timezone"), "utc"):
            return timezone.utc  # noqa: UP017 - as the client wrote it
        case ast.Call(ast.Attribute(ast.Name("datetime"), name)) if name in kinds:
            args = [_literal(arg) for arg in node.args]
            if any(keyword.arg is None for keyword in node.keywords):
                raise Refused("arguments must be literal")
            kwargs = {str(k.arg): _literal(k.value) for k in node.keywords}
            try:
                return kinds[name](*args, **kwargs)
            except (TypeError, ValueError, OverflowError) as error:
                raise Refused(f"no such instant: {error}") from error
    raise Refused("arguments must be literal")
