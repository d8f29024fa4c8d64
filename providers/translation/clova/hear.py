"""A CLOVA Studio chat completions request, v3 or v1 -> Conversation. Pure.

Some numbers stand in every request that the vendor's own pages write for its callers, and ask for nothing:
`topK` 0 is off, `seed` 0 is one by chance, and a penalty of the default is as good as none said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from providers.facts import RequestFacts, bad, flag, integer, number, text
from providers.translation.clova.messages import Messages
from providers.translation.neutral import (
    AnswerShape,
    Conversation,
    Effort,
    Tool,
    ToolChoice,
    inexpressible,
    known_only,
)
from providers.translation.openai.messages import as_list
from providers.translation.schemas import is_closed

# Wished of the answer, which tells (`result.py`) that nobody has judged it: another vendor has no use for it.
HINTS: Final = frozenset({"includeAiFilters"})
_TOOL: Final = frozenset({"type", "function"})
_FUNCTION: Final = frozenset({"name", "description", "parameters"})
_CHOSEN: Final = frozenset({"name"})
_FORMAT: Final = frozenset({"type", "schema"})
_EFFORTS: Final[dict[str, Effort]] = {"none": "none", "low": "low", "medium": "medium", "high": "high"}
_STOPS_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class _Words:
    """Where the two versions differ in what a caller says."""

    stop: str
    penalty: str
    no_penalty: tuple[float, ...]  # of a kind that no other dialect has: without one, and the default
    known: frozenset[str]


_COMMON: Final = frozenset(
    {"model", "messages", "stream", "maxTokens", "topP", "topK", "temperature", "seed"} | HINTS
)
_V1: Final = _Words("stopBefore", "repeatPenalty", (0, 5), _COMMON | {"stopBefore", "repeatPenalty"})
_V3: Final = _Words(
    "stop",
    "repetitionPenalty",
    (1, 1.1),
    _COMMON
    | {
        "stop", "repetitionPenalty", "maxCompletionTokens", "thinking", "tools", "toolChoice",
        "responseFormat",
    },
)  # fmt: skip


def hear(body: dict[str, Any], facts: RequestFacts, vendor_dialect: str) -> Conversation:
    return _hear(_V3, body, facts, vendor_dialect)


def hear_v1(body: dict[str, Any], facts: RequestFacts, vendor_dialect: str) -> Conversation:
    return _hear(_V1, body, facts, vendor_dialect)


def _hear(words: _Words, body: dict[str, Any], facts: RequestFacts, vendor_dialect: str) -> Conversation:
    known_only(body, words.known, vendor_dialect)
    if number(body, words.penalty) not in (None, *words.no_penalty):
        raise inexpressible(words.penalty, vendor_dialect)
    flag(body, "includeAiFilters")
    system, turns = Messages(vendor_dialect).read(body["messages"])
    return Conversation(
        system=system,
        turns=turns,
        tools=_tools(body.get("tools"), vendor_dialect),
        tool_choice=_tool_choice(body.get("toolChoice"), vendor_dialect),
        shape=_shape(body.get("responseFormat"), vendor_dialect),
        output_limit=facts.output_limit,
        stop=_stop(body.get(words.stop), words.stop),
        temperature=number(body, "temperature"),
        top_p=number(body, "topP"),
        top_k=integer(body, "topK") or None,
        seed=integer(body, "seed") or None,
        effort=_effort(body.get("thinking"), vendor_dialect),
    )


def _tools(tools: Any, vendor_dialect: str) -> tuple[Tool, ...]:
    heard = []
    for index, tool in enumerate(tools or []):
        where = f"tools[{index}]"
        is_function = type(tool) is dict and tool.get("type") in (None, "function")
        function = tool.get("function") if is_function else None
        if type(function) is not dict or type(function.get("name")) is not str:
            raise inexpressible(where, vendor_dialect)
        known_only(tool, _TOOL, vendor_dialect, where=f"{where}.")
        known_only(function, _FUNCTION, vendor_dialect, where=f"{where}.function.")
        schema = function.get("parameters")
        if type(schema) not in (dict, type(None)):
            raise bad(f"{where}.function.parameters", "must be a JSON schema", "JSON 스키마여야 합니다")
        heard.append(
            Tool(
                name=function["name"],
                description=text(function, "description", f"{where}.function."),
                parameters=schema or {},
            )
        )
    return tuple(heard)


def _tool_choice(choice: Any, vendor_dialect: str) -> ToolChoice | None:
    """It has no word for just any tool, nor for one call at a time."""
    if choice is None:
        return None
    if choice in ("auto", "none"):
        return ToolChoice(choice)
    is_function = type(choice) is dict and choice.get("type") in (None, "function")
    function = choice.get("function") if is_function else None
    if type(function) is dict and type(function.get("name")) is str:
        known_only(choice, _TOOL, vendor_dialect, where="toolChoice.")
        known_only(function, _CHOSEN, vendor_dialect, where="toolChoice.function.")
        return ToolChoice("tool", function["name"])
    raise bad("toolChoice", "must be auto, none or a function", "auto, none 또는 함수여야 합니다")


def _shape(response_format: Any, vendor_dialect: str) -> AnswerShape | None:
    """The dialect promises that the answer is of the schema: elsewhere that is asked for by `strict`."""
    if response_format is None:
        return None
    kind, schema = None, None
    if type(response_format) is dict:
        known_only(response_format, _FORMAT, vendor_dialect, where="responseFormat.")
        kind, schema = response_format.get("type"), response_format.get("schema")
    if kind == "text" and schema is None:
        return None
    if kind != "json" or type(schema) is not dict:
        raise bad(
            "responseFormat",
            "must be text, or json with a schema",
            "text 또는 schema가 있는 json이어야 합니다",
        )
    return AnswerShape(schema, strict=True if is_closed(schema) else None)


def _effort(thinking: Any, vendor_dialect: str) -> Effort | None:
    if thinking is None:
        return None
    if type(thinking) is not dict:
        raise bad("thinking", "must be an object", "객체여야 합니다")
    known_only(thinking, frozenset({"effort"}), vendor_dialect, where="thinking.")
    effort = text(thinking, "effort", "thinking.")
    if effort is None:
        return None
    if effort not in _EFFORTS:
        raise inexpressible("thinking.effort", vendor_dialect)
    return _EFFORTS[effort]


def _stop(stop: Any, name: str) -> tuple[str, ...]:
    words = [] if stop is None else as_list(stop, name)
    if len(words) > _STOPS_MAX or any(type(word) is not str for word in words):
        raise bad(name, "must be a list of texts", "텍스트 목록이어야 합니다")
    return tuple(words)
