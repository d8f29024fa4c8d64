"""What the books tell the purse of a loan: totals under a version, the intent committed before each message.

    raise    `lend`: the limit of the books is at least what the purse was told before
    lower    `recall`: the purse keeps what is spent and held, whatever is asked for; what came free
             returns to the books only if no later version was made meanwhile

A loan's row is guarded by the row of its voucher's funds. `beyond` is money posted to a loan that the
purse did not count (a settlement after a sweep): the purse's limit is lowered by it, or raised where it is
negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from billing.database import Connection
from billing.ledger import rules
from billing.ledger.store import append_entries
from metering.purse import Loan, OtherEpoch, Purse, PurseUnavailable, Vacant

PUSH_MAX: Final = 500  # loans in one pass; the next pass takes the rest

_LOAN_COLUMNS: Final = """
    select l.lane, l.n, l.voucher_id, f.company_id, f.programme_id, l.ver, l.sent_ver, l.lent_micro,
           l.posted_micro, l.returned_micro, l.beyond_micro, l.told_micro, l.recall_micro, f.ends_ms, f.state,
           f.government_micro, f.self_micro, f.charged_micro - (l.posted_micro - l.beyond_micro),
           f.free_micro,
           coalesce((select sum(o.lent_micro - o.posted_micro - o.returned_micro) from loan o
                     join lane_epoch e on (e.lane, e.n) = (o.lane, o.n)
                     where o.voucher_id = l.voucher_id and o.n <> l.n and e.state <> 'closed'), 0)::bigint
    from loan l join funds f using (voucher_id)"""


@dataclass(frozen=True, slots=True)
class LoanRow:
    lane: int
    n: int
    voucher_id: str
    company_id: str
    programme_id: str
    ver: int
    sent_ver: int
    lent_micro: int
    posted_micro: int
    returned_micro: int
    beyond_micro: int
    told_micro: int
    recall_micro: int | None
    ends_ms: int
    state: str
    government_micro: int
    self_micro: int
    before_micro: int
    free_micro: int
    frozen_micro: int

    @property
    def limit_micro(self) -> int:
        """What the books allow the purse to have spent and held, by the purse's own count."""
        return max(0, self.lent_micro - self.returned_micro - self.beyond_micro)

    @property
    def voucher(self) -> rules.VoucherRef:
        return rules.VoucherRef(self.voucher_id, self.company_id, self.programme_id)

    def message(self) -> Loan:
        return Loan(
            voucher_id=self.voucher_id,
            version=self.ver,
            limit_micro=self.told_micro,
            ends_ms=self.ends_ms,
            state=self.state,
            granted_government_micro=self.government_micro,
            granted_self_micro=self.self_micro,
            before_micro=self.before_micro,
            frozen_micro=self.frozen_micro,
        )


async def read_loan(conn: Connection, *, lane: int, n: int, voucher_id: str) -> LoanRow | None:
    cursor = await conn.execute(
        _LOAN_COLUMNS + " where l.lane = %s and l.n = %s and l.voucher_id = %s", [lane, n, voucher_id]
    )
    row = await cursor.fetchone()
    return LoanRow(*row) if row else None


async def bump_open_loans(conn: Connection, voucher_ids: Sequence[str]) -> None:
    """Something the purse shows or obeys has changed: the worker sends these loans anew."""
    await conn.execute(
        "update loan l set ver = ver + 1 from lane_epoch e where (e.lane, e.n) = (l.lane, l.n)"
        " and e.state = 'open' and l.voucher_id = any(%s)",
        [list(voucher_ids)],
    )


async def confirm_sent(conn: Connection, loan: LoanRow) -> None:
    """The purse has this version. If that tells more than the loan has, the rest is still to be recalled."""
    if loan.told_micro > loan.limit_micro:
        return
    await conn.execute(
        "update loan set sent_ver = %s where lane = %s and n = %s and voucher_id = %s and sent_ver < %s",
        [loan.ver, loan.lane, loan.n, loan.voucher_id, loan.ver],
    )


async def push_loans(purse: Purse, conn: Connection, *, lanes: Sequence[int]) -> int:
    """Send every loan whose latest version the purse has not confirmed. -> how many were looked at.

    Those told least often come first, so that what the purse forgot, and is told for ever, delays nobody.
    A loan the purse does not have is left alone: whoever needs it gets NO_LOAN and has the epoch renewed.
    """
    cursor = await conn.execute(
        "select l.lane, l.n, l.voucher_id from loan l join lane_epoch e using (lane, n)"
        " where l.ver > l.sent_ver and l.ver > 1 and e.state = 'open' and l.lane = any(%s)"
        " order by l.ver, l.lane, l.n, l.voucher_id limit %s",
        [list(lanes), PUSH_MAX],
    )
    rows = await cursor.fetchall()
    for lane, n, voucher_id in rows:
        try:
            await push_loan(purse, conn, lane=lane, n=n, voucher_id=voucher_id)
        except PurseUnavailable:
            continue  # of a cluster, one node may be away; it is sent again
    return len(rows)


