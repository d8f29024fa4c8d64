"""What a response says again of its request, and the ids it is known by. Pure.

Its SDKs have fields for it that are never empty (`tools`, `tool_choice`), and callers who compare them. The
request itself is let go with the vendor's first byte; what is told of it until the end is kept as JSON.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import orjson

from providers.facts import RequestFacts
from providers.json_depth import written_if_shallow

# As of a vendor's own response: a longer one says only what is short of it.
REPEATED_BYTES_MAX: Final = 1 << 15
_SHORT_BYTES: Final = 500
_FIELDS: Final = (
    "instructions", "max_output_tokens", "metadata", "parallel_tool_calls", "prompt_cache_key", "reasoning",
    "safety_identifier", "temperature", "text", "tool_choice", "tools", "top_p", "user",
)  # fmt: skip
_KINDS: Final[dict[str, tuple[type, ...]]] = {"metadata": (dict,)} | dict.fromkeys(
    ("prompt_cache_key", "safety_identifier"), (str,)
)
_LEVELS_ABOVE: Final = 2  # the event, the response in it
_NONE: Final[dict[str, Any]] = {
    "id": "resp_translated",
    "object": "response",
    "created_at": 0,
    "status": "in_progress",
    "background": False,
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "model": "",
    "output": [],
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "store": False,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "truncation": "disabled",
    "usage": None,
}


def remember(facts: RequestFacts, body: dict[str, Any], op: str, created_s: int) -> RequestFacts:
    """`op`: the call's id, by which its answer is known as well."""
    own = {"id": f"resp_{op}", "created_at": created_s}
    said = {name: body[name] for name in _FIELDS if body.get(name) is not None}
    said = {name: value for name, value in said.items() if type(value) in _KINDS.get(name, (type(value),))}
    kept = _written({**said, **own})
    if kept is None or len(kept) > REPEATED_BYTES_MAX:
        kept = orjson.dumps({**{name: said[name] for name in said if _is_short(said[name])}, **own})
    return msgspec.structs.replace(facts, repeats=kept)


class Repeats:
    """Of one response."""

    def __init__(self, facts: RequestFacts | None, product_id: str) -> None:
        said = orjson.loads(facts.repeats) if facts is not None and facts.repeats else {}
        self._response = {**_NONE, **said, "model": product_id}
        self.stem = str(self._response["id"]).removeprefix("resp_")  # of the ids of its items

    @property
    def wants_summary(self) -> bool:
        """OpenAI tells thoughts in a summary, where one is asked for; other vendors tell them whole."""
        reasoning = self._response["reasoning"]
        return any(reasoning.get(name) is not None for name in ("summary", "generate_summary"))

    def response(self, **fields: Any) -> dict[str, Any]:
        return {**self._response, **fields}


def _written(said: Any) -> bytes | None:
    """None where it lies deeper than can be written where it stands."""
    whole = said
    for _ in range(_LEVELS_ABOVE):
        whole = [whole]
    return None if written_if_shallow(whole) is None else written_if_shallow(said)


def _is_short(value: Any) -> bool:
    written = _written([value])
    return written is not None and len(written) <= _SHORT_BYTES
