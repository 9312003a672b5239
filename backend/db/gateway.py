"""Sessions of the desk's roles, calls of its procedures, and the one translation of errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary, WeakSet

import orjson
import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult
from psycopg.types.json import Jsonb, set_json_dumps, set_json_loads

from backend.db.roles import ensure_passwords
from backend.errors import DeskError
from backend.settings import Settings
from backend.values import format_decimal, format_instant

CONNECT_TIMEOUT_S = 10
STATEMENT_TIMEOUT_MS = 30_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 60_000

# Supavisor and PgBouncer in transaction mode forget prepared statements and settings.
TRANSACTION_POOLER_PORT = "6543"
UNKNOWN_STATEMENT = b"26000"
POOLER_HOST = ".pooler.supabase.com"

# Procedures run the same few plans for ever: planning them anew costs more than any plan could
# save, and compiling them costs more still.
PLANS = {"plan_cache_mode": "force_generic_plan", "jit": "off"}
# Plans are kept for a session that begins with small tables: what would be scanned whole then
# must be looked up by its key for ever.
AGENT_PLANS = {**PLANS, "enable_seqscan": "off"}

# Serialization, deadlock, cancelled by timeout, lock not available, shutting down, too many
# connections; class 08 is the connection itself.
_FAULTS = frozenset(
    ("40001", "40P01", "57014", "55P03", "25P03", "57P01", "57P02", "57P03", "53300")
)


class DenialRaised(Exception):
    """A procedure said no. `code` is the SQLSTATE, a TR number of contracts/denials.py."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.sqlstate = code


class Fault(psycopg.OperationalError):
    """Nobody's decision: worth another try within a stated limit.

    An OperationalError, so that loops which wait for a lost server need only one except.
    `sqlstate` is None where the connection is lost; the outcome of a commit is then unknown.
    """

    def __init__(self, sqlstate: str | None, message: str) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into DenialRaised and Fault by SQLSTATE; bugs pass unchanged."""
    try:
        yield
    except psycopg.Error as error:
        raise _translation(error) from error


def _translation(error: psycopg.Error) -> Exception:
    state = error.sqlstate
    message = error.diag.message_primary or str(error)
    if state is not None and state.startswith("TR"):
        return DenialRaised(state, message)
    lost = state is None and isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError))
    if lost or state in _FAULTS or (state or "").startswith("08"):
        return Fault(state, message)
    return error


def call(
    conn: Connection[Any], procedure: str, items: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Call `schema.procedure(jsonb)` with a batch of items; returns its answers.

    Raises DenialRaised or Fault; anything else is a bug.
    """
    return ask(conn, _statement(procedure), (dump(items),)) or []


def ask(conn: Connection[Any], statement: bytes, arguments: Sequence[bytes]) -> Any:
    """Run a statement with `$1`-style parameters as text; returns its last column, a jsonb.

    Raises DenialRaised or Fault; anything else is a bug. Goes to libpq past the driver's
    cursors: they cost a small procedure call more than Postgres does. Blocks its thread.
    """
    try:
        if not conn.autocommit and conn.pgconn.transaction_status == TransactionStatus.IDLE:
            conn.execute(b"select")
        value = _run(conn, statement, arguments)
    except psycopg.Error as error:
        raise _translation(error) from error
    return None if value is None else orjson.loads(value)


@contextmanager
def transaction(conn: Connection[Any]) -> Iterator[None]:
    """Run a block of `ask`s in one transaction of an autocommit session.

    Unlike the driver's own, its end forgets no prepared statement. Raises Fault.
    """
    with translated():
        _command(conn, b"begin")
    _in_hand.add(conn)
    try:
        yield
    except BaseException:
        if conn.pgconn.status == ConnStatus.OK:
            conn.pgconn.exec_(b"rollback")
        raise
    else:
        with translated():
            _command(conn, b"commit")
    finally:
        _in_hand.discard(conn)


_in_hand: WeakSet[Connection[Any]] = WeakSet()
_prepared: WeakKeyDictionary[Connection[Any], dict[bytes, bytes]] = WeakKeyDictionary()


def _run(conn: Connection[Any], statement: bytes, arguments: Sequence[bytes]) -> bytes | None:
    pgconn = conn.pgconn
    alone = pgconn.transaction_status == TransactionStatus.IDLE
    if conn.prepare_threshold is None or not (alone or conn in _in_hand):
        # The driver deallocates everything after a rollback of its own.
        return _value(conn, pgconn.exec_params(statement, arguments))
    names = _prepared.setdefault(conn, {})
    name = names.get(statement) or _prepare(conn, names, statement)
    result = pgconn.exec_prepared(name, arguments)
    if alone and result.error_field(DiagnosticField.SQLSTATE) == UNKNOWN_STATEMENT:
        names.clear()
        result = pgconn.exec_prepared(_prepare(conn, names, statement), arguments)
    return _value(conn, result)


def _prepare(conn: Connection[Any], names: dict[bytes, bytes], statement: bytes) -> bytes:
    name = names[statement] = b"desk_%d" % len(names)
    result = conn.pgconn.prepare(name, statement)
    if result.status != ExecStatus.COMMAND_OK:
        del names[statement]
        raise _error_of(conn, result)
    return name


