"""What vendors store, in PostgreSQL: bound once, found by its company alone, followed by one gateway."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import psycopg
import pytest

from billing.database import Connection, Pool, connect
from billing.gateways import mark_gateway_ended, register_gateway
from billing.migrate import upgrade
from billing.stored_store import CLAIMED_MAX, StoredRow, bind, claim, delete, find, finish, hand_on
from tests.billing.audit.test_founding import upgrade_to

ROW = StoredRow("response", "resp_1", "gaonde", "x1", "x1/0", "https://vendor.example/v1", "op1")


async def _bind(conn: Connection, row: StoredRow = ROW, call: str | None = None) -> bool:
    return await bind(conn, row, gateway_id="g1", call=call)


async def _find(conn: Connection, row: StoredRow = ROW) -> tuple[StoredRow, bool] | None:
    return await find(conn, company_id=row.company_id, kind=row.kind, vendor_id=row.vendor_id)


@pytest.mark.parametrize(
    "asked",
    [
        replace(ROW, company_id="other"),
        replace(ROW, kind="file"),
        replace(ROW, vendor_id="resp_2"),
        replace(ROW, vendor_id="resp_%"),
        replace(ROW, vendor_id="' or true --"),
    ],
)
async def test_found_by_its_company_kind_and_id_alone(conn: Connection, asked: StoredRow) -> None:
    assert await _bind(conn)
    assert await _find(conn) == (ROW, False)
    assert await _find(conn, asked) is None


async def test_bound_to_the_first(conn: Connection) -> None:
    assert await _bind(conn)
    assert await _bind(conn), "again is no harm"
    assert not await _bind(conn, replace(ROW, company_id="other", op="op2"))
    assert await _find(conn, replace(ROW, company_id="other")) is None
    elsewhere = replace(ROW, base_url="https://other.example/v1", company_id="other", op="op3")
    assert await _bind(conn, elsewhere), "ids are a vendor's own"
    assert await _find(conn, elsewhere) == (elsewhere, False)
    assert await _find(conn) == (ROW, False)


async def test_two_companies_at_once_get_one_owner(pool: Pool) -> None:
    async def one(company_id: str) -> bool:
        async with pool.connection() as conn:
            return await _bind(conn, replace(ROW, company_id=company_id, op=company_id))

    assert sorted(await asyncio.gather(*(one(f"c{n}") for n in range(6)))) == [False] * 5 + [True]


async def test_deleted_is_gone(conn: Connection) -> None:
    await _bind(conn)
    await delete(conn, ROW)
    assert await _find(conn) is None
    assert not await _bind(conn, replace(ROW, company_id="other")), "nor is it free for others"


async def test_what_goes_on_until_it_is_finished(conn: Connection) -> None:
    await _bind(conn)
    await _bind(conn, call='{"a":"한"}')
    assert await _find(conn) == (ROW, True)
    await finish(conn, "op1")
    assert await _find(conn) == (ROW, False)
    await finish(conn, "op1")


async def test_followed_by_another_only_when_its_gateway_is_over(conn: Connection) -> None:
    await register_gateway(conn, "g1")
    await register_gateway(conn, "g2")
    await _bind(conn, call="{}")
    assert await claim(conn, "g2") == []
    await conn.execute("update gateway set seen_at = seen_at - interval '31 seconds' where id = 'g1'")
    assert await claim(conn, "g2") == [(ROW, "{}")]
    assert await claim(conn, "g3") == [], "now it is g2's"
    await mark_gateway_ended(conn, "g2")
    assert await claim(conn, "g3") == [(ROW, "{}")]


async def test_handed_on_at_once_by_who_stops(conn: Connection) -> None:
    for name in ("g1", "g2"):
        await register_gateway(conn, name)
    await _bind(conn, call="{}")
    await hand_on(conn, "g2")
    assert await claim(conn, "g2") == []
    await hand_on(conn, "g1")
    assert await claim(conn, "g2") == [(ROW, "{}")]


async def test_of_many_who_claim_each_gets_its_own(pool: Pool, conn: Connection) -> None:
    rows = [replace(ROW, vendor_id=f"r{n}", op=f"op{n}") for n in range(CLAIMED_MAX + 10)]
    for name in ("g2", "g3", "g4"):
        await register_gateway(conn, name)
    for row in rows:
        await _bind(conn, row, call="{}")  # by g1, which the books do not know

    async def one(gateway_id: str) -> list[str]:
        async with pool.connection() as mine:
            return [row.op for row, _ in await claim(mine, gateway_id)]

    for _ in range(20):  # a claim that began before another's ended once took the same again
        claimed = [op for ops in await asyncio.gather(*map(one, ("g2", "g3", "g4"))) for op in ops]
        claimed += await one("g2")
        assert sorted(claimed) == sorted(row.op for row in rows)
        await conn.execute("update unfinished set gateway_id = 'g1'")


async def test_books_of_the_version_before(postgres_url: str) -> None:
    upgrade_to(postgres_url, "0004")
    with psycopg.connect(postgres_url) as connection:
        connection.execute("insert into gateway (id) values ('g1')")
    upgrade(postgres_url)
    async with await connect(postgres_url) as conn:
        assert await _bind(conn, call="{}")
        assert await claim(conn, "g2") == [], "a gateway that was known before is known still"
