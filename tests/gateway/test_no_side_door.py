"""No route costs money unseen: what a vendor's package can ask for is metered, free, our own, or refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web

from providers.dialects import find, find_object, find_stored
from tests.docs.pages import page, tables
from tests.fakes.gateway_world import world
from tests.fakes.sdk_routes import sdk_routes
from tests.gateway import test_files, test_stored

HELD: Final = "a hold before, settled after"
FREE: Final = "free: a hold of nothing"
TALKED: Final = "a hold before each response, settled after it"
READ: Final = "our own books"
STORED: Final = "free: what a call of the company's own made"
OBJECT: Final = "free: bound to its company, one's own listed"
BATCH: Final = "a hold for all its lines before, settled once at its end"
BODY: Final = {"model": "x1", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5}


def documented() -> dict[tuple[str, str], str]:
    """(method, path) -> what meters it, of docs/reference/dialects.md. Names in paths are {}."""
    rows = tables(page("docs/reference/dialects.md").section("No side door"))[0]
    return {
        (method, re.sub(r"\{[a-z_]+\}", "{}", path.strip("` "))): row["metered by"]
        for row in rows
        for path in row["path"].split(",")
        for method in row["method"].split(", ")
    }


async def unasked(request: web.Request) -> web.Response:
    raise AssertionError("a vendor was asked")


async def test_what_is_not_listed_does_not_exist(tmp_path: Path) -> None:
    listed, routes = documented(), sdk_routes()
    assert len(routes) > 600
    asked = 0
    async with world(unasked, tmp_path) as w:
        for route in routes:
            if (route.method, route.path) in listed:
                continue
            body = None if route.method == "GET" else BODY
            heard = await w.client.call(route.method, route.path.replace("{}", "x1"), body)
            assert (heard.status, heard.code) in ((404, "route_not_found"), (405, "route_not_found")), route
            asked += 1
        assert w.events == []
    assert asked > 500


def test_of_every_route_that_takes_an_id_another_company_gets_404() -> None:
    """The two tables of `test_another_companys_does_not_exist` leave none out."""
    tried = {(method, path) for method, path in test_stored.ROUTES}
    tried |= {(method, re.sub(r"\{[a-z]+\}", "{}", path)) for method, path, _ in test_files.ROUTES}
    taken = {
        route
        for route, meter in documented().items()
        if "{}" in route[1] and meter in (STORED, OBJECT, BATCH)
    }
    assert len(taken) > 8
    assert taken <= tried


def test_what_is_listed_is_metered_as_it_says() -> None:
    for (method, path), meter in documented().items():
        found = find(path.replace("{}", "x1"), b"", {})
        objects = find_object(path.replace("{}", "x1"), {})
        assert (method in objects) == (meter in (OBJECT, BATCH)), path
        if method in objects:
            begins = (objects[method].kind, objects[method].deed) == ("batch", "create")
            assert (found, begins) == (None, meter == BATCH), path
            continue
        assert (method in find_stored(path.replace("{}", "x1"))) == (meter == STORED), path
        assert (found is None) == (meter in (READ, STORED)), path
        if found is not None:
            is_counting = found.operation.name in ("count_tokens", "count")
            is_session = found.operation.name == "realtime"
            assert method == ("GET" if is_session else "POST")
            assert meter == (FREE if is_counting else TALKED if is_session else HELD), path


@pytest.mark.parametrize(
    ("package", "method", "path"),
    [
        ("openai", "POST", "/v1/chat/completions"),
        ("openai", "POST", "/v1/responses"),
        ("openai", "GET", "/v1/responses/{}"),
        ("openai", "DELETE", "/v1/responses/{}"),
        ("openai", "POST", "/v1/responses/{}/cancel"),
        ("openai", "GET", "/v1/responses/{}/input_items"),
        ("openai", "POST", "/v1/files"),
        ("openai", "GET", "/v1/files/{}/content"),
        ("openai", "DELETE", "/v1/files/{}"),
        ("openai", "POST", "/v1/batches"),
        ("openai", "POST", "/v1/batches/{}/cancel"),
        ("anthropic", "POST", "/v1/messages"),
        ("anthropic", "POST", "/v1/messages/count_tokens"),
        ("google-genai", "POST", "/v1beta/models/{}:generateContent"),
    ],
)
def test_the_packages_ask_for_what_is_listed(package: str, method: str, path: str) -> None:
    assert (method, path) in documented()
    assert (package, method, path) in sdk_routes()
