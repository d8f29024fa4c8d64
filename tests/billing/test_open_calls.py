"""`status=open`: the calls that run now, of this company alone, until they end."""

from __future__ import annotations

import pytest

from billing.database import Connection, Pool
from billing.gateways import register_gateway
from billing.open_calls import open_page
from billing.usage_store import BadQuery
from metering.purse import HoldRef
from tests.fakes.books_world import COMPANY, LANE, VOUCHER, WON, World


async def test_a_call_shows_while_it_runs(pool: Pool, conn: Connection) -> None:
    world = World(pool)
    await world.fund(government_won=1000)
    assert await open_page(conn, world.purse, COMPANY, {}) == {"data": [], "next_cursor": None}
    await register_gateway(conn, "g1")
    n = await world.treasury.current_epoch(LANE)
    await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1)
    first, second = await world.reserve(n, WON), await world.reserve(n, WON)

    async def shown(**filters: str) -> list[str]:
        return [record["id"] for record in (await open_page(conn, world.purse, COMPANY, filters))["data"]]

    assert await shown() == [second, first]
    assert await shown(limit="1") == [second]
    assert (
        await shown(cursor="AAAAAAAAAAE")
        == await shown(product="other")
        == await shown(to="2020-01-01")
        == []
    )
    [record, _] = (await open_page(conn, world.purse, COMPANY, {}))["data"]
    assert (record["status"], record["voucher"], record["posted"]) == ("open", VOUCHER, False)
    assert (record["charge_krw"], record["finished_at"], record["end_reason"]) == ("0", None, None)
    assert (await open_page(conn, world.purse, "somebody-else", {}))["data"] == []
    ref = HoldRef(LANE, n, first, VOUCHER, "", "g1")
    await world.purse.settle(ref, charge_micro=1, tokens=1, event=b"{}")
    assert await shown() == [second]


async def test_a_query_that_cannot_be_read_says_so(pool: Pool, conn: Connection) -> None:
    world = World(pool)
    for filters in ({"limit": "0"}, {"from": "yesterday"}):
        with pytest.raises(BadQuery):
            await open_page(conn, world.purse, COMPANY, filters)
