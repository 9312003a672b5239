"""A desk from its servers to its workers: start in order, run, stop in reverse."""

import contextlib
import socket
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import psycopg

from backend.errors import DeskError
from backend.ports import Clock
from backend.runtime import postgres, redis
from backend.runtime.cluster import clear_leftovers
from backend.runtime.home import Home, locked, prepare_home
from backend.runtime.postgres import PostgresHandle, ServerStart
from backend.runtime.redis import RedisStart
from backend.runtime.state import end_leftovers, read_state
from backend.runtime.supervisor import ProcessEvent, ProcessSpec, Supervisor
from backend.settings import Settings

BROKER_PORTS = {"redis": 6379, "rediss": 6379, "amqp": 5672, "amqps": 5671, "pyamqp": 5672}
CONNECT_WAIT_S = 10


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the desk's Postgres and broker are; a handle only if the server is ours."""

    # The login that migrates: CREATEROLE, owner of the database, no superuser.
    owner_url: str = field(repr=False)
    broker_url: str = field(repr=False)
    postgres: PostgresHandle | None = None

    def url(self, role: str, password: str) -> str:
        """Give the desk's database under another login."""
        return postgres.role_url(self.owner_url, role, password)


def _nothing(_settings: Settings, _servers: Servers) -> None:
    return None


def _no_processes(_settings: Settings, _servers: Servers) -> Sequence[ProcessSpec]:
    return ()


def _no_endpoints(_settings: Settings, _servers: Servers) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class DeskPlan:
    """What a desk is made of beside its servers; the default is a desk of servers alone.

    prepare: migrate and install what processes need. processes: started side by side, stopped in
    reverse. endpoints: addresses to show, without passwords.
    """

    prepare: Callable[[Settings, Servers], None] = _nothing
    processes: Callable[[Settings, Servers], Sequence[ProcessSpec]] = _no_processes
    endpoints: Callable[[Settings, Servers], Mapping[str, str]] = _no_endpoints


@dataclass(frozen=True, slots=True)
class RunningDesk:
    """A desk that runs in this process' care."""

    settings: Settings
    servers: Servers
    supervisor: Supervisor


def postgres_spec(start: ServerStart) -> ProcessSpec:
    """Describe the embedded Postgres to the supervisor."""
    return ProcessSpec(
        name="postgres",
        argv=start.argv,
        cwd=start.cluster.folder,
        account=start.cluster.account,
        ready=lambda: postgres.answers(start.handle(0)),
        ready_timeout_s=postgres.READY_WAIT_S,
        stop_signal=postgres.STOP_SIGNAL,
        stop_timeout_s=postgres.STOP_WAIT_S,
        before_restart=lambda: clear_leftovers(start.cluster),
    )


def redis_spec(start: RedisStart) -> ProcessSpec:
    """Describe the embedded Redis to the supervisor."""
    return ProcessSpec(
        name="redis",
        argv=start.argv,
        cwd=start.folder,
        ready=start.answers,
        ready_timeout_s=redis.READY_WAIT_S,
        on_start=start.record,
    )


@contextlib.contextmanager
def open_desk(
    settings: Settings,
    plan: DeskPlan,
    clock: Clock,
    on_event: Callable[[ProcessEvent], None] = lambda _: None,
) -> Generator[RunningDesk]:
    """Start a desk, lend it, and stop it whole, however the caller leaves.

    Raises DeskError desk.already_running and whatever is in the way of its parts.
    """
    home = prepare_home(settings)
    with locked(home.run / "desk.lock", wait=False) as ours:
        if not ours:
            raise _already_running(home)
        if (before := read_state(home.state_file)) is not None:
            for name in end_leftovers(before):
                on_event(ProcessEvent(name, "leftover_ended", 0))
        supervisor = Supervisor(home, clock, on_event)
        try:
            servers = start_servers(settings, supervisor)
            supervisor.announce("preparing", _addresses(settings, servers))
            plan.prepare(settings, servers)
            supervisor.start_all(plan.processes(settings, servers))
            supervisor.announce("ready", plan.endpoints(settings, servers))
            yield RunningDesk(settings, servers, supervisor)
        finally:
            supervisor.stop()


