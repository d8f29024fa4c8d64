"""What the simulated vendor says: filler in the language of the prompt, tool calls, JSON by a schema.

Everything is decided before the first byte is sent: an answer is a list of pieces with their tokens, so that
what is streamed, what is cut and what is billed come from one list.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from launch.demo_vendor.counting import pieces_of
from launch.demo_vendor.faults import Orders, last_text

_HANGUL: Final = re.compile("[가-힣]")
_ASKS_FOR_TOOL: Final = re.compile(r"\btool\b|\bfunction\b|도구|함수", re.IGNORECASE)
_ENGLISH: Final = (
    "This is a simulated answer of the demo vendor; no model has read the question. ",
    "The words are filler, but they are counted with a published tokenizer, as a real vendor would. ",
    "Each token of this text is billed, and the voucher pays its share of it. ",
)
_KOREAN: Final = (
    "데모 공급사가 만든 모의 응답입니다. 실제 모델이 질문을 읽은 것은 아닙니다. ",
    "문장은 예시이지만 토큰 수는 공개된 토크나이저로 실제와 같이 셉니다. ",
    "이 글의 토큰마다 요금이 매겨지고 바우처가 그 몫을 냅니다. ",
)
_BLOCK_REPEATS: Final = 8
SCHEMA_DEPTH_MAX: Final = 8
_SIMPLE: Final[dict[Any, Any]] = {"string": "Seoul", "boolean": True, "null": None}


@dataclass(slots=True)
class Choice:
    """One choice of an answer. `pieces` are of its text, or of its tool call's arguments."""

    pieces: list[tuple[str, int]]
    finish_reason: str
    tool_name: str | None = None
    tool_id: str | None = None
    name_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def text(self) -> str:
        return "".join(piece for piece, _ in self.pieces)

    @property
    def tokens(self) -> int:
        return self.reasoning_tokens + self.name_tokens + sum(tokens for _, tokens in self.pieces)


def compose(body: dict[str, Any], orders: Orders, *, limit: int | None, tool_id: str) -> Choice:
    """One choice within `limit` tokens (None: as long as it likes)."""
    reasoning = orders.reasoning if limit is None else min(orders.reasoning, limit)
    left = None if limit is None else limit - reasoning
    tool = _wanted_tool(body)
    choice = _text(body, orders, left) if tool is None else _tool_call(tool, left, tool_id)
    choice.reasoning_tokens = reasoning
    return choice


def _text(body: dict[str, Any], orders: Orders, limit: int | None) -> Choice:
    form = body.get("response_format")
    korean = _HANGUL.search(last_text(body)) is not None
    if isinstance(form, dict) and form.get("type") in ("json_object", "json_schema"):
        pieces = pieces_of(_json_text(form))
    elif orders.tokens is not None:
        pieces = filler(korean=korean, tokens=orders.tokens)
    else:
        pieces = pieces_of("".join(_KOREAN if korean else _ENGLISH).strip())
    pieces, stopped = _stop(pieces, body.get("stop"))
    pieces, cut = _within(pieces, limit)
    return Choice(pieces, "length" if cut and not stopped else "stop")


def filler(*, korean: bool, tokens: int) -> list[tuple[str, int]]:
    """Pieces of `tokens` tokens together, or one less where a character needs two."""
    block = _block(korean)
    block_tokens = sum(count for _, count in block)
    repeated = block * (tokens // block_tokens + 1)
    return _within(repeated, tokens)[0]


@cache
def _block(korean: bool) -> list[tuple[str, int]]:
    return pieces_of("".join((_KOREAN if korean else _ENGLISH) * _BLOCK_REPEATS))


def _within(pieces: list[tuple[str, int]], limit: int | None) -> tuple[list[tuple[str, int]], bool]:
    """(the pieces that fit, were any left out)."""
    if limit is None:
        return pieces, False
    used = 0
    for position, (_, tokens) in enumerate(pieces):
        if used + tokens > limit:
            return pieces[:position], True
        used += tokens
    return pieces, False


def _stop(pieces: list[tuple[str, int]], stop: Any) -> tuple[list[tuple[str, int]], bool]:
    words = [stop] if isinstance(stop, str) else stop if isinstance(stop, list) else []
    text = "".join(piece for piece, _ in pieces)
    ends = [text.find(word) for word in words if isinstance(word, str) and word and word in text]
    return (pieces_of(text[: min(ends)]), True) if ends else (pieces, False)


def _wanted_tool(body: dict[str, Any]) -> dict[str, Any] | None:
    """The tool to call: demanded by tool_choice, or asked for in the last message by name or by the word."""
    functions: list[dict[str, Any]] = [
        tool["function"]
        for tool in body.get("tools") or []
        if isinstance(tool, dict) and isinstance(tool.get("function"), dict)
    ]
    choice = body.get("tool_choice")
    if not functions or choice == "none":
        return None
    if isinstance(choice, dict):
        name = (choice.get("function") or {}).get("name")
        return next((function for function in functions if function.get("name") == name), functions[0])
    if choice == "required":
        return functions[0]
    if body["messages"][-1].get("role") == "tool":
        return None
    text = last_text(body)
    for function in functions:
        if str(function.get("name")) in text:
            return function
    return functions[0] if _ASKS_FOR_TOOL.search(text) else None


def _tool_call(function: dict[str, Any], limit: int | None, tool_id: str) -> Choice:
    name = str(function.get("name", "tool"))
    name_tokens = sum(tokens for _, tokens in pieces_of(name))
    arguments = json.dumps(sample_of(function.get("parameters")), ensure_ascii=False)
    left = None if limit is None else max(0, limit - name_tokens)
    pieces, cut = _within(pieces_of(arguments), left)
    return Choice(
        pieces, "length" if cut else "tool_calls", tool_name=name, tool_id=tool_id, name_tokens=name_tokens
    )


def _json_text(form: dict[str, Any]) -> str:
    schema = (form.get("json_schema") or {}).get("schema") if form["type"] == "json_schema" else None
    sample = {"simulation": True, "text": _ENGLISH[0].strip()} if schema is None else sample_of(schema)
    return json.dumps(sample, ensure_ascii=False)


def sample_of(schema: Any, depth: int = 0) -> Any:
    """A value that fits a JSON schema well enough for a demo."""
    if not isinstance(schema, dict) or depth > SCHEMA_DEPTH_MAX:
        return {}
    if "const" in schema:
        return schema["const"]
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    for name in ("anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(name), list) and schema[name]:
            return sample_of(schema[name][0], depth + 1)
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    if kind == "array":
        return [sample_of(schema.get("items"), depth + 1)]
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return {}
    return {name: sample_of(inner, depth + 1) for name, inner in properties.items()}
