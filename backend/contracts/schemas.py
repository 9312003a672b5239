"""The contracts as JSON Schema 2020-12: what Deno, SQL and every other reader obey."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import orjson

from backend.contracts.base import Contract
from backend.contracts.envelope import Envelope
from backend.contracts.examples import ENVELOPE, PAYLOADS
from backend.contracts.families import FAMILIES

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ENVELOPE_NAME = "envelope.v1"
INDEX_FILE = "index.json"
FILE_SUFFIX = ".schema.json"


def file_name(name: str) -> str:
    """Return the file of a message type, or of the envelope."""
    return f"{name}{FILE_SUFFIX}"


def export() -> dict[str, bytes]:
    """Return every file of `contracts/` by name: the schemas and their index.

    The bytes are the same on every machine, so that a difference is a change.
    """
    schemas = {ENVELOPE_NAME: envelope_schema()}
    schemas.update({name: payload_schema(name) for name in sorted(FAMILIES)})
    files = {file_name(name): _write(schema) for name, schema in schemas.items()}
    index = {
        "dialect": DIALECT,
        "envelope": _entry(ENVELOPE_NAME, schemas[ENVELOPE_NAME], files),
        "families": [
            {**_entry(name, schemas[name], files), "ttl_ms": FAMILIES[name].TTL_MS}
            for name in sorted(FAMILIES)
        ],
    }
    return {**files, INDEX_FILE: _write(index)}


def envelope_schema() -> Schema:
    """Return the schema of the envelope, whose `payload` obeys the schema of its `type`."""
    # No list of types: a new family must not look like a changed envelope.
    return _schema(ENVELOPE_NAME, Envelope, ENVELOPE)


def payload_schema(name: str) -> Schema:
    """Return the schema of one family's payload. Raises KeyError for an unknown type."""
    return _schema(name, FAMILIES[name], PAYLOADS[name])


def _schema(name: str, model: type[Contract], example: Schema) -> Schema:
    body = model.model_json_schema(mode="validation")
    _drop_titles(body)
    return {
        "$schema": DIALECT,
        "$id": f"urn:dynamic-capital-desk:contract:{name}",
        "title": model.__name__,
        "description": _summary(model),
        **{key: body[key] for key in body if key not in ("title", "description")},
        "examples": [example],
    }


def _summary(model: type[Contract]) -> str:
    return " ".join((model.__doc__ or "").split("\n\n")[0].split())


def _drop_titles(node: Any) -> None:
    """Drop the titles that repeat a field's name; they only make the files longer."""
    for child in node.get("properties", {}).values():
        child.pop("title", None)
    for definition in node.get("$defs", {}).values():
        definition.pop("title", None)
        _drop_titles(definition)


def _entry(name: str, schema: Schema, files: dict[str, bytes]) -> Schema:
    file = file_name(name)
    return {
        "type": name,
        "title": schema["title"],
        "description": schema["description"],
        "file": file,
        "sha256": sha256(files[file]).hexdigest(),
    }


def _write(value: Schema) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
