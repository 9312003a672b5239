"""What a persona signs when it votes, and whether a recorded vote is what it signed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backend.contracts.envelope import canonical
from backend.contracts.signing import SigningKey, VerifyKey

_PURPOSE = "vote.v1"
_SIGNED = ("vote_id", "proposal_id", "decision", "reason")


def sign_vote(item: Mapping[str, Any], voter: str, key: SigningKey) -> str:
    """Sign what a voter says, as its login. Returns the key's id and the signature."""
    return f"{key.key_id}:{key.sign_bytes(_PURPOSE, _spoken(item, voter))}"


def key_of(sig: object) -> str:
    """Return the id of the key that a vote's signature names; empty if it names none."""
    return str(sig or "").partition(":")[0]


def vote_holds(row: Mapping[str, Any], key: VerifyKey) -> bool:
    """Tell whether a row of `votes` is what its persona signed with this key."""
    _, _, sig = str(row["sig"] or "").partition(":")
    spoken = _spoken(row, str(row["voter"]))
    return key_of(row["sig"]) == key.key_id and key.verify_bytes(_PURPOSE, spoken, sig) is None


def _spoken(vote: Mapping[str, Any], voter: str) -> bytes:
    return canonical({name: str(vote[name]) for name in _SIGNED} | {"voter": voter})
