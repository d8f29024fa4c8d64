"""The matrix as the `google-genai` package sees it. Arguments: base URL, key, products."""

from __future__ import annotations

import base64
import sys
from typing import Any, Final

from google import genai
from google.genai import errors, types

from tests.matrix.cells import FEATURES, PIXEL, SCHEMA, Seen, tell

DECLARED: Final = types.FunctionDeclaration(
    name="weather", description="of a city", parameters_json_schema=SCHEMA
)
TOOLS: Final[Any] = [types.Tool(function_declarations=[DECLARED])]


def _said(role: str, *parts: types.Part) -> types.Content:
    return types.Content(role=role, parts=list(parts))


def _ask(text: str, **config: Any) -> dict[str, Any]:
    return {"contents": text, "config": types.GenerateContentConfig(**config) if config else None}


CITIES: Final = ("Seoul", "Busan")
ASKED: Final[dict[str, dict[str, Any]]] = {
    "text": _ask("hello", system_instruction="간단히."),
    "tools": _ask("one", tools=TOOLS),
    "parallel tools": _ask("both", tools=TOOLS),
    "tool results": {
        "contents": [
            _said("user", types.Part(text="both")),
            _said(
                "model",
                *(types.Part.from_function_call(name="weather", args={"city": city}) for city in CITIES),
            ),
            _said(
                "user",
                *(
                    types.Part.from_function_response(name="weather", response={"output": degrees})
                    for degrees in ("21", "19")
                ),
            ),
        ],
        "config": types.GenerateContentConfig(tools=TOOLS),
    },
    "images": {
        "contents": [
            types.Part(text="what is it?"),
            types.Part.from_bytes(data=base64.b64decode(PIXEL), mime_type="image/png"),
        ],
        "config": None,
    },
    "schema": _ask("where?", response_mime_type="application/json", response_json_schema=SCHEMA),
    "reasoning": _ask(
        "why?", max_output_tokens=4000,
        thinking_config=types.ThinkingConfig(thinking_budget=1024, include_thoughts=True),
    ),
    "stop": _ask("count", stop_sequences=["셋"]),
    "n": _ask("hello", candidate_count=2),
    "error": _ask("fail"),
}  # fmt: skip


def add(seen: Seen, answer: types.GenerateContentResponse) -> None:
    """One chunk, or the whole answer."""
    seen.model = answer.model_version
    usage = answer.usage_metadata
    if usage is not None and usage.prompt_token_count is not None:
        output = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
        seen.tokens = [usage.prompt_token_count, output]
    for candidate in answer.candidates or []:
        seen.choices = max(seen.choices, (candidate.index or 0) + 1)
        if candidate.finish_reason is not None:
            seen.end = candidate.finish_reason.value
        for part in (candidate.content.parts if candidate.content else None) or []:
            if candidate.index:
                continue
            if part.function_call is not None:
                seen.calls.append([part.function_call.name, part.function_call.args])
            elif part.text and part.thought:
                seen.thought = (seen.thought or "") + part.text
            elif part.text:
                seen.text = (seen.text or "") + part.text


def main(base_url: str, key: str, products: list[str]) -> None:
    client = genai.Client(api_key=key, vertexai=False, http_options=types.HttpOptions(base_url=base_url))
    for product in products:
        for feature in FEATURES:
            asked = {"model": product, **ASKED[feature.removesuffix(" streamed")]}
            seen = Seen()
            try:
                if feature.endswith(" streamed"):
                    for chunk in client.models.generate_content_stream(**asked):
                        add(seen, chunk)
                else:
                    add(seen, client.models.generate_content(**asked))
            except errors.APIError as error:
                details: Any = error.details
                [info] = details["error"]["details"]
                seen = Seen(error=type(error).__name__, status=error.code, code=info["reason"])
            tell(product, feature, seen)
    print(genai.__version__)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
