"""The folder of one desk: its layout, its lock, its secrets."""

import contextlib
import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from backend.errors import DeskError
from backend.settings import Settings

FREE_BYTES_MIN = 500_000_000


@dataclass(frozen=True, slots=True)
class Home:
    """Where a desk keeps what it needs: data, logs, secrets, and what runs now."""

    path: Path

    @property
    def run(self) -> Path:
        """Give the folder of locks, sockets and state of the running processes."""
        return self.path / "run"

    @property
    def secrets(self) -> Path:
        """Give the folder of generated passwords."""
        return self.path / "secrets"

    @property
    def state_file(self) -> Path:
        """Give the file in which a supervisor says what it runs."""
        return self.run / "desk.json"

    def log(self, name: str) -> Path:
        """Give the log file of one process."""
        return self.path / "log" / f"{name}.log"

    def secret(self, name: str) -> str:
        """Give the password of that name; the first caller makes it, readable by us alone."""
        file = self.secrets / name
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(file.parent / ".lock", wait=True):
            if not file.exists():
                # Whole before it is visible: a crash leaves no half password behind.
                descriptor, fresh = tempfile.mkstemp(dir=file.parent)
                with os.fdopen(descriptor, "w") as output:
                    output.write(secrets.token_urlsafe(24))
                Path(fresh).replace(file)
        return file.read_text()


def prepare_home(settings: Settings) -> Home:
    """Make the folder and its parts; raises DeskError home.not_writable or home.disk_full."""
    home = Home(settings.home)
    # A server that may not run as root runs as a user of its own and must get through to its data.
    mode = 0o711 if os.geteuid() == 0 else 0o700
    try:
        home.path.mkdir(mode=mode, parents=True, exist_ok=True)
        home.path.chmod(mode)
        for folder, folder_mode in ((home.run, mode), (home.secrets, 0o700)):
            folder.mkdir(mode=folder_mode, exist_ok=True)
            folder.chmod(folder_mode)
        (home.path / "log").mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryFile(dir=home.run):
            pass
    except OSError as error:
        raise DeskError(
            "home.not_writable",
            f"cannot write to {home.path}: {error.strerror}",
            "make it yours (chown) or point DESK_HOME at another folder",
        ) from None
    free = shutil.disk_usage(home.path).free
    if free < FREE_BYTES_MIN:
        raise DeskError(
            "home.disk_full",
            f"only {free // 1_000_000} MB are free where {home.path} lies",
            f"free at least {FREE_BYTES_MIN // 1_000_000} MB or point DESK_HOME at another disk",
        )
    return home


@contextlib.contextmanager
def locked(file: Path, *, wait: bool) -> Generator[bool]:
    """Hold a lock that the kernel releases when we die; yields whether we got it."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
