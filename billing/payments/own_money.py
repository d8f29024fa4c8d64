"""A company's own money in the books: a row that is its lock, and entries beside every change of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from billing.casework import vouchers
from billing.casework.deeds import By, write_step
from billing.casework.rows import Row
from billing.database import Connection
from billing.directory_time import instant_ms
from billing.funds import FundsChange
from billing.ledger import own_rules
from billing.ledger.store import append_entries
from billing.lifecycle import voucher as of_voucher
from billing.lifecycle.own_fund import PROGRAMME
from billing.lifecycle.table import Actor, Refused
from metering import shares

NOT_FREE: Final = (
    "not_free",
    "So much is not free: the rest is spent, or set aside for running calls.",
    "이미 집행되었거나 사용 예정인 금액이라 되돌릴 수 없습니다.",
)


async def lock_own(conn: Connection, company_id: str) -> tuple[int, int]:
    """-> (own, owed), locked until the end of the SQL transaction."""
    await conn.execute("insert into own_money (company_id) values (%s) on conflict do nothing", [company_id])
    cursor = await conn.execute(
        "select own_micro, owed_micro from own_money where company_id = %s for update", [company_id]
    )
    row = await cursor.fetchone()
    assert row is not None, "just made"
    return row[0], row[1]


async def change_own(conn: Connection, company_id: str, *, own_micro: int, owed_micro: int = 0) -> None:
    """The caller writes the entry."""
    await conn.execute(
        "update own_money set own_micro = own_micro + %s, owed_micro = owed_micro + %s where company_id = %s",
        [own_micro, owed_micro, company_id],
    )


async def pay_in(
    conn: Connection, voucher_id: str, *, amount_micro: int, by: By, actor: Actor | None = None
) -> None:
    """From own money to the voucher's self share, as the agency's `deposit` does; negative: back from it.

    `actor`: the person who asks for it, where one does. Raises Refused, and Short where lent money must come
    back first. The caller has `lock_budget`.
    """
    voucher = await vouchers.find(conn, voucher_id, lock=True)
    state = vouchers.state_of(voucher, instant_ms(by.now))
    company_id = voucher["company_id"]
    own_micro, _ = await lock_own(conn, company_id)
    is_own_fund = voucher["programme_id"] == PROGRAMME
    facts = of_voucher.Facts(own_micro=own_micro, paid_in_micro=amount_micro, is_own_fund=is_own_fund)
    if actor is not None:
        owns = actor.owns(company=company_id)
        of_voucher.TABLE.judge("pay_in", state=state, actor=actor, owns=owns, facts=facts)
    elif state not in of_voucher.TABLE.step("pay_in").sources:
        raise Refused("wrong_state", "The voucher has ended.", "이미 종료된 바우처입니다.")
    elif amount_micro > own_micro:
        raise of_voucher.OWN_ENOUGH.refusal()
    await vouchers.write_voucher(conn, {**voucher, "self_micro": voucher["self_micro"] + amount_micro})
    await change_own(conn, company_id, own_micro=-amount_micro)
    await append_entries(conn, [own_rules.pay_in(company_id, amount_micro=amount_micro)])
    await write_step(
        conn,
        "voucher",
        "pay_in" if amount_micro > 0 else "withdraw",
        by=by,
        thing_id=voucher_id,
        before=state,
        after=state,
        detail={"amount_micro": abs(amount_micro)},
    )


async def draw(conn: Connection, company_id: str, *, amount_micro: int) -> None:
    """Own money that a voucher is issued with: the voucher's own `deposit` follows. Raises Refused."""
    own_micro, _ = await lock_own(conn, company_id)
    if own_micro < amount_micro:
        raise of_voucher.OWN_ENOUGH.refusal()
    await change_own(conn, company_id, own_micro=-amount_micro)
    await append_entries(conn, [own_rules.pay_in(company_id, amount_micro=amount_micro)])


@dataclass(frozen=True, slots=True)
class SelfShare:
    """What of a voucher's self share is not used: `free` at once, `idle` when it is back from the purse."""

    free_micro: int
    idle_micro: int
    voucher: Row

    def lower_by(self, amount_micro: int) -> FundsChange:
        row = self.voucher
        return FundsChange(
            voucher_id=row["id"],
            company_id=row["company_id"],
            programme_id=row["programme_id"],
            government_micro=row["government_micro"],
            self_micro=row["self_micro"] - amount_micro,
            share_ppm=row["share_ppm"],
            ends_ms=vouchers.ends_ms_of(row),
            state=row["state"],
        )


async def self_share(conn: Connection, voucher_id: str, *, now: datetime) -> SelfShare | None:
    """None where the voucher has ended. Its funds stay locked, so that nothing more is lent meanwhile."""
    voucher = await vouchers.find(conn, voucher_id, lock=True)
    if vouchers.state_of(voucher, instant_ms(now)) not in ("active", "suspended"):
        return None
    cursor = await conn.execute(
        "select capacity_micro - free_micro, charged_micro, share_ppm from funds"
        " where voucher_id = %s for update",
        [voucher_id],
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    used_micro, charged_micro, share_ppm = row
    deposit_micro = voucher["self_micro"]
    return SelfShare(
        deposit_micro - (used_micro - shares.government_micro(used_micro, share_ppm)),
        deposit_micro - (charged_micro - shares.government_micro(charged_micro, share_ppm)),
        voucher,
    )
