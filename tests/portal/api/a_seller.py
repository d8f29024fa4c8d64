"""An office and a gateway in one process, and nuri's draft whose calls go to a vendor of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from billing.directory_store import load_directory
from tests.fakes import gateway_world
from tests.fakes.asgi_client import Heard
from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_product import PRODUCT

CHAT = "/v1/chat/completions"


@dataclass(slots=True)
class Seller:
    office: OfficeWorld
    gateway: gateway_world.World
    draft: dict[str, Any]

    async def told(self) -> None:
        """The gateway reads what it reads within a second of a change."""
        async with self.office.pool.connection() as conn:
            delta = await load_directory(conn, secrets=self.office.secrets)
        products = gateway_world.Everything(revision=delta.revision, products=delta.products)
        self.gateway.directory.apply(products)

    async def call(self, path: str = CHAT) -> Heard:
        said = [{"role": "user", "content": "hello"}]
        body = {"model": "nuri-draft", "max_tokens": 50, "messages": said}
        return await self.gateway.client.call("POST", path, body)


@asynccontextmanager
async def drafted(books_url: str, tmp_path: Path, vendor: gateway_world.Vendor) -> AsyncIterator[Seller]:
    async with (
        opened(books_url, allow_private=True) as office,
        gateway_world.world(vendor, tmp_path) as gateway,
    ):
        address = gateway.directory.products["x1"].upstreams[0].base_url
        upstream = [PRODUCT["upstream"][0] | {"base_url": address}]
        draft = await office.post("nuri", "products", PRODUCT | {"upstream": upstream})
        yield Seller(office, gateway, draft)
