"""Pure Ed25519 over canonical bytes: who signs, who verifies, and for which purpose.

Every purpose has a prefix of its own, so that a signature made for one thing proves nothing
about another. A key id is derived from the public key: a registry cannot mix them up.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from backend.contracts.denials import Code
from backend.contracts.envelope import Envelope, NotCanonical, Unsigned, canonical, unsigned_wire

_ENVELOPE_PREFIX = b"dcd.envelope.v1\n"
_SCHEME = "ed25519:"
_TEXT_LENGTH = len(_SCHEME) + 88


@dataclass(frozen=True, slots=True)
class SignatureRefused:
    """Why a signature proves nothing."""

    code: Code


class SigningKey:
    """An agent's private key; made from its 32 bytes."""

    __slots__ = ("_key", "key_id", "public_bytes")

    def __init__(self, private_bytes: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(private_bytes)
        self.public_bytes = self._key.public_key().public_bytes_raw()
        self.key_id = key_id_of(self.public_bytes)

    def __repr__(self) -> str:
        """Show the id only, so that a key never reaches a log."""
        return f"SigningKey({self.key_id})"

    def verify_key(self) -> VerifyKey:
        """Return the public half."""
        return VerifyKey(self.public_bytes)

    def sign(self, unsigned: Unsigned) -> Envelope:
        """Sign an envelope. Raises NotCanonical, ValueError if it names another key."""
        sig = self._sign_envelope(unsigned, unsigned.wire())
        # Not validated again: every field comes typed from Unsigned.
        return Envelope.model_construct(
            msg_id=unsigned.msg_id,
            type=unsigned.type,
            version="v1",
            correlation_id=unsigned.correlation_id,
            causation_id=unsigned.causation_id,
            ttl_ms=unsigned.ttl_ms,
            sender=unsigned.sender,
            intent=unsigned.intent,
            idempotency_key=unsigned.idempotency_key,
            org_id=unsigned.org_id,
            ordering_key=unsigned.ordering_key,
            created_at=unsigned.created_at,
            payload=unsigned.payload,
            key_id=unsigned.key_id,
            sig=sig,
        )

    def sign_wire(self, unsigned: Unsigned) -> dict[str, Any]:
        """Sign an envelope and return its JSON object. Raises like `sign`."""
        wire = unsigned.wire()
        wire["sig"] = self._sign_envelope(unsigned, wire)
        return wire

    def sign_bytes(self, purpose: str, data: bytes) -> str:
        """Sign bytes for a purpose such as `vote.v1` or `seal.v1`, never for envelopes."""
        return _text(self._key.sign(_prefix(purpose) + data))

    def _sign_envelope(self, unsigned: Unsigned, wire: dict[str, Any]) -> str:
        if unsigned.key_id != self.key_id:
            raise ValueError(f"the envelope names key {unsigned.key_id}, this is {self.key_id}")
        return _text(self._key.sign(_ENVELOPE_PREFIX + canonical(wire)))


class VerifyKey:
    """A public key; made from its 32 bytes."""

    __slots__ = ("_key", "key_id")

    def __init__(self, public_bytes: bytes) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(public_bytes)
        self.key_id = key_id_of(public_bytes)

    def verify_bytes(self, purpose: str, data: bytes, sig: object) -> SignatureRefused | None:
        """Return None if the signature holds for these bytes and this purpose."""
        return self._verify(_prefix(purpose) + data, sig)

    def verify_envelope(self, message: Mapping[str, Any]) -> SignatureRefused | None:
        """Return None if the message's signature holds; see `verify`."""
        try:
            if message["key_id"] != self.key_id:
                return SignatureRefused(Code.SIGNATURE_FORGED)
            sig = message["sig"]
            signed = canonical(unsigned_wire(message))
        except NotCanonical:
            return SignatureRefused(Code.NOT_CANONICAL)
        except (KeyError, ValueError, OverflowError):
            return SignatureRefused(Code.SCHEMA_INVALID)
        return self._verify(_ENVELOPE_PREFIX + signed, sig)

    def _verify(self, signed: bytes, sig: object) -> SignatureRefused | None:
        raw = _raw(sig)
        if raw is None:
            return SignatureRefused(Code.SIGNATURE_MALFORMED)
        try:
            self._key.verify(raw, signed)
        except InvalidSignature:
            return SignatureRefused(Code.SIGNATURE_FORGED)
        return None


def verify(message: Mapping[str, Any], key: VerifyKey) -> SignatureRefused | None:
    """Return None if `key` signed this message, else the reason. Never raises.

    message: the wire object, or an event's row as the database returns it; what lies beside
    the envelope's fields in a row is not looked at.
    """
    return key.verify_envelope(message)


def key_id_of(public_bytes: bytes) -> str:
    """Return the first 16 hex digits of the public key's SHA-256."""
    return sha256(public_bytes).hexdigest()[:16]


def _prefix(purpose: str) -> bytes:
    if purpose.startswith("envelope") or "\n" in purpose or not purpose:
        raise ValueError(f"{purpose!r} is no purpose for bytes")
    return b"dcd." + purpose.encode() + b"\n"


def _text(signature: bytes) -> str:
    return _SCHEME + b2a_base64(signature, newline=False).decode()


def _raw(sig: object) -> bytes | None:
    if not isinstance(sig, str) or len(sig) != _TEXT_LENGTH or not sig.startswith(_SCHEME):
        return None
    # One signature has one text: its last digit carries two bits, base64 would let four vary.
    if sig[-3] not in "AQgw":
        return None
    try:
        return a2b_base64(sig[len(_SCHEME) :], strict_mode=True)
    except ValueError:  # not base64, or not even ASCII
        return None
