"""Ways to a Postgres: URLs for every login, over the socket or over TCP."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from backend.db.gateway import login_name
from backend.runtime.cluster import SUPERUSER
from backend.runtime.home import Home
from backend.runtime.network import LOOPBACK
from backend.settings import PostgresVersion

# Owns the databases and runs the migrations: CREATEROLE and CREATEDB, no superuser.
MIGRATOR = "desk_migrator"


@dataclass(frozen=True)
class PostgresHandle:
    """A server that runs, and the ways to it; passwords are read when a URL is asked for."""

    home: Home
    version: PostgresVersion
    data: Path
    socket_folder: Path
    port: int
    pid: int
    # The child, if this very process started it.
    child: "subprocess.Popen[bytes] | None" = field(default=None, compare=False, repr=False)

    @property
    def host(self) -> str:
        """Give the loopback address that the server listens on beside its socket."""
        return LOOPBACK

    def url(self, role: str, password: str, database: str, *, tcp: bool = False) -> str:
        """Give a connection URL for libpq: over the socket, which is faster, or over TCP."""
        login = f"{quote(role, safe='')}:{quote(password, safe='')}"
        if tcp:
            return f"postgresql://{login}@{self.host}:{self.port}/{database}"
        folder = quote(str(self.socket_folder), safe="")
        return f"postgresql://{login}@/{database}?host={folder}&port={self.port}"

    def superuser_url(self, database: str = "postgres", *, tcp: bool = False) -> str:
        """Give the superuser's URL, for preparing databases and nothing else."""
        return self.url(SUPERUSER, self.home.secret("postgres-superuser"), database, tcp=tcp)

    def migrator_url(self, database: str, *, tcp: bool = False) -> str:
        """Give the URL of the login that owns the databases: CREATEROLE, no superuser."""
        return self.url(MIGRATOR, self.home.secret("postgres-migrator"), database, tcp=tcp)


def role_url(owner_url: str, role: str, password: str) -> str:
    """Give the same database's URL under another login, whatever server it is on."""
    parts = urlsplit(owner_url)
    address = parts.netloc.rpartition("@")[2]
    role = login_name(role, unquote(parts.username or ""), parts.hostname or "")
    login = f"{quote(role, safe='')}:{quote(password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{login}@{address}"))
