"""Auditors' findings in PostgreSQL. What is found moves nothing; what the agency confirms is owed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from billing.casework.deeds import Deed, take_step
from billing.casework.rows import NOT_FOUND, Row, lock_budget, row_of, rows_of
from billing.database import Connection
from billing.ledger import end_rules
from billing.ledger.rules import VoucherRef
from billing.ledger.store import append_entries
from billing.lifecycle import finding as life
from billing.lifecycle.table import Refused
from billing.payments.own_money import change_own, lock_own
from billing.settlements import granted
from billing.settlements.found_lines import FoundLine, named_already, read_line
from billing.settlements.granted import Granted
from billing.settlements.rules import rules_of
from metering import shares

FIND: Final = (
    "select d.*, s.government_micro, s.self_micro from finding d cross join lateral ("
    " select coalesce(sum(government_micro), 0)::bigint as government_micro,"
    " coalesce(sum(self_micro), 0)::bigint as self_micro from finding_line l where l.finding_id = d.id) s"
)


async def find(conn: Connection, finding_id: str, *, lock: bool = False) -> Row:
    return await row_of(conn, f"{FIND} where d.id = %s{' for update of d' if lock else ''}", [finding_id])


async def lines_of(conn: Connection, finding_id: str) -> list[Row]:
    return await rows_of(
        conn, "select * from finding_line where finding_id = %s order by number", [finding_id]
    )


async def make(
    conn: Connection,
    lines: Sequence[Mapping[str, Any]],
    *,
    agreement_id: str | None = None,
    voucher_id: str | None = None,
    deed: Deed,
) -> str:
    """Against one of the two. -> its id. Raises Refused."""
    await lock_budget(conn)
    of = await granted.find(conn, agreement_id=agreement_id, voucher_id=voucher_id, deed=deed)
    if of.voucher_id is None:
        raise Refused(*NOT_FOUND)
    found = [await read_line(conn, of.voucher_id, line) for line in lines]
    rules = await rules_of(conn, of.programme_id, deed.today)
    number = await row_of(conn, "select nextval('finding_number') as n")
    made = f"fi-{number['n']:06d}"
    facts = await facts_before(conn, of, found, deed)
    state = await take_step(
        conn,
        life.TABLE,
        "find",
        deed=deed,
        thing_id=made,
        state=None,
        company=of.company_id,
        facts=facts,
        detail={**of.named, "government_micro": facts.amount_micro},
    )
    objection_until = _objection_until(rules.number("objection_days"), deed.today)
    await _insert(conn, made, of, state, objection_until, deed)
    for number_of, line in enumerate(found, 1):
        await _insert_line(conn, made, number_of, line)
    return made


async def _insert(
    conn: Connection, finding_id: str, of: Granted, state: str, objection_until: date | None, deed: Deed
) -> None:
    await conn.execute(
        "insert into finding (id, agreement_id, voucher_id, programme_id, company_id, state, person, reason,"
        " objection_until, created_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            *(finding_id, of.agreement_id, of.voucher_id, of.programme_id, of.company_id),
            *(state, deed.actor.person, deed.reason, objection_until, deed.now),
        ],
    )


async def _insert_line(conn: Connection, finding_id: str, number: int, line: FoundLine) -> None:
    await conn.execute(
        "insert into finding_line (finding_id, number, kind, call, product_id, month, government_micro,"
        " self_micro) values (%s, %s, %s, %s, %s, %s, %s, %s)",
        [
            *(finding_id, number, line.kind, line.call, line.product_id, line.month),
            *(line.government_micro, line.self_micro),
        ],
    )


def _objection_until(days: int | None, today: date) -> date | None:
    return None if days is None else today + timedelta(days=min(days, 3_650))


async def facts_before(conn: Connection, of: Granted, found: Sequence[FoundLine], deed: Deed) -> life.Facts:
    assert of.voucher_id is not None, "nothing is found where nothing was spent"
    around = await row_of(
        conn,
        "select f.charged_micro, f.share_ppm, (select coalesce(sum(l.government_micro), 0)::bigint"
        " from finding d join finding_line l on l.finding_id = d.id"
        " where d.voucher_id = f.voucher_id and d.state <> 'dismissed') as others,"
        " (select count(*)::integer from settlement s where s.voucher_id = f.voucher_id"
        "  and s.state = 'erased') as erased from funds f where f.voucher_id = %s",
        [of.voucher_id],
    )
    return life.Facts(
        is_kept=not around["erased"],
        has_lines=bool(found),
        named_already=await named_already(conn, of.voucher_id, found),
        spent_micro=shares.government_micro(around["charged_micro"], around["share_ppm"]),
        others_micro=around["others"],
        amount_micro=sum(line.government_micro for line in found),
        today=deed.today,
    )


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
