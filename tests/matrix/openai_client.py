"""The matrix as the `openai` package sees it. Arguments: base URL, key, products."""

from __future__ import annotations

import json
import sys
from typing import Any, Final

import openai
from openai import OpenAI
from openai.types.chat import ChatCompletion

from tests.matrix.cells import FEATURES, PIXEL, SCHEMA, Seen, tell

TOOL: Final[Any] = {
    "type": "function",
    "function": {"name": "weather", "description": "of a city", "parameters": SCHEMA},
}
CALLS: Final[Any] = [
    {
        "id": f"c{i}",
        "type": "function",
        "function": {"name": "weather", "arguments": json.dumps({"city": city})},
    }
    for i, city in enumerate(("Seoul", "Busan"))
]
ASKED: Final[dict[str, dict[str, Any]]] = {
    "text": {"messages": [{"role": "system", "content": "간단히."}, {"role": "user", "content": "hello"}]},
    "tools": {"messages": [{"role": "user", "content": "one"}], "tools": [TOOL], "tool_choice": "auto"},
    "parallel tools": {"messages": [{"role": "user", "content": "both"}], "tools": [TOOL]},
    "tool results": {
        "messages": [
            {"role": "user", "content": "both"},
            {"role": "assistant", "content": None, "tool_calls": CALLS},
            {"role": "tool", "tool_call_id": "c0", "content": "21"},
            {"role": "tool", "tool_call_id": "c1", "content": "19"},
        ],
        "tools": [TOOL],
    },
    "images": {"messages": [{"role": "user", "content": [
        {"type": "text", "text": "what is it?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
    ]}]},
    "schema": {
        "messages": [{"role": "user", "content": "where?"}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "place", "schema": SCHEMA, "strict": True},
        },
    },
    "reasoning": {"messages": [{"role": "user", "content": "why?"}], "reasoning_effort": "low",
                  "max_completion_tokens": 4000},
    "stop": {"messages": [{"role": "user", "content": "count"}], "stop": ["셋"]},
    "n": {"messages": [{"role": "user", "content": "hello"}], "n": 2},
    "error": {"messages": [{"role": "user", "content": "fail"}]},
}  # fmt: skip


def whole(answer: ChatCompletion) -> Seen:
    choice = answer.choices[0]
    assert answer.usage is not None
    calls = [
        [call.function.name, json.loads(call.function.arguments)]
        for call in choice.message.tool_calls or []
        if call.type == "function"
    ]
    return Seen(
        text=choice.message.content,
        end=choice.finish_reason,
        calls=calls,
        thought=getattr(choice.message, "reasoning_content", None),
        tokens=[answer.usage.prompt_tokens, answer.usage.completion_tokens],
        model=answer.model,
        choices=len(answer.choices),
    )


def streamed(client: OpenAI, asked: dict[str, Any]) -> Seen:
    seen = Seen()
    calls: dict[int, list[str]] = {}
    for chunk in client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}):
        seen.model = chunk.model
        if chunk.usage is not None:
            seen.tokens = [chunk.usage.prompt_tokens, chunk.usage.completion_tokens]
        for choice in chunk.choices:
            seen.end = choice.finish_reason or seen.end
            if choice.delta.content:
                seen.text = (seen.text or "") + choice.delta.content
            thought = getattr(choice.delta, "reasoning_content", None)
            if thought:
                seen.thought = (seen.thought or "") + thought
            for call in choice.delta.tool_calls or []:
                begun = calls.setdefault(call.index, ["", ""])
                begun[0] += call.function.name or ""
                begun[1] += call.function.arguments or ""
    seen.calls = [[name, _loaded(arguments)] for name, arguments in calls.values()]
    return seen


def _loaded(arguments: str) -> Any:
    """What is no JSON shows as it is."""
    try:
        return json.loads(arguments)
    except json.JSONDecodeError:
        return arguments


def main(base_url: str, key: str, products: list[str]) -> None:
    client = OpenAI(base_url=f"{base_url}/v1", api_key=key, max_retries=0)
    for product in products:
        for feature in FEATURES:
            asked = {"model": product, **ASKED[feature.removesuffix(" streamed")]}
            try:
                if feature.endswith(" streamed"):
                    seen = streamed(client, asked)
                else:
                    seen = whole(client.chat.completions.create(**asked))
            except openai.APIStatusError as error:
                seen = Seen(
                    error=type(error).__name__, status=error.status_code, code=error.code, param=error.param
                )
            tell(product, feature, seen)
    print(openai.__version__)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
