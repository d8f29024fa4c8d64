"""client x upstream x feature, through the official SDKs' typed objects, in two major versions of each.

The vendors are stand-ins that answer by what they were asked in their own words: what was lost on the way to
them shows in the answer. A cell is the answer expected, or the refusal by name.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import pytest

from config.settings import read_limits
from gateway.asgi.protocol import LimitedProtocol
from launch.serving import build_server
from tests.fakes.gateway_world import KEY, Everything, product, voucher, world
from tests.matrix.cells import FEATURES, Seen
from tests.matrix.page import page_text, table
from tests.matrix.vendors import VENDORS, vendors
from tests.matrix.wanted import INPUT_TOKENS, OUTPUT_TOKENS

ROOT: Final = Path(__file__).resolve().parent.parent.parent
EARLIER: Final = Path(sys.prefix) / "earlier"  # tests/matrix/earlier.txt
CLIENTS: Final = ("openai", "responses", "anthropic", "gemini")
VERSIONS: Final = {"openai": (3, 2), "responses": (3, 2), "anthropic": (2, 1), "gemini": (3, 2)}
# A client's dialect has no word for it at all.
NO_WORDS: Final = {("anthropic", "n"), ("responses", "n"), ("responses", "stop")}
# The vendor's dialect has none: refused, by this name. What can be said is not refused.
_ONE_CHOICE: Final = ("anthropic", "bedrock", "clova", "cohere", "ollama")
REFUSED: Final[dict[tuple[str, str, str], str]] = {
    **{("openai", upstream, "n"): "n" for upstream in _ONE_CHOICE},
    **{("gemini", upstream, "n"): "n" for upstream in _ONE_CHOICE},
}
ONE: Final = ["weather", {"city": "서울"}]
OTHER: Final = ["weather", {"city": "부산"}]
SAID: Final[dict[str, dict[str, Any]]] = {
    "text": {"text": "간단히. 안녕"},
    "tools": {"calls": [ONE]},
    "parallel tools": {"calls": [ONE, OTHER]},
    "tool results": {"text": "맑음: Seoul, Busan, 21, 19"},
    "images": {"text": "그림 1"},
    "schema": {"text": '{"city": "서울"}'},
    "reasoning": {"text": "답", "thought": "흠"},
    "stop": {"text": "하나 둘 "},
    "n": {"text": "안녕", "choices": 2},
}
ENDS: Final = {
    "openai": {"stop": "stop", "tools": "tool_calls"},
    "responses": {"stop": "completed", "tools": "completed"},
    "anthropic": {"stop": "end_turn", "tools": "tool_use"},
    "gemini": {"stop": "STOP", "tools": "STOP"},
}
ERRORS: Final = {client: "BadRequestError" for client in CLIENTS} | {"gemini": "ClientError"}


async def nobody(request: Any) -> Any:
    raise AssertionError("the one product of the world is not asked")


@asynccontextmanager
async def gateway(tmp_path: Path) -> AsyncIterator[str]:
    """One product per upstream dialect, named after it. -> where the gateway listens."""
    async with vendors() as origin, world(nobody, tmp_path) as w:
        made = [
            product(f"{origin}/{dialect}", dialect=dialect, product_id=dialect, quirks="chat-only")
            for dialect in VENDORS
        ]
        w.directory.apply(Everything(revision=2, vouchers=(voucher(),), products=tuple(made)))
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        server = build_server(w.gateway, limits=read_limits({}), drain_s=1, protocol=LimitedProtocol)
        serving = asyncio.ensure_future(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn tells in no other way
            await asyncio.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving
            listener.close()


def asked_by(client: str, *, earlier: bool) -> tuple[str, ...]:
    """The SDK's other client shows what its major versions differ in."""
    return ("openai",) if client == "responses" and earlier else tuple(VENDORS)


async def cells_of(
    client: str, url: str, *, earlier: bool
) -> tuple[dict[tuple[str, str], dict[str, Any]], str]:
    """-> what the client saw by (product, feature), and its version."""
    path = f"{EARLIER}:{ROOT}" if earlier else str(ROOT)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"tests.matrix.{client}_client", url, KEY),
        *asked_by(client, earlier=earlier),
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": path},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    *lines, version = said.decode().splitlines()
    told = [json.loads(line) for line in lines]
    return {(one["product"], one["feature"]): one["seen"] for one in told}, version


def expected(client: str, upstream: str, feature: str) -> dict[str, Any]:
    """Of a cell: what is not named is as an empty `Seen` has it."""
    if (param := REFUSED.get((client, upstream, feature))) is not None:
        named = {} if client == "gemini" else {"param": param}
        return {"error": ERRORS[client], "status": 400, "code": "invalid_request", **named}
    if feature == "error":
        return {"error": ERRORS[client], "status": 400, "code": "upstream_rejected"}
    said = SAID[feature.removesuffix(" streamed")]
    end = ENDS[client]["tools" if "calls" in said else "stop"]
    if (client, upstream, feature) == ("anthropic", "anthropic", "stop"):
        end = "stop_sequence"  # no other dialect tells which stop it was
    return {"model": upstream, "tokens": [INPUT_TOKENS, OUTPUT_TOKENS], "end": end, **said}


@pytest.mark.parametrize(
    "earlier",
    [
        pytest.param(False, id="newest"),
        pytest.param(True, id="one major before", marks=pytest.mark.campaign),
    ],
)
@pytest.mark.parametrize("client", CLIENTS)
async def test_the_matrix(client: str, earlier: bool, tmp_path: Path) -> None:
    async with gateway(tmp_path) as url:
        cells, version = await cells_of(client, url, earlier=earlier)
    assert version.startswith(f"{VERSIONS[client][earlier]}.")
    asked = [feature for feature in FEATURES if (client, feature) not in NO_WORDS]
    upstreams = asked_by(client, earlier=earlier)
    assert set(cells) == {(upstream, feature) for upstream in upstreams for feature in asked}
    empty = asdict(Seen())
    wrong = [
        f"{cell}: {name} is {seen[name]!r}, not {wanted!r}"
        for cell, seen in cells.items()
        for name, wanted in {**empty, **expected(client, *cell)}.items()
        if seen[name] != wanted
    ]
    assert not wrong, "\n".join(wrong)


def test_the_page_shows_it() -> None:
    expected_page = table(list(VENDORS), REFUSED)
    assert page_text() == expected_page, f"dialects.md should say:\n{expected_page}"
