"""An Anthropic request as the meter and the router see it: facts, nothing of what it says. Pure.

Only what metering needs is read and refused; every other field passes through untouched. What can pass the
bytes of the body takes the product's whole context:
- what the body names (remote pictures, servers of tools; a tool's definition, once more for each
  reference to it) or packs (documents);
- the vendor's own tools: each of their turns is billed with the whole conversation once more;
- what is cut up for citations: each sentence gets a number, and a sentence can be one letter.

Tools that the caller runs are different: their definitions are in the body, but for those the vendor knows
by name (a shell, an editor, a screen). These count as several parts, for the text that stands for them.
"""

from __future__ import annotations

from typing import Any, Final

from providers.anthropic.kept import container_named, refuse_what_is_kept
from providers.facts import (
    IMAGE_TOKENS_MIN,
    TOKENS_LIMIT_MAX,
    RequestFacts,
    Spoken,
    bad,
    flag,
    model_of,
)
from providers.service_tiers import asked_tier

# Fields that make the vendor read what is not in the body, or read the body more than once.
_REACHING_OUT: Final = ("mcp_servers", "container", "fallbacks", "compaction")
# Blocks bound by their own bytes. What others of them hold is looked at in turn.
_PLAIN_BLOCKS: Final = frozenset(
    {
        "text",
        "thinking",
        "redacted_thinking",
        "connector_text",
        "tool_use",
        "server_tool_use",
        "mcp_tool_use",
        "compaction",
        "web_search_result",
    }
)
_NAMED_TOOLS: Final = ("bash_", "text_editor_", "computer_", "memory_")
NAMED_TOOL_PARTS: Final = 32
SEARCHES_MAX: Final = 1_000
_DEPTH_MAX: Final = 8


def read_messages_request(body: dict[str, Any], body_bytes: int, spoken: Spoken) -> RequestFacts:
    return _read(body, body_bytes, output_limit=_max_tokens(body), stream=flag(body, "stream"))


def read_count_request(body: dict[str, Any], body_bytes: int, spoken: Spoken) -> RequestFacts:
    """The same body without `max_tokens`. The vendor counts for nothing."""
    return _read(body, body_bytes, output_limit=None, stream=False, is_free=True)


def _read(
    body: dict[str, Any], body_bytes: int, *, output_limit: int | None, stream: bool, is_free: bool = False
) -> RequestFacts:
    model = model_of(body)
    refuse_what_is_kept(body)
    seen = _Seen()
    _read_messages(body.get("messages"), seen)
    system = body.get("system")
    if type(system) is list:
        seen.blocks(system)
    elif system is not None and type(system) is not str:
        raise bad(
            "system", "must be a text or a list of text blocks", "텍스트 또는 텍스트 블록 목록이어야 합니다"
        )
    _read_tools(body.get("tools"), seen)
    whole = seen.unbounded or _compacts(body) or any(body.get(field) for field in _REACHING_OUT)
    return RequestFacts(
        purpose="chat",
        model=model,
        body_bytes=body_bytes,
        stream=stream,
        include_usage=True,  # a stream of this dialect always says it
        output_limit=output_limit,
        takes_whole_context=whole,
        parts=seen.parts,
        image_allowance_tokens=seen.allowance_tokens,
        searches_max=seen.searches_max,
        is_free=is_free,
        container_id=container_named(body),
        service_tier=_service_tier(body),
    )


def _service_tier(body: dict[str, Any]) -> str | None:
    """The vendor's fast mode is a price of its own, as its tiers are."""
    return "fast" if body.get("speed") == "fast" else asked_tier(body.get("service_tier"))


