"""Embeddings of OpenAI's callers, made by Cohere and by Ollama; OpenAI's own SDK reads them."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson
import pytest
from hypothesis import given

from metering.usage import Usage
from providers.dialect import Operation
from providers.facts import IN_BODY, BadRequest
from providers.openai.dialect import EMBEDDINGS
from providers.quirks import NO_QUIRKS
from providers.translation.sides import operation_for
from tests.fakes.any_json import documents
from tests.fakes.vendor_recordings import answers, body_of
from tests.providers.translation.sdk_openai import openai

BODY: Final[dict[str, Any]] = {"model": "p", "input": ["서울", "Paris"]}
BOTH: Final = pytest.mark.parametrize("vendor", ["cohere", "ollama"])
VECTORS: Final = [[0.5, -1.0], [2, 0.25]]
SAID: Final[dict[str, dict[str, Any]]] = {
    "cohere": {
        "id": "e1", "embeddings": {"float": VECTORS}, "meta": {"billed_units": {"input_tokens": 4}},
    },
    "ollama": {"model": "m", "embeddings": VECTORS, "prompt_eval_count": 4},
}  # fmt: skip


def operation(vendor: str) -> Operation:
    made = operation_for("openai", EMBEDDINGS, vendor)
    assert made is not None
    return made


def asked(vendor: str, **more: Any) -> dict[str, Any]:
    body = BODY | more
    made = operation(vendor)
    written = made.encode(
        body,
        facts=made.read(body, 100, IN_BODY),
        upstream_model="m",
        stream=False,
        output_limit=None,
        quirks=NO_QUIRKS,
    )
    said: dict[str, Any] = json.loads(written)
    return said


def read(vendor: str, answer: bytes, *, packed: bool = False) -> Any:
    made = operation(vendor)
    assert made.answer_to is not None
    body = BODY | ({"encoding_format": "base64"} if packed else {})
    facts = made.read(body, 100, IN_BODY)
    return made.answer_to(facts)(answer, product_id="p", quirks=NO_QUIRKS)


PLAIN_COHERE: Final = {
    "model": "m", "texts": ["서울", "Paris"], "input_type": "search_document",
    "embedding_types": ["float"], "truncate": "NONE",
}  # fmt: skip
PLAIN_OLLAMA: Final = {"model": "m", "input": ["서울", "Paris"], "truncate": False}


@pytest.mark.parametrize(
    ("vendor", "more", "body"),
    [
        ("cohere", {}, PLAIN_COHERE),
        ("cohere", {"input": "a"}, PLAIN_COHERE | {"texts": ["a"]}),
        ("cohere", {"encoding_format": "base64", "user": "kim", "dimensions": None}, PLAIN_COHERE),
        ("cohere", {"dimensions": 256}, PLAIN_COHERE | {"output_dimension": 256}),
        ("cohere", {"input_type": "search_query"}, PLAIN_COHERE | {"input_type": "search_query"}),
        ("ollama", {}, PLAIN_OLLAMA),
        ("ollama", {"input": "a", "encoding_format": "float"}, PLAIN_OLLAMA | {"input": ["a"]}),
        ("ollama", {"dimensions": 256}, PLAIN_OLLAMA | {"dimensions": 256}),
    ],
)
def test_what_is_asked(vendor: str, more: dict[str, Any], body: dict[str, Any]) -> None:
    assert asked(vendor, **more) == body


def test_where_it_is_asked() -> None:
    assert operation("cohere").path("m", False) == "/v2/embed"
    assert operation("ollama").path("m", False) == "/api/embed"
    assert operation_for("openai", EMBEDDINGS, "clova") is None


@pytest.mark.parametrize(
    ("vendor", "more", "param"),
    [
        ("cohere", {"input": [1, 2]}, "input (tokens)"),
        ("cohere", {"input": [[1], [2]]}, "input (tokens)"),
        ("ollama", {"input": ["a", 1]}, "input (tokens)"),
        ("cohere", {"encoding_format": "int8"}, "encoding_format"),
        ("cohere", {"encoding_format": ["float"]}, "encoding_format"),
        ("cohere", {"dimensions": "256"}, "dimensions"),
        ("cohere", {"input_type": 5}, "input_type"),
        ("ollama", {"input_type": "search_query"}, "input_type"),
        ("cohere", {"images": ["AAAA"]}, "images"),
        ("ollama", {"keep_alive": "5m"}, "keep_alive"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(vendor: str, more: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        asked(vendor, **more)
    assert refused.value.param == param


@BOTH
@pytest.mark.parametrize("packed", [False, True])
def test_openais_own_package_reads_the_vectors(vendor: str, packed: bool) -> None:
    answer = read(vendor, orjson.dumps(SAID[vendor]), packed=packed)
    assert (answer.error, answer.usage) == (None, Usage(input=4))
    assert (type(json.loads(answer.body)["data"][0]["embedding"]) is str) is packed
    created = openai(answer.body).embeddings.create(model="p", input=["서울", "Paris"])
    assert [item.embedding for item in created.data] == VECTORS
    assert [item.index for item in created.data] == [0, 1]
    assert (created.model, created.usage.total_tokens) == ("p", 4)


@BOTH
@pytest.mark.parametrize(
    "said",
    [b"[1]", b"{", b"{}", b'{"embeddings":[]}', b'{"embeddings":{"float":null}}', b'{"embeddings":[["a"]]}',
     b'{"embeddings":[[]]}', b'{"embeddings":[[true]]}', b'{"embeddings":[1]}'],
)  # fmt: skip
def test_an_answer_without_vectors_is_an_error(vendor: str, said: bytes) -> None:
    assert read(vendor, said).error is not None


def test_a_number_that_cannot_be_packed_is_none() -> None:
    said = orjson.dumps({"embeddings": [[1e300]]})
    assert read("ollama", said).error is None
    assert read("ollama", said, packed=True).error is not None


def test_what_a_model_without_kinds_says() -> None:
    assert json.loads(read("cohere", b'{"embeddings":[[1,2]]}').body)["data"][0]["embedding"] == [1, 2]


def test_ollama_says_what_went_wrong() -> None:
    error = read("ollama", b'{"error":"the input length exceeds the context length"}').error
    assert error.message == "the input length exceeds the context length"


@pytest.mark.parametrize("exchange", answers("cohere.embed"), ids=lambda exchange: str(exchange["id"]))
def test_recorded_answers(exchange: dict[str, Any]) -> None:
    answer = read("cohere", body_of(exchange))
    assert answer.usage == Usage(input=exchange["expected_usage"]["input_tokens"])
    recorded = json.loads(body_of(exchange))["embeddings"]["float"]
    assert [item["embedding"] for item in json.loads(answer.body)["data"]] == recorded


@BOTH
@given(data=documents(BODY | {"dimensions": 1, "encoding_format": "base64", "input_type": "x"}))
def test_any_request_is_asked_or_refused(vendor: str, data: bytes) -> None:
    body = orjson.loads(data)
    if type(body) is not dict:
        return
    made = operation(vendor)
    try:
        facts = made.read(body, 100, IN_BODY)
        made.encode(body, facts=facts, upstream_model="m", stream=False, output_limit=None, quirks=NO_QUIRKS)
    except BadRequest:
        return
    assert facts.inputs == (1 if type(body["input"]) is str else len(body["input"]))


@BOTH
@given(body=documents(*SAID.values()))
def test_any_answer_is_read(vendor: str, body: bytes) -> None:
    for packed in (False, True):
        answer = read(vendor, body, packed=packed)
        assert answer.error is not None or orjson.loads(answer.body)["model"] == "p"
