"""All dialects, and which one a path speaks. The path decides; where paths are shared, the head does."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from providers.anthropic.dialect import ANTHROPIC
from providers.bedrock.dialect import BEDROCK
from providers.clova.dialect import CLOVA
from providers.cohere.dialect import COHERE
from providers.dialect import Dialect, Operation, StoredKind, StoredRoute
from providers.facts import IN_BODY, Spoken
from providers.gemini.dialect import GEMINI
from providers.ollama.dialect import OLLAMA
from providers.openai import dialect as openai
from providers.openai.dialect import OPENAI
from providers.openai_files.lines import BATCHED
from providers.openai_files.routes import ObjectRoute, find_objects
from providers.openai_responses import operation as responses
from providers.openai_responses.stored import RESPONSE

DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType(
    {dialect.name: dialect for dialect in (OPENAI, ANTHROPIC, CLOVA, GEMINI, BEDROCK, COHERE, OLLAMA)}
)


class Route(msgspec.Struct, frozen=True):
    """A costly route, in its dialect."""

    dialect: Dialect
    operation: Operation
    spoken: Spoken
    name: str


CHAT: Final = Route(OPENAI, openai.CHAT, IN_BODY, "/v1/chat/completions")
EMBEDDINGS: Final = Route(OPENAI, openai.EMBEDDINGS, IN_BODY, "/v1/embeddings")
RERANK: Final = Route(OPENAI, openai.RERANK, IN_BODY, "/v1/rerank")
COMPLETIONS: Final = Route(OPENAI, openai.COMPLETIONS, IN_BODY, "/v1/completions")
IMAGES: Final = Route(OPENAI, openai.IMAGES, IN_BODY, "/v1/images/generations")
SPEECH: Final = Route(OPENAI, openai.SPEECH, IN_BODY, "/v1/audio/speech")
RESPONSES: Final = Route(OPENAI, responses.RESPONSES, IN_BODY, "/v1/responses")

# What a line of a batch may ask for, by its `url`.
OPENAI_BATCHED: Final[Mapping[str, Route]] = MappingProxyType(
    {path: Route(OPENAI, operation, IN_BODY, path) for path, operation in BATCHED.items()}
)

STORED: Final[Mapping[str, StoredKind]] = MappingProxyType({kind.name: kind for kind in (RESPONSE,)})


def find_stored(path: str) -> Mapping[str, StoredRoute]:
    """The routes by method on something that a vendor stores; none where the path names no such thing."""
    for kind in STORED.values():
        if found := kind.find(path):
            return found
    return {}


def find_object(path: str, headers: Mapping[bytes, bytes]) -> Mapping[str, ObjectRoute]:
    """The routes by method of files and batches. Other vendors have such paths too: their head tells."""
    found = find_objects(path)
    return found if found and dialect_of(path, headers) is OPENAI else {}


def find(path: str, query: bytes, headers: Mapping[bytes, bytes]) -> Route | None:
    """The costly route a request names; None where there is none."""
    for dialect in DIALECTS.values():
        if (found := dialect.find(path, query, headers)) is not None:
            return Route(dialect, found.operation, found.spoken, found.name)
    return None


def dialect_of(path: str, headers: Mapping[bytes, bytes]) -> Dialect:
    """In whose words a refusal is said, on a path that is no costly route or that several share."""
    if path.startswith("/v1beta/"):
        name = "gemini"
    elif path.startswith(("/v3/", "/testapp/", "/serviceapp/", "/v1/chat-completions/", "/v1/api-tools/")):
        name = "clova"
    elif b"anthropic-version" in headers or path.startswith("/v1/messages"):
        name = "anthropic"
    elif b"x-goog-api-key" in headers or b"x-goog-api-client" in headers:
        name = "gemini"
    else:
        name = "openai"
    return DIALECTS[name]
