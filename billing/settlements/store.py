"""Settlements in PostgreSQL: opened after the end, unused money returned, reported, verified, closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from billing.casework import vouchers
from billing.casework.deeds import Deed, take_step
from billing.casework.rows import Row, lock_budget, row_of, rows_of
from billing.database import Connection
from billing.ledger import end_rules, own_rules
from billing.ledger.rules import VoucherRef
from billing.ledger.store import append_entries
from billing.lifecycle import settlement as life
from billing.payments.own_money import change_own, lock_own
from billing.settlements import granted
from billing.settlements.granted import Granted
from billing.settlements.rules import rules_of
from metering import shares

FIND: Final = (
    "select s.*, f.government_micro, f.self_micro, f.share_ppm, f.charged_micro,"
    " f.government_micro + f.self_micro - f.charged_micro - f.expired_government_micro"
    " - f.expired_self_micro as unexpired_micro,"
    " f.expired_government_micro - r.government as pending_government_micro,"
    " f.expired_self_micro - r.self as pending_self_micro,"
    " r.government as returned_government_micro, r.self as returned_self_micro,"
    " r.interest as returned_interest_micro, i.amount_micro as interest_micro,"
    " i.document as interest_document,"
    " (select count(*) from finding d where d.voucher_id = s.voucher_id"
    "  and d.state in ('found', 'objected'))::integer as findings_undecided,"
    " (select count(*) from finding d where d.voucher_id = s.voucher_id and d.state = 'confirmed')"
    "  ::integer as claims_unpaid,"
    " (select count(*) from claim c where c.voucher_id = s.voucher_id)::integer as claims_open,"
    " (select count(distinct c.id)::integer from correction c"
    "  join correction_call l on l.correction_id = c.id join usage u on u.op = l.op"
    "  and u.voucher_id = s.voucher_id where c.state = 'proposed')"
    "  as corrections_undecided,"
    " (select count(*)::integer from report_line r join voucher v on v.id = s.voucher_id"
    "  where r.company_id = s.company_id and r.state in ('reported', 'accepted', 'objected')"
    "  and case when r.corrects is null then r.served_ms < f.ends_ms"
    "   and (v.products is null or r.product_id = any(v.products))"
    "   and (r.agreement_id is null or r.agreement_id = s.agreement_id)"
    "  else exists (select from report_line p where p.id = r.corrects and p.voucher_id = s.voucher_id) end)"
    "  as reports_undecided"
    " from settlement s join funds f on f.voucher_id = s.voucher_id"
    " cross join lateral (select coalesce(sum(b.government_micro), 0)::bigint as government,"
    "  coalesce(sum(b.self_micro), 0)::bigint as self, coalesce(sum(b.interest_micro), 0)::bigint as interest"
    "  from settlement_return b where b.settlement_id = s.id) r"
    " left join lateral (select amount_micro, document from settlement_interest e"
    "  where e.settlement_id = s.id order by number desc limit 1) i on true"
)


async def find(conn: Connection, settlement_id: str, *, lock: bool = False) -> Row:
    return await row_of(
        conn, f"{FIND} where s.id = %s{' for update of s, f' if lock else ''}", [settlement_id]
    )


async def returns_of(conn: Connection, settlement_id: str) -> list[Row]:
    return await rows_of(
        conn, "select * from settlement_return where settlement_id = %s order by number", [settlement_id]
    )


async def open_settlement(
    conn: Connection, *, agreement_id: str | None = None, voucher_id: str | None = None, deed: Deed
) -> str:
    """Of one of the two. -> its id. From then on the voucher's funds and days are as they are."""
    await lock_budget(conn)
    of = await granted.find(conn, agreement_id=agreement_id, voucher_id=voucher_id, deed=deed)
    facts = await facts_before(conn, of)
    number = await row_of(conn, "select nextval('settlement_number') as n")
    made = f"se-{number['n']:06d}"
    state = await take_step(
        conn,
        life.TABLE,
        "open",
        deed=deed,
        thing_id=made,
        state=None,
        company=of.company_id,
        facts=facts,
        detail=of.named,
    )
    await conn.execute(
        "insert into settlement (id, agreement_id, voucher_id, programme_id, company_id, state, ended_on,"
        " created_at) values (%s, %s, %s, %s, %s, %s, %s, %s)",
        [
            *(made, of.agreement_id, of.voucher_id, of.programme_id, of.company_id, state),
            min(of.ends_on, deed.today),
            deed.now,
        ],
    )
    if of.agreement_id is None:
        assert of.voucher_id is not None
        await vouchers.fix_period(conn, of.voucher_id, of.starts_on, of.ends_on)
    return made


async def facts_before(conn: Connection, of: Granted) -> life.Facts:
    """Of what may have no settlement yet."""
    has_one = await rows_of(conn, "select 1 from settlement where voucher_id = %s", [of.voucher_id])
    return life.Facts(
        has_voucher=of.voucher_id is not None,
        is_over=of.is_over,
        has_settlement=bool(has_one),
    )


