"""Embeddings of one dialect's callers, made by another's vendors: from request to settlement."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import httpx2
import orjson
import pytest
from aiohttp import web
from google import genai
from google.genai import errors, types
from openai import AsyncOpenAI, BadRequestError

from tests.fakes.gateway_world import KEY, World, world
from tests.fakes.gemini_vendor import MODELS, reason_of

TEXTS: Final = ["서울", "Paris"]
ASK: Final[dict[str, Any]] = {"model": "x1", "input": TEXTS}
VECTORS: Final = [[0.5, -1.0], [1.0, 0.25]]
COHERES: Final = {
    "id": "e1",
    "embeddings": {"float": [[0.5], [1.0]]},
    "meta": {"billed_units": {"input_tokens": 40}},
}
GEMINIS: Final[dict[str, Any]] = {"embeddings": [{"values": vector} for vector in VECTORS]}
OPENAIS: Final = {
    "object": "list",
    "data": [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(VECTORS)],
    "model": "vendor-model",
    "usage": {"prompt_tokens": 40, "total_tokens": 40},
}
PATHS: Final = {
    "cohere": "/v2/embed",
    "gemini": "/v1beta/models/vendor-model:batchEmbedContents",
    "openai": "/v1/embeddings",
}


def vendor(said: Any, status: int = 200, *, dialect: str = "cohere"):  # type: ignore[no-untyped-def]
    async def answering(request: web.Request) -> web.Response:
        assert request.path == PATHS[dialect]
        return web.json_response(said, status=status)

    return answering


def through(w: World) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=w.gateway))


def openai_of(w: World) -> AsyncOpenAI:
    return AsyncOpenAI(api_key=KEY, base_url="http://gateway/v1", http_client=through(w), max_retries=0)


def gemini_of(w: World) -> genai.Client:
    client: Any = through(w)
    options = types.HttpOptions(base_url="http://gateway", httpx_async_client=client)
    return genai.Client(api_key=KEY, vertexai=False, http_options=options)


# -- conversations of official packages


async def test_openais_package_with_a_vendor_of_geminis(tmp_path: Path) -> None:
    said = {**GEMINIS, "usageMetadata": {"promptTokenCount": 40}}
    async with world(vendor(said, dialect="gemini"), tmp_path, dialect="gemini") as w, openai_of(w) as client:
        made = await client.embeddings.create(model="x1", input=TEXTS, dimensions=2)
        assert [item.embedding for item in made.data] == VECTORS, "packed, which the package asks for"
        assert (made.model, made.usage.total_tokens) == ("x1", 40)
        more = {"model": "models/vendor-model", "outputDimensionality": 2}
        assert w.seen == [{"requests": [{**more, "content": {"parts": [{"text": text}]}} for text in TEXTS]}]
        [event] = w.events
        assert (event.tokens["input"], event.charge_micro, event.estimated) == (40, 40_000, False)
        with pytest.raises(BadRequestError) as refused:
            await client.embeddings.create(model="x1", input=[[1, 2]])
        assert refused.value.param == "input (tokens)"


async def test_googles_package_with_a_vendor_of_openais(tmp_path: Path) -> None:
    async with world(vendor(OPENAIS, dialect="openai"), tmp_path) as w, gemini_of(w).aio as client:
        config = types.EmbedContentConfig(output_dimensionality=2)
        made = await client.models.embed_content(model="x1", contents=[*TEXTS], config=config)
        assert [item.values for item in made.embeddings or ()] == VECTORS
        assert made.usage_metadata is not None
        assert made.usage_metadata.prompt_token_count == 40
        assert w.seen == [{"model": "vendor-model", "input": TEXTS, "dimensions": 2}]
        [event] = w.events
        assert (event.charge_micro, event.estimated, event.meta.dialect) == (40_000, False, "gemini")
        config = types.EmbedContentConfig(task_type="RETRIEVAL_QUERY")
        with pytest.raises(errors.ClientError) as refused:
            await client.models.embed_content(model="x1", contents="hi", config=config)
        assert "`taskType`" in str(refused.value.message)
        assert [event.charge_micro for event in w.events] == [40_000, 0]


async def test_a_caller_of_clova_studio_with_a_vendor_of_openais(tmp_path: Path) -> None:
    said = {**OPENAIS, "data": OPENAIS["data"][:1]}  # type: ignore[index]
    async with world(vendor(said, dialect="openai"), tmp_path) as w:
        for path, body in (
            ("/v1/api-tools/embedding/x1", {"text": "서울"}),
            ("/v1/api-tools/embedding/v2/", {"text": "서울", "model": "x1"}),
        ):
            heard = await w.client.call("POST", path, body)
            assert heard.json == {
                "status": {"code": "20000", "message": "OK"},
                "result": {"embedding": VECTORS[0], "inputTokens": 40},
            }
            assert heard.headers["x-voucher-charge-krw"] == "0.04"
        assert w.seen == [{"model": "vendor-model", "input": ["서울"]}] * 2
        assert [event.charge_micro for event in w.events] == [40_000] * 2


# -- what is charged


async def test_a_vendor_that_counts_nothing_is_charged_by_an_estimate(tmp_path: Path) -> None:
    """As for a caller of the vendor's own dialect: four bytes of the body to a token."""
    async with world(vendor(GEMINIS, dialect="gemini"), tmp_path, dialect="gemini") as w:
        own = {"requests": [{"content": {"parts": [{"text": text}]}} for text in TEXTS]}
        for path, body in ((f"{MODELS}:batchEmbedContents", own), ("/v1/embeddings", ASK)):
            heard = await w.client.call("POST", path, body)
            assert heard.status == 200
            assert "usage" not in heard.json
            event = w.events[-1]
            tokens = -(-len(orjson.dumps(body)) // 4)
            assert (event.estimated, event.tokens["input"]) == (True, tokens)
            assert event.charge_micro == tokens * 1_000


@pytest.mark.parametrize(("form", "first"), [("float", [0.5]), ("base64", "AAAAPw=="), (None, [0.5])])
async def test_vectors_come_as_the_caller_wants_them(tmp_path: Path, form: str | None, first: Any) -> None:
    async with world(vendor(COHERES), tmp_path, dialect="cohere") as w:
        heard = await w.client.call("POST", "/v1/embeddings", {**ASK, "encoding_format": form})
        assert heard.status == 200
        assert heard.json["data"][0] == {"object": "embedding", "index": 0, "embedding": first}
        assert (heard.json["model"], heard.json["usage"]["total_tokens"]) == ("x1", 40)
        assert heard.headers["x-voucher-charge-krw"] == "0.04"
        assert w.seen[0]["texts"] == ASK["input"]
        assert (w.events[0].tokens["input"], w.events[0].upstream_request_id) == (40, "e1")


async def test_what_it_has_no_words_for_costs_nothing(tmp_path: Path) -> None:
    async with world(vendor(COHERES), tmp_path, dialect="cohere") as w:
        heard = await w.client.call("POST", "/v1/embeddings", {**ASK, "input": [[1, 2]]})
        assert (heard.status, heard.code) == (400, "invalid_request")
        assert not w.seen
        assert w.events[0].charge_micro == 0


@pytest.mark.parametrize(
    ("said", "status", "told"),
    [
        ({"message": "too long"}, 400, (400, "upstream_rejected")),
        ({"embeddings": {}}, 200, (502, "upstream_error")),
        ({"embeddings": {"float": [[0.5]]}}, 200, (502, "upstream_error")),  # of two texts
    ],
)
async def test_a_vendors_no_costs_nothing(
    tmp_path: Path, said: Any, status: int, told: tuple[int, str]
) -> None:
    async with world(vendor(said, status), tmp_path, dialect="cohere") as w:
        heard = await w.client.call("POST", "/v1/embeddings", ASK)
        assert (heard.status, heard.code) == told
        assert w.events[0].charge_micro == 0


async def test_one_text_a_call_is_all_that_clova_studio_takes(tmp_path: Path) -> None:
    async with world(vendor(COHERES), tmp_path, dialect="clova") as w:
        heard = await w.client.call("POST", "/v1/embeddings", ASK)
        assert (heard.status, heard.code) == (400, "invalid_request")
        assert heard.json["error"]["param"] == "input (more than one)"
        heard = await w.client.call("POST", f"{MODELS}:batchEmbedContents", {"requests": [
            {"content": {"parts": [{"text": text}]}} for text in TEXTS
        ]})  # fmt: skip
        assert (heard.status, reason_of(heard.json)) == (400, "invalid_request")
        assert not w.seen


@pytest.mark.parametrize("dialect", ["anthropic", "bedrock"])
async def test_a_dialect_that_has_none_makes_none(tmp_path: Path, dialect: str) -> None:
    async with world(vendor(COHERES), tmp_path, dialect=dialect) as w:
        heard = await w.client.call("POST", "/v1/embeddings", ASK)
        assert (heard.status, heard.code) == (400, "purpose_mismatch")
