"""A chat completions request -> Conversation. Pure."""

from __future__ import annotations

from typing import Any, Final

from providers.facts import BadRequest, RequestFacts, bad, integer, number
from providers.translation.neutral import (
    AnswerShape,
    Conversation,
    Effort,
    Image,
    Part,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    inexpressible,
    unknown_fields,
)

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
_KNOWN: Final = _HEARD | HINTS | _SAYS_NOTHING.keys()
_EFFORTS: Final[dict[str, Effort]] = {
    "none": "none", "minimal": "minimal", "low": "low", "medium": "medium", "high": "high",
}  # fmt: skip
_STOPS_MAX: Final = 64


def hear(body: dict[str, Any], facts: RequestFacts, vendor_dialect: str) -> Conversation:
    unknown_fields(body, _KNOWN, vendor_dialect)
    for name, nothing in _SAYS_NOTHING.items():
        if body.get(name) is not None and body[name] not in nothing:
            raise inexpressible(name, vendor_dialect)
    system, turns = _Messages(vendor_dialect).read(body["messages"])
    return Conversation(
        system=system,
        turns=turns,
        tools=_tools(body.get("tools"), vendor_dialect),
        tool_choice=_tool_choice(body),
        shape=_shape(body.get("response_format")),
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
        user=body["user"] if type(body.get("user")) is str else None,
    )


class _Messages:
    def __init__(self, vendor_dialect: str) -> None:
        self._vendor_dialect = vendor_dialect
        self._system: list[Text] = []
        self._turns: list[Turn] = []
        self._names: dict[str, str] = {}  # of the tools that were called, by the call's id

    def read(self, messages: list[Any]) -> tuple[tuple[Text, ...], tuple[Turn, ...]]:
        for index, message in enumerate(messages):
            where = f"messages[{index}]"
            match message.get("role"):
                case "system" | "developer":
                    if self._turns:
                        raise self._cannot(f"{where}.role")  # elsewhere it stands before all turns
                    self._system += self._texts(message.get("content"), f"{where}.content")
                case "user":
                    self._turns.append(Turn("user", self._user(message, where)))
                case "assistant":
                    self._turns.append(Turn("assistant", self._assistant(message, where)))
                case "tool":
                    self._add_result(message, where)
                case _:
                    raise self._cannot(f"{where}.role")
        return tuple(self._system), tuple(self._turns)

    def _user(self, message: dict[str, Any], where: str) -> tuple[Part, ...]:
        if message.get("name") is not None:
            raise self._cannot(f"{where}.name")
        content = message.get("content")
        if type(content) is str:
            return (Text(content),)
        return tuple(
            self._part(part, f"{where}.content[{i}]") for i, part in enumerate(_list(content, where))
        )

    def _part(self, part: Any, where: str) -> Text | Image:
        if type(part) is str:
            return Text(part)
        kind = part.get("type") if type(part) is dict else None
        if kind == "text" and type(part.get("text")) is str:
            return Text(part["text"])
        if kind == "image_url":
            image = part.get("image_url")
            url = image.get("url") if type(image) is dict else image
            if type(url) is str:
                return image_of(url, where)
        raise self._cannot(where)

    def _assistant(self, message: dict[str, Any], where: str) -> tuple[Part, ...]:
        for name in ("audio", "function_call", "name"):
            if message.get(name) is not None:
                raise self._cannot(f"{where}.{name}")
        parts: list[Part] = []
        thought = message.get("reasoning_content") or message.get("reasoning")
        if type(thought) is str and thought:
            parts.append(Thinking(thought))
        if message.get("content") is not None:
            parts += self._texts(message["content"], f"{where}.content")
        if type(message.get("refusal")) is str:
            parts.append(Text(message["refusal"]))
        for index, call in enumerate(_list(message.get("tool_calls") or [], where)):
            parts.append(self._call(call, f"{where}.tool_calls[{index}]"))
        return tuple(parts)

    def _call(self, call: Any, where: str) -> ToolCall:
        function = call.get("function") if type(call) is dict else None
        if type(function) is not dict or type(function.get("name")) is not str:
            raise self._cannot(where)
        call_id, arguments = call.get("id"), function.get("arguments")
        if type(call_id) is not str or type(arguments) not in (str, type(None)):
            raise bad(where, "must have an id and arguments as text", "id와 텍스트 arguments가 있어야 합니다")
        self._names[call_id] = function["name"]
        return ToolCall(call_id, function["name"], arguments or "{}")

    def _add_result(self, message: dict[str, Any], where: str) -> None:
        call_id = message.get("tool_call_id")
        if type(call_id) is not str:
            raise bad(f"{where}.tool_call_id", "must name a tool call", "도구 호출의 id여야 합니다")
        texts = self._texts(message.get("content"), f"{where}.content")
        result = ToolResult(call_id, self._names.get(call_id), tuple(texts))
        last = self._turns[-1] if self._turns else None
        if last is not None and last.role == "user" and last.parts and type(last.parts[-1]) is ToolResult:
            self._turns[-1] = Turn("user", (*last.parts, result))  # results of one turn stay together
        else:
            self._turns.append(Turn("user", (result,)))

    def _texts(self, content: Any, where: str) -> list[Text]:
        if type(content) is str:
            return [Text(content)]
        texts = []
        for index, part in enumerate(_list(content, where)):
            text = part.get("text", part.get("refusal")) if type(part) is dict else part
            if type(text) is not str:
                raise self._cannot(f"{where}[{index}]")
            texts.append(Text(text))
        return texts

    def _cannot(self, where: str) -> BadRequest:
        return inexpressible(where, self._vendor_dialect)


