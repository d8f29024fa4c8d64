"""Vouchers of the office: issued on agreements, paid into, suspended, extended, ended, taken back.

A voucher is the directory's row and the books' funds, as `apply` makes them: both are written here in one SQL
transaction, so gateways hear of a change by the same revision, and the ledger has the same entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from billing.casework.budget import check_promises
from billing.casework.deeds import Deed, take_step
from billing.casework.rows import Row, lock_budget, row_of, rows_of
from billing.database import Connection
from billing.directory_time import instant_ms, period_ms
from billing.funds import BelowSpent, FundsChange, set_capacities
from billing.lifecycle import voucher
from billing.lifecycle.own_fund import PROGRAMME
from billing.lifecycle.table import Refused
from billing.reclaim import Short
from metering import shares
from metering.money import AMOUNT_MICRO_MAX

FIND: Final = (
    "select v.*, p.starts_on as programme_starts_on, p.ends_on as programme_ends_on,"
    " (select kind from voucher_ending e where e.voucher_id = v.id order by kind limit 1) as ending,"
    " (select claimed_micro from voucher_ending e where e.voucher_id = v.id and kind = 'clawed_back')"
    " as claimed_micro,"
    " g.id as agreement_id, g.state as agreement_state, coalesce(f.charged_micro, 0) as spent_micro,"
    " coalesce(f.expired_government_micro, 0) as returned_government_micro,"
    " coalesce(f.expired_self_micro, 0) as returned_self_micro, f.state as funds_state, f.ends_ms,"
    " exists (select from settlement s where s.voucher_id = v.id) as has_settlement"
    " from voucher v join programme p on p.id = v.programme_id left join agreement g on g.voucher_id = v.id"
    " left join funds f on f.voucher_id = v.id"
)
FIND_ONE: Final = FIND + " where v.id = %s"


async def find(conn: Connection, voucher_id: str, *, lock: bool = False) -> Row:
    return await row_of(conn, FIND_ONE + (" for update of v" if lock else ""), [voucher_id])


def ends_ms_of(row: Mapping[str, Any]) -> int:
    _, ends_ms = period_ms(
        programme=(row["programme_starts_on"], row["programme_ends_on"]),
        voucher=(row["starts_on"], row["ends_on"]),
    )
    return ends_ms


def state_of(row: Mapping[str, Any], now_ms: int) -> str:
    return voucher.state_at(stored=row["state"], ending=row["ending"], ends_ms=ends_ms_of(row), now_ms=now_ms)


async def write_voucher(conn: Connection, row: Mapping[str, Any]) -> None:
    """The directory's row and its funds, new or changed. Raises Short where more is spent or lent."""
    line = shares.capacity(
        grant_micro=row["government_micro"], deposit_micro=row["self_micro"], share_ppm=row["share_ppm"]
    )
    if line.total_micro > AMOUNT_MICRO_MAX:
        raise Refused(
            "above_voucher_max", "One voucher cannot reach so far.", "바우처 한 건의 최대 금액을 넘습니다."
        )
    names = (
        *("id", "company_id", "programme_id", "class_name", "share_ppm", "government_micro", "self_micro"),
        *("starts_on", "ends_on", "products", "state"),
    )
    await conn.execute(
        f"insert into voucher ({', '.join(names)}) values ({', '.join(['%s'] * len(names))})"  # noqa: S608
        " on conflict (id) do update set government_micro = excluded.government_micro,"
        " self_micro = excluded.self_micro, starts_on = excluded.starts_on, ends_on = excluded.ends_on,"
        " products = excluded.products, state = excluded.state".encode(),
        [row[name] for name in names],
    )
    funds = FundsChange(
        voucher_id=row["id"],
        company_id=row["company_id"],
        programme_id=row["programme_id"],
        government_micro=row["government_micro"],
        self_micro=row["self_micro"],
        share_ppm=row["share_ppm"],
        ends_ms=ends_ms_of(row),
        state=row["state"],
    )
    for refusal in (await set_capacities(conn, [funds])).values():
        if isinstance(refusal, BelowSpent):
            raise Short(_below_spent(), [funds])
        raise Refused(
            "funds_fixed",
            "The voucher's money stays as it is: its settlement has begun.",
            "정산이 시작된 바우처의 금액은 바꿀 수 없습니다.",
        ) from refusal


def _below_spent() -> Refused:
    return Refused(
        "below_spent",
        "More is spent and held than the voucher would reach.",
        "이미 집행되었거나 사용 예정인 금액보다 낮게 변경할 수 없습니다.",
    )


