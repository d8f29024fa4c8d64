"""Files and batches through OpenAI's own package, in its newest major version and the one before."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from config.settings import read_limits
from gateway.asgi.protocol import LimitedProtocol
from launch.serving import build_server
from tests.docs.pages import ROOT
from tests.fakes.batch_vendor import BatchVendor
from tests.fakes.gateway_world import KEY, World, world

EARLIER: Final = Path(sys.prefix) / "earlier"  # tests/matrix/earlier.txt


@asynccontextmanager
async def served(vendor: BatchVendor, tmp_path: Path) -> AsyncIterator[tuple[World, str]]:
    async with world(vendor, tmp_path) as w:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        server = build_server(w.gateway, limits=read_limits({}), drain_s=1, protocol=LimitedProtocol)
        serving = asyncio.ensure_future(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn tells in no other way
            await asyncio.sleep(0.005)
        try:
            yield w, f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        finally:
            server.should_exit = True
            await serving
            listener.close()


async def talk(url: str, *, earlier: bool) -> dict[str, Any]:
    path = f"{EARLIER}:{ROOT}" if earlier else str(ROOT)
    client = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.gateway.batch_client", url, KEY),
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": path},
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await client.communicate()
    assert client.returncode == 0
    said: dict[str, Any] = json.loads(out)
    return said


@pytest.mark.parametrize("earlier", [False, True], ids=["newest", "one major before"])
async def test_a_nights_batch(tmp_path: Path, earlier: bool) -> None:
    vendor = BatchVendor()
    async with served(vendor, tmp_path) as (w, url):
        talking = asyncio.ensure_future(talk(url, earlier=earlier))
        while not (vendor.batches or talking.done()):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)
        vendor.finish()
        said = await talking
        assert said.pop("version").startswith("2." if earlier else "3.")
        assert said == {
            "file": ["file", "batch", "night.jsonl"],
            "begun": "in_progress",
            "ended": "completed",
            "metadata": {"night": "1"},
            "answered": 3,
            "models": ["x1"] * 3,
            "files": 2,
            "batches": True,
            "refused": "upstream_rejected",
            "deleted": True,
            "gone": "id_not_found",
        }
        assert [event.charge_micro for event in w.events] == [90_000]