def image_of(url: str, where: str) -> Image:
    """A data: URL is taken apart; any other stays one."""
    if url[:5].lower() != "data:":
        return Image(url=url)
    head, comma, data = url[5:].partition(",")
    media_type, _, encoding = head.partition(";")
    if not comma or encoding.lower() != "base64" or not media_type:
        raise bad(where, "must be a base64 data URL", "base64 data URL이어야 합니다")
    return Image(media_type=media_type, data=data)


def _tools(tools: Any, vendor_dialect: str) -> tuple[Tool, ...]:
    heard = []
    for index, tool in enumerate(_list(tools or [], "tools")):
        function = tool.get("function") if type(tool) is dict and tool.get("type") == "function" else None
        if type(function) is not dict or type(function.get("name")) is not str:
            raise inexpressible(f"tools[{index}]", vendor_dialect)
        parameters, strict = function.get("parameters"), function.get("strict")
        heard.append(
            Tool(
                name=function["name"],
                description=function["description"] if type(function.get("description")) is str else None,
                parameters=parameters if type(parameters) is dict else {},
                strict=strict if type(strict) is bool else None,
            )
        )
    return tuple(heard)


def _tool_choice(body: dict[str, Any]) -> ToolChoice | None:
    choice, at_most_one = body.get("tool_choice"), body.get("parallel_tool_calls") is False
    if choice is None:
        return ToolChoice(at_most_one=True) if at_most_one else None
    if choice in ("auto", "none"):
        return ToolChoice(choice, at_most_one=at_most_one)
    if choice == "required":
        return ToolChoice("any", at_most_one=at_most_one)
    function = choice.get("function") if type(choice) is dict else None
    if type(function) is dict and type(function.get("name")) is str:
        return ToolChoice("tool", function["name"], at_most_one)
    raise bad(
        "tool_choice",
        "must be auto, none, required or a function",
        "auto, none, required 또는 함수여야 합니다",
    )


def _shape(response_format: Any) -> AnswerShape | None:
    kind = response_format.get("type") if type(response_format) is dict else None
    if response_format is None or kind == "text":
        return None
    if kind == "json_object":
        return AnswerShape()
    given = response_format.get("json_schema") if kind == "json_schema" else None
    if type(given) is not dict or type(given.get("schema")) is not dict:
        raise bad(
            "response_format",
            "must be text, json_object or json_schema",
            "text, json_object, json_schema 중 하나여야 합니다",
        )
    name, strict = given.get("name"), given.get("strict")
    return AnswerShape(
        schema=given["schema"],
        name=name if type(name) is str else "answer",
        strict=strict if type(strict) is bool else None,
    )


def _stop(stop: Any) -> tuple[str, ...]:
    stops = [stop] if type(stop) is str else _list(stop or [], "stop")
    if len(stops) > _STOPS_MAX or any(type(word) is not str for word in stops):
        raise bad("stop", "must be a text or a list of texts", "텍스트 또는 텍스트 목록이어야 합니다")
    return tuple(stops)


def _effort(effort: Any, vendor_dialect: str) -> Effort | None:
    if effort is None:
        return None
    if type(effort) is not str or effort not in _EFFORTS:
        raise inexpressible("reasoning_effort", vendor_dialect)
    return _EFFORTS[effort]


def _list(value: Any, where: str) -> list[Any]:
    if type(value) is not list:
        raise bad(where, "must be a list", "목록이어야 합니다")
    return value
