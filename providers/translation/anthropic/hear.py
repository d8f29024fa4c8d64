"""A messages request -> Conversation. Pure."""

from __future__ import annotations

from typing import Any, Final

from providers.facts import RequestFacts, bad, flag_or_none, integer, number, text
from providers.translation.anthropic.blocks import Messages
from providers.translation.neutral import (
    EFFORT_TOKENS,
    AnswerShape,
    Conversation,
    Effort,
    Tool,
    ToolChoice,
    inexpressible,
    known_only,
)

# Said of the call, not of the answer: another vendor has no use for it, and answers alike without it.
HINTS: Final = frozenset({"anthropic_version", "cache_control"})
# The same of a tool: where to cut the cache, and how finely its arguments are streamed.
TOOL_HINTS: Final = frozenset({"cache_control", "eager_input_streaming"})
# Fields that say nothing with these values, and cannot be said with others.
_SAYS_NOTHING: Final[dict[str, tuple[Any, ...]]] = {
    "context_management": ({}, {"edits": []}),
    "mcp_servers": ([],),
    "service_tier": ("auto", "standard_only"),
    "speed": ("standard",),
}
_TOOL_SAYS_NOTHING: Final[dict[str, tuple[Any, ...]]] = {
    "allowed_callers": ([], ["direct"]),
    "defer_loading": (False,),
    "input_examples": ([],),
}
_HEARD: Final = frozenset(
    {
        "model", "messages", "max_tokens", "stream", "system", "tools", "tool_choice", "metadata",
        "output_config", "output_format", "stop_sequences", "temperature", "top_p", "top_k", "thinking",
    }
)  # fmt: skip
_KNOWN: Final = _HEARD | HINTS
_TOOL_HEARD: Final = frozenset({"type", "name", "description", "input_schema", "strict"})
_TOOL_KNOWN: Final = _TOOL_HEARD | TOOL_HINTS
_CHOICE: Final = frozenset({"type", "disable_parallel_tool_use"})
_THINKING: Final = frozenset({"type", "budget_tokens", "display"})
_EFFORTS: Final[dict[str, Effort]] = {"low": "low", "medium": "medium", "high": "high"}
_STOPS_MAX: Final = 64


def hear(body: dict[str, Any], facts: RequestFacts, vendor_dialect: str) -> Conversation:
    known_only(body, _KNOWN, vendor_dialect, says_nothing=_SAYS_NOTHING)
    if body.get("max_tokens") == 0:  # asks for nothing but to fill the vendor's cache
        raise inexpressible("max_tokens", vendor_dialect)
    system, turns = Messages(vendor_dialect).read(body.get("system"), body["messages"])
    return Conversation(
        system=system,
        turns=turns,
        tools=_tools(body.get("tools"), vendor_dialect),
        tool_choice=_tool_choice(body.get("tool_choice"), vendor_dialect),
        shape=_shape(body, vendor_dialect),
        output_limit=facts.output_limit,
        stop=_stop(body.get("stop_sequences")),
        temperature=number(body, "temperature"),
        top_p=number(body, "top_p"),
        top_k=integer(body, "top_k"),
        effort=_effort(body, vendor_dialect),
        user=_user(body, vendor_dialect),
    )


def _tools(tools: Any, vendor_dialect: str) -> tuple[Tool, ...]:
    heard = []
    for index, tool in enumerate(tools or []):
        where = f"tools[{index}]"
        if tool.get("type") not in (None, "custom"):
            raise inexpressible(where, vendor_dialect)  # the vendor's own tools, and those it knows by name
        known_only(tool, _TOOL_KNOWN, vendor_dialect, says_nothing=_TOOL_SAYS_NOTHING, where=f"{where}.")
        name, schema = tool.get("name"), tool.get("input_schema")
        if type(name) is not str or type(schema) not in (dict, type(None)):
            raise bad(where, "must have a name and an input_schema", "name과 input_schema가 있어야 합니다")
        heard.append(
            Tool(
                name=name,
                description=text(tool, "description", f"{where}."),
                parameters=schema or {},
                strict=flag_or_none(tool, "strict", f"{where}."),
            )
        )
    return tuple(heard)