class _Seen:
    """What has been found in the blocks and tools so far."""

    __slots__ = ("allowance_tokens", "parts", "searches_max", "unbounded")

    def __init__(self) -> None:
        self.parts = 0
        self.allowance_tokens = 0
        self.searches_max = 0
        self.unbounded = False

    def blocks(self, blocks: list[Any], depth: int = 0) -> None:
        for block in blocks:
            self._block(block, depth)

    def _block(self, block: Any, depth: int) -> None:
        if type(block) is not dict:
            raise bad("messages", "must have objects as content blocks", "content의 항목은 객체여야 합니다")
        kind = block.get("type")
        kind = kind if type(kind) is str else ""
        if kind in _PLAIN_BLOCKS:
            return
        self.parts += 1
        if _is_cut_up(block):
            self.unbounded = True
        elif kind == "image":
            self._image(block.get("source"))
        elif kind == "document":
            self._document(block.get("source"), depth)
        elif kind == "search_result" or kind.endswith("tool_result"):
            self._held(block.get("content"), depth)
        else:
            self.unbounded = True

    def _held(self, content: Any, depth: int) -> None:
        """What stands inside a block: a text, blocks, or one result of the vendor's own tools."""
        if depth >= _DEPTH_MAX:
            self.unbounded = True
        elif type(content) is list:
            self.blocks(content, depth + 1)
        elif type(content) is dict:
            if type(fetched := content.get("content")) is dict:
                self._block(fetched, depth + 1)
            self.unbounded = self.unbounded or "tool_references" in content

    def _image(self, source: Any) -> None:
        data = source.get("data") if type(source) is dict and source.get("type") == "base64" else None
        if type(data) is str:
            self.allowance_tokens += max(0, IMAGE_TOKENS_MIN - len(data))
        else:
            self.unbounded = True

    def _document(self, source: Any, depth: int) -> None:
        kind = source.get("type") if type(source) is dict else None
        if kind == "content":
            self._held(source.get("content"), depth)
        elif kind != "text":
            self.unbounded = True


def _is_cut_up(block: dict[str, Any]) -> bool:
    citations = block.get("citations")
    return type(citations) is dict and citations.get("enabled") is not False


def _read_messages(messages: Any, seen: _Seen) -> None:
    if type(messages) is not list or not messages:
        raise bad(
            "messages",
            "must be a list with at least one message",
            "메시지가 하나 이상이어야 합니다",
        )
    for message in messages:
        if type(message) is not dict:
            raise bad("messages", "must hold objects only", "객체만 담아야 합니다")
        content = message.get("content")
        if type(content) is list:
            seen.blocks(content)
        elif content is not None and type(content) is not str:
            raise bad("messages", "must have text or blocks as content", "content 형식이 다릅니다")


def _read_tools(tools: Any, seen: _Seen) -> None:
    if tools is None:
        return
    if type(tools) is not list:
        raise bad("tools", "must be a list", "목록이어야 합니다")
    for tool in tools:
        if type(tool) is not dict:
            raise bad("tools", "must hold objects only", "객체만 담아야 합니다")
        kind = tool.get("type")
        seen.parts += 1
        if kind is None or kind == "custom":
            continue
        if type(kind) is str and kind.startswith(_NAMED_TOOLS):
            seen.parts += NAMED_TOOL_PARTS - 1
            continue
        seen.unbounded = True
        if type(kind) is str and kind.startswith("web_search"):
            uses = tool.get("max_uses")
            seen.searches_max += min(uses, SEARCHES_MAX) if type(uses) is int and uses > 0 else 0


def _compacts(body: dict[str, Any]) -> bool:
    """Edits of the context that only clear something never make the call dearer."""
    management = body.get("context_management")
    if management is None:
        return False
    edits = management.get("edits") if type(management) is dict else None
    if type(edits) is not list:
        return True
    kinds = [edit.get("type") if type(edit) is dict else None for edit in edits]
    return not all(type(kind) is str and kind.startswith("clear_") for kind in kinds)


def _max_tokens(body: dict[str, Any]) -> int:
    limit = body.get("max_tokens")
    if type(limit) is not int or not 0 <= limit <= TOKENS_LIMIT_MAX:
        raise bad(
            "max_tokens", "is required and must be a positive integer", "필수이며 1 이상의 정수여야 합니다"
        )
    return max(1, limit)  # 0 asks for nothing but to fill the vendor's cache
