"""What a voucher did not use by its end goes back: recalled from the purse, then expired, by source.

Holds made before the end are settled first: as long as anything is lent and neither spent nor returned, the
voucher waits; so it does for reported use that is undecided, and as long as use of a product that it names
may still be reported. An ended voucher that is declared anew gets its unused part back, and expires again if
it has still ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from billing.database import Connection
from billing.ledger import rules
from billing.ledger.store import append_entries
from billing.loans import recall_loan
from metering import shares
from metering.purse import Purse, PurseUnavailable

GRACE_S: Final = 60  # after the end, so that the last calls need not be recalled from
EXPIRE_MAX: Final = 100  # vouchers in one pass

# Of a voucher's funds: it has ended, something is unused, and no reported use may still want it.
_OVER: Final = """
    (state = 'ended' or ends_ms < (extract(epoch from clock_timestamp()) - %(grace_s)s) * 1000)
      and government_micro + self_micro
          > charged_micro + expired_government_micro + expired_self_micro
      and (state = 'ended' or not exists (
          select from voucher v where v.id = funds.voucher_id and (
              exists (select from report_line r where r.company_id = v.company_id
                      and r.state in ('reported', 'accepted', 'objected') and r.served_ms < funds.ends_ms
                      and (v.products is null or r.product_id = any(v.products)))
              or exists (select from reported_product p where p.id = any(v.products)
                         and funds.ends_ms + p.report_days * 86400000::bigint
                             > extract(epoch from clock_timestamp()) * 1000))))"""
_UNUSED: Final = (
    f"select voucher_id from funds where {_OVER} and lane = any(%(lanes)s)"  # noqa: S608 - constants
    " order by voucher_id limit %(most)s"
)
_STILL_UNUSED: Final = f"select 1 from funds where voucher_id = %(voucher)s and {_OVER}"  # noqa: S608

_OUTSTANDING = """
    select l.lane, l.n, e.state, l.lent_micro - l.posted_micro - l.returned_micro
    from loan l join lane_epoch e using (lane, n)
    where l.voucher_id = %s and l.lent_micro > l.posted_micro + l.returned_micro
    order by l.lane, l.n"""

# In the log of the voucher's steps; one that a person ended has its step.
_LOGGED = """
    insert into step (thing, thing_id, action, from_state, to_state, person, role, request_id, at)
    select 'voucher', id, 'expire', state, 'expired', 'clock', 'clock', '', clock_timestamp()
    from voucher where id = %s and state <> 'ended'"""


async def expire_vouchers(purse: Purse, conn: Connection, *, lanes: Sequence[int]) -> int:
    """-> how many vouchers were brought to their end."""
    asked = {"grace_s": GRACE_S, "lanes": list(lanes), "most": EXPIRE_MAX}
    cursor = await conn.execute(_UNUSED, asked)
    expired = 0
    for (voucher_id,) in await cursor.fetchall():
        cursor = await conn.execute(_OUTSTANDING, [voucher_id])
        for lane, n, state, amount in await cursor.fetchall():
            if state == "open":
                with suppress(PurseUnavailable):  # still outstanding: it is looked at again
                    await recall_loan(purse, conn, lane=lane, n=n, voucher_id=voucher_id, amount_micro=amount)
        expired += await _expire(conn, voucher_id)
    return expired


async def _expire(conn: Connection, voucher_id: str) -> int:
    async with conn.transaction():
        cursor = await conn.execute(
            "select company_id, programme_id, share_ppm, government_micro - expired_government_micro,"
            " self_micro - expired_self_micro, charged_micro, free_micro"
            " from funds where voucher_id = %s for update",
            [voucher_id],
        )
        row = await cursor.fetchone()
        if row is None or await (await conn.execute(_OUTSTANDING, [voucher_id])).fetchone():
            return 0
        # It was asked without the lock: meanwhile the voucher may have got another end, or use was reported.
        asked = {"grace_s": GRACE_S, "voucher": voucher_id}
        if not await (await conn.execute(_STILL_UNUSED, asked)).fetchone():
            return 0
        company_id, programme_id, share_ppm, government, own, charged, free = row
        used = shares.government_micro(charged, share_ppm)
        government, own = government - used, own - (charged - used)
        await conn.execute(
            "update funds set capacity_micro = charged_micro, free_micro = 0,"
            " expired_government_micro = expired_government_micro + %s,"
            " expired_self_micro = expired_self_micro + %s where voucher_id = %s",
            [government, own, voucher_id],
        )
        entry = rules.expiry(
            rules.VoucherRef(voucher_id, company_id, programme_id),
            government_micro=government,
            self_micro=own,
            free_micro=free,
        )
        await append_entries(conn, [entry] if entry.postings else [])
        await conn.execute(_LOGGED, [voucher_id])
    return 1


async def undo_expiry(conn: Connection, voucher_id: str) -> None:
    """The line reaches as far as it did; in the caller's SQL transaction, with the funds row locked."""
    cursor = await conn.execute(
        "select company_id, programme_id, share_ppm, government_micro, self_micro, capacity_micro,"
        " expired_government_micro, expired_self_micro from funds where voucher_id = %s",
        [voucher_id],
    )
    row = await cursor.fetchone()
    assert row is not None, "the caller has locked it"
    company_id, programme_id, share_ppm, government, own, reached, expired_government, expired_own = row
    line = shares.capacity(grant_micro=government, deposit_micro=own, share_ppm=share_ppm)
    # What a correction gave back since then is free, or lent, already.
    free = line.total_micro - reached
    await conn.execute(
        "update funds set capacity_micro = %s, free_micro = free_micro + %s, expired_government_micro = 0,"
        " expired_self_micro = 0 where voucher_id = %s",
        [line.total_micro, free, voucher_id],
    )
    entry = rules.expiry(
        rules.VoucherRef(voucher_id, company_id, programme_id),
        government_micro=-expired_government,
        self_micro=-expired_own,
        free_micro=-free,
    )
    await append_entries(conn, [entry] if entry.postings else [])
