"""OpenAI's callers and the embeddings of Cohere: from request to settlement."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web

from tests.fakes.gateway_world import world

ASK: Final[dict[str, Any]] = {"model": "x1", "input": ["서울", "Paris"]}
SAID: Final = {
    "id": "e1",
    "embeddings": {"float": [[0.5], [1.0]]},
    "meta": {"billed_units": {"input_tokens": 40}},
}


def vendor(said: Any, status: int = 200):  # type: ignore[no-untyped-def]
    async def answering(request: web.Request) -> web.Response:
        assert request.path == "/v2/embed"
        return web.json_response(said, status=status)

    return answering


@pytest.mark.parametrize(("form", "first"), [("float", [0.5]), ("base64", "AAAAPw=="), (None, [0.5])])
async def test_vectors_come_as_the_caller_wants_them(tmp_path: Path, form: str | None, first: Any) -> None:
    async with world(vendor(SAID), tmp_path, dialect="cohere") as w:
        heard = await w.client.call("POST", "/v1/embeddings", {**ASK, "encoding_format": form})
        assert heard.status == 200
        assert heard.json["data"][0] == {"object": "embedding", "index": 0, "embedding": first}
        assert (heard.json["model"], heard.json["usage"]["total_tokens"]) == ("x1", 40)
        assert heard.headers["x-voucher-charge-krw"] == "0.04"
        assert w.seen[0]["texts"] == ASK["input"]
        assert (w.events[0].tokens["input"], w.events[0].upstream_request_id) == (40, "e1")


async def test_what_it_has_no_words_for_costs_nothing(tmp_path: Path) -> None:
    async with world(vendor(SAID), tmp_path, dialect="cohere") as w:
        heard = await w.client.call("POST", "/v1/embeddings", {**ASK, "input": [[1, 2]]})
        assert (heard.status, heard.code) == (400, "invalid_request")
        assert not w.seen
        assert w.events[0].charge_micro == 0


@pytest.mark.parametrize(
    ("said", "status", "told"),
    [
        ({"message": "too long"}, 400, (400, "upstream_rejected")),
        ({"embeddings": {}}, 200, (502, "upstream_error")),
    ],
)
async def test_a_vendors_no_costs_nothing(
    tmp_path: Path, said: Any, status: int, told: tuple[int, str]
) -> None:
    async with world(vendor(said, status), tmp_path, dialect="cohere") as w:
        heard = await w.client.call("POST", "/v1/embeddings", ASK)
        assert (heard.status, heard.code) == told
        assert w.events[0].charge_micro == 0


async def test_another_dialects_embeddings_are_still_its_own(tmp_path: Path) -> None:
    async with world(vendor(SAID), tmp_path, dialect="clova") as w:
        heard = await w.client.call("POST", "/v1/embeddings", ASK)
        assert (heard.status, heard.code) == (400, "purpose_mismatch")
