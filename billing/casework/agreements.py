"""Agreements in PostgreSQL: offered, signed, amended, ended; their terms are kept version by version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from billing.casework import applications, vouchers
from billing.casework.deeds import Deed, take_step
from billing.casework.programmes import share_of
from billing.casework.rows import Row, lock_budget, row_of, rows_of
from billing.database import Connection
from billing.directory_time import instant_ms
from billing.lifecycle import agreement
from billing.lifecycle.shares import self_share_micro
from billing.lifecycle.table import Refused

TERMS: Final = (
    "starts_on",
    "ends_on",
    "government_micro",
    "self_cash_micro",
    "self_in_kind_micro",
    "products",
)

FIND: Final = (
    "select g.id, g.application_id, g.programme_id, g.company_id, g.state, g.class_name, g.share_ppm,"
    " g.terms_version, g.voucher_id, g.created_at, g.signed_at, t.starts_on, t.ends_on, t.government_micro,"
    " t.self_cash_micro, t.self_in_kind_micro, t.products, c.brn,"
    " p.starts_on as programme_starts_on, p.ends_on as programme_ends_on"
    " from agreement g join agreement_terms t on t.agreement_id = g.id and t.version = g.terms_version"
    " join company c on c.id = g.company_id join programme p on p.id = g.programme_id"
)


async def find(conn: Connection, agreement_id: str, *, lock: bool = False) -> Row:
    lock_clause = " for update of g" if lock else ""
    return await row_of(conn, f"{FIND} where g.id = %s{lock_clause}", [agreement_id])


async def make(conn: Connection, application_id: str, values: Mapping[str, Any], *, deed: Deed) -> str:
    """Offer an agreement on a selected application; what `values` leave out is as applied for. -> its id."""
    await lock_budget(conn)
    row = await applications.find(conn, application_id, lock=True)
    programme = await programme_of(conn, row["programme_id"], lock=True)
    taken = await rows_of(
        conn,
        "select id from agreement where application_id = %s and state in ('offered', 'signed', 'completed')",
        [application_id],
    )
    named = {name: value for name, value in values.items() if value is not None or name == "products"}
    terms = {**{name: row.get(name) for name in TERMS}, "government_micro": row["award_micro"] or 0, **named}
    number = await row_of(conn, "select nextval('agreement_number') as n")
    agreement_id = f"ag-{number['n']:06d}"
    state = await take_step(
        conn,
        agreement.TABLE,
        "make",
        deed=deed,
        thing_id=agreement_id,
        state=None,
        company=row["company_id"],
        facts=agreement.Facts(
            today=deed.today,
            starts_on=terms["starts_on"],
            ends_on=terms["ends_on"],
            programme_starts_on=programme["starts_on"],
            programme_ends_on=programme["ends_on"],
            application_state=row["state"],
            has_agreement=bool(taken),
            award_micro=row["award_micro"] or 0,
            government_micro=terms["government_micro"],
            programme_state=programme["state"],
        ),
    )
    share_ppm = await share_of(conn, row["programme_id"], row["class_name"], deed.today)
    if values.get("self_cash_micro") is None:
        terms["self_cash_micro"] = self_share_micro(terms["government_micro"], share_ppm)
    await check_products(conn, terms["products"])
    made = {**row, "id": agreement_id, "state": state, "share_ppm": share_ppm, "created_at": deed.now}
    await _insert(conn, {**made, "application_id": application_id})
    await write_terms(conn, agreement_id, 1, terms)
    return agreement_id


async def programme_of(conn: Connection, programme_id: str, *, lock: bool = False) -> Row:
    """Its period and state. Locked, it closes before, and is seen closed, or after, and sees what is made."""
    found = (
        "select p.starts_on, p.ends_on, l.state from programme p join programme_life l"
        " on l.programme_id = p.id where p.id = %s"
    )
    return await row_of(conn, found + (" for share of l" if lock else ""), [programme_id])


async def _insert(conn: Connection, row: Mapping[str, Any]) -> None:
    names = (
        *("id", "application_id", "programme_id", "company_id", "state", "class_name", "share_ppm"),
        "created_at",
    )
    await conn.execute(
        f"insert into agreement ({', '.join(names)}) values ({', '.join(['%s'] * len(names))})".encode(),  # noqa: S608
        [row[name] for name in names],
    )


async def check_products(conn: Connection, products: list[str] | None) -> None:
    if products is None:
        return
    known = await rows_of(
        conn,
        "select product_id from product_now where product_id = any(%s) and on_sale_at is not null"
        " union all select id from reported_product where id = any(%s) and state <> 'in_review'",
        [products] * 2,
    )
    if missing := sorted(set(products) - {row["product_id"] for row in known}):
        names = ", ".join(missing)
        raise Refused("product_unknown", f"There is no product {names}.", f"없는 상품입니다: {names}")


async def write_terms(conn: Connection, agreement_id: str, version: int, terms: Mapping[str, Any]) -> None:
    await conn.execute(
        f"insert into agreement_terms (agreement_id, version, {', '.join(TERMS)})"  # noqa: S608
        " values (%s, %s, %s, %s, %s, %s, %s, %s)".encode(),
        [agreement_id, version, *(terms[name] for name in TERMS)],
    )


async def move(conn: Connection, agreement_id: str, action: str, *, deed: Deed) -> None:
    """Sign, decline, revoke, terminate or complete it."""
    await lock_budget(conn)
    row = await find(conn, agreement_id, lock=True)
    after = await take_step(
        conn,
        agreement.TABLE,
        action,
        deed=deed,
        thing_id=agreement_id,
        state=row["state"],
        company=row["company_id"],
        facts=facts_of(row, deed, others_of_brn=await others_of_brn(conn, row)),
    )
    await conn.execute(
        "update agreement set state = %s, signed_at = case when %s = 'signed' then %s else signed_at end"
        " where id = %s",
        [after, after, deed.now, agreement_id],
    )
    if after not in ("offered", "signed") and row["voucher_id"] is None:
        await applications.release(conn, row["application_id"], deed=deed)
    if after == "terminated" and row["voucher_id"] is not None:
        held = await vouchers.find(conn, row["voucher_id"])
        if vouchers.state_of(held, instant_ms(deed.now)) in ("active", "suspended"):
            await vouchers.move(conn, row["voucher_id"], "end", deed=deed)


async def others_of_brn(conn: Connection, row: Row) -> int:
    """Founders apply without a number: that two companies of a round are one business may show at the end."""
    found = await row_of(
        conn,
        "select count(*)::integer as n from agreement g join application a on a.id = g.application_id"
        " join company c on c.id = g.company_id where c.brn = %s and g.company_id <> %s"
        " and g.state in ('signed', 'terminated', 'completed')"
        " and a.round_id = (select round_id from application where id = %s)",
        [row["brn"], row["company_id"], row["application_id"]],
    )
    return int(found["n"])


def facts_of(row: Row, deed: Deed, *, others_of_brn: int = 0) -> agreement.Facts:
    return agreement.Facts(
        today=deed.today,
        starts_on=row["starts_on"],
        ends_on=row["ends_on"],
        programme_starts_on=row["programme_starts_on"],
        programme_ends_on=row["programme_ends_on"],
        brn=row["brn"],
        others_of_brn=others_of_brn,
    )


async def issue(
    conn: Connection, agreement_id: str, *, voucher_id: str | None, deposit_micro: int, deed: Deed
) -> str:
    """-> the voucher's id: the agreement's number where none is named."""
    await lock_budget(conn)
    row = await find(conn, agreement_id, lock=True)
    named = voucher_id if voucher_id is not None else agreement_id.replace("ag-", "vo-", 1)
    await vouchers.issue(conn, row, voucher_id=named, deposit_micro=deposit_micro, deed=deed)
    return named


async def terms_of(conn: Connection, agreement_id: str) -> list[Row]:
    return await rows_of(
        conn,
        f"select version, {', '.join(TERMS)} from agreement_terms where agreement_id = %s order by version",  # noqa: S608
        [agreement_id],
    )
