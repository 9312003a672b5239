"""The system user of servers that refuse to run as root, and its way to what it needs."""

import os
import pwd
import stat
import subprocess
from pathlib import Path

from backend.errors import DeskError
from backend.runtime.spawn import Account

SERVER_USER = "pgserver"


def server_account() -> Account | None:
    """Give the user that Postgres runs as: ourselves (None), or one made for it if we are root.

    Raises DeskError account.missing if root cannot make one.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(SERVER_USER)
    except KeyError:
        entry = _create()
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _create() -> pwd.struct_passwd:
    commands = (
        ["useradd", "--system", "--no-create-home", "--shell", "/bin/sh", SERVER_USER],
        ["adduser", "-S", "-D", "-H", SERVER_USER],  # busybox
    )
    for command in commands:
        try:
            subprocess.run(command, check=False, capture_output=True)
        except FileNotFoundError:
            continue
        try:
            return pwd.getpwnam(SERVER_USER)
        except KeyError:
            continue
    raise DeskError(
        "account.missing",
        f"Postgres refuses to run as root and no user '{SERVER_USER}' could be made for it",
        f"run as an ordinary user, or create the system user '{SERVER_USER}' first",
    )


def open_path_to(folder: Path) -> None:
    """Let other users pass through the folders above, without letting them list anything."""
    for above in folder.absolute().parents:
        mode = above.stat().st_mode
        if not mode & stat.S_IXOTH:
            above.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def open_program(folder: Path) -> None:
    """Let other users run what is installed below folder (an install under a strict umask)."""
    for path in (folder, *folder.rglob("*")):
        if path.is_symlink():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        wanted = mode | stat.S_IROTH
        if path.is_dir() or mode & stat.S_IXUSR:
            wanted |= stat.S_IXOTH
        if wanted != mode:
            path.chmod(wanted)


def may_run(account: Account, program: Path) -> bool:
    """Tell whether that user gets through to the program and may run it."""
    try:
        subprocess.run(
            [program, "--version"],
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    return True
