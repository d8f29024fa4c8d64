"""What a company reads: a query that cannot be read is refused in the caller's language."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web

from tests.fakes.gateway_world import world


async def unasked(request: web.Request) -> web.Response:
    raise AssertionError("no vendor is asked")


@pytest.mark.parametrize("query", ["limit", "limit=1&limit=2", "colour=red"])
@pytest.mark.parametrize(("language", "korean"), [("ko", True), ("en", False)])
async def test_a_query_is_refused_in_the_callers_language(
    tmp_path: Path, query: str, language: str, *, korean: bool
) -> None:
    async with world(unasked, tmp_path) as w:
        heard = await w.client.call("GET", f"/v1/usage?{query}", headers={"accept-language": language})
    assert (heard.status, heard.code) == (400, "invalid_request")
    assert any("가" <= letter <= "힣" for letter in heard.json["error"]["message"]) is korean
