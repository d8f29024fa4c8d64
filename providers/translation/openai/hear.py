"""A chat completions request -> Conversation. Pure."""

from __future__ import annotations

from typing import Any, Final

from providers.facts import RequestFacts, bad, flag_or_none, integer, number, text
from providers.translation.neutral import (
    AnswerShape,
    Conversation,
    Effort,
    Tool,
    ToolChoice,
    inexpressible,
    known_only,
)
from providers.translation.openai.messages import Messages, as_list

# Said of the call, not of the answer: another vendor has no use for it, and answers alike without it.
HINTS: Final = frozenset(
    {"metadata", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "store", "stream_options"}
)
# Fields that say nothing with these values, and cannot be said with others.
_SAYS_NOTHING: Final[dict[str, tuple[Any, ...]]] = {
    "logprobs": (False,),
    "logit_bias": ({},),
    "modalities": (["text"],),
    "service_tier": ("auto", "default"),
    "verbosity": ("medium",),
}
_HEARD: Final = frozenset(
    {
        "model", "messages", "stream", "n", "max_tokens", "max_completion_tokens", "tools", "tool_choice",
        "parallel_tool_calls", "response_format", "stop", "temperature", "top_p", "top_k", "seed",
        "presence_penalty", "frequency_penalty", "reasoning_effort", "user",
    }
)  # fmt: skip
_KNOWN: Final = _HEARD | HINTS
_TOOL: Final = frozenset({"type", "function"})
_FUNCTION: Final = frozenset({"name", "description", "parameters", "strict"})
_FORMAT: Final = frozenset({"type", "json_schema"})
_SHAPE: Final = frozenset({"name", "description", "schema", "strict"})
_CHOICE: Final = _TOOL
_CHOSEN: Final = frozenset({"name"})
_EFFORTS: Final[dict[str, Effort]] = {
    "none": "none", "minimal": "minimal", "low": "low", "medium": "medium", "high": "high",
}  # fmt: skip
_STOPS_MAX: Final = 64


def hear(body: dict[str, Any], facts: RequestFacts, vendor_dialect: str) -> Conversation:
    known_only(body, _KNOWN, vendor_dialect, says_nothing=_SAYS_NOTHING)
    system, turns = Messages(vendor_dialect).read(body["messages"])
    return Conversation(
        system=system,
        turns=turns,
        tools=_tools(body.get("tools"), vendor_dialect),
        tool_choice=_tool_choice(body, vendor_dialect),
        shape=_shape(body.get("response_format"), vendor_dialect),
        output_limit=facts.output_limit,
        n=facts.n,
        stop=_stop(body.get("stop")),
        temperature=number(body, "temperature"),
        top_p=number(body, "top_p"),
        top_k=integer(body, "top_k"),
        seed=integer(body, "seed"),
        presence_penalty=number(body, "presence_penalty"),
        frequency_penalty=number(body, "frequency_penalty"),
        effort=_effort(body.get("reasoning_effort"), vendor_dialect),
        user=text(body, "user"),
    )


def _tools(tools: Any, vendor_dialect: str) -> tuple[Tool, ...]:
    heard = []
    for index, tool in enumerate(as_list(tools or [], "tools")):
        where = f"tools[{index}]"
        function = tool.get("function") if type(tool) is dict and tool.get("type") == "function" else None
        if type(function) is not dict or type(function.get("name")) is not str:
            raise inexpressible(where, vendor_dialect)
        known_only(tool, _TOOL, vendor_dialect, where=f"{where}.")
        known_only(function, _FUNCTION, vendor_dialect, where=f"{where}.function.")
        heard.append(
            Tool(
                name=function["name"],
                description=text(function, "description", f"{where}.function."),
                parameters=_schema(function, "parameters", f"{where}.function."),
                strict=flag_or_none(function, "strict", f"{where}.function."),
            )
        )
    return tuple(heard)


def _tool_choice(body: dict[str, Any], vendor_dialect: str) -> ToolChoice | None:
    choice, at_most_one = body.get("tool_choice"), flag_or_none(body, "parallel_tool_calls") is False
    if choice is None:
        return ToolChoice(at_most_one=True) if at_most_one else None
    if choice in ("auto", "none"):
        return ToolChoice(choice, at_most_one=at_most_one)
    if choice == "required":
        return ToolChoice("any", at_most_one=at_most_one)
    function = (
        choice.get("function") if type(choice) is dict and choice.get("type") in (None, "function") else None
    )
    if type(function) is dict and type(function.get("name")) is str:
        known_only(choice, _CHOICE, vendor_dialect, where="tool_choice.")
        known_only(function, _CHOSEN, vendor_dialect, where="tool_choice.function.")
        return ToolChoice("tool", function["name"], at_most_one)
    raise bad(
        "tool_choice",
        "must be auto, none, required or a function",
        "auto, none, required 또는 함수여야 합니다",
    )


def _shape(response_format: Any, vendor_dialect: str) -> AnswerShape | None:
    if response_format is None:
        return None
    kind = response_format.get("type") if type(response_format) is dict else None
    given = response_format.get("json_schema") if kind in ("text", "json_object", "json_schema") else None
    if kind == "json_schema":
        if type(given) is not dict or type(given.get("schema")) is not dict:
            kind = None
    elif given is not None:
        kind = None
    if kind is None or kind not in ("text", "json_object", "json_schema"):
        raise bad(
            "response_format",
            "must be text, json_object or json_schema",
            "text, json_object, json_schema 중 하나여야 합니다",
        )
    known_only(response_format, _FORMAT, vendor_dialect, where="response_format.")
    if kind == "text":
        return None
    if given is None:
        return AnswerShape()
    where = "response_format.json_schema."
    known_only(given, _SHAPE, vendor_dialect, where=where)
    name = text(given, "name", where)
    strict = flag_or_none(given, "strict", where)
    schema, description = given["schema"], text(given, "description", where)
    if description is not None:  # other dialects have a schema alone, which has a place for it
        inner = text(schema, "description", f"{where}schema.")
        schema = {**schema, "description": f"{description}\n{inner}" if inner else description}
    return AnswerShape(schema=schema, name="answer" if name is None else name, strict=strict)


def _schema(said: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    schema = said.get(name)
    if schema is not None and type(schema) is not dict:
        raise bad(where + name, "must be a JSON schema", "JSON 스키마여야 합니다")
    return schema or {}


def _stop(stop: Any) -> tuple[str, ...]:
    stops = [stop] if type(stop) is str else as_list(stop or [], "stop")
    if len(stops) > _STOPS_MAX or any(type(word) is not str for word in stops):
        raise bad("stop", "must be a text or a list of texts", "텍스트 또는 텍스트 목록이어야 합니다")
    return tuple(stops)


def _effort(effort: Any, vendor_dialect: str) -> Effort | None:
    if effort is None:
        return None
    if type(effort) is not str or effort not in _EFFORTS:
        raise inexpressible("reasoning_effort", vendor_dialect)
    return _EFFORTS[effort]
