"""What Google keeps for our account: nobody here knows whose it is."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from providers.dialect import Operation
from providers.facts import BadRequest, Spoken
from providers.gemini.dialect import BATCH_EMBED, COUNT, EMBED, GENERATE
from providers.quirks import NO_QUIRKS

SPOKEN = Spoken(model="nuri", stream=False)
HI: dict[str, Any] = {"contents": [{"parts": [{"text": "hi"}]}]}
ADDRESS = "https://generativelanguage.googleapis.com/v1beta/files/8b2bhnsluaai"
FILE = {"fileData": {"fileUri": ADDRESS}}
STORE = {"fileSearch": {"fileSearchStoreNames": ["fileSearchStores/1"]}}
SECRET = {"authConfig": {"apiKeyConfig": {"api_key_secret": "projects/1/secrets/1/versions/1"}}}
BOTH = pytest.mark.parametrize("operation", [GENERATE, COUNT], ids=lambda one: one.name)


def content(*parts: Any) -> dict[str, Any]:
    return {"parts": list(parts)}


def contents(*parts: Any) -> dict[str, Any]:
    return {"contents": [content(*parts)]}


def assert_refused(operation: Operation, body: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        operation.read(body, 100, SPOKEN)
    assert refused.value.param == param
    assert "that the vendor keeps" in refused.value.message_en
    assert f"`{param}`" in refused.value.message_ko


@BOTH
@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"cachedContent": "cachedContents/1"}, "cachedContent"),
        ({"cached_content": "cachedContents/1"}, "cachedContent"),
        ({"cachedContent": None, "cached_content": ["cachedContents/1"]}, "cachedContent"),
        (contents(FILE), "contents"),
        (contents({"file_data": {"file_uri": ADDRESS}}), "contents"),
        (
            contents({"text": "a", "fileData": {"fileUri": "https://example.org", "file_uri": ADDRESS}}),
            "contents",
        ),
        ({"contents": content(FILE)}, "contents"),
        ({"contents": {"parts": FILE}}, "contents"),
        (contents({"functionResponse": {"name": "f", "parts": [FILE]}}), "contents"),
        (contents({"function_response": {"parts": [{"functionResponse": {"parts": [FILE]}}]}}), "contents"),
        (contents({"ofALaterYear": [FILE]}), "contents"),
        ({"systemInstruction": content(FILE)}, "systemInstruction"),
        ({"system_instruction": content(FILE)}, "systemInstruction"),
        ({"tools": [STORE]}, "tools"),
        ({"tools": {"file_search": {"file_search_store_names": "fileSearchStores/1"}}}, "tools"),
        ({"tools": [{"retrieval": {"vertexAiSearch": {"datastore": "projects/1"}}}]}, "tools"),
        ({"tools": [{"retrieval": {"vertex_rag_store": {"ragCorpora": ["projects/1"]}}}]}, "tools"),
        ({"tools": [{"retrieval": {"externalApi": SECRET}}]}, "tools"),
    ],
)
def test_what_the_vendor_keeps_is_refused(operation: Operation, more: dict[str, Any], param: str) -> None:
    assert_refused(operation, {**HI, **more}, param)


@pytest.mark.parametrize("name", ["generateContentRequest", "generate_content_request"])
@pytest.mark.parametrize(
    "more",
    [
        {"cachedContent": "cachedContents/1"},
        {"cached_content": "cachedContents/1"},
        contents({"file_data": {"file_uri": ADDRESS}}),
        {"systemInstruction": content(FILE)},
        {"tools": [STORE]},
    ],
)
def test_a_request_to_be_counted_is_read_too(name: str, more: dict[str, Any]) -> None:
    assert_refused(COUNT, {name: {"model": "models/nuri", **HI, **more}}, "generateContentRequest")


@pytest.mark.parametrize(
    ("operation", "body", "param"),
    [
        (EMBED, {"content": content(FILE)}, "content"),
        (BATCH_EMBED, {"requests": [{"content": content(FILE)}]}, "requests"),
    ],
)
def test_embeddings_are_read_too(operation: Operation, body: dict[str, Any], param: str) -> None:
    assert_refused(operation, body, param)


@pytest.mark.parametrize(
    "address",
    [
        ADDRESS,
        "files/8b2bhnsluaai",
        "8b2bhnsluaai",
        "",
        3,
        [ADDRESS],
        {"of": ADDRESS},
        f" {ADDRESS}",
        ADDRESS.upper(),
        ADDRESS.replace("https", "http"),
        ADDRESS.replace(".com", ".com."),
        ADDRESS.replace(".com", ".com:443"),
        ADDRESS.replace("//", "//you@"),
        ADDRESS.replace("//", "//storage.googleapis.com@"),
        ADDRESS.replace("//", "//example.org\\@"),
        ADDRESS.replace("//", "/"),
        ADDRESS.removeprefix("https:"),
        ADDRESS.replace("gen", "%67en"),
        ADDRESS.replace("gen", "\uff47en"),
        ADDRESS.replace(".com", "\u3002com"),
        ADDRESS.replace("lang", "\u00adlang"),
        ADDRESS.replace("lang", "\tlang"),
        "https://generativelanguage.googleapis.com?files/1",
        "https://us-generativelanguage.googleapis.com/v1beta/files/1",
        "https://aiplatform.googleapis.com/v1/projects/1/files/1",
        "https://" + "a" * 100_000,
        "gs:files/1",
        "data:image/png;base64,AAAA",
    ],
)
def test_an_address_of_googles_own_store_is_known_however_it_is_written(address: Any) -> None:
    assert_refused(GENERATE, contents({"fileData": {"fileUri": address}}), "contents")


@BOTH
@pytest.mark.parametrize(
    "more",
    [
        {"cachedContent": None},
        {"cached_content": ""},
        *(
            contents({"fileData": {"mimeType": "image/png", "fileUri": address}})
            for address in (
                "https://example.org/files/cat.png",
                "http://example.org",
                "https://example.org/?of=https://generativelanguage.googleapis.com/v1beta/files/1",
                "https://\ud55c\uad6d.kr/\uace0\uc591\uc774.png",
                "https://storage.googleapis.com/cloud-samples-data/generative-ai/pdf/2403.05530.pdf",
                "https://firebasestorage.googleapis.com/v0/b/1/o/cat.png?alt=media",
                "https://www.youtube.com/watch?v=1",
                "https://youtu.be/1",
                "gs://a_bucket/files/a cat.png",
            )
        ),
        contents({"fileData": None}, {"fileData": {"fileUri": None}}),
        # what a function takes and gives may be called anything
        contents({"functionCall": {"name": "f", "args": {"fileUri": "files/1", "cachedContent": "a"}}}),
        contents({"functionResponse": {"name": "f", "response": {"file_uri": "files/1"}}}),
        {"tools": [{"functionDeclarations": [{"name": "f", "parameters": {"properties": {"fileUri": {}}}}]}]},
        {"generationConfig": {"responseJsonSchema": {"properties": {"fileUri": {"type": "string"}}}}},
        {"labels": {"cachedContent": "mine"}},
        {"tools": [{"fileSearch": {"fileSearchStoreNames": []}}]},
    ],
)
def test_all_else_goes_on_as_it_is(operation: Operation, more: dict[str, Any]) -> None:
    body = {**HI, **more}
    facts = operation.read(body, 100, SPOKEN)
    encoded = operation.encode(
        body, facts=facts, upstream_model="nuri", stream=False, output_limit=None, quirks=NO_QUIRKS
    )
    assert orjson.loads(encoded) == body


def test_what_is_deep_or_odd_ends_nothing() -> None:
    deep: Any = FILE
    for _ in range(400):
        deep = [{"parts": deep}]
    assert_refused(COUNT, {"contents": deep}, "contents")
    for odd in (3, "files/1", [], [3], {"fileUri": 3.5, "parts": None}, True):
        body = {"tools": odd} if type(odd) is not dict else {"contents": odd["parts"]}
        assert COUNT.read(body, 100, SPOKEN).is_free
