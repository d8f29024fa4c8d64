"""What of a programme's budget is spoken for: granted by vouchers, or awarded and not yet a voucher.

An award is a reservation: nothing of it is in the ledger, since no voucher has it yet, but neither another
selection nor a declaration may promise it again. The voucher's grant takes its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from billing.casework.rows import row_of, rows_of
from billing.database import Connection
from billing.lifecycle.table import Refused

RESERVED: Final = (
    "select r.programme_id, a.company_id, a.award_micro, r.id as round_id from application a"
    " join round r on r.id = a.round_id where a.state = 'selected' and a.voucher_id is null"
)
_GRANTED: Final = (
    "select v.programme_id, v.company_id,"
    " v.government_micro - coalesce(f.expired_government_micro, 0) as micro,"
    " coalesce(v.starts_on, p.starts_on) as from_day from voucher v join programme p on p.id = v.programme_id"
    " left join funds f on f.voucher_id = v.id"
)


@dataclass(frozen=True, slots=True)
class Promised:
    budget_micro: int
    granted_micro: int
    reserved_micro: int

    @property
    def left_micro(self) -> int:
        return self.budget_micro - self.granted_micro - self.reserved_micro


async def promised(conn: Connection, programme_id: str) -> Promised:
    row = await row_of(
        conn,
        "select budget_micro,"  # noqa: S608 - constants
        f" (select coalesce(sum(micro), 0) from ({_GRANTED}) g where g.programme_id = p.id)::bigint"
        " as granted,"
        f" (select coalesce(sum(award_micro), 0) from ({RESERVED}) s where s.programme_id = p.id)::bigint"
        " as reserved from programme p where id = %s",
        [programme_id],
    )
    return Promised(row["budget_micro"], row["granted"], row["reserved"])


async def room_of_companies(
    conn: Connection, programme_id: str, company_ids: list[str], *, today: date
) -> dict[str, int]:
    """What each company may still be granted: by the programme's cap and by its cap per year, the less."""
    row = await row_of(
        conn,
        "select max_voucher_micro, company_year_cap_micro from programme p join programme_life l"
        " on l.programme_id = p.id where p.id = %s",
        [programme_id],
    )
    cap, year_cap = row["max_voucher_micro"], row["company_year_cap_micro"]
    held = await rows_of(
        conn,
        "select company_id, coalesce(sum(micro) filter (where programme_id = %s), 0)::bigint as here,"  # noqa: S608
        " coalesce(sum(micro) filter (where extract(year from from_day) = %s), 0)::bigint as this_year from ("
        f"{_GRANTED} union all select programme_id, company_id, award_micro, %s::date from ({RESERVED}) s"
        ") granted where company_id = any(%s) group by company_id",
        [programme_id, today.year, today, company_ids],
    )
    most: int = cap if year_cap is None else min(cap, year_cap)
    room = dict.fromkeys(company_ids, most)
    for one in held:
        left = cap - one["here"]
        room[one["company_id"]] = max(0, left if year_cap is None else min(left, year_cap - one["this_year"]))
    return room


async def check_promises(conn: Connection, programme_id: str, company_id: str, *, today: date) -> None:
    """After a grant or an award was changed, under the budget's lock. Raises Refused where it is too much."""
    if (await promised(conn, programme_id)).left_micro < 0:
        raise Refused(
            "budget_exceeded",
            "The programme's budget does not reach for this.",
            "사업 예산을 초과합니다.",
        )
    row = await row_of(
        conn,
        "select p.max_voucher_micro, coalesce(sum(g.micro), 0)::bigint as here from programme p left join ("  # noqa: S608
        f"{_GRANTED} union all select programme_id, company_id, award_micro, %s::date from ({RESERVED}) s"
        ") g on g.programme_id = p.id and g.company_id = %s where p.id = %s group by p.id",
        [today, company_id, programme_id],
    )
    if row["here"] > row["max_voucher_micro"]:
        raise Refused(
            "company_cap_exceeded",
            "The company would be granted more than the programme's cap.",
            "기업별 지원 한도를 초과합니다.",
        )


async def check_year(conn: Connection, programme_id: str, company_id: str, *, year: int, today: date) -> None:
    """After a grant or an award was raised, under the budget's lock. Raises Refused."""
    row = await row_of(
        conn,
        "select l.company_year_cap_micro as cap, (select coalesce(sum(micro), 0)::bigint from ("  # noqa: S608
        f"{_GRANTED} union all select programme_id, company_id, award_micro, %s::date from ({RESERVED}) s"
        ") g where g.company_id = %s and extract(year from g.from_day) = %s) as granted"
        " from programme_life l where l.programme_id = %s",
        [today, company_id, year, programme_id],
    )
    if row["cap"] is not None and row["granted"] > row["cap"]:
        raise Refused(
            "company_cap_exceeded",
            "The company would be granted more in this year than the programme's cap.",
            "기업별 연간 지원 한도를 초과합니다.",
        )
