"""Amendments in PostgreSQL: other terms of an agreement, asked for and approved; the voucher follows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from psycopg.types.json import Jsonb

from billing.casework import agreements, vouchers
from billing.casework.agreements import TERMS
from billing.casework.budget import check_promises, check_year
from billing.casework.deeds import Deed, take_step
from billing.casework.rows import Row, lock_budget, row_of, rows_of
from billing.database import Connection
from billing.directory_time import instant_ms
from billing.lifecycle import amendment
from billing.lifecycle.table import Refused

FIND: Final = "select m.*, g.company_id from amendment m join agreement g on g.id = m.agreement_id"
_DAYS: Final = ("starts_on", "ends_on")


async def find(conn: Connection, amendment_id: str, *, lock: bool = False) -> Row:
    return await row_of(
        conn,
        f"{FIND} where m.id = %s{' for update of m' if lock else ''}",
        [amendment_id],
    )


async def amendments_of(conn: Connection, agreement_id: str) -> list[Row]:
    return await rows_of(
        conn, "select * from amendment where agreement_id = %s order by created_at, id", [agreement_id]
    )


async def ask(conn: Connection, agreement_id: str, changes: Mapping[str, Any], *, deed: Deed) -> str:
    """Ask for other terms. -> the amendment's id."""
    row = await agreements.find(conn, agreement_id, lock=True)
    number = await row_of(conn, "select nextval('amendment_number') as n")
    amendment_id = f"am-{number['n']:06d}"
    state = await _take(conn, "make", row, changes, amendment_id, None, deed)
    await agreements.check_products(conn, changes.get("products"))
    await conn.execute(
        "insert into amendment (id, agreement_id, state, changes, reason, created_at)"
        " values (%s, %s, %s, %s, %s, %s)",
        [amendment_id, agreement_id, state, Jsonb(_plain(changes)), deed.reason, deed.now],
    )
    return amendment_id


async def move(conn: Connection, amendment_id: str, action: str, *, deed: Deed) -> None:
    """Approve, refuse or withdraw it. What is approved holds at once, for the voucher too."""
    await lock_budget(conn)
    asked = await find(conn, amendment_id, lock=True)
    row = await agreements.find(conn, asked["agreement_id"], lock=True)
    changes = terms_in(asked["changes"])
    state = await _take(conn, action, row, changes, amendment_id, asked["state"], deed)
    await conn.execute("update amendment set state = %s where id = %s", [state, amendment_id])
    if state == "approved":
        await _amend(conn, row, changes, deed)


async def _take(
    conn: Connection,
    action: str,
    row: Row,
    changes: Mapping[str, Any],
    amendment_id: str,
    state: str | None,
    deed: Deed,
) -> str:
    return await take_step(
        conn,
        amendment.TABLE,
        action,
        deed=deed,
        thing_id=amendment_id,
        state=state,
        company=row["company_id"],
        facts=facts_of(row, changes, deed),
        detail={"agreement": row["id"], "changes": _plain(changes)},
    )


def facts_of(row: Row, changes: Mapping[str, Any], deed: Deed) -> amendment.Facts:
    """`row` is the agreement's."""
    return amendment.Facts(
        today=deed.today,
        agreement_state=row["state"],
        ends_on=row["ends_on"],
        changes=any(row[name] != value for name, value in changes.items()),
        new_starts_on=changes.get("starts_on", row["starts_on"]),
        new_ends_on=changes.get("ends_on", row["ends_on"]),
        programme_starts_on=row["programme_starts_on"],
        programme_ends_on=row["programme_ends_on"],
    )


async def _amend(conn: Connection, row: Row, changes: Mapping[str, Any], deed: Deed) -> None:
    terms = {**{name: row[name] for name in TERMS}, **changes}
    version = row["terms_version"] + 1
    await agreements.write_terms(conn, row["id"], version, terms)
    await conn.execute("update agreement set terms_version = %s where id = %s", [version, row["id"]])
    if row["voucher_id"] is None:
        await conn.execute(
            "update application set award_micro = greatest(award_micro, %s) where id = %s",
            [terms["government_micro"], row["application_id"]],
        )
    else:
        held = await vouchers.find(conn, row["voucher_id"], lock=True)
        if vouchers.state_of(held, instant_ms(deed.now)) not in ("active", "suspended"):
            raise Refused("voucher_ended", "The agreement's voucher has ended.", "이미 종료된 바우처입니다.")
        after = {name: terms[name] for name in ("starts_on", "ends_on", "government_micro", "products")}
        await vouchers.write_voucher(conn, {**held, **after})
    await check_promises(conn, row["programme_id"], row["company_id"], today=deed.today)
    if terms["government_micro"] > row["government_micro"]:
        year = (deed.today if row["voucher_id"] is None else terms["starts_on"]).year
        await check_year(conn, row["programme_id"], row["company_id"], year=year, today=deed.today)


def _plain(changes: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON keeps it."""
    return {name: str(value) if isinstance(value, date) else value for name, value in changes.items()}


def terms_in(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: date.fromisoformat(value) if name in _DAYS and value is not None else value
        for name, value in changes.items()
    }
