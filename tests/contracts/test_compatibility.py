"""A change of a contract: harmless words, or a break that needs a new type."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from backend.contracts.compatibility import Direction, breaks, next_version
from backend.contracts.families import FAMILIES
from backend.contracts.schemas import envelope_schema, payload_schema

NARROWED, WIDENED, CHANGED = Direction.NARROWED, Direction.WIDENED, Direction.CHANGED


def a_schema(**properties: Any) -> dict[str, Any]:
    """Build the schema of a strict object whose fields are all required."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": sorted(properties),
    }


def found(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, Direction]]:
    return [(change.path, change.direction) for change in breaks("x.event.v1", old, new)]


TEXT = {"type": "string"}
NULL = {"type": "null"}


@pytest.mark.parametrize(
    ("old", "new", "direction"),
    [
        ({"enum": ["a", "b"]}, {"enum": ["a"]}, NARROWED),
        ({"enum": ["a"]}, {"enum": ["a", "b"]}, WIDENED),
        (TEXT, {"type": "string", "enum": ["a"]}, NARROWED),
        ({"type": "string", "enum": ["a"]}, TEXT, WIDENED),
        ({"type": ["string", "null"]}, {"type": "string"}, NARROWED),
        ({"type": "string"}, {"type": ["string", "null"]}, WIDENED),
        ({"pattern": "^a$"}, {"pattern": "^b$"}, CHANGED),
        (TEXT, {**TEXT, "pattern": "^a$"}, NARROWED),
        ({**TEXT, "pattern": "^a$"}, TEXT, WIDENED),
        ({**TEXT, "format": "uuid"}, {**TEXT, "format": "date-time"}, CHANGED),
        ({"minimum": 1}, {"minimum": 2}, NARROWED),
        ({"minimum": 2}, {"minimum": 1}, WIDENED),
        ({"maximum": 1}, {"maximum": 2}, WIDENED),
        ({"maximum": 2}, {"maximum": 1}, NARROWED),
        ({}, {"maximum": 1}, NARROWED),
        ({"maximum": 1}, {}, WIDENED),
        ({"exclusiveMinimum": 0}, {"exclusiveMinimum": 1}, NARROWED),
        ({"maxLength": 64}, {"maxLength": 32}, NARROWED),
        ({"maxLength": 64}, {"maxLength": 128}, WIDENED),
        ({"minItems": 1}, {"minItems": 0}, WIDENED),
        ({"x-minimum": "-10"}, {"x-minimum": "-9"}, NARROWED),
        ({"x-maximum": "10"}, {"x-maximum": "11"}, WIDENED),
        (TEXT, {"anyOf": [TEXT, NULL]}, WIDENED),
        ({"anyOf": [TEXT, NULL]}, TEXT, NARROWED),
        ({"anyOf": [{**TEXT, "maxLength": 9}, NULL]}, {"anyOf": [NULL, TEXT]}, WIDENED),
        ({"items": {"maximum": 5}}, {"items": {"maximum": 4}}, NARROWED),
        ({"items": TEXT}, {}, CHANGED),
        (
            {"additionalProperties": TEXT},
            {"additionalProperties": {**TEXT, "enum": ["a"]}},
            NARROWED,
        ),
        ({"additionalProperties": False}, {"additionalProperties": True}, WIDENED),
        ({"additionalProperties": True}, {"additionalProperties": False}, NARROWED),
        ({"additionalProperties": TEXT}, {"additionalProperties": False}, NARROWED),
        ({"additionalProperties": False}, {"additionalProperties": TEXT}, WIDENED),
        ({"uniqueItems": True}, {}, WIDENED),
        ({"const": "v1"}, {"const": "v2"}, CHANGED),
    ],
)
def test_a_field_that_means_something_else_breaks(
    old: dict[str, Any], new: dict[str, Any], direction: Direction
):
    directions = {way for _, way in found(a_schema(f=old), a_schema(f=new))}
    assert directions == {direction}


def test_a_type_that_became_another_breaks_both_ways():
    ways = [way for _, way in found(a_schema(f=TEXT), a_schema(f={"type": "integer"}))]
    assert ways == [NARROWED, WIDENED]


