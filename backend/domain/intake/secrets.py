"""What in a body may be the secret that its source demands; kept as hashes from here on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from backend.domain.intake.flatten import Fields
from backend.domain.intake.words import words_of

_LEAVES = words_of(
    "secret passphrase password pass passcode pin key apikey token auth authtoken accesstoken"
    " webhooksecret webhookkey webhookpassphrase license licenseid emailtoken signature"
)


def secret_hashes(fields: Fields, beside: Iterable[str] = ()) -> tuple[str, ...]:
    """Hash every value that may be a secret, SHA-256 in hexadecimal.

    beside: candidates without a name, such as PineConnector's licence in front of the command.
    """
    found = [
        str(value)
        for name, value in fields.items()
        if fields.leaf(name) in _LEAVES and isinstance(value, (str, int))
    ]
    return tuple(dict.fromkeys(hash_secret(text) for text in (*found, *beside) if text))


def hash_secret(secret: str) -> str:
    """Hash one secret as `intake.sources` keeps it, in hexadecimal."""
    return hashlib.sha256(secret.strip().encode("utf-8", "surrogatepass")).hexdigest()
