"""What follows in the books from what is learned of a payment: in one SQL transaction, however often told.

The locks are taken in one order: the directory's revision, the payment, own money, the voucher, its funds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from billing.casework.deeds import By, write_step
from billing.casework.rows import Row, lock_budget, rows_of
from billing.database import Connection
from billing.ledger import own_rules
from billing.ledger.journal import Entry
from billing.ledger.store import append_entries
from billing.lifecycle.payment import LEARNT
from billing.lifecycle.table import Refused
from billing.payments import own_fund, rows
from billing.payments.facts import Due, Fact, dues, state_of
from billing.payments.own_money import NOT_FREE, SelfShare, change_own, lock_own, pay_in, self_share
from billing.reclaim import Short

_TAKE: Final = {"refund": own_rules.refund, "dispute": own_rules.dispute}


async def learn(
    conn: Connection, payment_id: str, facts: Iterable[Fact], *, by: By, may_owe: bool = True
) -> str | None:
    """Keep the facts and book what follows; -> the payment's state, None where there is no such payment.

    `may_owe`: what is to go back and is not free any more is booked as owed. Raises Refused or Short else.
    """
    await lock_budget(conn)
    payment = await rows.locked(conn, payment_id)
    if payment is None:
        return None
    await rows.add_facts(conn, payment_id, facts)
    known = await rows.facts_of(conn, payment_id)
    booked = {
        row["key"]: row
        for row in await rows_of(conn, "select * from payment_entry where payment_id = %s", [payment_id])
    }
    for due in dues(payment_id, known):
        if due.key not in booked:
            booked[due.key] = await _book(conn, payment, due, booked, by=by, may_owe=may_owe)
    if booked:
        await own_fund.fill(conn, payment["company_id"], by=by)
    before, after = payment["state"], state_of(known)
    if after != before:
        await conn.execute("update payment set state = %s where id = %s", [after, payment_id])
        told = By(by.person, "clock", by.now)  # whoever says it, it is the rail that did it
        await write_step(
            conn, "payment", LEARNT[after], by=told, thing_id=payment_id, before=before, after=after
        )
    if after in ("disputed", "lost"):
        await _stop_charging(conn, payment["company_id"], "disputed")
    return after


async def _book(
    conn: Connection, payment: Row, due: Due, booked: dict[str, Row], *, by: By, may_owe: bool
) -> Row:
    company_id, rail = payment["company_id"], payment["rail"]
    if due.kind in ("fee", "fee_back"):
        kept = due.amount_micro if due.kind == "fee" else -due.amount_micro
        return await _write(conn, payment, due, own_rules.fee(rail, kept_micro=kept), own_micro=0)
    own_micro, owed_micro = await lock_own(conn, company_id)
    amount = due.amount_micro
    if due.kind == "payment":
        # What a company owes is settled first, but not from what it pays for a voucher.
        settled = min(owed_micro, amount) if payment["voucher_id"] is None else 0
        await change_own(conn, company_id, own_micro=amount - settled, owed_micro=-settled)
        entry = own_rules.payment(company_id, rail, own_micro=amount - settled, owed_micro=settled)
        row = await _write(conn, payment, due, entry, own_micro=amount - settled)
        await _towards_voucher(conn, payment, amount, by)
        return row
    if due.follows is not None:
        taken = booked[due.follows]
        owed = min(owed_micro, taken["amount_micro"] - taken["own_micro"])
        await change_own(conn, company_id, own_micro=amount - owed, owed_micro=-owed)
        entry = _TAKE[due.kind](company_id, rail, own_micro=owed - amount, owed_micro=-owed)
        return await _write(conn, payment, due, entry, own_micro=amount - owed)
    own_micro += await _back_from_vouchers(conn, payment, amount, own_micro, by=by, may_owe=may_owe)
    from_own = min(own_micro, amount)
    owed = amount - from_own
    await change_own(conn, company_id, own_micro=-from_own, owed_micro=owed)
    entry = _TAKE[due.kind](company_id, rail, own_micro=from_own, owed_micro=owed)
    return await _write(conn, payment, due, entry, own_micro=from_own)


async def _write(conn: Connection, payment: Row, due: Due, entry: Entry, *, own_micro: int) -> Row:
    [entry_id] = await append_entries(conn, [entry])
    await conn.execute(
        "insert into payment_entry (key, payment_id, amount_micro, own_micro, entry_id)"
        " values (%s, %s, %s, %s, %s)",
        [due.key, payment["id"], due.amount_micro, own_micro, entry_id],
    )
    return {"key": due.key, "amount_micro": due.amount_micro, "own_micro": own_micro}


async def _towards_voucher(conn: Connection, payment: Row, amount_micro: int, by: By) -> None:
    """Where the voucher has ended meanwhile, or cannot reach so far, the money stays the company's own.

    A kept card is not charged again for a voucher that takes nothing: its share would stay low for ever.
    """
    if payment["voucher_id"] is None:
        return
    try:
        async with conn.transaction():
            await pay_in(conn, payment["voucher_id"], amount_micro=amount_micro, by=by)
    except Refused as refused:
        if payment["method"] == "automatic":
            await _stop_charging(conn, payment["company_id"], refused.code)


async def _back_from_vouchers(
    conn: Connection, payment: Row, need_micro: int, own_micro: int, *, by: By, may_owe: bool
) -> int:
    """As much as is free of the self share it was paid for, then of own money's fund. -> how much.

    Both come before other own money, of which the fund is filled again. So the payments of a company are
    taken back from the same places in whatever order their news arrives.
    """
    unused = await _unused(conn, payment, by=by)
    left_micro = need_micro
    parts: list[int] = []
    for share in unused:
        parts.append(min(left_micro, max(0, share.free_micro)))
        left_micro -= parts[-1]
    if left_micro > own_micro and not may_owe:
        idle = [share for share in unused if share.idle_micro > max(0, share.free_micro)]
        if idle:
            lower = [share.lower_by(min(need_micro, share.idle_micro)) for share in idle]
            raise Short(Refused(*NOT_FREE), lower)
        raise Refused(*NOT_FREE)
    for share, part in zip(unused, parts, strict=True):
        if part:
            await pay_in(conn, share.voucher["id"], amount_micro=-part, by=by)
    return need_micro - left_micro


async def _unused(conn: Connection, payment: Row, *, by: By) -> list[SelfShare]:
    """Of the voucher it was paid for, and of own money's fund. Their funds are locked as the poster does."""
    fund = await own_fund.voucher_there(conn, payment["company_id"])
    ids = [one for one in (payment["voucher_id"], fund) if one is not None]
    await conn.execute("select 1 from funds where voucher_id = any(%s) order by voucher_id for update", [ids])
    shares = [await self_share(conn, one, now=by.now) for one in ids]
    return [share for share in shares if share is not None]


async def _stop_charging(conn: Connection, company_id: str, why: str) -> None:
    await conn.execute(
        "update card set automatic = false, paused = %s where company_id = %s and automatic",
        [why, company_id],
    )
