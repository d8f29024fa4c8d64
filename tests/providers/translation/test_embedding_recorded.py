"""Recorded answers of vendors, and any JSON at all, in the words of every other caller."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given

from providers.facts import BadRequest
from providers.quirks import NO_QUIRKS
from tests.fakes.any_json import documents
from tests.fakes.vendor_recordings import answers, body_of
from tests.providers.translation.embeddings import PAIRS, WHOLE, made_by, read, request, said, spoken

RECORDED = {
    "cohere": answers("cohere.embed"),
    "gemini": [e for e in answers("gemini.embeddings") if "batch" in e["request"]["path"]],
    "openai": answers("openai.embeddings"),
}
EXCHANGES = [(vendor, exchange) for vendor, recorded in RECORDED.items() for exchange in recorded]


def vectors_of(vendor: str, body: Any) -> list[Any]:
    """Read with nothing of ours."""
    match vendor:
        case "cohere":
            vectors: list[Any] = body["embeddings"]["float"]
            return vectors
        case "gemini":
            return [item["values"] for item in body["embeddings"]]
    return [item["embedding"] for item in body["data"]]


@pytest.mark.parametrize(
    ("vendor", "exchange"), EXCHANGES, ids=[str(exchange["id"]) for _, exchange in EXCHANGES]
)
def test_recorded_answers(vendor: str, exchange: dict[str, Any]) -> None:
    recorded = vectors_of(vendor, json.loads(body_of(exchange)))
    caller = "openai" if vendor == "gemini" else "gemini batch"
    body = request(caller, *["x"] * len(recorded))
    answer = read(caller, vendor, body_of(exchange), body)
    expected = exchange["expected_usage"]
    assert (answer.usage is None) == (expected is None)
    if answer.usage is not None:
        assert (answer.usage.input_total, answer.usage.output_total) == (expected["input_tokens"], 0)
    if type(recorded[0]) is str:  # asked for in base64, which we never do
        assert answer.error is not None
        return
    told = json.loads(answer.body)
    key, name = ("data", "embedding") if caller == "openai" else ("embeddings", "values")
    assert [item[name] for item in told[key]] == recorded


@pytest.mark.parametrize(("caller", "vendor"), PAIRS)
@given(data=documents(request("openai", "a", "b", dimensions=1, encoding_format="base64", input_type="x"),
                      request("gemini", "a", taskType="CLUSTERING", outputDimensionality=3, title="t",
                              embedContentConfig={"autoTruncate": False}),
                      request("gemini batch", "a", "b", taskType="CLUSTERING", outputDimensionality=3),
                      request("clova", "a", model="x")))  # fmt: skip
def test_any_request_is_asked_or_refused(caller: str, vendor: str, data: bytes) -> None:
    body = orjson.loads(data)
    if type(body) is not dict:
        return
    made = made_by(caller, vendor)
    try:
        facts = made.read(body, 100, spoken(caller))
        made.encode(body, facts=facts, upstream_model="m", stream=False, output_limit=None, quirks=NO_QUIRKS)
    except BadRequest:
        return
    assert facts.inputs == len(asked_texts(body))


def asked_texts(body: dict[str, Any]) -> list[Any]:
    texts = body.get("input", body.get("requests", ["one"]))
    return texts if type(texts) is list else [texts]


@pytest.mark.parametrize(("caller", "vendor"), PAIRS)
@given(data=documents(*(said(vendor, WHOLE) for vendor in ("openai", "gemini", "clova", "cohere", "ollama"))))
def test_any_answer_is_read(caller: str, vendor: str, data: bytes) -> None:
    for texts in (["a"], ["a", "b"])[: 2 if caller in ("openai", "gemini batch") else 1]:
        answer = read(caller, vendor, data, request(caller, *texts))
        assert answer.error is not None or type(orjson.loads(answer.body)) is dict
