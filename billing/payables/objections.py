"""Objections: a provider's against its payable, a company's against a line of its final statement."""

from __future__ import annotations

from typing import Final

from billing.casework.deeds import Deed, take_step
from billing.casework.rows import Row, row_of, rows_of
from billing.database import Connection
from billing.lifecycle import objection as life
from billing.payables import rows
from billing.statements.month import Month

FIND: Final = (
    "select o.*, coalesce(v.name, o.provider_id) as provider_name from objection o"
    " left join provider v on v.id = o.provider_id"
)


async def find(conn: Connection, objection_id: str, *, lock: bool = False) -> Row:
    """Raises Refused."""
    if lock:
        await rows_of(conn, "select 1 from objection where id = %s for update", [objection_id])
    return await row_of(conn, f"{FIND} where o.id = %s", [objection_id])


async def object_to_payable(conn: Connection, payable_id: str, *, deed: Deed) -> str:
    """By its provider. -> the objection's id. Raises Refused."""
    payable = await rows.locked(conn, payable_id)
    return await _make(conn, payable, deed=deed)


async def object_to_line(
    conn: Connection, company_id: str, month: Month, voucher_id: str, product_id: str, *, deed: Deed
) -> str:
    """By the company whose voucher it is. -> the objection's id. Raises Refused."""
    found = await rows_of(
        conn,
        "select p.id from statement_line l join payable p on (p.month, p.provider_id, p.kind)"
        " = (l.month, l.provider_id, 'month')"
        " where (l.company_id, l.month, l.voucher_id, l.product_id) = (%s, %s, %s, %s) limit 1",
        [company_id, str(month), voucher_id, product_id],
    )
    if not found:
        owns = deed.actor.owns(company=company_id)
        life.TABLE.judge(
            "make",
            state=None,
            actor=deed.actor,
            owns=owns,
            facts=life.Facts(has_line=False),
            reason=deed.reason,
        )
    payable = await rows.locked(conn, found[0]["id"])
    return await _make(
        conn, payable, deed=deed, company_id=company_id, voucher_id=voucher_id, product_id=product_id
    )


async def open_of(
    conn: Connection,
    payable_id: str,
    company_id: str | None = None,
    voucher_id: str | None = None,
    product_id: str | None = None,
) -> int:
    """How many are open of the same objector against the same thing; without a company, of the provider."""
    row = await row_of(
        conn,
        "select count(*)::integer as open from objection where payable_id = %s and state = 'open'"
        " and (company_id, voucher_id, product_id) is not distinct from (%s, %s, %s)",
        [payable_id, company_id, voucher_id, product_id],
    )
    return int(row["open"])


async def _make(
    conn: Connection,
    payable: Row,
    *,
    deed: Deed,
    company_id: str | None = None,
    voucher_id: str | None = None,
    product_id: str | None = None,
) -> str:
    mine = (company_id, voucher_id, product_id)
    same = await open_of(conn, payable["id"], *mine)
    objection_id = await rows.new_id(conn, "objection_number", "ob")
    state = await take_step(
        conn,
        life.TABLE,
        "make",
        deed=deed,
        thing_id=objection_id,
        state=None,
        company=company_id,
        provider=payable["provider_id"] if company_id is None else None,
        facts=life.Facts(open_of_same=same),
        detail={"payable": payable["id"]},
    )
    await conn.execute(
        "insert into objection (id, payable_id, provider_id, month, company_id, voucher_id, product_id,"
        " reason, state, person, created_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            *(objection_id, payable["id"], payable["provider_id"], payable["month"], *mine),
            *(deed.reason, state, deed.actor.person, deed.now),
        ],
    )
    return objection_id


async def move(
    conn: Connection, objection_id: str, action: str, *, deed: Deed, correction_id: str | None = None
) -> None:
    """Uphold, reject or withdraw it. Raises Refused."""
    row = await find(conn, objection_id, lock=True)
    state = await take_step(
        conn,
        life.TABLE,
        action,
        deed=deed,
        thing_id=objection_id,
        state=row["state"],
        company=row["company_id"],
        provider=row["provider_id"] if row["company_id"] is None else None,
        facts=life.Facts(correction_state=await _state_of(conn, correction_id, row["provider_id"])),
        detail={} if correction_id is None else {"correction": correction_id},
    )
    answer = None if action == "withdraw" else deed.reason
    await conn.execute(
        "update objection set state = %s, answer = %s, correction_id = %s where id = %s",
        [state, answer, correction_id, objection_id],
    )


async def _state_of(conn: Connection, correction_id: str | None, provider_id: str) -> str | None:
    found = await rows_of(
        conn, "select state from correction where (id, provider_id) = (%s, %s)", [correction_id, provider_id]
    )
    return found[0]["state"] if found else None
