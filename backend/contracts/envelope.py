"""The envelope: who says what, in answer to what, until when, and the proof of it.

The payload travels once, inside the envelope. `sig` is Ed25519 over the RFC 8785
canonical JSON of every other field. No field is a float, so canonical JSON is sorted
keys, no white space, UTF-8; a property test holds this equal to a reference library.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, cast
from uuid import UUID

import orjson
from pydantic import Field, StringConstraints

from backend.contracts.base import Contract
from backend.values import Instant, Slug, format_instant

MessageType = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.\-]{3,64}$")]


class Envelope(Contract):
    """One message on the bus. Lists no defaults: a sender decides every field."""

    msg_id: UUID
    type: MessageType
    version: Literal["v1"]
    correlation_id: UUID
    causation_id: UUID | None
    ttl_ms: Annotated[int, Field(ge=1, le=600_000)]
    sender: Annotated[str, StringConstraints(pattern=r"^agent\.[a-z][a-z_]{1,40}$")]
    intent: Annotated[str, Field(max_length=64)] | None
    idempotency_key: Annotated[str, Field(min_length=8, max_length=128)]
    org_id: Slug
    ordering_key: Annotated[str, Field(min_length=1, max_length=64)]
    created_at: Instant
    payload: dict[str, Any]
    key_id: Annotated[str, Field(min_length=8, max_length=64)]
    sig: Annotated[str, StringConstraints(pattern=r"^ed25519:[A-Za-z0-9+/]{86}==$")]


@dataclass(frozen=True, slots=True)
class Unsigned:
    """An envelope before its signature; the runtime fills it and signs it.

    `payload` holds JSON values only, as pydantic's JSON mode gives them.
    """

    msg_id: UUID
    type: str
    correlation_id: UUID
    causation_id: UUID | None
    ttl_ms: int
    sender: str
    intent: str | None
    idempotency_key: str
    org_id: str
    ordering_key: str
    created_at: datetime
    payload: dict[str, Any]
    key_id: str

    def wire(self) -> dict[str, Any]:
        """Return the JSON object whose canonical bytes are signed."""
        return {
            "msg_id": str(self.msg_id),
            "type": self.type,
            "version": "v1",
            "correlation_id": str(self.correlation_id),
            "causation_id": None if self.causation_id is None else str(self.causation_id),
            "ttl_ms": self.ttl_ms,
            "sender": self.sender,
            "intent": self.intent,
            "idempotency_key": self.idempotency_key,
            "org_id": self.org_id,
            "ordering_key": self.ordering_key,
            "created_at": format_instant(self.created_at),
            "payload": self.payload,
            "key_id": self.key_id,
        }


class NotCanonical(ValueError):
    """The value holds something that has no exact canonical form (a float, for one)."""


_LEAVES = frozenset({str, int, bool, type(None)})
_BRANCHES = frozenset({dict, list, tuple})
_STRICT = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)


def canonical(value: Mapping[str, Any]) -> bytes:
    """Return RFC 8785 canonical JSON. Raises NotCanonical.

    Refused instead of formatted: floats (money must not pass through a double), integers
    beyond 2^53 - 1, anything that is not plain JSON, text that is not Unicode, keys beyond
    the basic plane (RFC 8785 sorts those by UTF-16, orjson by code point).
    """
    if type(value) is not dict:
        raise NotCanonical(f"{type(value).__name__} is no JSON object")
    try:
        # orjson goes first: it ends cycles, so that the walk below does.
        written = orjson.dumps(value, option=_STRICT)
    except TypeError as error:
        raise NotCanonical(str(error)) from error
    _require_plain(value)
    if not written.isascii():
        _require_basic_keys(value)
    return written


def _require_plain(branch: Any) -> None:
    members = cast(Iterable[Any], branch.values() if type(branch) is dict else branch)
    # Nearly all members are leaves: set them aside in one comprehension, this is the hot path.
    for member in [member for member in members if type(member) not in _LEAVES]:
        if type(member) not in _BRANCHES:
            raise NotCanonical(f"{type(member).__name__} has no canonical form")
        _require_plain(member)


def _require_basic_keys(branch: Any) -> None:
    members = cast(Iterable[Any], branch)
    if type(branch) is dict:
        mapping = cast(dict[str, Any], branch)
        if any(max(key, default="") > "\uffff" for key in mapping):
            raise NotCanonical("a key lies beyond the basic plane")
        members = mapping.values()
    for member in members:
        if type(member) in _BRANCHES:
            _require_basic_keys(member)


def unsigned_wire(message: Mapping[str, Any]) -> dict[str, Any]:
    """Rebuild the signed JSON object from a message's columns or from its wire form.

    Ids may be UUID or text, `created_at` an instant or text. Raises KeyError for a missing
    field, ValueError for an instant that is none.
    """
    causation_id = message["causation_id"]
    return {
        "msg_id": str(message["msg_id"]),
        "type": message["type"],
        "version": message["version"],
        "correlation_id": str(message["correlation_id"]),
        "causation_id": None if causation_id is None else str(causation_id),
        "ttl_ms": message["ttl_ms"],
        "sender": message["sender"],
        "intent": message["intent"],
        "idempotency_key": message["idempotency_key"],
        "org_id": message["org_id"],
        "ordering_key": message["ordering_key"],
        "created_at": _instant_text(message["created_at"]),
        "payload": message["payload"],
        "key_id": message["key_id"],
    }


def _instant_text(value: object) -> str:
    if isinstance(value, datetime):
        return format_instant(value)
    if not isinstance(value, str):
        raise ValueError("not an instant")
    return format_instant(datetime.fromisoformat(value))
