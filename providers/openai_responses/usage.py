"""What a response says it used: tokens, searches, pictures. Pure.

The token classes are those of `providers/openai/usage.py`, which knows these names too; the rows of
`quirks.py` are about chats and do not hold here: a response's output contains its reasoning.

A response that is not over has no usage, whatever stands there.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from metering.usage import TOKENS_MAX, Usage
from providers.openai.usage import usage_of

RUNNING: Final = ("queued", "in_progress")


def usage_of_response(response: dict[str, Any]) -> Usage | None:
    raw = response.get("usage")
    if type(raw) is not dict or response.get("status") in RUNNING:
        return None
    usage = usage_of(raw)
    if usage is None:
        return None
    counts = {"searches": _searches(response, raw), "images": _made(response, "image_generation_call")}
    units = {name: min(count, TOKENS_MAX) for name, count in counts.items() if count > 0}
    return msgspec.structs.replace(usage, units=units) if units else usage


def usage_to_responses(usage: Usage) -> dict[str, Any]:
    """The usage object of answers that the gateway itself ends."""
    return {
        "input_tokens": usage.input_total,
        "input_tokens_details": {
            "cached_tokens": usage.cached_input,
            "cache_write_tokens": usage.cache_write + usage.cache_write_1h,
        },
        "output_tokens": usage.output_total,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input_total + usage.output_total,
    }


def _searches(response: dict[str, Any], raw: dict[str, Any]) -> int:
    """The vendor's own count of searches, where it says one; else those that are shown.

    To open a page that was found, or to look for something in it, is no search of its own.
    """
    tools = response.get("tool_usage")  # OpenAI
    search = tools.get("web_search") if type(tools) is dict else None
    if type(search) is dict and type(search.get("num_requests")) is int:
        return int(search["num_requests"])
    details = raw.get("server_side_tool_usage_details")  # xAI
    if type(details) is dict:
        counts = [details.get(name) for name in ("web_search_calls", "x_search_calls")]
        if any(type(count) is int for count in counts):
            return sum(count for count in counts if type(count) is int)
    return _made(response, "web_search_call")


def _made(response: dict[str, Any], kind: str) -> int:
    output = response.get("output")
    if type(output) is not list:
        return 0
    return sum(type(item) is dict and item.get("type") == kind and _is_billed(item) for item in output)


def _is_billed(item: dict[str, Any]) -> bool:
    action = item.get("action")
    if item.get("status") == "failed":
        return False
    return type(action) is not dict or action.get("type") in (None, "search", "generate", "edit")
