"""The CLOVA Studio dialect, as one value: chat completions v1 and v3, streamed or not, and embeddings.

The vendor wants the product's own version: a model that is served under v3 alone is asked under v3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote

from providers.clova.answer import read_answer
from providers.clova.assemble import Assembler
from providers.clova.encode import encode_upstream
from providers.clova.errors import read_error, refusal_body
from providers.clova.request import read_chat_request, read_chat_v1_request, read_embeddings_request
from providers.clova.stream import StreamFold
from providers.clova.version import V1, V3, Version
from providers.dialect import Dialect, Found, Operation, Read
from providers.facts import Spoken
from providers.sse import SseSplitter

_OLD_KEY: Final = "old:"
# The vendor's old prefixes, which told test keys from those of a service.
_PREFIXES: Final = ("/testapp/", "/serviceapp/")


def _path(route: str) -> Callable[[str, bool], str]:
    return lambda model, stream: f"{route}/{quote(model, safe='')}"


def _chat(name: str, version: Version, read: Read = read_chat_request) -> Operation:
    return Operation(
        name=name,
        read=read,
        encode=encode_upstream,
        path=_path(f"/v{version.number}/chat-completions"),
        answer=read_answer,
        fold=lambda product_id, facts, quirks: StreamFold(version),
        assembler=lambda product_id, facts, quirks: Assembler(version),
    )


CHAT: Final = _chat("chat", V3)
CHAT_V1: Final = _chat("chat_v1", V1, read_chat_v1_request)
EMBEDDINGS: Final = Operation(
    name="embeddings",
    read=read_embeddings_request,
    encode=encode_upstream,
    path=_path("/v1/api-tools/embedding"),
    answer=read_answer,
)

_ROUTES: Final = {
    "/v3/chat-completions": CHAT,
    "/v1/chat-completions": CHAT_V1,
    "/v1/api-tools/embedding": EMBEDDINGS,
}


def _find(path: str, query: bytes, headers: Mapping[bytes, bytes]) -> Found | None:
    for prefix in _PREFIXES:
        if path.startswith(prefix):
            path = path[len(prefix) - 1 :]
            break
    route, _, product = path.removesuffix("/").rpartition("/")
    operation = _ROUTES.get(route)
    if operation is None or not product:
        return None
    streams = operation.fold is not None and b"text/event-stream" in headers.get(b"accept", b"").lower()
    spoken = Spoken(model=product, stream=True if streams else None)
    return Found(operation=operation, spoken=spoken, name=f"{route}/{{product}}")


def _credential(key: str) -> list[str]:
    """`nv-...`; or of before 2025 `old:KEY:GATEWAY_KEY`, two keys in heads of their own."""
    old = key.removeprefix(_OLD_KEY).split(":")
    if key.startswith(_OLD_KEY) and len(old) == 2:
        return [f"X-NCP-CLOVASTUDIO-API-KEY: {old[0]}", f"X-NCP-APIGW-API-KEY: {old[1]}"]
    return [f"Authorization: Bearer {key}"]


CLOVA: Final = Dialect(
    name="clova",
    find=_find,
    credential=_credential,
    read_error=read_error,
    refusal=refusal_body,
    make_splitter=SseSplitter,
    request_id_header="X-NCP-CLOVASTUDIO-REQUEST-ID",
)
