"""Gemini's own kind of schema -> JSON Schema. Pure.

It is that of OpenAPI 3.0: types in capitals, `nullable`, counts as texts, an order of properties. Keywords
that both have alike, and those that only JSON Schema has, stay as they are.
"""

from __future__ import annotations

from typing import Any, Final

from providers.facts import bad
from providers.gemini.spelling import camel

_DEPTH_MAX: Final = 64
_KEYWORDS: Final = frozenset(
    {
        "additionalProperties", "anyOf", "maxItems", "maxLength", "maxProperties", "minItems", "minLength",
        "minProperties", "propertyOrdering",
    }
)  # fmt: skip
_RENAMED: Final[dict[str, str]] = {"defs": "$defs", "ref": "$ref"}
# They tell how a number is kept, or that there is an enum: the other keywords say as much.
_FORMATS_OF_STORAGE: Final = frozenset({"int32", "int64", "float", "double", "enum"})


def plain(schema: Any, where: str, depth: int = 0) -> dict[str, Any]:
    """Raises BadRequest."""
    if type(schema) is not dict or depth > _DEPTH_MAX:
        raise bad(where, "must be a schema that is not too deep", "너무 깊지 않은 스키마여야 합니다")
    said: dict[str, Any] = {}
    for spelt, value in schema.items():
        name = _keyword(spelt)
        if value is not None:
            said[name] = _value(name, value, where, depth + 1)
    order = said.pop("propertyOrdering", None)
    if type(order) is list and type(said.get("properties")) is dict:
        properties = said["properties"]
        first = [name for name in order if type(name) is str and name in properties]
        said["properties"] = {name: properties[name] for name in dict.fromkeys([*first, *properties])}
    if said.get("type") == "type_unspecified":
        del said["type"]
    if type(form := said.get("format")) is str and form in _FORMATS_OF_STORAGE:
        del said["format"]
    if said.pop("nullable", None) is True:
        _allow_null(said)
    return said


def _keyword(spelt: str) -> str:
    name = camel(spelt)
    return name if name in _KEYWORDS else _RENAMED.get(spelt, spelt)


def _value(name: str, value: Any, where: str, depth: int) -> Any:
    match name:
        case "type":
            return value.lower() if type(value) is str else value
        case "items":
            return plain(value, where, depth)
        case "additionalProperties" if type(value) is dict:
            return plain(value, where, depth)
        case "properties" | "$defs" if type(value) is dict:
            return {inner: plain(schema, where, depth) for inner, schema in value.items()}
        case "anyOf" if type(value) is list:
            return [plain(schema, where, depth) for schema in value]
        case "$ref" if type(value) is str:
            return value.replace("#/defs/", "#/$defs/")
    if name[:3] in ("min", "max") and type(value) is str and value.isascii() and value.isdecimal():
        return int(value[:20])
    return value


def _allow_null(said: dict[str, Any]) -> None:
    if type(said.get("type")) is str:
        said["type"] = [said["type"], "null"]
    if type(said.get("enum")) is list:
        said["enum"] = [*said["enum"], None]
    if type(said.get("anyOf")) is list:
        said["anyOf"] = [*said["anyOf"], {"type": "null"}]
