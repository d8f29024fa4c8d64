"""A world in which every page has something to show, under hostile names."""

from __future__ import annotations

from billing.jobs import store
from tests.fakes.a_payable import a_closed_month
from tests.fakes.office_world import OfficeWorld
from tests.portal.api.a_report import line, selling
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND
from tests.portal.api.a_settlement import at_its_end
from tests.portal.api.route_table import BODIES, REPORT_KEY
from tests.portal.api.test_role_matrix import DEED
from tests.portal.web.page_table import IDS, STEPS
from tests.portal.web.web_world import HOSTILE, for_sale, paid


async def one_of_everything(world: OfficeWorld) -> None:
    """gaonde has it, and nuri is what it has it of."""
    named = {"name": HOSTILE}
    await world.to_an_amendment(PROGRAMME | named, ROUND | named, APPLICATION | {"title": HOSTILE})
    await for_sale(world)
    await paid(world)
    await paid_to_nuri(world)
    await world.post("gaonde", "own_funds", {"limit_krw": 1_000})
    async with world.pool.connection() as conn:
        for table, one in (("company", "gaonde"), ("provider", "nuri")):
            await conn.execute(f"update {table} set name = %s where id = %s".encode(), [HOSTILE, one])
    nuri = await selling(world, "item", key=REPORT_KEY, accept_from_krw=0)
    await nuri.taken(line("item", "line-1", 1))
    await a_job(world)
    await at_its_end(world)
    await world.post("gaonde", "webhooks", {"url": "https://hooks.example.com/gaonde-2026"})
    await world.post("gaonde", "webhooks/wh-000001/test")


async def paid_to_nuri(world: OfficeWorld) -> None:
    """A month with something withheld, in payment at its account, and objected to."""
    change = {"from": "2026-01", "basis_points": 1_000, "reason": HOSTILE}
    await world.post("operator", "programmes/ai-2026/change-holdback", change)
    async with world.pool.connection() as conn:
        await a_closed_month(conn, deed=DEED)
    await world.post("nuri", "payout_accounts", BODIES["PayoutAccount"])
    await world.post("operator", "payout_accounts/pa-000001/confirm")
    await world.post("operator", "payables/py-000001/propose")
    await world.post("second", "payables/py-000001/approve")
    await world.post("operator", "payout_batches", {"payables": ["py-000001"]})
    await world.post("nuri", "payables/py-000001/object", {"reason": HOSTILE})


async def a_job(world: OfficeWorld) -> None:
    """A statement of nuri's under a hostile name, and a file beside it."""
    large = BODIES["LargeStatement"] | {"file_name": HOSTILE}
    made = await world.post("operator", "statement_imports", large)
    async with world.pool.connection() as conn:
        await store.put_pieces(conn, made["id"], "file", [b"PK"])
        await conn.execute(
            "update job set file_name = %s, file_bytes = 2, file_sha256 = %s, expires_at = '2099-01-01'",
            ["a.zip", "0" * 64],
        )


def place_of(path: str, call: str) -> str:
    """A path of the table with gaonde's own in it."""
    prefix, kind = path.split("/")[1:3] if path.count("/") > 1 else (path[1:], "")
    there = path.replace("{name}", IDS["keys"]).replace("{month}", "2026-03").replace("{form}", "csv")
    there = there.replace("{id:path}", "{id}")
    if kind == "trace":
        kind = path.split("/")[-2]
    if kind == "statements":
        there = there.replace("{subject}/{id}", "company/gaonde")
    there = there.replace("{id}", call if kind in ("usage", "calls") else IDS.get(kind, ""))
    return there.replace("{step}", STEPS.get((prefix, kind), "voucher.issue"))
