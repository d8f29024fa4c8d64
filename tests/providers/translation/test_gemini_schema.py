"""Gemini's own kind of schema as plain JSON Schema."""

from __future__ import annotations

from typing import Any

import pytest

from providers.facts import BadRequest
from providers.translation.gemini.schema import plain
from providers.translation.schemas import is_closed


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({}, {}),
        ({"type": "STRING", "description": "d", "title": None}, {"type": "string", "description": "d"}),
        ({"type": "TYPE_UNSPECIFIED"}, {}),
        ({"type": "INTEGER", "format": "int64"}, {"type": "integer"}),
        ({"type": "string", "format": "date-time"}, {"type": "string", "format": "date-time"}),
        ({"type": "STRING", "format": "enum", "enum": ["a"], "nullable": True},
         {"type": ["string", "null"], "enum": ["a", None]}),
        ({"any_of": [{"type": "STRING"}], "nullable": True},
         {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ({"type": "ARRAY", "minItems": "1", "max_items": 3, "items": {"type": "NUMBER"}},
         {"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": "number"}}),
        ({"type": "OBJECT", "properties": {"nullable": {"type": "BOOLEAN"}}, "required": ["nullable"]},
         {"type": "object", "properties": {"nullable": {"type": "boolean"}}, "required": ["nullable"]}),
        ({"defs": {"a": {"type": "STRING"}}, "ref": "#/defs/a"},
         {"$defs": {"a": {"type": "string"}}, "$ref": "#/$defs/a"}),
        ({"additionalProperties": {"type": "STRING"}}, {"additionalProperties": {"type": "string"}}),
        ({"additional_properties": False, "pattern": "^a"}, {"additionalProperties": False, "pattern": "^a"}),
    ],
)  # fmt: skip
def test_what_is_said_of_a_schema(own: dict[str, Any], said: dict[str, Any]) -> None:
    assert plain(own, "x") == said


def test_properties_come_in_their_order() -> None:
    own = {"properties": {"b": {}, "c": {}, "a": {}}, "propertyOrdering": ["a", "x", "b", 3]}
    said = plain(own, "x")
    assert list(said["properties"]) == ["a", "b", "c"]
    assert said.keys() == {"properties"}


def test_a_schema_too_deep_is_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(64):
        schema = {"items": schema}
    assert plain(schema, "x")
    wrongs: list[Any] = [{"items": schema}, {"items": []}, {"properties": {"a": 3}}, [], "STRING"]
    for wrong in wrongs:
        with pytest.raises(BadRequest) as refused:
            plain(wrong, "x")
        assert refused.value.param == "x"


@pytest.mark.parametrize(
    ("schema", "closed"),
    [
        ({"type": "string"}, True),
        ({"type": "object"}, False),
        ({"type": "object", "properties": {}, "required": [], "additionalProperties": False}, True),
        ({"properties": {"a": {}}, "required": ["a"], "additionalProperties": False}, True),
        ({"properties": {"a": {}}, "required": [], "additionalProperties": False}, False),
        ({"properties": {"a": {}}, "required": ["a"]}, False),
        ({"properties": {"a": {}}, "additionalProperties": False}, False),
        ({"type": "array", "items": {"type": "object"}}, False),
        ({"anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": True}]}, False),
    ],
)
def test_whether_anything_is_left_open(schema: dict[str, Any], closed: bool) -> None:
    assert is_closed(schema) is closed
