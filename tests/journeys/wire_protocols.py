"""The protocols of the recorded exchanges that this house serves, and how each is called."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from providers.openai_files.named import files_named

HELLO: Final = [{"role": "user", "content": "hello"}]
RANK: Final = {"query": "hello", "documents": ["hello"]}


@dataclass(frozen=True, slots=True)
class Protocol:
    name: str
    dialect: str
    path: str  # {product}: where the dialect names the model in its path
    least: dict[str, Any]  # a request of this kind, where the recorded one cannot be sent
    known_by: str  # the field without which a recorded body is none of this kind
    purpose: str = "chat"
    path_stream: str = ""
    base: str = ""  # behind the vendor's address
    refused: frozenset[str] = field(default_factory=frozenset)  # fields that no caller may use here
    kept: tuple[str, ...] = ()  # how a recorded body names what the vendor keeps, as it is written
    is_free: bool = False
    recorded_under: str = ""  # the only path of the recorded ones whose shape is this; "": any
    reads_form: bool = False
    # What the product is priced by, where it is no tokens: such pieces are counted by us, exactly.
    priced_by: str = ""

    def serves(self, exchange: dict[str, Any]) -> bool:
        return self.recorded_under in ("", exchange["request"]["path"])

    def path_of(self, product_id: str, *, stream: bool) -> str:
        path = self.path_stream if stream and self.path_stream else self.path
        return path.format(product=product_id)

    def body(self, recorded: Any, product_id: str, *, stream: bool) -> dict[str, Any]:
        """The recorded request, or the least one, to this product."""
        body = recorded if self._can_be_sent(recorded) else self.least
        if "{product}" in self.path:
            return dict(body)
        never_streams = self.is_free or self.purpose in ("embedding", "rerank")
        return {**body, "model": product_id, **({} if never_streams else {"stream": stream})}

    def _can_be_sent(self, recorded: Any) -> bool:
        if not isinstance(recorded, dict) or self.known_by not in recorded or self.refused & recorded.keys():
            return False
        return not self.names_kept(recorded)

    def names_kept(self, recorded: Any) -> bool:
        """A vector store is refused: it may be anybody's. A file that is named is no company's of ours."""
        if not isinstance(recorded, dict) or self.known_by not in recorded:
            return False
        tools = recorded.get("tools") or []
        stores = any(isinstance(tool, dict) and tool.get("vector_store_ids") for tool in tools)
        written = json.dumps(recorded)
        return (
            stores
            or bool(files_named(recorded))
            or any(recorded.get(name) for name in self.refused)
            or any(word in written for word in self.kept)
        )


_NEVER: Final = ""  # no body has such a field: the least one is sent
_CHAT: Final = "/v1/chat/completions"
_GEMINI: Final = "/v1beta/models/{product}:"

SPEECH: Final = Protocol(
    "openai.audio",
    "openai",
    "/v1/audio/speech",
    {"input": "hello", "voice": "coral"},
    "input",
    purpose="speech",
    base="/v1",
    priced_by="per_1000_characters",
)

PROTOCOLS: Final[Mapping[str, Protocol]] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "openai.chat", "openai", "/v1/chat/completions", {"messages": HELLO}, "messages", base="/v1"
        ),
        Protocol(
            "openai.completions",
            "openai",
            "/v1/completions",
            {"prompt": "hello"},
            "prompt",
            purpose="completion",
            base="/v1",
        ),
        Protocol(
            "openai.responses",
            "openai",
            "/v1/responses",
            {"input": "hello"},
            "input",
            base="/v1",
            refused=frozenset({"previous_response_id", "conversation", "prompt", "background", "store"}),
        ),
        Protocol(
            "openai.embeddings",
            "openai",
            "/v1/embeddings",
            {"input": "hello"},
            "input",
            purpose="embedding",
            base="/v1",
        ),
        # Heard from OpenAI's callers: what was recorded is said in other words.
        Protocol("cohere.chat", "cohere", _CHAT, {"messages": HELLO}, _NEVER, recorded_under="/v2/chat"),
        Protocol("ollama.native", "ollama", _CHAT, {"messages": HELLO}, _NEVER, recorded_under="/api/chat"),
        Protocol("cohere.embed", "cohere", "/v1/embeddings", {"input": "hello"}, _NEVER, purpose="embedding"),
        *(
            Protocol(name, "openai", "/v1/rerank", RANK, "documents", purpose="rerank", base="/v1")
            for name in ("cohere.rerank", "voyage.rerank")
        ),
        Protocol(
            "openai.images",
            "openai",
            "/v1/images/generations",
            {"prompt": "hello"},
            "prompt",
            purpose="image",
            base="/v1",
            priced_by="per_image",
        ),
        Protocol(
            "openai.audio",
            "openai",
            "/v1/audio/transcriptions",
            {},
            "",
            purpose="transcription",
            base="/v1",
            reads_form=True,
        ),
        Protocol(
            "anthropic.messages",
            "anthropic",
            "/v1/messages",
            {"messages": HELLO, "max_tokens": 100_000},
            "max_tokens",
            kept=('"container": "', '"type": "file"', '"type": "container_upload"'),
        ),
        Protocol(
            "anthropic.count_tokens",
            "anthropic",
            "/v1/messages/count_tokens",
            {"messages": HELLO},
            "messages",
            is_free=True,
        ),
        Protocol(
            "gemini.generate",
            "gemini",
            _GEMINI + "generateContent",
            {"contents": [{"parts": [{"text": "hello"}]}]},
            "contents",
            path_stream=_GEMINI + "streamGenerateContent?alt=sse",
            kept=("//generativelanguage.googleapis.com/", '"fileSearchStores/'),
        ),
        Protocol(
            "gemini.count_tokens",
            "gemini",
            _GEMINI + "countTokens",
            {"contents": [{"parts": [{"text": "hello"}]}]},
            "contents",
            is_free=True,
        ),
        Protocol(
            "gemini.embeddings",
            "gemini",
            _GEMINI + "embedContent",
            {"content": {"parts": [{"text": "hello"}]}},
            "content",
            purpose="embedding",
        ),
        # A vendor's only: a caller of another dialect asks, in words of its own.
        *(
            Protocol(name, "bedrock", "/v1/chat/completions", {"messages": HELLO}, known_by="model")
            for name in ("bedrock.converse", "bedrock.converse_stream")
        ),
    )
}


def protocol_of(exchange: Mapping[str, Any]) -> Protocol:
    """Of a recorded exchange. Speech and transcripts were recorded under one name."""
    is_speech = exchange["request"]["path"].endswith("/audio/speech")
    return SPEECH if is_speech else PROTOCOLS[exchange["protocol"]]
