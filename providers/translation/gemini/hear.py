"""A generateContent request -> Conversation. Pure."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from providers.facts import RequestFacts, bad, flag_or_none, integer, number
from providers.translation.gemini.ask import LEVELS
from providers.translation.gemini.contents import Contents
from providers.translation.gemini.fields import fields, items, nothing_but
from providers.translation.gemini.schema import plain
from providers.translation.neutral import (
    EFFORT_TOKENS,
    AnswerShape,
    Conversation,
    Effort,
    Tool,
    ToolChoice,
    inexpressible,
)
from providers.translation.schemas import is_closed

# Said of the call, not of the answer: another vendor has no use for it, and answers alike without it.
HINTS: Final = frozenset({"labels", "store"})
# What a function will give back, which its result shows: the SDK says it of every function with types.
FUNCTION_HINTS: Final = frozenset({"response", "responseJsonSchema"})
_HEARD: Final = frozenset(
    {"model", "contents", "systemInstruction", "tools", "toolConfig", "generationConfig"}
)
# Fields that say nothing with these values, and cannot be said with others.
_SAYS_NOTHING: Final[dict[str, tuple[Any, ...]]] = {
    "cachedContent": ("",),
    "serviceTier": ("", "unspecified", "standard", "SERVICE_TIER_UNSPECIFIED", "STANDARD"),
}
_KNOWN: Final = _HEARD | HINTS | _SAYS_NOTHING.keys() | {"safetySettings"}
_CONFIG_SAYS_NOTHING: Final[dict[str, tuple[Any, ...]]] = {
    "audioTimestamp": (False,),
    "enableEnhancedCivicAnswers": (False,),
    "mediaResolution": ("MEDIA_RESOLUTION_UNSPECIFIED",),
    "responseLogprobs": (False,),
    "responseModalities": ([], ["TEXT"], ["Text"], ["text"]),
}
_CONFIG: Final[frozenset[str]] = frozenset(_CONFIG_SAYS_NOTHING) | {
    "maxOutputTokens", "candidateCount", "stopSequences", "temperature", "topP", "topK", "seed",
    "presencePenalty", "frequencyPenalty", "thinkingConfig", "responseMimeType", "responseSchema",
    "responseJsonSchema",
}  # fmt: skip
# Whether thoughts are told is among the facts of the request, for who tells them.
_THINKING: Final = frozenset({"includeThoughts", "thinkingBudget", "thinkingLevel"})
_FUNCTION_SAYS_NOTHING: Final[dict[str, tuple[Any, ...]]] = {"behavior": ("UNSPECIFIED", "BLOCKING")}
_FUNCTION: Final[frozenset[str]] = frozenset(_FUNCTION_SAYS_NOTHING) | FUNCTION_HINTS | {
    "name", "description", "parameters", "parametersJsonSchema",
}  # fmt: skip
# There are none of the vendor's own tools to tell of.
_TOOL_CONFIG_SAYS_NOTHING: Final[dict[str, tuple[Any, ...]]] = {
    "includeServerSideToolInvocations": (True, False)
}
_TOOL_CONFIG: Final = frozenset(_TOOL_CONFIG_SAYS_NOTHING) | {"functionCallingConfig"}
_CALLING_SAYS_NOTHING: Final[dict[str, tuple[Any, ...]]] = {"streamFunctionCallArguments": (False,)}
_CALLING: Final = frozenset(_CALLING_SAYS_NOTHING) | {"mode", "allowedFunctionNames"}
_OFF: Final = ("OFF", "BLOCK_NONE")
_EFFORTS: Final[dict[str, Effort]] = {level: effort for effort, level in LEVELS.items()}
_STOPS_MAX: Final = 64


def hear(body: dict[str, Any], facts: RequestFacts, vendor_dialect: str) -> Conversation:
    said = fields(body, _KNOWN, "", vendor_dialect)
    nothing_but(said, _SAYS_NOTHING, "", vendor_dialect)
    _safety(said.get("safetySettings"), vendor_dialect)
    contents = Contents(vendor_dialect)
    tools = _tools(said.get("tools"), vendor_dialect)
    tools, choice = _tool_choice(said.get("toolConfig", {}), tools, vendor_dialect)
    config = fields(said.get("generationConfig", {}), _CONFIG, "generationConfig", vendor_dialect)
    nothing_but(config, _CONFIG_SAYS_NOTHING, "generationConfig", vendor_dialect)
    return Conversation(
        system=contents.instruction(said["systemInstruction"]) if "systemInstruction" in said else (),
        turns=contents.read(said.get("contents")),
        tools=tools,
        tool_choice=choice,
        shape=_shape(config, vendor_dialect),
        output_limit=facts.output_limit,
        n=facts.n,
        stop=_stop(config.get("stopSequences")),
        temperature=number(config, "temperature"),
        top_p=number(config, "topP"),
        top_k=_top_k(config),
        seed=integer(config, "seed"),
        presence_penalty=number(config, "presencePenalty"),
        frequency_penalty=number(config, "frequencyPenalty"),
        effort=_effort(config.get("thinkingConfig", {}), vendor_dialect),
    )


def _safety(settings: Any, vendor_dialect: str) -> None:
    """Other vendors have their own rules: to block nothing beyond them is all that can be asked."""
    for setting in items(settings):
        if type(setting) is not dict or setting.get("threshold") not in _OFF:
            raise inexpressible("safetySettings", vendor_dialect)


def _tools(tools: Any, vendor_dialect: str) -> tuple[Tool, ...]:
    """The vendor's own tools are other fields than `functionDeclarations`."""
    heard = []
    for index, tool in enumerate(items(tools)):
        where = f"tools[{index}]"
        declared = fields(tool, frozenset({"functionDeclarations"}), where, vendor_dialect)
        for place, function in enumerate(items(declared.get("functionDeclarations"))):
            heard.append(_function(function, f"{where}.functionDeclarations[{place}]", vendor_dialect))
    return tuple(heard)