async def move(
    conn: Connection,
    voucher_id: str,
    action: str,
    *,
    deed: Deed,
    amount_micro: int = 0,
    new_ends_on: date | None = None,
) -> None:
    """Deposit, suspend, resume, extend, end or claw back."""
    await lock_budget(conn)
    row = await find(conn, voucher_id, lock=True)
    facts = facts_of(row, amount_micro, new_ends_on)
    detail: dict[str, Any] = {"amount_micro": amount_micro} if amount_micro else {}
    if new_ends_on is not None:
        detail |= {"ends_on": {"from": str(facts.ends_on), "to": str(new_ends_on)}}
    after = await take_step(
        conn,
        voucher.TABLE,
        action,
        deed=deed,
        thing_id=voucher_id,
        state=state_of(row, instant_ms(deed.now)),
        company=row["company_id"],
        facts=facts,
        detail=detail,
    )
    if after in ("ended", "clawed_back"):
        await _write_ending(conn, voucher_id, after, amount_micro, deed)
    await write_voucher(conn, _after(row, action, after, amount_micro, new_ends_on))


def facts_of(row: Row, amount_micro: int = 0, new_ends_on: date | None = None) -> voucher.Facts:
    return voucher.Facts(
        agreement_state=row["agreement_state"],
        ends_on=row["ends_on"] or row["programme_ends_on"],
        new_ends_on=new_ends_on,
        programme_ends_on=row["programme_ends_on"],
        spent_micro=row["spent_micro"],
        claimed_micro=amount_micro,
        has_settlement=row["has_settlement"],
        is_own_fund=row["programme_id"] == PROGRAMME,
    )


async def fix_period(conn: Connection, voucher_id: str, starts_on: date, ends_on: date) -> None:
    """One without days of its own has its programme's; with these it no longer minds new ones of those."""
    await conn.execute(
        "update voucher set starts_on = %s, ends_on = %s where id = %s"
        " and (starts_on, ends_on) is distinct from (%s, %s)",
        [starts_on, ends_on, voucher_id, starts_on, ends_on],
    )


async def _write_ending(conn: Connection, voucher_id: str, kind: str, claimed_micro: int, deed: Deed) -> None:
    await conn.execute(
        "insert into voucher_ending (voucher_id, kind, claimed_micro, at) values (%s, %s, %s, %s)",
        [voucher_id, kind, claimed_micro, deed.now],
    )


def _after(row: Row, action: str, state: str, amount_micro: int, new_ends_on: date | None) -> Row:
    """An expired voucher that is clawed back keeps its word in the directory: its funds have expired."""
    if action == "deposit":
        return {**row, "self_micro": row["self_micro"] + amount_micro}
    if action == "extend":
        return {**row, "ends_on": new_ends_on}
    if action == "claw_back":
        return {**row, "state": "ended"}
    return {**row, "state": state}


async def _must_be_new(conn: Connection, voucher_id: str) -> None:
    if await rows_of(conn, "select 1 from voucher where id = %s", [voucher_id]):
        raise Refused("id_taken", "There is a voucher of this id.", "이미 사용 중인 바우처 ID입니다.")


async def issue(
    conn: Connection, agreement: Mapping[str, Any], *, voucher_id: str, deposit_micro: int, deed: Deed
) -> None:
    """The voucher of a signed agreement, with its grant and what the company has paid in."""
    await lock_budget(conn)
    life = await row_of(
        conn,
        "select p.starts_on as programme_starts_on, p.ends_on as programme_ends_on, l.deposit_rule"
        " from programme p join programme_life l on l.programme_id = p.id where p.id = %s",
        [agreement["programme_id"]],
    )
    facts = voucher.Facts(
        agreement_state=agreement["state"],
        has_voucher=agreement["voucher_id"] is not None,
        deposit_rule=life["deposit_rule"],
        deposit_micro=deposit_micro,
        deposit_due_micro=agreement["self_cash_micro"],
        today=deed.today,
        ends_on=agreement["ends_on"],
    )
    state = await take_step(
        conn,
        voucher.TABLE,
        "issue",
        deed=deed,
        thing_id=voucher_id,
        state=None,
        company=agreement["company_id"],
        facts=facts,
        detail={"agreement": agreement["id"]},
    )
    await _must_be_new(conn, voucher_id)
    made = {"id": voucher_id, "self_micro": deposit_micro, "state": state}
    await write_voucher(conn, {**agreement, **life, **made})
    await conn.execute("update agreement set voucher_id = %s where id = %s", [voucher_id, agreement["id"]])
    await conn.execute(
        "update application set voucher_id = %s where id = %s", [voucher_id, agreement["application_id"]]
    )
    await check_promises(conn, agreement["programme_id"], agreement["company_id"], today=deed.today)
