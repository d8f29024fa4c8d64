"""What the books must say after any journey: the guarantees of the money protocol, of SQL and of the wire."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import psycopg

from billing import database
from billing.ledger.store import trial_balance
from metering.shares import government_micro
from tests.fakes.house import House
from tests.journeys.caller import Caller, micro, total_micro
from tests.journeys.declarations import CACHED_WON, INPUT_WON, OUTPUT_WON, SHARE_PPM

HELD_WAIT_S = 60.0


async def wait_for(
    what: Callable[[], Awaitable[bool]], *, timeout_s: float, said: str, poll_s: float = 0.1
) -> float:
    """Seconds waited."""
    started_s = time.monotonic()
    while not await what():
        assert time.monotonic() - started_s < timeout_s, f"waited {timeout_s:.0f} s in vain: {said}"
        await asyncio.sleep(poll_s)
    return time.monotonic() - started_s


def charge_micro(
    usage: Mapping[str, Any],
    *,
    input_won: int = INPUT_WON,
    output_won: int = OUTPUT_WON,
    per: int = CACHED_WON,
) -> int:
    """An OpenAI usage object at whole-won prices: won per million tokens are micro-won per token."""
    details = usage.get("prompt_tokens_details") or {}
    cached = details.get("cached_tokens") or 0
    plain = usage["prompt_tokens"] - cached
    return int(plain * input_won + cached * per + (usage.get("completion_tokens") or 0) * output_won)


async def rows(house: House, query: str, *values: Any) -> list[tuple[Any, ...]]:
    async with await database.connect(house.database_url) as connection:
        cursor = await connection.execute(query.encode(), values or None)
        return await cursor.fetchall()


async def wait_posted(house: House, usage_ids: Iterable[str], *, timeout_s: float = 15.0) -> None:
    """Until every one of these calls is in the books."""
    wanted = set(usage_ids)

    async def posted() -> bool:
        found = await rows(house, "select op from usage_now where op = any(%s)", sorted(wanted))
        return {op for (op,) in found} == wanted

    await wait_for(posted, timeout_s=timeout_s, said="usage posted")


async def wait_settled(caller: Caller, *, timeout_s: float = HELD_WAIT_S) -> float:
    """Until no hold is left, as the company sees it; the seconds that took."""

    async def is_free() -> bool:
        return total_micro(await caller.voucher(), "held") == 0

    return await wait_for(is_free, timeout_s=timeout_s, said="holds end", poll_s=0.25)


async def assert_sound(house: House, *, timeout_s: float = 30.0) -> None:
    """The ledger proves itself, nothing is parked, no claim is open, every old epoch is closed."""

    async def is_quiet() -> bool:
        open_ends = (
            "select (select count(*) from claim) + (select count(*) from lane_epoch where state = 'closing')"
        )
        try:
            return await rows(house, open_ends) == [(0,)]
        except psycopg.OperationalError:
            return False

    await wait_for(is_quiet, timeout_s=timeout_s, said="epochs closed, claims ended")
    assert await rows(house, "select kind, op, reason from parked") == []
    async with await database.connect(house.database_url) as connection:
        balance = await trial_balance(connection)
    assert balance.faults == ()
    assert balance.total_micro == 0


async def assert_agrees(house: House, caller: Caller, voucher_id: str, charges: Mapping[str, int]) -> None:
    """Usage rows, ledger accounts and GET /v1/voucher all say: exactly these charges, by the rule's shares.

    `charges`: what is expected by usage id, in micro-won; calls that cost nothing may be left out.
    """
    await wait_posted(house, charges)
    await wait_settled(caller)
    records = {record["id"]: record for record in await caller.usage()}
    charged = {usage_id: micro(record["charge_krw"]) for usage_id, record in records.items()}
    assert {usage_id: charge for usage_id, charge in charged.items() if charge} == {
        usage_id: charge for usage_id, charge in charges.items() if charge
    }
    total = sum(charges.values())
    government = government_micro(total, SHARE_PPM)
    assert sum(micro(record["government_krw"]) for record in records.values()) == government
    assert sum(micro(record["self_krw"]) for record in records.values()) == total - government
    shown = await caller.voucher()
    assert micro(shown["government"]["spent_krw"]) == government
    assert micro(shown["self"]["spent_krw"]) == total - government
    query = (
        "select coalesce(-sum(p.amount_micro), 0)::bigint from posting p join entry e on e.id = p.entry_id"
        " where p.account = %s and e.kind in ('usage', 'correction')"
    )
    for source, expected in (("government", government), ("self", total - government)):
        assert await rows(house, query, f"voucher/{voucher_id}/{source}") == [(expected,)]
    await assert_sound(house)
