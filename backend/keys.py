"""Agents' signing keys on disk: one file per agent, readable by its owner only."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from backend.contracts.signing import SigningKey
from backend.errors import DeskError

_SEED_BYTES = 32


def ensure_keys(folder: Path, agents: Iterable[str]) -> dict[str, SigningKey]:
    """Return every agent's key, making those that are missing. Raises DeskError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for agent in agents:
        path = _path(folder, agent)
        if not path.exists():
            _write_once(path, os.urandom(_SEED_BYTES))
    return {agent: load_key(folder, agent) for agent in agents}


def load_key(folder: Path, agent: str) -> SigningKey:
    """Return one agent's key. Raises DeskError if it is missing or malformed."""
    path = _path(folder, agent)
    try:
        seed = bytes.fromhex(path.read_text().strip())
    except FileNotFoundError as error:
        raise DeskError(
            "keys.missing",
            f"no signing key for agent {agent} at {path}",
            "`desk up` makes it where the database is prepared; copy the file from there",
        ) from error
    except ValueError as error:
        raise DeskError("keys.malformed", f"{path} is not a hex seed", "restore it") from error
    if len(seed) != _SEED_BYTES:
        raise DeskError("keys.malformed", f"{path} holds {len(seed)} bytes, not 32", "restore it")
    return SigningKey(seed)


def rotate_key(folder: Path, agent: str) -> SigningKey:
    """Replace an agent's key; the old file stays beside it for the record."""
    path = _path(folder, agent)
    if path.exists():
        old = load_key(folder, agent)
        path.replace(path.with_name(f"{agent}.{old.key_id}.retired"))
    _write_once(path, os.urandom(_SEED_BYTES))
    return load_key(folder, agent)


def _path(folder: Path, agent: str) -> Path:
    return folder / f"{agent}.ed25519"


def _write_once(path: Path, seed: bytes) -> None:
    # Linking a finished file into place: two first starts cannot leave half a key.
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(seed.hex() + "\n")
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
