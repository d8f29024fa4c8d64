"""Embeddings of every caller, made by every vendor of another dialect; official packages read the answers."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from metering.usage import Usage
from providers.openai.dialect import EMBEDDINGS
from providers.translation.sides import operation_for
from tests.providers.translation.embeddings import (
    BATCHES,
    CALLERS,
    PAIRS,
    VENDORS,
    WHOLE,
    asked,
    made_by,
    read,
    request,
    said,
)
from tests.providers.translation.sdk_gemini import gemini
from tests.providers.translation.sdk_openai import openai

TEXTS: Final = ("서울", "Paris")
HOW: Final[dict[str, Any]] = {"embedding_types": ["float"], "truncate": "NONE"}


def of_gemini(*texts: str, **more: Any) -> dict[str, Any]:
    return {"requests": [
        {"model": "models/m", "content": {"parts": [{"text": text}]}, **more} for text in texts
    ]}  # fmt: skip


PLAIN: Final[dict[str, dict[str, Any]]] = {
    "openai": {"model": "m", "input": ["서울"]},
    "gemini": of_gemini("서울"),
    "clova": {"text": "서울"},
    "cohere": {"model": "m", "texts": ["서울"], "input_type": "search_document", **HOW},
    "ollama": {"model": "m", "input": ["서울"], "truncate": False},
}
SEVERAL: Final[dict[str, dict[str, Any]]] = {
    "openai": {"model": "m", "input": [*TEXTS]},
    "gemini": of_gemini(*TEXTS),
    "cohere": PLAIN["cohere"] | {"texts": [*TEXTS]},
    "ollama": PLAIN["ollama"] | {"input": [*TEXTS]},
}
SHORT: Final[dict[str, dict[str, Any]]] = {
    "openai": PLAIN["openai"] | {"dimensions": 256},
    "gemini": of_gemini("서울", outputDimensionality=256),
    "cohere": PLAIN["cohere"] | {"output_dimension": 256},
    "ollama": PLAIN["ollama"] | {"dimensions": 256},
}
PATHS: Final = {
    "openai": "/embeddings",
    "gemini": "/v1beta/models/m:batchEmbedContents",
    "clova": "/v1/api-tools/embedding/m",
    "cohere": "/v2/embed",
    "ollama": "/api/embed",
}
# The caller's words for how long a vector is to be.
LENGTH: Final = {
    "openai": {"dimensions": 256},
    "gemini": {"outputDimensionality": 256},
    "gemini batch": {"output_dimensionality": 256},
}


@pytest.mark.parametrize(("caller", "vendor"), PAIRS)
def test_what_is_asked_and_where(caller: str, vendor: str) -> None:
    assert asked(caller, vendor, request(caller, "서울")) == PLAIN[vendor]
    if caller in BATCHES and vendor in SEVERAL:
        assert asked(caller, vendor, request(caller, *TEXTS)) == SEVERAL[vendor]
    if caller in LENGTH and vendor in SHORT:
        assert asked(caller, vendor, request(caller, "서울", **LENGTH[caller])) == SHORT[vendor]
    made = made_by(caller, vendor)
    assert (made.name, made.path("m", False)) == (CALLERS[caller].name, PATHS[vendor])
    assert made is made_by(caller, vendor), "made once"
    assert (made.needs_limit, made.fold, made.assembler) == (False, None, None)


def test_an_openai_callers_call_to_an_openai_vendor_is_its_own() -> None:
    assert operation_for("openai", EMBEDDINGS, "openai") is EMBEDDINGS


PURPOSES: Final = [
    ("RETRIEVAL_DOCUMENT", 2, "search_document", "document"),
    ("RETRIEVAL_QUERY", 1, "search_query", "query"),
    ("CLASSIFICATION", 4, "classification", "classification"),
    ("CLUSTERING", 5, "clustering", "clustering"),
]


@pytest.mark.parametrize(("word", "number", "coheres", "voyages"), PURPOSES)
def test_what_the_texts_are_for(word: str, number: int, coheres: str, voyages: str) -> None:
    for said_so in (coheres, voyages):
        body = request("openai", "서울", input_type=said_so)
        assert asked("openai", "gemini", body) == of_gemini("서울", taskType=word)
        assert asked("openai", "cohere", body) == PLAIN["cohere"] | {"input_type": coheres}
    for saying in ({"taskType": word}, {"task_type": number}, {"embedContentConfig": {"taskType": word}}):
        for caller in ("gemini", "gemini batch"):
            body = request(caller, "서울", **saying)
            assert asked(caller, "cohere", body) == PLAIN["cohere"] | {"input_type": coheres}


SAYS_NOTHING: Final[list[tuple[str, dict[str, Any]]]] = [
    ("openai", {"encoding_format": "base64", "user": "kim", "dimensions": None, "service_tier": "auto"}),
    ("openai", {"encoding_format": "float", "input_type": None}),
    ("gemini", {"model": "models/p", "title": "", "task_type": "TASK_TYPE_UNSPECIFIED"}),
    ("gemini", {"content": {"role": "user", "parts": {"text": "서울"}}, "taskType": 0}),
    ("gemini", {"embed_content_config": {"auto_truncate": False, "document_ocr": False}}),
    ("gemini batch", {"model": "models/p", "title": None}),
    ("clova", {"model": "p"}),
]


@pytest.mark.parametrize(("caller", "more"), SAYS_NOTHING)
def test_what_says_nothing_is_not_passed_on(caller: str, more: dict[str, Any]) -> None:
    assert asked(caller, "ollama", request(caller, "서울", **more)) == PLAIN["ollama"]


@pytest.mark.parametrize("vendor", [vendor for vendor in VENDORS if vendor != "openai"])
@pytest.mark.parametrize("packed", [False, True])
def test_openais_own_package_reads_the_vectors(vendor: str, packed: bool) -> None:
    vectors = WHOLE if vendor in SEVERAL else WHOLE[:1]
    more = {"encoding_format": "base64"} if packed else {}
    body = request("openai", *TEXTS[: len(vectors)], **more)
    answer = read("openai", vendor, said(vendor, vectors), body)
    assert (answer.error, answer.usage) == (None, Usage(input=4))
    assert (type(json.loads(answer.body)["data"][0]["embedding"]) is str) is packed
    created = openai(answer.body).embeddings.create(model="p", input=[*TEXTS])
    assert [item.embedding for item in created.data] == vectors
    assert [item.index for item in created.data] == [*range(len(vectors))]
    assert (created.model, created.usage.total_tokens) == ("p", 4)


@pytest.mark.parametrize("vendor", [vendor for vendor in VENDORS if vendor != "gemini"])
def test_googles_own_package_reads_the_vectors(vendor: str) -> None:
    vectors = WHOLE if vendor in SEVERAL else WHOLE[:1]
    answer = read(
        "gemini batch", vendor, said(vendor, vectors), request("gemini batch", *TEXTS[: len(vectors)])
    )
    assert (answer.error, answer.usage) == (None, Usage(input=4))
    made = gemini(answer.body).models.embed_content(model="p", contents=[*TEXTS])
    assert [item.values for item in made.embeddings or ()] == vectors
    assert made.usage_metadata is not None
    assert made.usage_metadata.prompt_token_count == 4
    one = read("gemini", vendor, said(vendor, WHOLE[:1]), request("gemini", "서울"))
    counted = {"usageMetadata": {"promptTokenCount": 4}}
    assert json.loads(one.body) == {"embedding": {"values": WHOLE[0]}, **counted}


@pytest.mark.parametrize("vendor", [vendor for vendor in VENDORS if vendor != "clova"])
def test_what_a_caller_of_clova_studio_is_told(vendor: str) -> None:
    answer = read("clova", vendor, said(vendor, WHOLE[:1]), request("clova", "서울"))
    ok = {"code": "20000", "message": "OK"}
    assert json.loads(answer.body) == {"status": ok, "result": {"embedding": WHOLE[0], "inputTokens": 4}}
    assert answer.usage == Usage(input=4)


@pytest.mark.parametrize(("caller", "vendor"), PAIRS)
def test_a_count_that_never_came_is_none(caller: str, vendor: str) -> None:
    """Who settles the call makes an estimate of it, as for a caller of the vendor's own dialect."""
    answer = read(caller, vendor, said(vendor, WHOLE[:1], None), request(caller, "서울"))
    assert (answer.error, answer.usage) == (None, None)
    told = json.loads(answer.body)
    assert told.keys().isdisjoint({"usage", "usageMetadata"})
    assert "inputTokens" not in told.get("result", {})


