"""A message as an agent gets it: an event's row with its payload parsed and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import ValidationError

from backend.contracts.base import Payload
from backend.contracts.denials import Code
from backend.contracts.envelope import Envelope, NotCanonical, canonical, unsigned_wire
from backend.contracts.families import FAMILIES

VERSION = "v1"

PayloadT = TypeVar("PayloadT", bound=Payload, covariant=True)


class MessageRefused(Exception):
    """The message is not heard; `code` says why, `detail` where."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(f"{code} {code.name}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Message(Generic[PayloadT]):
    """One heard message. Its signature is not checked here: see `signing.verify`."""

    msg_id: UUID
    type: str
    version: str
    correlation_id: UUID
    causation_id: UUID | None
    ttl_ms: int
    sender: str
    intent: str | None
    idempotency_key: str
    org_id: str
    ordering_key: str
    created_at: datetime
    payload: PayloadT
    key_id: str
    sig: str


def decode(row: Mapping[str, Any]) -> Message[Any]:
    """Parse an event's row, or a wire object, into a message. Raises MessageRefused.

    row: the columns of `bus.events`; ids as UUID or text, `created_at` as datetime or text,
    `payload` as parsed JSON. Further columns are not looked at.
    """
    try:
        wire = unsigned_wire(row)
        sig = row["sig"]
    except KeyError as error:
        raise MessageRefused(Code.SCHEMA_INVALID, f"{error.args[0]} is missing") from error
    except (ValueError, OverflowError) as error:
        raise MessageRefused(Code.SCHEMA_INVALID, f"created_at: {error}") from error
    family = _family(wire["type"], wire["version"])
    try:
        envelope = Envelope.model_validate({**wire, "sig": sig})
        payload = family.model_validate_json(canonical(wire["payload"]), strict=True)
    except NotCanonical as error:
        raise MessageRefused(Code.NOT_CANONICAL, f"payload: {error}") from error
    except ValidationError as error:
        raise MessageRefused(Code.SCHEMA_INVALID, _explain(error)) from error
    return Message(
        msg_id=envelope.msg_id,
        type=envelope.type,
        version=envelope.version,
        correlation_id=envelope.correlation_id,
        causation_id=envelope.causation_id,
        ttl_ms=envelope.ttl_ms,
        sender=envelope.sender,
        intent=envelope.intent,
        idempotency_key=envelope.idempotency_key,
        org_id=envelope.org_id,
        ordering_key=envelope.ordering_key,
        created_at=envelope.created_at,
        payload=payload,
        key_id=envelope.key_id,
        sig=envelope.sig,
    )


def _family(name: object, version: object) -> type[Payload]:
    if version != VERSION:
        raise MessageRefused(Code.VERSION_UNKNOWN, f"envelope version {version!r}")
    family = FAMILIES.get(name) if isinstance(name, str) else None
    if family is None:
        raise MessageRefused(Code.TYPE_UNKNOWN, f"type {name!r}")
    return family


def _explain(error: ValidationError) -> str:
    """Name the first fields at fault; values stay out, they may be long or private."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    named = [
        f"{'.'.join(map(str, fault['loc'])) or error.title}: {fault['msg']}" for fault in faults
    ]
    return "; ".join(named[:5])
