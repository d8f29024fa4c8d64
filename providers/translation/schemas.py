"""JSON schemas as callers of several dialects send them. Pure."""

from __future__ import annotations

from typing import Any


def is_closed(schema: dict[str, Any]) -> bool:
    """Nothing in it is left open: only of such schemas other vendors promise that an answer keeps to them."""
    left: list[Any] = [schema]
    while left:
        one = left.pop()
        if type(one) is dict:
            properties = one.get("properties")
            if one.get("type") == "object" or type(properties) is dict:
                required = one.get("required")
                names = properties.keys() if type(properties) is dict else set()
                if one.get("additionalProperties") is not False or type(required) is not list:
                    return False
                if names - {name for name in required if type(name) is str}:
                    return False
            left += one.values()
        elif type(one) is list:
            left += one
    return True
