"""The matrix as the `anthropic` package sees it. Arguments: base URL, key, products."""

from __future__ import annotations

import sys
from typing import Any, Final

import anthropic
from anthropic import Anthropic
from anthropic.types import Message

from tests.matrix.cells import FEATURES, PIXEL, SCHEMA, Seen, tell

TOOL: Final[Any] = {"name": "weather", "description": "of a city", "input_schema": SCHEMA}
ASKED: Final[dict[str, dict[str, Any]]] = {
    "text": {"system": "간단히.", "messages": [{"role": "user", "content": "hello"}]},
    "tools": {
        "messages": [{"role": "user", "content": "one"}],
        "tools": [TOOL],
        "tool_choice": {"type": "auto"},
    },
    "parallel tools": {"messages": [{"role": "user", "content": "both"}], "tools": [TOOL]},
    "tool results": {
        "messages": [
            {"role": "user", "content": "both"},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": f"c{i}", "name": "weather", "input": {"city": city}}
                for i, city in enumerate(("Seoul", "Busan"))
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c0", "content": "21"},
                {"type": "tool_result", "tool_use_id": "c1", "content": "19"},
            ]},
        ],
        "tools": [TOOL],
    },
    "images": {"messages": [{"role": "user", "content": [
        {"type": "text", "text": "what is it?"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
    ]}]},
    "schema": {
        "messages": [{"role": "user", "content": "where?"}],
        "extra_body": {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
    },
    "reasoning": {
        "messages": [{"role": "user", "content": "why?"}],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "max_tokens": 4000,
    },
    "stop": {"messages": [{"role": "user", "content": "count"}], "stop_sequences": ["셋"]},
    "error": {"messages": [{"role": "user", "content": "fail"}]},
}  # fmt: skip


def whole(message: Message) -> Seen:
    texts = [block.text for block in message.content if block.type == "text"]
    thoughts = [block.thinking for block in message.content if block.type == "thinking"]
    return Seen(
        text="".join(texts) if texts else None,
        end=message.stop_reason,
        calls=[[block.name, block.input] for block in message.content if block.type == "tool_use"],
        thought="".join(thoughts) if thoughts else None,
        tokens=[message.usage.input_tokens, message.usage.output_tokens],
        model=message.model,
    )


def main(base_url: str, key: str, products: list[str]) -> None:
    client = Anthropic(base_url=base_url, api_key=key, max_retries=0)
    for product in products:
        for feature in FEATURES:
            if feature == "n":
                continue  # this dialect has no word for it
            asked = {"model": product, "max_tokens": 400, **ASKED[feature.removesuffix(" streamed")]}
            try:
                if feature.endswith(" streamed"):
                    with client.messages.stream(**asked) as stream:
                        seen = whole(stream.get_final_message())
                else:
                    seen = whole(client.messages.create(**asked))
            except anthropic.APIStatusError as error:
                body: Any = error.body
                seen = Seen(
                    error=type(error).__name__,
                    status=error.status_code,
                    code=body["error"]["code"],
                    param=body["error"].get("param"),
                )
            tell(product, feature, seen)
    print(anthropic.__version__)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