def _tool_choice(choice: Any, vendor_dialect: str) -> ToolChoice | None:
    if choice is None:
        return None
    if type(choice) is dict:
        kind, name = choice.get("type"), choice.get("name")
        if kind in ("auto", "any", "none") or (kind == "tool" and type(name) is str):
            known = _CHOICE | {"name"} if kind == "tool" else _CHOICE
            known_only(choice, known, vendor_dialect, where="tool_choice.")
            at_most_one = flag_or_none(choice, "disable_parallel_tool_use", "tool_choice.") is True
            return ToolChoice(kind, name if kind == "tool" else None, at_most_one)
    raise bad("tool_choice", "must be auto, any, none or a tool", "auto, any, none 또는 도구여야 합니다")


def _shape(body: dict[str, Any], vendor_dialect: str) -> AnswerShape | None:
    """The dialect promises that the answer is of the schema: elsewhere that is asked for by `strict`."""
    config = _config(body, vendor_dialect)
    name, said = "output_config.format", config.get("format")
    if said is None:  # as it was called before
        name, said = "output_format", body.get("output_format")
    if said is None:
        return None
    match said:
        case {"type": "json_schema", "schema": dict(schema), **more}:
            known_only(more, frozenset(), vendor_dialect, where=f"{name}.")
            return AnswerShape(schema=schema, strict=True)
    raise bad(name, "must be a json_schema with a schema", "schema가 있는 json_schema여야 합니다")


def _effort(body: dict[str, Any], vendor_dialect: str) -> Effort | None:
    """By the word, or else by the tokens it may think with. `adaptive` leaves it to the vendor."""
    word = _config(body, vendor_dialect).get("effort")
    if word is not None and (type(word) is not str or word not in _EFFORTS):
        raise inexpressible("output_config.effort", vendor_dialect)
    effort = None if word is None else _EFFORTS[word]
    thinking = body.get("thinking")
    if type(thinking) is dict:
        known_only(thinking, _THINKING, vendor_dialect, where="thinking.")
    match thinking:
        case None:
            return effort
        case {"display": display} if display not in (None, "summarized"):
            raise inexpressible("thinking.display", vendor_dialect)
        case {"type": "adaptive"}:
            return effort
        case {"type": "disabled" | "enabled"} if effort is not None:
            raise inexpressible("output_config.effort", vendor_dialect)  # and a budget: who is right?
        case {"type": "disabled"}:
            return "none"
        case {"type": "enabled", "budget_tokens": budget} if type(budget) is int:
            return _effort_of(budget)
    raise inexpressible("thinking", vendor_dialect)


def _effort_of(budget_tokens: int) -> Effort:
    """Not `minimal`, which few vendors know: this one thinks with no less than that anyway."""
    efforts: tuple[Effort, ...] = ("low", "medium")
    return next((effort for effort in efforts if budget_tokens <= EFFORT_TOKENS[effort]), "high")


def _config(body: dict[str, Any], vendor_dialect: str) -> dict[str, Any]:
    config = body.get("output_config")
    if config is None:
        return {}
    if type(config) is not dict:
        raise bad("output_config", "must be an object", "객체여야 합니다")
    known_only(config, frozenset({"effort", "format"}), vendor_dialect, where="output_config.")
    return config


def _user(body: dict[str, Any], vendor_dialect: str) -> str | None:
    metadata = body.get("metadata")
    if metadata is None:
        return None
    if type(metadata) is not dict:
        raise bad("metadata", "must be an object", "객체여야 합니다")
    known_only(metadata, frozenset({"user_id"}), vendor_dialect, where="metadata.")
    return text(metadata, "user_id", "metadata.")


def _stop(stop: Any) -> tuple[str, ...]:
    if stop is None:
        return ()
    if type(stop) is not list or len(stop) > _STOPS_MAX or any(type(word) is not str for word in stop):
        raise bad("stop_sequences", "must be a list of texts", "텍스트 목록이어야 합니다")
    return tuple(stop)