def test_a_removed_field_is_refused_by_new_and_missed_by_old_readers():
    assert found(a_schema(a=TEXT, b=TEXT), a_schema(a=TEXT)) == [
        ("$.b", NARROWED),
        ("$.b", WIDENED),
    ]


def test_a_new_required_field_is_missed_by_new_and_refused_by_old_readers():
    assert found(a_schema(a=TEXT), a_schema(a=TEXT, b=TEXT)) == [
        ("$.b", WIDENED),
        ("$.b", NARROWED),
    ]


def test_a_renamed_field_is_one_removed_and_one_added():
    paths = {path for path, _ in found(a_schema(a=TEXT), a_schema(b=TEXT))}
    assert paths == {"$.a", "$.b"}


def test_even_an_optional_new_field_breaks_readers_that_refuse_unknown_keys():
    new = {**a_schema(a=TEXT, b=TEXT), "required": ["a"]}
    assert found(a_schema(a=TEXT), new) == [("$.b", WIDENED)]


def test_an_optional_new_field_is_fine_where_old_readers_take_unknown_keys():
    old = {**a_schema(a=TEXT), "additionalProperties": True}
    new = {**a_schema(a=TEXT, b=TEXT), "additionalProperties": True, "required": ["a"]}
    assert found(old, new) == []
    assert found(new, old) == []


def test_a_field_that_became_optional_breaks_readers_that_need_it():
    new = {**a_schema(a=TEXT), "required": []}
    assert found(a_schema(a=TEXT), new) == [("$.a", WIDENED)]
    assert found(new, a_schema(a=TEXT)) == [("$.a", NARROWED)]


def test_a_change_inside_a_referenced_definition_is_found_where_it_is_used():
    old = {**a_schema(side={"$ref": "#/$defs/Side"}), "$defs": {"Side": {"enum": ["BUY"]}}}
    new = {**a_schema(side={"$ref": "#/$defs/Way"}), "$defs": {"Way": {"enum": ["BUY", "FLAT"]}}}
    assert found(old, new) == [("$.side", WIDENED)]


def test_words_order_and_names_of_definitions_may_change():
    old = {
        **a_schema(side={"$ref": "#/$defs/Side"}, f={"anyOf": [TEXT, NULL]}),
        "$defs": {"Side": {"enum": ["BUY", "SELL"], "title": "Side"}},
        "description": "before",
    }
    new = {
        **a_schema(
            f={"anyOf": [NULL, {**TEXT, "description": "a field"}]},
            side={"enum": ["SELL", "BUY"], "examples": ["BUY"]},
        ),
        "title": "after",
    }
    assert found(old, new) == []


def test_the_message_says_who_is_hurt_and_what_to_do():
    (change,) = breaks("x.event.v1", a_schema(f={"enum": ["a"]}), a_schema(f={"enum": ["a", "b"]}))
    text = str(change)
    assert "x.event.v1 $.f" in text
    assert "gained b" in text
    assert "readers of the old version refuse what new senders say" in text
    assert "Add a x.event.v2 family" in text


@pytest.mark.parametrize(
    ("name", "following"),
    [("a.b.v1", "a.b.v2"), ("envelope.v9", "envelope.v10"), ("odd", "odd.v2")],
)
def test_the_next_version_of_a_type_counts_on(name: str, following: str):
    assert next_version(name) == following


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_no_family_breaks_itself_and_each_of_its_fields_is_guarded(name: str):
    schema = payload_schema(name)
    assert breaks(name, schema, deepcopy(schema)) == []
    for field in schema["properties"]:
        without = deepcopy(schema)
        del without["properties"][field]
        without["required"].remove(field)
        assert {change.path for change in breaks(name, schema, without)} == {f"$.{field}"}


def test_the_envelope_is_guarded_too():
    schema = envelope_schema()
    longer = deepcopy(schema)
    longer["properties"]["ttl_ms"]["maximum"] = 900_000
    assert [str(c.path) for c in breaks("envelope.v1", schema, longer)] == ["$.ttl_ms"]
