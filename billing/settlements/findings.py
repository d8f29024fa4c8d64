"""Auditors' findings in PostgreSQL. What is found moves nothing; what the agency confirms is owed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from billing.casework import agreements
from billing.casework.deeds import Deed, take_step
from billing.casework.rows import NOT_FOUND, Row, lock_budget, row_of, rows_of
from billing.database import Connection
from billing.ledger import end_rules
from billing.ledger.rules import VoucherRef
from billing.ledger.store import append_entries
from billing.lifecycle import finding as life
from billing.lifecycle.table import Refused
from billing.payments.own_money import change_own, lock_own
from billing.settlements.rules import rules_of
from billing.statements.month import Month, NoMonth, month_named
from metering import shares

FIND: Final = (
    "select d.*, s.government_micro, s.self_micro from finding d cross join lateral ("
    " select coalesce(sum(government_micro), 0)::bigint as government_micro,"
    " coalesce(sum(self_micro), 0)::bigint as self_micro from finding_line l where l.finding_id = d.id) s"
)


@dataclass(frozen=True, slots=True)
class FoundLine:
    kind: str
    call: str | None
    product_id: str | None
    month: str | None
    government_micro: int
    self_micro: int


async def find(conn: Connection, finding_id: str, *, lock: bool = False) -> Row:
    return await row_of(conn, f"{FIND} where d.id = %s{' for update of d' if lock else ''}", [finding_id])


async def lines_of(conn: Connection, finding_id: str) -> list[Row]:
    return await rows_of(
        conn, "select * from finding_line where finding_id = %s order by number", [finding_id]
    )


async def make(conn: Connection, agreement_id: str, lines: Sequence[Mapping[str, Any]], *, deed: Deed) -> str:
    """-> its id. Raises Refused."""
    await lock_budget(conn)
    agreement = await agreements.find(conn, agreement_id, lock=True)
    if agreement["voucher_id"] is None:
        raise Refused(*NOT_FOUND)
    found = [await _line(conn, agreement["voucher_id"], line) for line in lines]
    rules = await rules_of(conn, agreement["programme_id"], deed.today)
    number = await row_of(conn, "select nextval('finding_number') as n")
    made = f"fi-{number['n']:06d}"
    facts = await facts_before(conn, agreement, found, deed)
    state = await take_step(
        conn,
        life.TABLE,
        "find",
        deed=deed,
        thing_id=made,
        state=None,
        company=agreement["company_id"],
        facts=facts,
        detail={"agreement": agreement_id, "government_micro": facts.amount_micro},
    )
    await conn.execute(
        "insert into finding (id, agreement_id, voucher_id, programme_id, company_id, state, person, reason,"
        " objection_until, created_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            *(made, agreement_id, agreement["voucher_id"], agreement["programme_id"]),
            *(agreement["company_id"], state, deed.actor.person, deed.reason),
            *(_objection_until(rules.number("objection_days"), deed.today), deed.now),
        ],
    )
    for number_of, line in enumerate(found, 1):
        await conn.execute(
            "insert into finding_line (finding_id, number, kind, call, product_id, month, government_micro,"
            " self_micro) values (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                *(made, number_of, line.kind, line.call, line.product_id, line.month),
                *(line.government_micro, line.self_micro),
            ],
        )
    return made


def _objection_until(days: int | None, today: date) -> date | None:
    return None if days is None else today + timedelta(days=min(days, 3_650))


async def _line(conn: Connection, voucher_id: str, line: Mapping[str, Any]) -> FoundLine:
    """What the books have of it. Raises Refused where it names nothing, or two things."""
    call, product, month, amount = (line.get(name) for name in ("call", "product", "month", "amount_micro"))
    named = (call is not None, product is not None and month is not None, amount is not None)
    if sum(named) != 1 or (product is None) != (month is None):
        raise Refused(
            "invalid",
            "A line names a call, or a product and a month, or an amount.",
            "호출, 상품과 월, 금액 중 하나를 입력해 주세요.",
        )
    if call is not None:
        sums = await _sums(conn, "u.op = %s and u.voucher_id = %s", [call, voucher_id])
        return FoundLine("call", call, None, None, *sums)
    if product is not None:
        of = _month(str(month))
        sums = await _sums(
            conn,
            "u.voucher_id = %s and u.product_id = %s and u.held_at_ms >= %s and u.held_at_ms < %s",
            [voucher_id, product, of.first_ms, of.end_ms],
        )
        return FoundLine("month", None, str(product), str(month), *sums)
    share = await row_of(conn, "select share_ppm from funds where voucher_id = %s", [voucher_id])
    government = shares.government_micro(int(amount or 0), share["share_ppm"])
    return FoundLine("amount", None, None, None, government, int(amount or 0) - government)


def _month(text: str) -> Month:
    try:
        return month_named(text)
    except NoMonth:
        raise Refused(
            "invalid", "A month is written like 2026-10.", "월은 2026-10처럼 입력해 주세요."
        ) from None


async def _sums(conn: Connection, condition: str, parameters: Sequence[object]) -> tuple[int, int]:
    row = await row_of(
        conn,
        "select count(*) as steps, coalesce(sum(d_government_micro), 0)::bigint as government,"  # noqa: S608
        f" coalesce(sum(d_self_micro), 0)::bigint as self from usage u where {condition}",
        parameters,
    )
    if not row["steps"]:
        raise life.HAS_LINES.refusal()
    return row["government"], row["self"]


async def facts_before(
    conn: Connection, agreement: Row, found: Sequence[FoundLine], deed: Deed
) -> life.Facts:
    around = await row_of(
        conn,
        "select f.charged_micro, f.share_ppm, (select coalesce(sum(l.government_micro), 0)::bigint"
        " from finding d join finding_line l on l.finding_id = d.id"
        " where d.voucher_id = f.voucher_id and d.state <> 'dismissed') as others,"
        " (select count(*)::integer from settlement s where s.voucher_id = f.voucher_id"
        "  and s.state = 'erased') as erased from funds f where f.voucher_id = %s",
        [agreement["voucher_id"]],
    )
    return life.Facts(
        is_kept=not around["erased"],
        has_lines=bool(found),
        named_already=await _named_already(conn, agreement["voucher_id"], found),
        spent_micro=shares.government_micro(around["charged_micro"], around["share_ppm"]),
        others_micro=around["others"],
        amount_micro=sum(line.government_micro for line in found),
        today=deed.today,
    )


async def _named_already(conn: Connection, voucher_id: str, found: Sequence[FoundLine]) -> int:
    """Lines that another finding names, or this one twice; a call of a month that is named whole, too."""
    calls = [line.call for line in found if line.call is not None]
    months = [f"{line.product_id} {line.month}" for line in found if line.kind == "month"]
    row = await row_of(
        conn,
        "with named as (select l.call, l.product_id || ' ' || l.month as month from finding d"
        "  join finding_line l on l.finding_id = d.id where d.voucher_id = %(voucher)s"
        "  and d.state <> 'dismissed' union all select unnest(%(calls)s::text[]), null"
        "  union all select null, unnest(%(months)s::text[])),"
        " called as (select distinct c.call, u.product_id || ' ' || korean_month(u.held_at_ms) as month"
        "  from named c join usage u on u.op = c.call and u.step = 0)"
        " select (select count(*) - count(distinct call) from named where call is not null)"
        " + (select count(*) - count(distinct month) from named where month is not null)"
        " + (select count(*) from called join named using (month)) as twice",
        {"voucher": voucher_id, "calls": calls, "months": months},
    )
    return int(row["twice"])


async def facts_of(conn: Connection, row: Row, deed: Deed, *, offset_micro: int = 0) -> life.Facts:
    around = await row_of(
        conn,
        "select f.charged_micro, f.share_ppm, coalesce(o.own_micro, 0) as own_micro,"
        " coalesce(o.owed_micro, 0) as owed_micro,"
        " (select coalesce(sum(l.government_micro), 0)::bigint from finding d join finding_line l"
        "  on l.finding_id = d.id where d.voucher_id = f.voucher_id and d.state <> 'dismissed'"
        "  and d.id <> %(id)s) as others,"
        " (select coalesce(sum(l.government_micro), 0)::bigint from finding d join finding_line l"
        "  on l.finding_id = d.id where d.company_id = f.company_id and d.state = 'confirmed'"
        "  and d.id <> %(id)s) as owed_by_others,"
        " (select count(*)::integer from settlement s where s.voucher_id = f.voucher_id"
        "  and s.state = 'erased') as erased"
        " from funds f left join own_money o on o.company_id = f.company_id where f.voucher_id = %(voucher)s",
        {"id": row["id"], "voucher": row["voucher_id"]},
    )
    return life.Facts(
        is_kept=not around["erased"],
        spent_micro=shares.government_micro(around["charged_micro"], around["share_ppm"]),
        others_micro=around["others"],
        amount_micro=row["government_micro"],
        today=deed.today,
        objection_until=row["objection_until"],
        has_objection=row["state"] == "objected",
        own_micro=around["own_micro"],
        owed_micro=around["owed_micro"],
        owed_by_others_micro=around["owed_by_others"],
        offset_micro=offset_micro,
    )


async def move(conn: Connection, finding_id: str, action: str, *, deed: Deed, amount_micro: int = 0) -> None:
    """Object, confirm, dismiss, offset, repay."""
    await lock_budget(conn)
    row = await find(conn, finding_id, lock=True)
    await lock_own(conn, row["company_id"])
    facts = await facts_of(conn, row, deed, offset_micro=amount_micro)
    after = await take_step(
        conn,
        life.TABLE,
        action,
        deed=deed,
        thing_id=finding_id,
        state=row["state"],
        company=row["company_id"],
        facts=facts,
        detail={"amount_micro": amount_micro or row["government_micro"]},
    )
    voucher = VoucherRef(row["voucher_id"], row["company_id"], row["programme_id"])
    if action == "confirm":
        claimed = row["government_micro"]
        await change_own(conn, row["company_id"], own_micro=0, owed_micro=claimed)
        await append_entries(conn, [end_rules.claw_back(voucher, amount_micro=claimed)])
    elif action == "offset":
        await change_own(conn, row["company_id"], own_micro=-amount_micro, owed_micro=-amount_micro)
        await append_entries(conn, [end_rules.offset(voucher, amount_micro=amount_micro)])
    await conn.execute("update finding set state = %s where id = %s", [after, finding_id])
