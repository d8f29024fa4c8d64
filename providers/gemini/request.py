"""A Gemini request as the meter and the router see it: facts, nothing of what it says. Pure.

Only what metering needs is read and refused, under either spelling; every other field passes through
untouched. What parts can cost (providers/openai/request.py has the same three kinds):
- what the body contains (text, sound, calls of functions and their results): its bytes bound it;
- pictures in the body: a small one can cost more than it weighs;
- what the body names (files elsewhere, the vendor's own tools) or packs (documents, video): unbounded,
  the product's whole context.

Thoughts are output, and `maxOutputTokens` bounds them together with what is said.
"""

from __future__ import annotations

from typing import Any, Final

from providers.facts import (
    CHOICES_MAX,
    IMAGE_TOKENS_MIN,
    RequestFacts,
    Spoken,
    bad,
    model_of,
    tokens_limit,
)
from providers.gemini.kept import refuse_what_is_kept
from providers.gemini.spelling import camel, spellings, values
from providers.service_tiers import asked_tier

# The vendor says no bound of its own; the most queries in a recorded answer is two.
SEARCHES_MAX: Final = 16
_LOCAL_PARTS: Final = frozenset(
    {
        "text",
        "thought",
        "thoughtSignature",
        "functionCall",
        "functionResponse",
        "executableCode",
        "codeExecutionResult",
        "toolCall",
        "toolResponse",
        "partMetadata",
        "videoMetadata",
        "mediaResolution",
    }
)
_SEARCHING_TOOLS: Final = frozenset(
    {
        "googleSearch",
        "googleSearchRetrieval",
        "enterpriseWebSearch",
        "googleMaps",
        "exaAiSearch",
        "parallelAiSearch",
    }
)


def read_generate_request(body: dict[str, Any], body_bytes: int, spoken: Spoken) -> RequestFacts:
    contents = _items(body.get("contents"))
    if not contents:
        raise bad("contents", "must be a list with at least one content", "내용이 하나 이상이어야 합니다")
    refuse_what_is_kept(body)
    read = _Reading()
    for content in contents:
        read.content(content, "contents")
    for instruction in values(body, "systemInstruction"):
        if type(instruction) is not str:
            read.content(instruction, "systemInstruction")
    tools = body.get("tools")
    for tool in _items(tools):
        read.tool(tool)
    configs = values(body, "generationConfig")
    if not all(type(config) is dict for config in configs):
        raise bad("generationConfig", "must be an object", "객체여야 합니다")
    return RequestFacts(
        purpose="chat",
        model=_model(body, spoken),
        body_bytes=body_bytes,
        stream=spoken.stream is True,
        include_usage=True,
        n=max((_choices(config) for config in configs), default=1),
        output_limit=_output_limit(configs),
        takes_whole_context=read.whole,
        parts=read.parts,
        image_allowance_tokens=read.image_allowance_tokens,
        as_array=spoken.as_array,
        searches_max=read.searches_max,
        include_thoughts=any(_include_thoughts(config) for config in configs),
        service_tier=_service_tier(body),
    )


def _service_tier(body: dict[str, Any]) -> str | None:
    asked = {asked_tier(value, "serviceTier") for value in values(body, "serviceTier")}
    if len(asked) > 1:
        raise bad("serviceTier", "must be said once", "한 번만 지정해 주세요")
    return asked.pop() if asked else None


def read_count_request(body: dict[str, Any], body_bytes: int, spoken: Spoken) -> RequestFacts:
    """Nothing is billed for counting: what else is counted is between the caller and the vendor."""
    refuse_what_is_kept(body)
    return RequestFacts(purpose="chat", model=_model(body, spoken), body_bytes=body_bytes, is_free=True)


def read_embed_request(body: dict[str, Any], body_bytes: int, spoken: Spoken) -> RequestFacts:
    return _embedding(body, [body], body_bytes, spoken)


def read_batch_embed_request(body: dict[str, Any], body_bytes: int, spoken: Spoken) -> RequestFacts:
    requests = _items(body.get("requests"))
    if not requests:
        raise bad("requests", "must be a list with at least one request", "요청이 하나 이상이어야 합니다")
    return _embedding(body, requests, body_bytes, spoken)