async def facts_of(
    conn: Connection,
    row: Row,
    deed: Deed,
    *,
    holds_open: int | None = None,
    verification: str | None = None,
) -> life.Facts:
    """`holds_open`: what the purse says; the books' own are added."""
    rules = await rules_of(conn, row["programme_id"], deed.today)
    return life.Facts(
        has_settlement=True,
        holds_open=None if holds_open is None else holds_open + row["claims_open"],
        unexpired_micro=row["unexpired_micro"],
        pending_micro=row["pending_government_micro"] + row["pending_self_micro"],
        is_interest_known=row["interest_micro"] is not None,
        verification_needed=rules.verification_needed(row["government_micro"]),
        verification=verification,
        corrections_undecided=row["corrections_undecided"],
        reports_undecided=row["reports_undecided"],
        findings_undecided=row["findings_undecided"],
        claims_unpaid=row["claims_unpaid"],
        today=deed.today,
        kept_until=rules.kept_until(row["ended_on"]),
    )


async def move(
    conn: Connection,
    settlement_id: str,
    action: str,
    *,
    deed: Deed,
    entered: Mapping[str, Any] | None = None,
    holds_open: int | None = None,
) -> None:
    """Any step of one that is there; `entered`: what was entered with it. Raises Refused."""
    await lock_budget(conn)
    row = await find(conn, settlement_id, lock=True)
    given = dict(entered or {})
    facts = await facts_of(conn, row, deed, holds_open=holds_open, verification=given.get("verification"))
    after = await take_step(
        conn,
        life.TABLE,
        action,
        deed=deed,
        thing_id=settlement_id,
        state=row["state"],
        company=row["company_id"],
        facts=facts,
        detail={**given, **_told(row, action)},
    )
    await _effect(conn, row, action, given, deed)
    await conn.execute(
        "update settlement set state = %s, verification = coalesce(%s, verification),"
        " verification_ref = coalesce(%s, verification_ref), verified_by = coalesce(%s, verified_by)"
        " where id = %s",
        [
            after,
            *(given.get(name) for name in ("verification", "verification_ref", "verified_by")),
            settlement_id,
        ],
    )


async def _effect(conn: Connection, row: Row, action: str, given: Mapping[str, Any], deed: Deed) -> None:
    if action == "enter_interest":
        await _enter_interest(conn, row["id"], given, deed)
    elif action == "return_unused":
        await _give_back(conn, row, deed, interest_micro=row["interest_micro"])
    elif action == "return_late":
        await _give_back(conn, row, deed, interest_micro=0)
    elif action == "erase":
        await _erase(conn, row)


def _told(row: Row, action: str) -> dict[str, int]:
    """The figures a step was taken on, for its log."""
    if action not in ("return_unused", "return_late", "report", "settle"):
        return {}
    government = shares.government_micro(row["charged_micro"], row["share_ppm"])
    return {
        "spent_government_micro": government,
        "spent_self_micro": row["charged_micro"] - government,
        "pending_government_micro": row["pending_government_micro"],
        "pending_self_micro": row["pending_self_micro"],
        "interest_micro": row["interest_micro"] or 0,
    }


async def _enter_interest(conn: Connection, settlement_id: str, given: Mapping[str, Any], deed: Deed) -> None:
    await conn.execute(
        "insert into settlement_interest (settlement_id, number, amount_micro, document, person, at)"
        " select %s, 1 + count(*), %s, %s, %s, %s from settlement_interest where settlement_id = %s",
        [
            *(settlement_id, given["amount_micro"], given["document"]),
            *(deed.actor.person, deed.now, settlement_id),
        ],
    )


async def _give_back(conn: Connection, row: Row, deed: Deed, *, interest_micro: int) -> None:
    """The grant to the programme's budget, the self share to the company's own money, interest beside it."""
    voucher = VoucherRef(row["voucher_id"], row["company_id"], row["programme_id"])
    government, own = row["pending_government_micro"], row["pending_self_micro"]
    await conn.execute(
        "insert into settlement_return"
        " (settlement_id, number, government_micro, self_micro, interest_micro, at)"
        " select %s, 1 + count(*), %s, %s, %s, %s from settlement_return where settlement_id = %s",
        [row["id"], government, own, interest_micro, deed.now, row["id"]],
    )
    if own:
        await lock_own(conn, row["company_id"])
        await change_own(conn, row["company_id"], own_micro=own)
    entries = (
        end_rules.unused_back(voucher, government_micro=government, self_micro=own),
        own_rules.pay_in(row["company_id"], amount_micro=-own),
        end_rules.interest(voucher, amount_micro=interest_micro),
    )
    await append_entries(conn, [entry for entry in entries if entry.postings])


async def _erase(conn: Connection, row: Row) -> None:
    """What people wrote of themselves in the application. Books, steps and sheets have no such text.

    A voucher that was declared was never applied for: there is nothing to blank.
    """
    await conn.execute(
        "update application set title = '', plan = '' where id ="
        " (select application_id from agreement where id = %s)",
        [row["agreement_id"]],
    )