def start_servers(settings: Settings, supervisor: Supervisor) -> Servers:
    """Start the embedded servers, or check that those of the environment answer."""
    handle: PostgresHandle | None = None
    owner_url = settings.external_database
    if owner_url is None:
        with locked(settings.home / "run" / "postgres.lock", wait=True):
            start = postgres.prepare(settings)
            handle = start.handle(supervisor.start(postgres_spec(start)))
        postgres.finish(handle)
        owner_url = postgres.ensure_database(handle, settings.database)
    else:
        check_database(owner_url)
    broker_url = settings.external_broker
    if broker_url is None:
        with locked(settings.home / "run" / "redis.lock", wait=True):
            broker = redis.prepare(settings)
            pid = supervisor.start(redis_spec(broker))
        broker_url = broker.record(pid).url()
    else:
        check_broker(broker_url)
    return Servers(owner_url, broker_url, handle)


def find_servers(settings: Settings) -> Servers:
    """Reach the servers of a desk that runs already; raises DeskError desk.not_running."""
    owner_url, broker_url = settings.external_database, settings.external_broker
    handle = None if owner_url else postgres.find_running(settings)
    broker = None if broker_url else redis.find_running(settings)
    if handle is not None:
        owner_url = handle.migrator_url(running_database(settings))
    if broker is not None:
        broker_url = broker.url()
    if owner_url is None or broker_url is None:
        raise DeskError(
            "desk.not_running",
            f"no desk runs in {settings.home}",
            "start one with `desk up`, or set DATABASE_URL and BROKER_URL",
        )
    return Servers(owner_url, broker_url, handle)


def running_database(settings: Settings) -> str:
    """Name the database of the desk that runs in this home, unless DESK_DATABASE names one."""
    state = read_state(Home(settings.home).state_file)
    if "database" in settings.model_fields_set or state is None:
        return settings.database
    # `desk demo` makes a database of its own; the verbs beside it mean that one.
    return urlsplit(state.endpoints.get("postgres", "")).path.lstrip("/") or settings.database


def check_database(url: str) -> None:
    """Raise DeskError database.unreachable unless the server lets us in; shows no password."""
    try:
        psycopg.connect(url, connect_timeout=CONNECT_WAIT_S).close()
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        raise DeskError(
            "database.unreachable",
            f"cannot log in to the server of DATABASE_URL: {str(error).splitlines()[0]}",
            "check its address, user and password, and that the server runs",
        ) from None


def check_broker(url: str) -> None:
    """Raise DeskError broker.unreachable unless something listens at the broker's address."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "localhost", parts.port or BROKER_PORTS[parts.scheme]
        socket.create_connection((host, port), CONNECT_WAIT_S).close()
    except KeyError:
        raise DeskError(
            "broker.unknown",
            f"BROKER_URL begins with '{urlsplit(url).scheme}', which is no broker for the desk",
            f"use one of {', '.join(sorted(BROKER_PORTS))}",
        ) from None
    except (OSError, ValueError) as error:
        raise DeskError(
            "broker.unreachable",
            f"cannot reach the server of BROKER_URL: {error}",
            "check its address, and that the server runs",
        ) from None


def run_until(desk: RunningDesk, until: threading.Event) -> None:
    """Keep the desk running until the event is set."""
    desk.supervisor.watch(until)


def _addresses(settings: Settings, servers: Servers) -> dict[str, str]:
    handle = servers.postgres
    # Over TCP, because that is the form that any SQL client understands.
    shown = handle.migrator_url(settings.database, tcp=True) if handle else servers.owner_url
    return {
        "postgres": without_password(shown),
        "broker": without_password(servers.broker_url),
    }


def without_password(url: str) -> str:
    """Give a URL that may be shown."""
    parts = urlsplit(url)
    login, at, address = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{login.partition(':')[0]}{at}{address}", query="").geturl()


def _already_running(home: Home) -> DeskError:
    state = read_state(home.state_file)
    pid = f" (pid {state.pid})" if state else ""
    return DeskError(
        "desk.already_running",
        f"a desk{pid} already runs in {home.path}",
        "stop it with `desk down`, or set DESK_HOME to run another one beside it",
    )