def _command(conn: Connection[Any], command: bytes) -> None:
    result = conn.pgconn.exec_(command)
    # A transaction that failed answers a commit by rolling back.
    if result.status != ExecStatus.COMMAND_OK or result.command_status != command.upper():
        raise _error_of(conn, result)


def _value(conn: Connection[Any], result: PGresult) -> bytes | None:
    if result.status != ExecStatus.TUPLES_OK:
        raise _error_of(conn, result)
    return result.get_value(0, result.nfields - 1)


def _error_of(conn: Connection[Any], result: PGresult) -> psycopg.Error:
    if conn.pgconn.status == ConnStatus.BAD:
        return psycopg.OperationalError(result.get_error_message() or "the connection is lost")
    return error_from_result(result)


@lru_cache(maxsize=512)
def _statement(procedure: str) -> bytes:
    schema, _, name = procedure.partition(".")
    return sql.SQL("select {}($1::jsonb)").format(sql.Identifier(schema, name)).as_bytes()


def connect(
    url: str,
    role: str | None = None,
    password: str | None = None,
    *,
    application_name: str = "desk",
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS,
    idle_in_transaction_timeout_ms: int = IDLE_IN_TRANSACTION_TIMEOUT_MS,
    autocommit: bool = True,
) -> Connection[Any]:
    """Open a session, of another role than the URL's if one is given. Raises Fault."""
    dsn = dsn_for(url, role, password) if role is not None else libpq_url(url)
    with translated():
        conn = psycopg.connect(
            dsn,
            autocommit=True,
            application_name=application_name,
            connect_timeout=CONNECT_TIMEOUT_S,
        )
        configure(
            conn,
            statement_timeout_ms=statement_timeout_ms,
            idle_in_transaction_timeout_ms=idle_in_transaction_timeout_ms,
        )
        conn.autocommit = autocommit
    return conn


def configure(
    conn: Connection[Any],
    *,
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS,
    idle_in_transaction_timeout_ms: int = IDLE_IN_TRANSACTION_TIMEOUT_MS,
) -> None:
    """Set a session up: UTC, timeouts, jsonb through orjson, statements prepared at once."""
    set_json_loads(orjson.loads, conn)
    set_json_dumps(dump, conn)
    pooled = str(conn.info.port) == TRANSACTION_POOLER_PORT
    conn.prepare_threshold = None if pooled else 0
    conn.execute(
        "select set_config('statement_timeout', %s, false),"
        " set_config('idle_in_transaction_session_timeout', %s, false),"
        " set_config('timezone', 'UTC', false)",
        (str(statement_timeout_ms), str(idle_in_transaction_timeout_ms)),
        prepare=False,
    )
    _set(conn, PLANS)


def connect_as(settings: Settings, role: str) -> Connection[Any]:
    """Open a session of a desk role on the settings' database, in autocommit. Raises Fault."""
    conn = connect(dsn_of(settings, role), application_name=f"desk {role}")
    if role.endswith("_agent"):
        _set(conn, AGENT_PLANS)
    return conn


def _set(conn: Connection[Any], settings: Mapping[str, str]) -> None:
    conn.execute(
        "select set_config(name, value, false) from unnest(%s::text[], %s::text[]) x(name, value)",
        (list(settings), list(settings.values())),
        prepare=False,
    )


def dsn_of(settings: Settings, role: str) -> str:
    """Return how a role reaches the settings' database, with its password.

    Raises DeskError db.url without DATABASE_URL, db.role for a role without a password.
    """
    url = settings.external_database
    if url is None:
        raise DeskError(
            "db.url",
            "this process was not told its database",
            "set DATABASE_URL, or start it with `desk up`",
        )
    password = ensure_passwords(settings.keys).get(role)
    if password is None:
        raise DeskError(
            "db.role", f"{role} is no login role of the desk", "see backend/db/roles.py"
        )
    return dsn_for(url, role, password)


def dsn_for(url: str, role: str, password: str | None) -> str:
    """Return the connection string of the same database under another login."""
    parts = conninfo_to_dict(libpq_url(url))
    parts["user"] = login_name(role, str(parts.get("user") or ""), str(parts.get("host") or ""))
    parts["password"] = password
    return make_conninfo("", **{key: value for key, value in parts.items() if value is not None})


def login_name(role: str, user: str, host: str) -> str:
    """Return what a role is called at a host that a URL reaches as another user.

    Supabase's pooler tells projects apart by a suffix of the user: postgres.projectref.
    """
    _, dot, project = user.partition(".")
    return f"{role}{dot}{project}" if host.endswith(POOLER_HOST) else role


def libpq_url(url: str) -> str:
    """Return a URL as libpq reads it: a driver suffix such as `+psycopg` is dropped."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme.partition('+')[0]}{separator}{rest}" if separator else url


def jsonb(value: object) -> Jsonb:
    """Wrap a value as a jsonb argument."""
    return Jsonb(value, dumps=dump)


def dump(value: object, *, sort_keys: bool = False) -> bytes:
    """Write JSON as the wire has it: decimals as strings, instants in UTC with microseconds."""
    option = orjson.OPT_PASSTHROUGH_DATETIME
    if sort_keys:
        option |= orjson.OPT_SORT_KEYS
    return orjson.dumps(value, default=_plain, option=option)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return format_decimal(value)
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
