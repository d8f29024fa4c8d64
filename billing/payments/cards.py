"""Cards that companies let be kept, and the automatic top-up: threshold, amount, at most one on its way."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from billing.casework.deeds import Deed, the_clock, write_step
from billing.casework.rows import Row, row_of, rows_of
from billing.database import Connection
from billing.directory_time import instant_ms
from billing.lifecycle.table import Refused
from billing.payments import rows
from billing.payments.amounts import card_won
from billing.payments.port import SavedCard
from metering import shares

FIND: Final = "select c.*, c.company_id as id from card c"

# A deposit that the grant can no longer match is not asked for, nor is one beside an open dispute.
_LOW: Final = """
    select c.company_id, c.voucher_id, c.amount_micro, c.threshold_micro, f.share_ppm, f.charged_micro,
           f.self_micro, f.government_micro
    from card c join funds f on f.voucher_id = c.voucher_id and f.company_id = c.company_id
    join company o on o.id = c.company_id and o.active
    where c.automatic and f.state = 'active' and f.ends_ms > %s and not exists
        (select from payment p where p.company_id = c.company_id and p.method = 'automatic'
         and p.state = 'started')"""


async def find(conn: Connection, company_id: str, *, lock: bool = False) -> Row:
    """Raises Refused."""
    return await row_of(
        conn, f"{FIND} where c.company_id = %s" + (" for update" if lock else ""), [company_id]
    )


async def keep(conn: Connection, payment_id: str, card: SavedCard) -> None:
    """The card of a payment whose payer asked for that; a later one takes the place of an earlier.

    With the news that it was paid alone: what is heard of an old payment later says nothing of the card.
    """
    await conn.execute(
        "insert into card (company_id, customer_id, method_id, label)"
        " select company_id, %s, %s, %s from payment where id = %s and save_card"
        " and not exists (select from card_removal where method_id = %s)"
        " on conflict (company_id) do update set customer_id = excluded.customer_id,"
        " method_id = excluded.method_id, label = excluded.label, saved_at = clock_timestamp()"
        " where card.method_id <> excluded.method_id",
        [card.customer_id, card.method_id, card.label, payment_id, card.method_id],
    )


async def remove(conn: Connection, company_id: str, *, deed: Deed) -> None:
    """Nobody charges it any more from the commit on; the worker has Stripe forget it. Raises Refused."""
    row = await find(conn, company_id, lock=True)
    await conn.execute("delete from card where company_id = %s", [company_id])
    await conn.execute(
        "insert into card_removal (method_id, company_id, customer_id, label, person, at)"
        " values (%s, %s, %s, %s, %s, %s)",
        [row["method_id"], company_id, row["customer_id"], row["label"], deed.actor.person, deed.now],
    )
    await rows.put_job(conn, "forget", row["method_id"])


async def change(conn: Connection, company_id: str, values: Mapping[str, Any]) -> None:
    """`values` by column. Raises Refused."""
    now = {**await find(conn, company_id, lock=True), **values}
    if now["automatic"]:
        of_company = await rows_of(
            conn, "select 1 from voucher where (id, company_id) = (%s, %s)", [now["voucher_id"], company_id]
        )
        if not of_company or not now["amount_micro"]:
            raise Refused(
                "top_up_incomplete",
                "An automatic top-up names a voucher of the company, a threshold and an amount.",
                "자동 충전에는 바우처, 기준 잔액, 충전 금액이 필요합니다.",
            )
    if now["amount_micro"]:
        card_won(now["amount_micro"])
    await conn.execute(
        "update card set automatic = %s, voucher_id = %s, threshold_micro = %s, amount_micro = %s,"
        " paused = case when %s then null else paused end where company_id = %s",
        [
            now["automatic"],
            now["voucher_id"],
            now["threshold_micro"],
            now["amount_micro"],
            now["automatic"],
            company_id,
        ],
    )


async def pause(conn: Connection, company_id: str, why: str) -> None:
    """A card that was refused is not tried again until its company says so."""
    await conn.execute(
        "update card set automatic = false, paused = %s where company_id = %s", [why[:100], company_id]
    )


async def begin_charges(conn: Connection, *, now: datetime) -> int:
    """Where a self share is below its threshold: a payment, committed before the card is asked."""
    begun = 0
    for low in await rows_of(conn, _LOW, [instant_ms(now)]):
        if _is_low(low):
            async with conn.transaction():
                begun += await _begin(conn, low["company_id"], now)
    return begun


def _is_low(low: Mapping[str, int]) -> bool:
    charged, share = low["charged_micro"], low["share_ppm"]
    left_micro = low["self_micro"] - (charged - shares.government_micro(charged, share))
    line = shares.capacity(
        grant_micro=low["government_micro"], deposit_micro=low["self_micro"], share_ppm=share
    )
    return left_micro < low["threshold_micro"] and line.stopped_by == "self"


async def _begin(conn: Connection, company_id: str, now: datetime) -> bool:
    """Looked at again where nobody else does: another worker may have charged the card since it was read."""
    await rows_of(conn, "select 1 from card where company_id = %s for update", [company_id])
    again = await rows_of(conn, f"{_LOW} and c.company_id = %s", [instant_ms(now), company_id])
    if not again or not _is_low(again[0]):
        return False
    low = again[0]
    # One per company and past: whoever comes second makes the same one.
    before = await row_of(
        conn,
        "select count(*) as number from payment where company_id = %s and method = 'automatic'",
        [company_id],
    )
    name = f"{company_id}\nautomatic\n{before['number']}"
    payment_id = f"pay-{hashlib.sha256(name.encode()).hexdigest()[:24]}"
    made = await rows.insert_payment(
        conn,
        {
            "id": payment_id,
            "company_id": company_id,
            "rail": "stripe",
            "method": "automatic",
            "voucher_id": low["voucher_id"],
            "amount_micro": low["amount_micro"],
            "save_card": False,
            "state": "started",
            "person": "clock",
            "created_at": now,
        },
    )
    if made:
        by = the_clock(now)
        await write_step(conn, "payment", "begin", by=by, thing_id=payment_id, before=None, after="started")
        await rows.put_job(conn, "charge", payment_id)
    return made
