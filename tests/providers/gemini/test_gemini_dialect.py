"""Routes: what a path, its query and nothing else say of a request."""

from __future__ import annotations

import pytest

from providers.facts import Spoken
from providers.gemini.dialect import GEMINI


@pytest.mark.parametrize("version", ["v1", "v1beta"])
@pytest.mark.parametrize(
    ("verb", "query", "operation", "stream", "as_array"),
    [
        ("generateContent", b"", "generate", False, False),
        ("generateContent", b"alt=sse", "generate", False, False),
        ("streamGenerateContent", b"alt=sse", "generate", True, False),
        ("streamGenerateContent", b"a=b&%24alt=sse", "generate", True, False),
        ("streamGenerateContent", b"$alt=sse", "generate", True, False),
        ("streamGenerateContent", b"", "generate", True, True),
        ("streamGenerateContent", b"alt=json", "generate", True, True),
        ("streamGenerateContent", b"%24alt=json%3Benum-encoding%3Dint", "generate", True, True),
        ("streamGenerateContent", b"xalt=sse&&%", "generate", True, True),
        ("streamGenerateContent", b"&" * 100_000 + b"alt=sse", "generate", True, True),
        ("embedContent", b"", "embeddings", False, False),
        ("batchEmbedContents", b"", "batch_embeddings", False, False),
        ("countTokens", b"", "count", False, False),
    ],
)
def test_routes(version: str, verb: str, query: bytes, operation: str, stream: bool, as_array: bool) -> None:
    found = GEMINI.find(f"/{version}/models/nuri-x1:{verb}", query, {})
    assert found is not None
    assert found.operation.name == operation
    assert found.name == f"/{version}/models/{{product}}:{verb}{'[]' if as_array else ''}"
    assert found.spoken == Spoken(model="nuri-x1", stream=stream, as_array=as_array)


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v1beta/models/nuri%2Dx1%3AgenerateContent", "nuri-x1"),
        ("/v1beta/models/a._-9:generateContent", "a._-9"),
        ("/v1beta/models/No-Such-Product:generateContent", "No-Such-Product"),
    ],
)
def test_products(path: str, model: str) -> None:
    found = GEMINI.find(path, b"", {})
    assert found is not None
    assert found.spoken.model == model


@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/completions",
        "/v1beta/models",
        "/v1beta/models/nuri-x1",
        "/v1beta/models/nuri-x1:predict",
        "/v1beta/models/nuri-x1:generateContent/",
        "/v1beta/models/:generateContent",
        "/v1beta/models/.x:generateContent",
        "/v1beta/models/a%2Fb:generateContent",
        "/v1beta/models/a%253AgenerateContent",
        "/v1beta/models/a%0A:generateContent",
        "/v1beta/models/" + "a" * 200 + ":generateContent",
        "/v1beta/tunedModels/a:generateContent",
        "/v1alpha/models/nuri-x1:generateContent",
        "/v1beta/interactions",
    ],
)
def test_what_is_no_route(path: str) -> None:
    assert GEMINI.find(path, b"alt=sse", {}) is None


@pytest.mark.parametrize(
    ("verb", "stream", "path"),
    [
        ("generateContent", False, "/v1beta/models/gemini-9:generateContent"),
        # Where money is scarce a whole answer is asked for as a stream.
        ("generateContent", True, "/v1beta/models/gemini-9:streamGenerateContent?alt=sse"),
        ("streamGenerateContent", True, "/v1beta/models/gemini-9:streamGenerateContent?alt=sse"),
        ("embedContent", False, "/v1beta/models/gemini-9:embedContent"),
        ("batchEmbedContents", False, "/v1beta/models/gemini-9:batchEmbedContents"),
        ("countTokens", False, "/v1beta/models/gemini-9:countTokens"),
    ],
)
def test_the_vendors_paths(verb: str, stream: bool, path: str) -> None:
    found = GEMINI.find(f"/v1/models/nuri-x1:{verb}", b"", {})
    assert found is not None
    assert found.operation.path("gemini-9", stream) == path


def test_the_credential_stands_in_the_head_and_the_callers_machine_nowhere() -> None:
    assert GEMINI.credential("k") == ["x-goog-api-key: k"]
    assert GEMINI.relayed_headers == frozenset()
