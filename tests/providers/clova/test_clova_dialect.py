"""Which routes are CLOVA Studio's, what a path says, and how the vendor is addressed."""

from __future__ import annotations

import pytest

from providers.clova.dialect import CHAT, CHAT_V1, CLOVA, EMBEDDINGS
from providers.dialect import Operation
from providers.facts import Spoken

JSON = {b"accept": b"application/json"}
STREAM = {b"accept": b"application/json, Text/Event-Stream"}


@pytest.mark.parametrize(
    ("path", "operation", "product", "name"),
    [
        ("/v3/chat-completions/p", CHAT, "p", "/v3/chat-completions/{product}"),
        ("/testapp/v3/chat-completions/p", CHAT, "p", "/v3/chat-completions/{product}"),
        ("/serviceapp/v3/chat-completions/p/", CHAT, "p", "/v3/chat-completions/{product}"),
        ("/v1/chat-completions/HCX-003", CHAT_V1, "HCX-003", "/v1/chat-completions/{product}"),
        ("/testapp/v1/chat-completions/p", CHAT_V1, "p", "/v1/chat-completions/{product}"),
        ("/v1/api-tools/embedding/v2", EMBEDDINGS, "v2", "/v1/api-tools/embedding/{product}"),
        ("/v1/api-tools/embedding/v2/", EMBEDDINGS, "v2", "/v1/api-tools/embedding/{product}"),
        ("/serviceapp/v1/api-tools/embedding/p", EMBEDDINGS, "p", "/v1/api-tools/embedding/{product}"),
    ],
)
def test_routes(path: str, operation: Operation, product: str, name: str) -> None:
    found = CLOVA.find(path, b"", {})
    assert found is not None
    assert (found.operation, found.spoken, found.name) == (operation, Spoken(model=product), name)


@pytest.mark.parametrize(
    "path",
    [
        "/v3/chat-completions",
        "/v3/chat-completions/",
        "/v3/chat-completions//",
        "/v3/chat-completions/a/b",
        "/v2/chat-completions/p",
        "/v1/chat/completions",
        "/testapp/testapp/v3/chat-completions/p",
        "/otherapp/v3/chat-completions/p",
        "/v1/api-tools/embedding/v2/tokenize",
        "/v1/api-tools/chat-tokenize/p",
        "/",
        "",
    ],
)
def test_other_paths_are_not_its_own(path: str) -> None:
    assert CLOVA.find(path, b"", STREAM) is None


@pytest.mark.parametrize(
    ("path", "headers", "stream"),
    [
        ("/v3/chat-completions/p", STREAM, True),
        ("/v1/chat-completions/p", {b"accept": b"text/event-stream"}, True),
        ("/v3/chat-completions/p", JSON, None),
        ("/v3/chat-completions/p", {}, None),
        ("/v1/api-tools/embedding/v2", STREAM, None),
    ],
)
def test_a_stream_is_asked_for_by_the_head(
    path: str, headers: dict[bytes, bytes], stream: bool | None
) -> None:
    found = CLOVA.find(path, b"", headers)
    assert found is not None
    assert found.spoken.stream is stream


@pytest.mark.parametrize(
    ("operation", "model", "path"),
    [
        (CHAT, "HCX-005", "/v3/chat-completions/HCX-005"),
        (CHAT_V1, "HCX-003", "/v1/chat-completions/HCX-003"),
        (EMBEDDINGS, "v2", "/v1/api-tools/embedding/v2"),
        (CHAT, "../a?b", "/v3/chat-completions/..%2Fa%3Fb"),
    ],
)
def test_the_vendor_has_its_model_in_the_path(operation: Operation, model: str, path: str) -> None:
    assert operation.path(model, False) == operation.path(model, True) == path


@pytest.mark.parametrize(
    ("key", "lines"),
    [
        ("nv-abc", ["Authorization: Bearer nv-abc"]),
        ("old:a:b", ["X-NCP-CLOVASTUDIO-API-KEY: a", "X-NCP-APIGW-API-KEY: b"]),
        ("old:a", ["Authorization: Bearer old:a"]),
        ("a:b", ["Authorization: Bearer a:b"]),
    ],
)
def test_credentials_of_both_ages(key: str, lines: list[str]) -> None:
    assert CLOVA.credential(key) == lines


def test_our_id_goes_under_their_name() -> None:
    assert CLOVA.request_id_header == "X-NCP-CLOVASTUDIO-REQUEST-ID"
    assert len({operation.name for operation in (CHAT, CHAT_V1, EMBEDDINGS)}) == 3
