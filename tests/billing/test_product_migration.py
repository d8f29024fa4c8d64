"""Books of the version before the lives of products: what is there is on sale, and goes on as it was."""

from __future__ import annotations

import psycopg

from billing.database import connect
from billing.migrate import upgrade
from tests.billing.test_casework_migration import upgrade_to
from tests.fakes.declared_world import COMPANY, PRODUCT, World

BEFORE = "0010"
OLD_ROWS = """
insert into provider (id, name, brn) values ('nuri', '누리모델', '1118111112'), ('old', '옛모델', null);
insert into product (id, provider_id, scale, purposes, context_tokens, max_output_tokens,
    input_overhead_tokens, on_client_gone, active, created_at)
    values ('old-x1', 'old', 'large', '{chat}', 1000, 100, 512, 'drain', true, '2026-01-01T00:00:00Z'),
           ('old-x2', 'old', 'large', '{chat}', 1000, 100, 512, 'drain', false, '2026-01-01T00:00:00Z');
insert into price values
    ('old-x1', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', 7, 7, 7, 7, 7, 7, 7, 0, 0, 0, 0, 0);
"""


async def test_products_of_the_version_before(postgres_url: str) -> None:
    upgrade_to(postgres_url, BEFORE)
    with psycopg.connect(postgres_url) as before:
        before.execute(OLD_ROWS.encode())
        changes = before.execute("select count(*) from change").fetchone()
        revision = before.execute("select revision from directory_revision").fetchone()
    upgrade(postgres_url)
    async with await connect(postgres_url) as conn:
        world = World(conn)
        products = {product.product_id: product for product in (await world.load()).products}
        assert {name: product.active for name, product in products.items()} == {
            "old-x1": True,
            "old-x2": False,
        }
        assert [price.input for price in products["old-x1"].prices] == [7]
        lives = await (await conn.execute("select state from product_life")).fetchall()
        assert lives == [("on_sale",), ("on_sale",)]
        assert await (await conn.execute("select state from provider_life")).fetchall() == [
            ("approved",),
            ("approved",),
        ]
        # The log of the books and the gateways see no change in what did not change.
        assert await (await conn.execute("select count(*) from change")).fetchone() == changes
        assert await (await conn.execute("select revision from directory_revision")).fetchone() == revision
        report = await world.apply(PRODUCT + COMPANY)
        assert report.created == ("product/nuri-x1", "company/gaonde")
        assert (await world.apply(PRODUCT + COMPANY)).changed == ()
        assert {p.product_id: p.active for p in (await world.load()).products}["nuri-x1"]