def _function(function: Any, where: str, vendor_dialect: str) -> Tool:
    said = fields(function, _FUNCTION, where, vendor_dialect)
    nothing_but(said, _FUNCTION_SAYS_NOTHING, where, vendor_dialect)
    name, description = said.get("name"), said.get("description")
    if type(name) is not str or type(description) not in (str, type(None)):
        raise bad(where, "must have a name", "name이 있어야 합니다")
    schema = _schema(said, "parameters", "parametersJsonSchema", f"{where}.")
    return Tool(name, description, schema or {})


def _schema(said: dict[str, Any], own: str, plain_one: str, where: str) -> dict[str, Any] | None:
    """One of two kinds."""
    if own in said and plain_one in said:
        raise bad(where + own, f"must not stand beside `{plain_one}`", "하나만 쓸 수 있습니다")
    if own in said:
        return plain(said[own], where + own)
    schema = said.get(plain_one)
    if type(schema) not in (dict, type(None)):
        raise bad(where + plain_one, "must be a schema", "스키마여야 합니다")
    return schema


def _tool_choice(
    config: Any, tools: tuple[Tool, ...], vendor_dialect: str
) -> tuple[tuple[Tool, ...], ToolChoice | None]:
    """Where some of the tools are allowed and the others are not, those are the tools there are."""
    where = "toolConfig"
    said = fields(config, _TOOL_CONFIG, where, vendor_dialect)
    nothing_but(said, _TOOL_CONFIG_SAYS_NOTHING, where, vendor_dialect)
    where = f"{where}.functionCallingConfig"
    calling = fields(said.get("functionCallingConfig", {}), _CALLING, where, vendor_dialect)
    nothing_but(calling, _CALLING_SAYS_NOTHING, where, vendor_dialect)
    mode, allowed = calling.get("mode"), items(calling.get("allowedFunctionNames"))
    if type(mode) is str:
        mode = mode.upper()
    if allowed and (mode not in ("ANY", "VALIDATED") or any(type(name) is not str for name in allowed)):
        raise inexpressible(f"{where}.allowedFunctionNames", vendor_dialect)
    if mode == "ANY" and len(allowed) == 1:
        return tools, ToolChoice("tool", allowed[0])
    if allowed:
        names = frozenset(allowed)
        tools = tuple(tool for tool in tools if tool.name in names)
    match mode:
        case None | "MODE_UNSPECIFIED":
            return tools, None
        case "AUTO":
            return tools, ToolChoice("auto")
        case "NONE":
            return tools, ToolChoice("none")
        case "ANY":
            return tools, ToolChoice("any")
        case "VALIDATED":  # AUTO, and calls keep to the schemas
            strict = [msgspec.structs.replace(tool, strict=True) for tool in tools]
            return tuple(strict), ToolChoice("auto")
    raise inexpressible(f"{where}.mode", vendor_dialect)


def _shape(config: dict[str, Any], vendor_dialect: str) -> AnswerShape | None:
    schema = _schema(config, "responseSchema", "responseJsonSchema", "generationConfig.")
    kind = config.get("responseMimeType", "text/plain")
    if kind == "application/json":
        return AnswerShape(schema, strict=True if schema is not None and is_closed(schema) else None)
    if kind not in ("text/plain", "") or schema is not None:
        raise inexpressible("generationConfig.responseMimeType", vendor_dialect)
    return None


def _effort(thinking: Any, vendor_dialect: str) -> Effort | None:
    """By the word, or else by the tokens it may think with. A negative budget leaves it to the vendor."""
    where = "generationConfig.thinkingConfig"
    said = fields(thinking, _THINKING, where, vendor_dialect)
    flag_or_none(said, "includeThoughts", f"{where}.")
    budget, level = said.get("thinkingBudget"), said.get("thinkingLevel", "THINKING_LEVEL_UNSPECIFIED")
    level = level.upper() if type(level) is str else None
    if level == "THINKING_LEVEL_UNSPECIFIED":
        return None if budget is None else _effort_of(integer(said, "thinkingBudget") or 0)
    if level not in _EFFORTS or budget is not None:  # where both are said: who is right?
        raise inexpressible(f"{where}.thinkingLevel", vendor_dialect)
    return _EFFORTS[level]


def _effort_of(budget_tokens: int) -> Effort | None:
    """Not `minimal`, which few vendors know."""
    if budget_tokens <= 0:
        return "none" if budget_tokens == 0 else None
    efforts: tuple[Effort, ...] = ("low", "medium")
    return next((effort for effort in efforts if budget_tokens <= EFFORT_TOKENS[effort]), "high")


def _top_k(config: dict[str, Any]) -> int | None:
    """Its SDK writes a whole number as 40.0."""
    value = config.get("topK")
    if type(value) is float and value.is_integer():
        return int(value)
    return integer(config, "topK")


def _stop(stop: Any) -> tuple[str, ...]:
    words = items(stop)
    if len(words) > _STOPS_MAX or any(type(word) is not str for word in words):
        raise bad("stopSequences", "must be a list of texts", "텍스트 목록이어야 합니다")
    return tuple(words)