def _embedding(body: dict[str, Any], requests: list[Any], body_bytes: int, spoken: Spoken) -> RequestFacts:
    refuse_what_is_kept(body)
    read = _Reading()
    for request in requests:
        if type(request) is not dict:
            raise bad("requests", "must hold objects only", "객체만 담아야 합니다")
        if request.get("content") is None:
            raise bad("content", "must hold what is to be embedded", "임베딩할 내용이 있어야 합니다")
        read.content(request["content"], "content")
    return RequestFacts(
        purpose="embedding",
        model=_model(body, spoken),
        body_bytes=body_bytes,
        takes_whole_context=read.whole or read.parts > 0,
        inputs=len(requests),
        service_tier=_service_tier(body),
    )


class _Reading:
    """What the parts and tools of one request add up to."""

    __slots__ = ("image_allowance_tokens", "parts", "searches_max", "whole")

    def __init__(self) -> None:
        self.parts = 0
        self.image_allowance_tokens = 0
        self.searches_max = 0
        self.whole = False

    def content(self, content: Any, param: str) -> None:
        if type(content) is not dict:
            raise bad(param, "must hold objects with parts", "parts를 가진 객체여야 합니다")
        for part in _items(content.get("parts")):
            if type(part) is not dict:
                raise bad(param, "must have objects as parts", "parts의 항목은 객체여야 합니다")
            self.part(part)

    def part(self, part: dict[str, Any], *, is_nested: bool = False) -> None:
        for name, value in part.items():
            kind = camel(name)
            if value is None or kind in ("text", "thought", "thoughtSignature"):
                continue
            if kind == "inlineData":
                self.inline(value)
            elif kind in _LOCAL_PARTS:
                self.parts += 1
            else:
                self.parts += 1
                self.whole = True
            if kind == "functionResponse" and type(value) is dict:
                for inner in _items(value.get("parts")):  # pictures a function gave back
                    if is_nested or type(inner) is not dict:
                        self.whole = True
                    else:
                        self.part(inner, is_nested=True)

    def inline(self, blob: Any) -> None:
        """Bytes in the body. A document is packed: a page of it costs whatever it shows."""
        self.parts += 1
        if type(blob) is not dict or type(data := blob.get("data")) is not str:
            self.whole = True
            return
        for kind in values(blob, "mimeType") or [None]:
            family = kind.lower().partition("/")[0] if type(kind) is str else ""
            if family == "image":
                self.image_allowance_tokens += max(0, IMAGE_TOKENS_MIN - len(data))
            elif family not in ("audio", "text"):
                self.whole = True

    def tool(self, tool: Any) -> None:
        if type(tool) is not dict:
            raise bad("tools", "must hold objects only", "객체만 담아야 합니다")
        for name, value in tool.items():
            kind = camel(name)
            if value is None:
                continue
            if kind == "functionDeclarations":
                self.parts += len(_items(value))
                continue
            self.parts += 1
            self.whole = True
            if kind in _SEARCHING_TOOLS:
                self.searches_max = SEARCHES_MAX


def _items(value: Any) -> list[Any]:
    """A list; the API also takes the one item of a list by itself."""
    if type(value) is list:
        return value
    return [] if value is None else [value]


def _model(body: dict[str, Any], spoken: Spoken) -> str:
    return model_of(body) if spoken.model is None else spoken.model


def _output_limit(configs: list[dict[str, Any]]) -> int | None:
    """The loosest of them, if there is more than one."""
    limits: list[int] = []
    for config in configs:
        found = [tokens_limit(config, name) for name in spellings(config, "maxOutputTokens")]
        if not found:
            return None
        limits += [limit for limit in found if limit is not None]
    return max(limits, default=None)


def _include_thoughts(config: dict[str, Any]) -> bool:
    thinking = [said for said in values(config, "thinkingConfig") if type(said) is dict]
    return any(wish is True for said in thinking for wish in values(said, "includeThoughts"))


def _choices(config: dict[str, Any]) -> int:
    most = 1
    for name in spellings(config, "candidateCount"):
        n = config[name]
        if type(n) is not int or not 1 <= n <= CHOICES_MAX:
            en = f"must be an integer from 1 to {CHOICES_MAX}"
            raise bad(name, en, f"1~{CHOICES_MAX}의 정수여야 합니다")
        most = max(most, n)
    return most