async def push_loan(purse: Purse, conn: Connection, *, lane: int, n: int, voucher_id: str) -> None:
    """Bring one loan of the purse up to the books.

    Version 1 is never sent here: it is sent once, by its maker.
    """
    loan = await read_loan(conn, lane=lane, n=n, voucher_id=voucher_id)
    if loan is None or loan.ver <= max(1, loan.sent_ver):
        return
    if loan.recall_micro is not None:
        await _finish_recall(purse, conn, loan)
        return
    if loan.limit_micro < loan.told_micro:
        await recall_loan(purse, conn, lane=lane, n=n, voucher_id=voucher_id, amount_micro=0)
        return
    async with conn.transaction():
        # A version of its own for exactly this message: an older one may be on its way with other totals.
        stated = await _restate(conn, loan, recall_micro=None)
    if stated is not None and await purse.lend(lane=lane, n=n, loan=stated.message()) is True:
        await confirm_sent(conn, stated)


async def recall_loan(
    purse: Purse, conn: Connection, *, lane: int, n: int, voucher_id: str, amount_micro: int
) -> int:
    """Lower a loan's limit by up to `amount_micro` of what is not spent or held; -> what returned to free."""
    async with conn.transaction():
        await conn.execute("select from funds where voucher_id = %s for update", [voucher_id])
        loan = await read_loan(conn, lane=lane, n=n, voucher_id=voucher_id)
        if loan is None:
            return 0
        intent = await _restate(conn, loan, recall_micro=max(0, loan.limit_micro - amount_micro))
    assert intent is not None, "locked and read in the same SQL transaction"
    return await _finish_recall(purse, conn, intent)


async def _finish_recall(purse: Purse, conn: Connection, loan: LoanRow) -> int:
    """Send a recorded intent, then book what came of it. Safe to repeat after a crash at any point."""
    assert loan.recall_micro is not None, "only a recorded intent is sent"
    limit = await purse.recall(
        lane=loan.lane,
        n=loan.n,
        voucher_id=loan.voucher_id,
        version=loan.ver,
        target_micro=loan.recall_micro,
    )
    async with conn.transaction():
        await conn.execute("select from funds where voucher_id = %s for update", [loan.voucher_id])
        now = await read_loan(conn, lane=loan.lane, n=loan.n, voucher_id=loan.voucher_id)
        if now is None or now.ver != loan.ver or now.recall_micro is None:
            return 0  # somebody made a later version: its totals count, this answer does not
        if limit is None or isinstance(limit, Vacant | OtherEpoch):
            # The purse lost the loan: what is in it comes back when its epoch closes.
            await _store(
                conn, now, ver=now.ver, told=now.told_micro, recall=None, returned=now.returned_micro
            )
            return 0
        # Never more than the books themselves still have in the loan.
        in_books = now.lent_micro - now.posted_micro - now.returned_micro
        back = min(max(0, now.limit_micro - limit), in_books)
        await _store(conn, now, ver=now.ver + 1, told=limit, recall=None, returned=now.returned_micro + back)
        if back:
            await conn.execute(
                "update funds set free_micro = free_micro + %s where voucher_id = %s", [back, now.voucher_id]
            )
            entry = rules.give_back(now.voucher, lane=now.lane, n=now.n, amount_micro=back)
            await append_entries(conn, [entry])
    return back


async def _restate(conn: Connection, loan: LoanRow, *, recall_micro: int | None) -> LoanRow | None:
    """A new version with the loan's totals as they stand now; the funds row is locked here."""
    await conn.execute("select from funds where voucher_id = %s for update", [loan.voucher_id])
    now = await read_loan(conn, lane=loan.lane, n=loan.n, voucher_id=loan.voucher_id)
    if now is None or now.ver != loan.ver:
        return None
    told = now.told_micro if recall_micro is not None else now.limit_micro
    await _store(conn, now, ver=now.ver + 1, told=told, recall=recall_micro, returned=now.returned_micro)
    return await read_loan(conn, lane=loan.lane, n=loan.n, voucher_id=loan.voucher_id)


async def _store(
    conn: Connection, loan: LoanRow, *, ver: int, told: int, recall: int | None, returned: int
) -> None:
    await conn.execute(
        "update loan set ver = %s, told_micro = %s, recall_micro = %s, returned_micro = %s"
        " where lane = %s and n = %s and voucher_id = %s",
        [ver, told, recall, returned, loan.lane, loan.n, loan.voucher_id],
    )
