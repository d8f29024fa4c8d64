"""What Google's own SDK makes of the bytes we send: replayed by its transport, without a socket."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final

import httpx2
from google import genai
from google.genai import types

from tests.providers.anthropic.test_sdk_anthropic import Replay
from tests.providers.translation.sdk_openai import Said

# As it would be read where the other dialect had said it.
ENDINGS: Final = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter"}


class Repeats(httpx2.BaseTransport):
    """Answers with what it was last given: one client for all, since making one takes longer than reading."""

    body = b""
    asked: dict[str, Any]  # what it was asked last

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked = json.loads(request.content)
        return Replay(self.body).handle_request(request)


@cache
def sdk() -> tuple[Repeats, genai.Client]:
    transport = Repeats()
    http: Any = httpx2.Client(transport=transport)
    options = types.HttpOptions(base_url="http://gateway", httpx_client=http)
    return transport, genai.Client(api_key="vg_test", vertexai=False, http_options=options)


def gemini(body: bytes) -> genai.Client:
    transport, client = sdk()
    transport.body = body
    return client


def chunks_of_stream(body: bytes) -> list[types.GenerateContentResponse]:
    return list(gemini(body).models.generate_content_stream(model="p", contents="hi"))


def whole_of_chunks(chunks: list[types.GenerateContentResponse]) -> Said:
    """Of the first candidate."""
    said = Said()
    for chunk in chunks:
        assert type(chunk) is types.GenerateContentResponse
        assert chunk.model_version == "p"
        for candidate in chunk.candidates or ():
            if candidate.index:
                continue
            for part in (candidate.content and candidate.content.parts) or ():
                if part.function_call is not None:
                    call = part.function_call
                    said.calls.append([call.id, call.name, json.dumps(call.args)])
                elif part.thought:
                    said.thought += part.text or ""
                else:
                    said.text += part.text or ""
            if candidate.finish_reason is not None:
                said.ending = ENDINGS.get(candidate.finish_reason.value, candidate.finish_reason.value)
        if chunk.usage_metadata is not None:
            usage = chunk.usage_metadata.model_dump(exclude_none=True)
            said.usage = {name: count for name, count in usage.items() if type(count) is int}
    return said


def whole_of_stream(body: bytes) -> Said:
    return whole_of_chunks(chunks_of_stream(body))


def whole_said(body: bytes) -> Said:
    return whole_of_chunks([gemini(body).models.generate_content(model="p", contents="hi")])
