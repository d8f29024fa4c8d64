"""What OpenAI's own SDK makes of the bytes we send: replayed by its transport, without a socket."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import httpx2
from openai import OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.providers.anthropic.test_sdk_anthropic import Replay


@dataclass
class Said:
    """By kind, whatever the pieces were."""

    text: str = ""
    thought: str = ""
    calls: list[list[Any]] = field(default_factory=list)  # id, name, arguments
    ending: str | None = None
    usage: dict[str, Any] | None = None
    _numbers: list[Any] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        calls = [[call_id, name, _loaded(arguments)] for call_id, name, arguments in self.calls]
        return {"text": self.text, "thought": self.thought, "calls": calls, "ending": self.ending}

    def add(self, said: dict[str, Any], ending: str | None) -> None:
        """A message of OpenAI's dialect, or a piece of one."""
        content = said.get("content")
        if type(content) is dict:  # JSON where JSON was asked for
            content = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        parts: list[Any] = content if type(content) is list else [{"text": content}]  # a list: Mistral
        for part in parts:
            self.text += part.get("text") or ""
            self.thought += "".join(piece["text"] for piece in part.get("thinking", ()))
        self.text += said.get("refusal") or ""
        self.text += (said.get("audio") or {}).get("transcript") or ""  # what a sound says
        self.thought += said.get("reasoning_content") or said.get("reasoning") or ""
        for position, call in enumerate(said.get("tool_calls") or ()):
            if call.get("type") == "custom":
                continue  # asked for by callers of that dialect alone
            number, function = call.get("index", position), call.get("function") or {}
            if number not in self._numbers:
                self._numbers.append(number)
                self.calls.append([call.get("id"), function.get("name"), ""])
            self.calls[self._numbers.index(number)][2] += function.get("arguments") or ""
        self.ending = self.ending or ending


def _loaded(arguments: Any) -> Any:
    try:
        said = json.loads(arguments or "{}")
    except ValueError:
        return {}
    return said if type(said) is dict else {}


def openai(body: bytes, *, status: int = 200) -> OpenAI:
    http = httpx2.Client(transport=Replay(body, status=status))
    return OpenAI(api_key="vg_test", base_url="http://gateway/v1", http_client=http, max_retries=0)


def whole_of_stream(body: bytes) -> Said:
    said = Said()
    asked: Any = {"model": "p", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    for chunk in openai(body).chat.completions.create(**asked):
        assert type(chunk) is ChatCompletionChunk
        assert (chunk.model, chunk.object) == ("p", "chat.completion.chunk")
        for choice in chunk.choices:
            said.add(choice.delta.to_dict(), choice.finish_reason)
        said.usage = said.usage if chunk.usage is None else chunk.usage.to_dict()
    return said


def whole_said(body: bytes) -> Said:
    asked: Any = {"model": "p", "messages": [{"role": "user", "content": "hi"}]}
    completion = openai(body).chat.completions.create(**asked)
    assert type(completion) is ChatCompletion
    assert completion.model == "p"
    said = Said(usage=None if completion.usage is None else completion.usage.to_dict())
    said.add(completion.choices[0].message.to_dict(), completion.choices[0].finish_reason)
    return said
