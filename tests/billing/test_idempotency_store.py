"""One call per key: claimed once, answered from the books, taken over from the dead under the same op."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from billing.database import Connection, Pool, connect
from billing.gateways import mark_gateway_ended, register_gateway
from billing.idempotency_store import claim, finish, forget, purge_expired
from metering.claim import Answered, Claimed, ClaimOutcome, InProgress, Mismatch, NotKept


@pytest.fixture
async def conn(books_url: str) -> AsyncIterator[Connection]:
    async with await connect(books_url) as opened:
        await register_gateway(opened, "g1")
        await register_gateway(opened, "g2")
        yield opened


async def _claim(
    conn: Connection, op: str, *, body: bytes = b"b", gateway_id: str = "g1", company_id: str = "gaonde"
) -> ClaimOutcome:
    return await claim(
        conn, company_id=company_id, key_hash=b"k", body_hash=body, op=op, gateway_id=gateway_id
    )


async def _forget(conn: Connection, own_op: str | None, *, gateway_id: str = "g1") -> None:
    await forget(conn, company_id="gaonde", key_hash=b"k", own_op=own_op, gateway_id=gateway_id)


async def test_claim_finish_and_ask_again(conn: Connection) -> None:
    assert await _claim(conn, "a") == Claimed("a")
    assert await _claim(conn, "b") == InProgress()
    assert await _claim(conn, "b", body=b"other") == Mismatch()
    assert await _claim(conn, "c", company_id="other") == Claimed("c")
    await finish(conn, company_id="gaonde", key_hash=b"k", op="a", sealed=b"sealed")
    assert await _claim(conn, "b") == Answered("a", b"sealed")
    assert await _claim(conn, "b", body=b"other") == Mismatch()


async def test_an_answer_too_large_is_named_and_never_run_again(conn: Connection) -> None:
    await _claim(conn, "a")
    await finish(conn, company_id="gaonde", key_hash=b"k", op="a", sealed=None)
    assert await _claim(conn, "b") == NotKept("a")


async def test_a_failure_that_cost_nothing_is_forgotten(conn: Connection) -> None:
    await _claim(conn, "a")
    await _forget(conn, "a")
    await _forget(conn, "a")
    assert await _claim(conn, "b") == Claimed("b")


async def test_who_took_a_claim_over_and_failed_leaves_it_with_its_op(conn: Connection) -> None:
    """The dead gateway's charge may still be on its way: another op would be charged beside it."""
    await _claim(conn, "a")
    await mark_gateway_ended(conn, "g1")
    assert await _claim(conn, "b", gateway_id="g2") == Claimed("a")
    await _forget(conn, "b", gateway_id="g2")
    assert await _claim(conn, "c", body=b"other", gateway_id="g2") == Mismatch()
    assert await _claim(conn, "c", gateway_id="g2") == Claimed("a")
    assert await _claim(conn, "d", gateway_id="g2") == InProgress()


async def test_a_charge_that_nobody_took_keeps_its_op(conn: Connection) -> None:
    await _claim(conn, "a")
    await _forget(conn, None)
    assert await _claim(conn, "b") == Claimed("a")


async def test_only_ones_own_claim_is_given_up(conn: Connection) -> None:
    """A gateway that did not hear whether it had claimed the key gives up what it may have, late."""
    await _claim(conn, "a")
    await _forget(conn, "b", gateway_id="g2")
    assert await _claim(conn, "c") == InProgress()
    await mark_gateway_ended(conn, "g1")
    assert await _claim(conn, "d", gateway_id="g2") == Claimed("a")
    await _forget(conn, "a", gateway_id="g1")
    assert await _claim(conn, "e", gateway_id="g2") == InProgress(), "it is the second one's now"
    await finish(conn, company_id="gaonde", key_hash=b"k", op="a", sealed=b"x")
    await _forget(conn, "d", gateway_id="g2")
    assert await _claim(conn, "f") == Answered("a", b"x")


async def test_a_claim_of_a_dead_gateway_is_taken_under_the_same_op(conn: Connection) -> None:
    await _claim(conn, "a")
    await mark_gateway_ended(conn, "g1")
    assert await _claim(conn, "b", gateway_id="g2") == Claimed("a")
    assert await _claim(conn, "c", gateway_id="g2") == InProgress()


async def test_a_claim_expires_after_a_day(conn: Connection) -> None:
    await _claim(conn, "a")
    await finish(conn, company_id="gaonde", key_hash=b"k", op="a", sealed=b"x")
    await conn.execute("update idem set expires_at = expires_at - interval '25 hours'")
    assert await _claim(conn, "b", body=b"other") == Claimed("b")
    await conn.execute("update idem set expires_at = expires_at - interval '25 hours'")
    await purge_expired(conn)
    cursor = await conn.execute("select count(*) from idem")
    assert await cursor.fetchone() == (0,)


async def test_of_many_at_once_one_is_first(pool: Pool, conn: Connection) -> None:
    async def one(op: str) -> ClaimOutcome:
        async with pool.connection() as own:
            return await _claim(own, op)

    outcomes = await asyncio.gather(*(one(str(index)) for index in range(8)))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Claimed", *["InProgress"] * 7]
