"""Own money that calls may spend: a fund that gateways know as the last of the company's vouchers.

It is the directory's row and the books' funds, as any voucher is, of a programme that nobody funds: the share
is nothing, the period is every day there is, all products are allowed. So purse, poster and gateways need to
know nothing of it. What lies in it came from own money by the entries of `pay_in`, and goes back by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from billing.casework import vouchers
from billing.casework.deeds import By, Deed, take_step
from billing.casework.rows import Row, lock_budget, row_of, rows_of
from billing.database import Connection
from billing.directory_time import instant_ms
from billing.lifecycle import own_fund
from billing.lifecycle.own_fund import PROGRAMME
from billing.lifecycle.table import Refused
from billing.payments.own_money import NOT_FREE, lock_own, pay_in, self_share
from billing.reclaim import Short

FIRST_DAY: Final = date(2000, 1, 1)
LAST_DAY: Final = date(2099, 12, 31)

FIND: Final = (
    "select o.company_id as id, o.*, v.self_micro as filled_micro,"
    " coalesce(f.charged_micro, 0) as spent_micro from own_fund o join voucher v on v.id = o.voucher_id"
    " left join funds f on f.voucher_id = o.voucher_id"
)


def voucher_of(company_id: str) -> str:
    return f"{PROGRAMME}.{company_id}"


async def find(conn: Connection, company_id: str, *, lock: bool = False) -> Row:
    """Raises Refused."""
    return await row_of(
        conn, f"{FIND} where o.company_id = %s" + (" for update of o" if lock else ""), [company_id]
    )


async def voucher_there(conn: Connection, company_id: str) -> str | None:
    """The fund's, where the company has one."""
    found = await rows_of(conn, "select voucher_id from own_fund where company_id = %s", [company_id])
    return found[0]["voucher_id"] if found else None


async def opt_in(conn: Connection, company_id: str, limit_micro: int, *, deed: Deed) -> None:
    """Once; who has given it up opens it again. Raises Refused."""
    await lock_budget(conn)
    if await rows_of(conn, "select 1 from own_fund where company_id = %s", [company_id]):
        raise Refused("own_fund_exists", "There is one.", "이미 자체 부담금 사용을 신청했습니다.")
    state = await _take(conn, "opt_in", None, company_id, limit_micro, deed)
    company = await row_of(conn, "select class_name from company where id = %s", [company_id])
    await _make_programme(conn, company["class_name"])
    await vouchers.write_voucher(conn, _voucher(company_id, company["class_name"]))
    await conn.execute(
        "insert into own_fund (company_id, voucher_id, state, limit_micro) values (%s, %s, %s, %s)",
        [company_id, voucher_of(company_id), state, limit_micro],
    )
    await _level(conn, company_id, deed)


async def move(
    conn: Connection, company_id: str, action: str, *, deed: Deed, limit_micro: int | None = None
) -> None:
    """Change its limit, give it up, open it again. Raises Refused, and Short where lent money comes back."""
    await lock_budget(conn)
    row = await find(conn, company_id, lock=True)
    limit = row["limit_micro"] if limit_micro is None else limit_micro
    state = await _take(conn, action, row, company_id, limit, deed)
    await conn.execute(
        "update own_fund set state = %s, limit_micro = %s where company_id = %s", [state, limit, company_id]
    )
    await _level(conn, company_id, deed, was=row["state"])


async def fill(conn: Connection, company_id: str, *, by: By) -> None:
    """After own money came in: as much of it as the limit lets calls spend."""
    found = await rows_of(
        conn, f"{FIND} where o.company_id = %s and o.state = 'open' for update of o", [company_id]
    )
    for row in found:
        own_micro, _ = await lock_own(conn, company_id)
        amount = min(own_micro, row["limit_micro"] - row["filled_micro"])
        voucher = await vouchers.find(conn, row["voucher_id"])
        is_alive = vouchers.state_of(voucher, instant_ms(by.now)) in ("active", "suspended")
        if amount > 0 and is_alive:
            await pay_in(conn, row["voucher_id"], amount_micro=amount, by=by)


async def _take(
    conn: Connection, action: str, row: Row | None, company_id: str, limit_micro: int, deed: Deed
) -> str:
    company = await row_of(conn, "select active from company where id = %s", [company_id])
    return await take_step(
        conn,
        own_fund.TABLE,
        action,
        deed=deed,
        thing_id=company_id,
        state=None if row is None else row["state"],
        company=company_id,
        facts=own_fund.Facts(
            is_company_active=company["active"],
            limit_micro=limit_micro,
            spent_micro=0 if row is None else row["spent_micro"],
        ),
        detail={"limit_micro": limit_micro},
    )


async def _level(conn: Connection, company_id: str, deed: Deed, *, was: str | None = None) -> None:
    """What is above the limit goes back; where the fund is open, own money fills it up to there.

    Giving it up takes at once what the purse was not lent; asked for again, the rest.
    """
    row = await find(conn, company_id)
    by = deed.by
    is_open = row["state"] == "open"
    keep_micro = row["limit_micro"] if is_open else row["spent_micro"]
    if (above := row["filled_micro"] - keep_micro) > 0:
        await _give_back(conn, row["voucher_id"], above, by=by, all_of_it=is_open or was == "closed")
    if was is not None and was != row["state"]:
        voucher = await vouchers.find(conn, row["voucher_id"])
        after = "active" if is_open else "suspended"
        await vouchers.write_voucher(conn, {**voucher, "state": after})
    await fill(conn, company_id, by=by)


async def _give_back(
    conn: Connection, voucher_id: str, amount_micro: int, *, by: By, all_of_it: bool
) -> None:
    """What running calls have set aside stays; where all is asked for, that is refused."""
    share = await self_share(conn, voucher_id, now=by.now)
    if share is None:
        return
    free_micro = min(amount_micro, share.free_micro)
    if all_of_it and free_micro < amount_micro:
        raise Short(Refused(*NOT_FREE), [share.lower_by(amount_micro)])
    if free_micro > 0:
        await pay_in(conn, voucher_id, amount_micro=-free_micro, by=by)


def _voucher(company_id: str, class_name: str) -> Mapping[str, Any]:
    return {
        "id": voucher_of(company_id),
        "company_id": company_id,
        "programme_id": PROGRAMME,
        "class_name": class_name,
        "share_ppm": 0,
        "government_micro": 0,
        "self_micro": 0,
        "starts_on": None,
        "ends_on": None,
        "products": None,
        "state": "active",
        "programme_starts_on": FIRST_DAY,
        "programme_ends_on": LAST_DAY,
    }


async def _make_programme(conn: Connection, class_name: str) -> None:
    """With the first fund, and of a class with its first: no budget, no grant, no share of anything."""
    await conn.execute(
        "insert into programme (id, name, budget_micro, max_voucher_micro, starts_on, ends_on)"
        " values (%s, '자체 부담금', 0, 0, %s, %s) on conflict do nothing",
        [PROGRAMME, FIRST_DAY, LAST_DAY],
    )
    await conn.execute(
        "insert into programme_share (programme_id, class_name, share_ppm) values (%s, %s, 0)"
        " on conflict do nothing",
        [PROGRAMME, class_name],
    )
