"""The matrix as the `openai` package's responses see it. Arguments: base URL, key, products."""

from __future__ import annotations

import json
import sys
from typing import Any, Final

import openai
from openai import OpenAI
from openai.types.responses import Response

from tests.matrix.cells import FEATURES, PIXEL, SCHEMA, Seen, tell

TOOL: Final[Any] = {
    "type": "function", "name": "weather", "description": "of a city", "parameters": SCHEMA, "strict": False,
}  # fmt: skip
CALLS: Final[Any] = [
    {"type": "function_call", "call_id": f"c{i}", "name": "weather", "arguments": json.dumps({"city": city})}
    for i, city in enumerate(("Seoul", "Busan"))
]
ASKED: Final[dict[str, dict[str, Any]]] = {
    "text": {"instructions": "간단히.", "input": "hello"},
    "tools": {"input": "one", "tools": [TOOL], "tool_choice": "auto"},
    "parallel tools": {"input": "both", "tools": [TOOL]},
    "tool results": {
        "input": [
            {"role": "user", "content": "both"}, *CALLS,
            {"type": "function_call_output", "call_id": "c0", "output": "21"},
            {"type": "function_call_output", "call_id": "c1", "output": "19"},
        ],
        "tools": [TOOL],
    },
    "images": {"input": [{"role": "user", "content": [
        {"type": "input_text", "text": "what is it?"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "auto"},
    ]}]},
    "schema": {
        "input": "where?",
        "text": {"format": {"type": "json_schema", "name": "place", "schema": SCHEMA, "strict": True}},
    },
    "reasoning": {"input": "why?", "reasoning": {"effort": "low", "summary": "auto"},
                  "max_output_tokens": 4000},
    "error": {"input": "fail"},
}  # fmt: skip


def whole(response: Response) -> Seen:
    assert response.usage is not None
    seen = Seen(
        text=response.output_text or None,
        end=response.status,
        tokens=[response.usage.input_tokens, response.usage.output_tokens],
        model=response.model,
    )
    for item in response.output:
        if item.type == "function_call":
            seen.calls.append([item.name, json.loads(item.arguments)])
        elif item.type == "reasoning":
            seen.thought = "".join(part.text for part in item.summary)
    return seen


def streamed(client: OpenAI, asked: dict[str, Any]) -> Seen:
    """The pieces and the whole at the end are one."""
    pieces = Seen()
    arguments: dict[int, list[str]] = {}
    with client.responses.stream(**asked) as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                pieces.text = (pieces.text or "") + event.delta
            elif event.type == "response.reasoning_summary_text.delta":
                pieces.thought = (pieces.thought or "") + event.delta
            elif event.type == "response.output_item.added" and event.item.type == "function_call":
                arguments[event.output_index] = [event.item.name, ""]
            elif event.type == "response.function_call_arguments.delta":
                arguments[event.output_index][1] += event.delta
        seen = whole(stream.get_final_response())
    pieces.calls = [[name, json.loads(said)] for name, said in arguments.values()]
    assert (pieces.text, pieces.thought, pieces.calls) == (seen.text, seen.thought, seen.calls)
    return seen


def main(base_url: str, key: str, products: list[str]) -> None:
    client = OpenAI(base_url=f"{base_url}/v1", api_key=key, max_retries=0)
    for product in products:
        for feature in FEATURES:
            if (said := ASKED.get(feature.removesuffix(" streamed"))) is None:
                continue  # the dialect has no word for it
            asked = {"model": product, **said}
            try:
                if feature.endswith(" streamed"):
                    seen = streamed(client, asked)
                else:
                    seen = whole(client.responses.create(**asked))
            except openai.APIStatusError as error:
                seen = Seen(
                    error=type(error).__name__, status=error.status_code, code=error.code, param=error.param
                )
            tell(product, feature, seen)
    print(openai.__version__)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
