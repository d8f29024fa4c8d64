"""Reported products, their prices by tier, the milestones of agreements: in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from billing.casework import agreements
from billing.casework.deeds import Deed, log_step, take_step
from billing.casework.rows import Row, row_of, rows_of
from billing.database import Connection
from billing.declaration.fields import Instant
from billing.directory_time import SEOUL, first_ms
from billing.lifecycle import reported_product as life
from billing.lifecycle.table import Refused
from billing.reports.units import KINDS, Unit

FIND: Final = (
    "select p.*, v.state as provider_state,"
    " (select coalesce(jsonb_agg(to_jsonb(u) order by u.tier, u.valid_from), '[]') from unit_price u"
    "  where u.product_id = p.id and p.unit <> 'milestone') as prices"
    " from reported_product p join provider_life v on v.provider_id = p.provider_id"
)
MILESTONES: Final = (
    "select m.agreement_id || '.' || lpad(m.number::text, 2, '0') as id, m.*, l.state, p.provider_id,"
    " g.company_id"
    " from milestone m join reported_product p on p.id = m.product_id"
    " join agreement g on g.id = m.agreement_id"
    " left join lateral (select state from report_line r where r.product_id = m.product_id"
    "  and r.tier = m.agreement_id || '.' || m.number and r.corrects is null"
    "  order by r.id desc limit 1) l on true"
)


async def find(conn: Connection, product_id: str, *, lock: bool = False) -> Row:
    return await row_of(conn, f"{FIND} where p.id = %s" + (" for update of p" if lock else ""), [product_id])


def facts_of(row: Mapping[str, Any]) -> life.Facts:
    return life.Facts(
        provider_state=row["provider_state"], has_price=bool(row["prices"]) or row["unit"] == "milestone"
    )


async def make(conn: Connection, values: Mapping[str, Any], provider_id: str, *, deed: Deed) -> None:
    """`values` by column."""
    provider = await rows_of(
        conn, "select state from provider_life where provider_id = %s for update", [provider_id]
    )
    if not provider:
        raise Refused("provider_unknown", "There is no such provider.", "없는 공급기업입니다.")
    taken = await rows_of(
        conn,
        "select id from product where id = %s union all select id from reported_product where id = %s",
        [values["id"]] * 2,
    )
    state = await take_step(
        conn,
        life.TABLE,
        "make",
        deed=deed,
        thing_id=values["id"],
        state=None,
        provider=provider_id,
        facts=life.Facts(provider_state=provider[0]["state"], is_name_free=not taken),
        detail={"unit": values["unit"]},
    )
    row = {**values, "provider_id": provider_id, "state": state}
    await conn.execute(
        f"insert into reported_product ({', '.join(row)}) values ({', '.join(['%s'] * len(row))})".encode(),  # noqa: S608 - our own columns
        list(row.values()),
    )


async def move(conn: Connection, product_id: str, action: str, *, deed: Deed) -> None:
    row = await find(conn, product_id, lock=True)
    after = await take_step(
        conn,
        life.TABLE,
        action,
        deed=deed,
        thing_id=product_id,
        state=row["state"],
        provider=row["provider_id"],
        facts=facts_of(row),
    )
    await conn.execute("update reported_product set state = %s where id = %s", [after, product_id])


async def add_price(
    conn: Connection, product_id: str, tier: str, valid_from: Instant, price_micro: int, *, deed: Deed
) -> None:
    """Dated, superseded by a later one, never edited."""
    row = await find(conn, product_id, lock=True)
    there = [one for one in row["prices"] if one["tier"] == tier]
    known = await rows_of(
        conn,
        "select 1 from unit_price where product_id = %s and tier = %s and valid_from = %s",
        [product_id, tier, valid_from.at],
    )
    await take_step(
        conn,
        life.TABLE,
        "price",
        deed=deed,
        thing_id=product_id,
        state=row["state"],
        provider=row["provider_id"],
        facts=life.Facts(
            has_right_tier=_has_right_tier(row["unit"], tier),
            is_price_new=not known,
            is_price_later=row["state"] == "in_review" or not there or valid_from.at > deed.now,
        ),
        detail={"tier": tier, "from": valid_from.text, "price_micro": price_micro},
    )
    await _write_price(conn, product_id, tier, valid_from, price_micro)


def _has_right_tier(unit: Unit, tier: str) -> bool:
    if unit == "milestone":
        return False
    if unit == "tflops_month":
        return tier.isascii() and tier.isdigit() and not tier.startswith("0")
    return bool(tier) == KINDS[unit].has_tiers


async def _write_price(
    conn: Connection,
    product_id: str,
    tier: str,
    valid_from: Instant,
    price_micro: int,
    programme_id: str | None = None,
) -> None:
    await conn.execute(
        "insert into unit_price (product_id, tier, valid_from, valid_from_text, price_micro, programme_id)"
        " values (%s, %s, %s, %s, %s, %s)",
        [product_id, tier, valid_from.at, valid_from.text, price_micro, programme_id],
    )


async def plan_milestone(
    conn: Connection,
    agreement_id: str,
    *,
    number: int,
    product_id: str,
    name: str,
    due_on: date,
    amount_micro: int,
    deed: Deed,
) -> str:
    """A lump sum of an agreement's plan; its price from the agreement's first day on. -> its id."""
    agreement = await agreements.find(conn, agreement_id, lock=True)
    if agreement["state"] not in ("offered", "signed"):
        raise Refused("wrong_state", "The agreement is over.", "진행 중인 협약이 아닙니다.")
    product = await find(conn, product_id)
    if product["unit"] != "milestone" or product["state"] != "on_sale":
        raise Refused(
            "product_unknown",
            "There is no product on sale that is charged by milestones.",
            "마일스톤으로 정산하는 판매 중인 상품이 아닙니다.",
        )
    if not agreement["starts_on"] <= due_on <= agreement["ends_on"]:
        raise Refused(
            "outside_agreement", "It is due outside the agreement.", "협약 기간 안의 날짜여야 합니다."
        )
    await log_step(
        conn,
        "agreement",
        "plan_milestone",
        deed=deed,
        thing_id=agreement_id,
        before=agreement["state"],
        after=agreement["state"],
        detail={"number": number, "product": product_id, "amount_micro": amount_micro},
    )
    await conn.execute(
        "insert into milestone (agreement_id, number, product_id, name, due_on, amount_micro)"
        " values (%s, %s, %s, %s, %s, %s)",
        [agreement_id, number, product_id, name, due_on, amount_micro],
    )
    begins = _first_instant(agreement["starts_on"])
    tier = milestone_tier(agreement_id, number)
    await _write_price(conn, product_id, tier, begins, amount_micro, agreement["programme_id"])
    return f"{agreement_id}.{number:02d}"


def milestone_tier(agreement_id: str, number: int) -> str:
    return f"{agreement_id}.{number}"


def _first_instant(day: date) -> Instant:
    at = datetime.fromtimestamp(first_ms(day) / 1000, SEOUL)
    return Instant(at.isoformat(), at)
