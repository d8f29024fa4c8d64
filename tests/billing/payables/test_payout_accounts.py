"""Where providers are paid: sealed, shown by the last digits, never two in force."""

from __future__ import annotations

import asyncio

from billing.casework.deeds import Deed
from billing.casework.rows import rows_of
from billing.lifecycle.table import Actor
from billing.payables import accounts
from billing.payables.accounts import Entered
from tests.fakes.payables_world import ACCOUNT, PayablesWorld


async def test_an_account_is_entered_while_the_one_before_is_confirmed(world: PayablesWorld) -> None:
    """Each used to wait for a row of the other's, until one of them was turned away."""
    office = world.office
    first = (await office.post("nuri", "payout_accounts", ACCOUNT))["id"]
    async with office.pool.connection() as conn, conn.transaction():
        await conn.execute("select 1 from provider where id = 'nuri' for update")  # as entering begins
        confirming = asyncio.create_task(
            office.call("operator", "POST", f"payout_accounts/{first}/confirm", {})
        )
        while not await rows_of(conn, "select 1 from pg_locks where not granted"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        deed = Deed(Actor("nuri@example.org", "provider", None, "nuri"), office.now, "r-1")
        await accounts.enter(conn, office.secrets, Entered("bank", "12345678", "누리", "004"), deed=deed)
    assert (await confirming).json()["code"] == "wrong_state"


async def test_an_account_is_sealed_masked_and_replaced(world: PayablesWorld) -> None:
    office = world.office
    first = await world.account()
    second = (
        await office.post(
            "nuri",
            "payout_accounts",
            {"rail": "bank", "bank_code": "004", "number": "12345678", "holder": "누리"},
        )
    )["id"]
    third = (
        await office.post(
            "nuri",
            "payout_accounts",
            {"rail": "bank", "bank_code": "004", "number": "87654321", "holder": "누리"},
        )
    )["id"]
    states = {one["id"]: one["state"] for one in (await office.get("nuri", "payout_accounts"))["data"]}
    assert states == {first: "confirmed", second: "replaced", third: "entered"}
    await office.post("operator", f"payout_accounts/{third}/confirm")
    assert (await office.get("nuri", f"payout_accounts/{first}"))["state"] == "replaced"
    assert await office.refused("operator", f"payout_accounts/{second}/confirm") == (409, "wrong_state")
    async with office.pool.connection() as conn:
        cursor = await conn.execute("select payout_account::text from payout_account")
        kept = " ".join(row[0] for row in await cursor.fetchall())
    assert "12345678" not in kept
    shown = await office.call("nuri", "GET", "payout_accounts")
    assert "12345678" not in shown.text
    assert [one["account"] for one in shown.json()["data"]] == ["****6789", "****5678", "****4321"]
    for wrong in (
        {"number": "123"},
        {"number": "=1234567"},
        {"bank_code": "88"},
        {"holder": "=HYPERLINK()"},
        {"holder": "누리\n"},
        {"rail": "stripe"},
        {"rail": "stripe", "number": "acct_1"},
    ):
        body = {"rail": "bank", "bank_code": "088", "number": "1234567", "holder": "누리"} | wrong
        answer = await office.call("nuri", "POST", "payout_accounts", body)
        assert answer.status_code == 422, wrong