ODD: Final[list[Any]] = [[], ["a"], [[]], [["a"]], [[True]], [1], [None], [[1], [2], [3]]]


@pytest.mark.parametrize(("caller", "vendor"), PAIRS)
def test_an_answer_without_a_vector_for_each_text_is_an_error(caller: str, vendor: str) -> None:
    body = request(caller, "서울")
    wrong = [said(vendor, odd) for odd in ODD if vendor != "clova" or odd != ODD[-1]]
    for answer in (*wrong, b"[1]", b"{", b"{}", b'{"embeddings":{"float":null}}', b'{"data":[1]}'):
        assert read(caller, vendor, answer, body).error is not None, answer


def test_vectors_are_in_the_order_of_their_texts() -> None:
    answer = said("openai", WHOLE)
    answer["data"].reverse()
    body = request("gemini batch", *TEXTS)
    told = json.loads(read("gemini batch", "openai", answer, body).body)
    assert [item["values"] for item in told["embeddings"]] == WHOLE
    for item in answer["data"]:
        del item["index"]
    told = json.loads(read("gemini batch", "openai", answer, body).body)
    assert [item["values"] for item in told["embeddings"]] == WHOLE[::-1]


def test_a_number_that_cannot_be_packed_is_none() -> None:
    answer = said("ollama", [[1e300]])
    assert read("openai", "ollama", answer, request("openai", "a")).error is None
    packed = request("openai", "a", encoding_format="base64")
    assert read("openai", "ollama", answer, packed).error is not None


def test_what_a_model_without_kinds_says() -> None:
    answer = read("openai", "cohere", b'{"embeddings":[[1,2]]}', request("openai", "a"))
    assert json.loads(answer.body)["data"][0]["embedding"] == [1, 2]


FAILED: Final[list[tuple[str, Any]]] = [
    ("ollama", {"error": "too long"}),
    ("openai", {"error": {"message": "too long"}}),
    ("gemini", {"error": {"code": 400, "message": "too long"}}),
    ("clova", {"status": {"code": "40001", "message": "too long"}, "result": None}),
]


@pytest.mark.parametrize(("vendor", "failed"), FAILED)
def test_a_vendor_says_what_went_wrong(vendor: str, failed: Any) -> None:
    caller = "clova" if vendor == "openai" else "openai"
    error = read(caller, vendor, failed, request(caller, "a")).error
    assert error is not None
    assert error.message == "too long"
