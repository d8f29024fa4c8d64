"""What of a call for embeddings a vendor has no words for is refused by the name that the caller knows."""

from __future__ import annotations

from typing import Any, Final

import pytest

from providers.facts import BadRequest
from tests.providers.translation.embeddings import VENDORS, asked, request

EVERYBODY: Final = VENDORS
NO_PURPOSE: Final = ("openai", "clova", "ollama")
PICTURE: Final = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}


def parts(*said: Any, **more: Any) -> dict[str, Any]:
    return {"content": {"parts": [*said], **more}}


# By whom, what, under which name, by which vendors (of another dialect than the caller's).
TABLE: Final[list[tuple[str, dict[str, Any], str, tuple[str, ...]]]] = [
    ("openai", {"input": [1, 2]}, "input (tokens)", EVERYBODY),
    ("openai", {"input": [[1], [2]]}, "input (tokens)", EVERYBODY),
    ("openai", {"input": ["a", 1]}, "input (tokens)", EVERYBODY),
    ("openai", {"input": ["a", "b"]}, "input (more than one)", ("clova",)),
    ("openai", {"encoding_format": "int8"}, "encoding_format", EVERYBODY),
    ("openai", {"encoding_format": ["float"]}, "encoding_format", EVERYBODY),
    ("openai", {"dimensions": "256"}, "dimensions", EVERYBODY),
    ("openai", {"dimensions": True}, "dimensions", EVERYBODY),
    ("openai", {"dimensions": 256}, "dimensions", ("clova",)),
    ("openai", {"input_type": 5}, "input_type", EVERYBODY),
    ("openai", {"input_type": "image"}, "input_type", EVERYBODY),
    ("openai", {"input_type": "search_query"}, "input_type", NO_PURPOSE),
    ("openai", {"service_tier": "flex"}, "service_tier", EVERYBODY),
    ("openai", {"images": ["AAAA"]}, "images", EVERYBODY),
    ("openai", {"keep_alive": "5m"}, "keep_alive", EVERYBODY),
    ("clova", {"dimensions": 256}, "dimensions", EVERYBODY),
    ("gemini", {"outputDimensionality": 256}, "outputDimensionality", ("clova",)),
    ("gemini", {"outputDimensionality": "256"}, "outputDimensionality", EVERYBODY),
    ("gemini", {"output_dimensionality": 1, "outputDimensionality": 1}, "output_dimensionality", EVERYBODY),
    ("gemini", {"taskType": "RETRIEVAL_QUERY"}, "taskType", NO_PURPOSE),
    ("gemini", {"taskType": 2}, "taskType", NO_PURPOSE),
    *(
        ("gemini", {"taskType": word}, "taskType", EVERYBODY)
        for word in ("SEMANTIC_SIMILARITY", "QUESTION_ANSWERING", "FACT_VERIFICATION", "CODE_RETRIEVAL_QUERY")
    ),
    *(("gemini", {"taskType": odd}, "taskType", EVERYBODY) for odd in ("", "query", 3, 9, True, 1.0, [1])),
    ("gemini", {"title": "of a book"}, "title", EVERYBODY),
    ("gemini", {"embedContentConfig": {"title": "x"}}, "embedContentConfig.title", EVERYBODY),
    ("gemini", {"embedContentConfig": {"autoTruncate": True}}, "embedContentConfig.autoTruncate", EVERYBODY),
    ("gemini", {"embedContentConfig": {"new": 1}}, "embedContentConfig.new", EVERYBODY),
    (
        "gemini",
        {"taskType": 2, "embedContentConfig": {"taskType": 2}},
        "embedContentConfig.taskType",
        EVERYBODY,
    ),
    ("gemini", {"something_new": 1}, "something_new", EVERYBODY),
    ("gemini", {"serviceTier": "priority"}, "serviceTier", EVERYBODY),
    ("gemini", parts({"text": "a"}, {"text": "b"}), "content.parts (more than one)", EVERYBODY),
    ("gemini", parts(PICTURE), "content.parts[0].inlineData", EVERYBODY),
    ("gemini", parts({"text": "a", **PICTURE}), "content.parts[0].inlineData", EVERYBODY),
    ("gemini", parts(), "content.parts", EVERYBODY),
    ("gemini", parts({"text": None}), "content.parts", EVERYBODY),
    ("gemini", parts({"text": "a"}, role="model"), "content.role", EVERYBODY),
    ("gemini", parts({"text": "a"}, new=1), "content.new", EVERYBODY),
    ("gemini batch", {"title": "of a book"}, "requests[0].title", EVERYBODY),
    ("gemini batch", {"taskType": "RETRIEVAL_QUERY"}, "taskType", NO_PURPOSE),
    ("gemini batch", {"outputDimensionality": 2}, "outputDimensionality", ("clova",)),
]


@pytest.mark.parametrize(("caller", "more", "param", "by"), TABLE)
def test_who_has_no_words_for_it(caller: str, more: dict[str, Any], param: str, by: tuple[str, ...]) -> None:
    body = request(caller, "서울", **more)
    for vendor in VENDORS:
        if vendor == caller.split()[0]:
            continue
        if vendor not in by:
            assert asked(caller, vendor, body), vendor
            continue
        with pytest.raises(BadRequest) as refused:
            asked(caller, vendor, body)
        assert refused.value.param == param, vendor
        for message in (refused.value.message_en, refused.value.message_ko):
            assert param in message


ONE: Final = request("gemini", "a")
SEVERAL: Final[list[tuple[list[dict[str, Any]], str, tuple[str, ...]]]] = [
    ([ONE, ONE], "requests (more than one)", ("clova",)),
    ([ONE, {**ONE, "taskType": 2}], "requests[1].taskType (not that of the others)", EVERYBODY),
    (
        [ONE, ONE, {**ONE, "outputDimensionality": 2}],
        "requests[2].outputDimensionality (not that of the others)",
        EVERYBODY,
    ),
    ([ONE, {**ONE, "new": 2}], "requests[1].new", EVERYBODY),
    ([ONE, parts(PICTURE)], "requests[1].content.parts[0].inlineData", EVERYBODY),
]


@pytest.mark.parametrize(("requests", "param", "by"), SEVERAL)
def test_what_a_batch_cannot_say(requests: list[dict[str, Any]], param: str, by: tuple[str, ...]) -> None:
    for vendor in ("openai", "clova", "cohere", "ollama"):
        if vendor not in by:
            assert asked("gemini batch", vendor, {"requests": requests})
            continue
        with pytest.raises(BadRequest) as refused:
            asked("gemini batch", vendor, {"requests": requests})
        assert refused.value.param == param


def test_a_field_beside_a_batch_is_refused() -> None:
    with pytest.raises(BadRequest) as refused:
        asked("gemini batch", "openai", {"requests": [ONE], "new": 1})
    assert refused.value.param == "new"
