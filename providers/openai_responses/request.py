"""An OpenAI Responses request as the meter and the router see it: facts, nothing of what it says. Pure.

As in a chat, only what metering needs is read; and three kinds of items differ in what they can cost: what
the body contains, pictures in it, and what it only names or packs (the product's whole context).

An answer is kept by the vendor only where the caller says so, and then its id belongs to the caller's company
(docs/decisions/0023). What names something else that the vendor stores is refused: nobody knows whose it is.
"""

from __future__ import annotations

from typing import Any, Final

from providers.facts import (
    IMAGE_TOKENS_MIN,
    BadRequest,
    RequestFacts,
    Spoken,
    bad,
    flag,
    model_of,
    tokens_limit,
)
from providers.openai_responses.item_ids import approved_elsewhere
from providers.openai_responses.references import refuse_what_is_kept

# How often a vendor may search where the caller sets no `max_tool_calls`: the one default a vendor has named
# (OpenAI, of its models for research). Answers seen have searched four times at most.
SEARCHES_MAX: Final = 225

_TEXT_PARTS: Final = frozenset(
    {"input_text", "output_text", "text", "refusal", "summary_text", "reasoning_text", "thinking"}
)
_LOCAL_TOOLS: Final = frozenset({"function", "custom"})
_SEARCHING_TOOLS: Final = ("web_search", "x_search")
# Items whose bytes bound what they cost.
_LOCAL_ITEMS: Final = frozenset(
    {
        "apply_patch_call",
        "apply_patch_call_output",
        "computer_call",
        "custom_tool_call",
        "function_call",
        "local_shell_call",
        "local_shell_call_output",
        "mcp_approval_request",
        "mcp_approval_response",
        "mcp_call",
        "mcp_list_tools",
        "reasoning",
        "shell_call",
        "shell_call_output",
    }
)
_OUTPUT_ITEMS: Final = frozenset({"function_call_output", "custom_tool_call_output", "computer_call_output"})
# Fields that make a vendor read what is not in the body.
_REACHING_OUT: Final = ("data_sources", "plugins", "search_parameters", "web_search_options")


class _Extent:
    """How much the items and tools of one request can cost; filled while they are read."""

    __slots__ = ("allowance", "parts", "searches", "whole")

    def __init__(self) -> None:
        self.parts = 0
        self.allowance = 0
        self.whole = False
        self.searches = False


def read_responses_request(body: dict[str, Any], body_bytes: int, _: Spoken) -> RequestFacts:
    model = model_of(body)
    stream, background = flag(body, "stream"), flag(body, "background")
    _refuse_what_is_stored(body)
    follows = _follows(body)
    extent = _Extent()
    given = body.get("input")
    if type(given) is list:
        for item in given:
            _read_item(item, extent)
    elif type(given) is not str:
        raise bad("input", "must be a text or a list of items", "텍스트 또는 항목 목록이어야 합니다")
    _read_tools(body.get("tools"), extent)
    instructions = body.get("instructions")
    extent.whole = (
        extent.whole
        or follows is not None
        or (instructions is not None and type(instructions) is not str)
        or any(body.get(field) is not None for field in _REACHING_OUT)
    )
    tool_calls_max = tokens_limit(body, "max_tool_calls")
    return RequestFacts(
        purpose="chat",
        model=model,
        body_bytes=body_bytes,
        stream=stream,
        output_limit=tokens_limit(body, "max_output_tokens"),
        takes_whole_context=extent.whole,
        parts=extent.parts,
        image_allowance_tokens=extent.allowance,
        searches_max=(tool_calls_max or SEARCHES_MAX) if extent.searches else 0,
        stores=flag(body, "store") or background,
        background=background,
        follows=follows,
        approves=approved_elsewhere(given) if follows is not None and type(given) is list else (),
    )


def _refuse_what_is_stored(body: dict[str, Any]) -> None:
    if body.get("conversation") is not None:
        raise _stored(
            "conversation",
            "send its items in `input`, or name its last answer as `previous_response_id`",
            "대화의 항목을 `input`에 직접 담거나 마지막 응답을 `previous_response_id`로 지정해 주세요",
        )
    if body.get("prompt") is not None:
        raise _stored(
            "prompt",
            "send its text in `instructions` and `input`",
            "그 내용을 `instructions`와 `input`에 직접 담아 주세요",
        )


def _follows(body: dict[str, Any]) -> str | None:
    """The answer that this one goes on from. Whose it is, the gateway knows."""
    name = "previous_response_id"
    value = body.get(name)
    if value is not None and type(value) is not str:
        raise bad(name, "must be the id of an answer", "응답의 id여야 합니다")
    return value


def _stored(param: str, en: str, ko: str) -> BadRequest:
    return BadRequest(
        f"`{param}` relies on what the vendor stores, which this gateway does not offer; {en}.",
        f"`{param}`: 공급사에 저장된 내용을 쓰는 기능은 제공하지 않습니다. {ko}.",
        param,
    )


def _read_item(item: Any, extent: _Extent) -> None:
    if type(item) is not dict:
        raise bad("input", "must hold objects only", "객체만 담아야 합니다")
    kind = item.get("type")
    if kind == "item_reference":
        raise BadRequest(
            "`input` names an item that the vendor stores, which this gateway does not offer; "
            "send the item itself.",
            "`input`: 공급사에 저장된 항목을 id로 지정할 수 없습니다. 항목의 내용을 직접 담아 주세요.",
            "input",
        )
    if kind is None or kind == "message":
        _read_parts(item.get("content"), extent)
    elif type(kind) is not str:
        extent.whole = True
    elif kind in _OUTPUT_ITEMS:
        _read_parts(item.get("output"), extent)
    elif kind == "additional_tools":
        _read_tools(item.get("tools"), extent)
    elif kind not in _LOCAL_ITEMS:
        extent.whole = True


def _read_parts(content: Any, extent: _Extent) -> None:
    if type(content) is dict:  # a screenshot
        _read_part(content, extent)
    elif type(content) is list:
        for part in content:
            _read_part(part, extent)
    elif content is not None and type(content) is not str:
        raise bad("input", "must have text or parts as content", "content 형식이 다릅니다")


def _read_part(part: Any, extent: _Extent) -> None:
    if type(part) is not dict:
        raise bad("input", "must have objects as content parts", "content의 항목은 객체여야 합니다")
    kind = part.get("type")
    if type(kind) is str and kind in _TEXT_PARTS:
        return
    extent.parts += 1
    if kind in ("input_image", "computer_screenshot"):
        url = part.get("image_url")
        if part.get("file_id") is None and type(url) is str and url[:5].lower() == "data:":
            extent.allowance += max(0, IMAGE_TOKENS_MIN - len(url))
            return
    elif kind == "input_audio":
        audio = part.get("input_audio")
        data = audio.get("data") if type(audio) is dict else None
        if type(data) is str and data[:4].lower() != "http":
            return
    extent.whole = True


def _read_tools(tools: Any, extent: _Extent) -> None:
    if tools is None:
        return
    if type(tools) is not list:
        raise bad("tools", "must be a list", "목록이어야 합니다")
    extent.parts += len(tools)
    for tool in tools:
        kind = tool.get("type") if type(tool) is dict else None
        if type(kind) is not str:
            extent.whole = True
            continue
        if kind not in _LOCAL_TOOLS:
            refuse_what_is_kept(tool)
        extent.whole = extent.whole or kind not in _LOCAL_TOOLS
        extent.searches = extent.searches or kind.startswith(_SEARCHING_TOOLS)
