"""What a finding names, and what the books have of it: a call, a product's month, an amount."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from billing.casework.rows import row_of
from billing.database import Connection
from billing.lifecycle.finding import HAS_LINES
from billing.lifecycle.table import Refused
from billing.statements.month import Month, NoMonth, month_named
from metering import shares


@dataclass(frozen=True, slots=True)
class FoundLine:
    kind: str
    call: str | None
    product_id: str | None
    month: str | None
    government_micro: int
    self_micro: int


async def read_line(conn: Connection, voucher_id: str, line: Mapping[str, Any]) -> FoundLine:
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
        raise HAS_LINES.refusal()
    # A call that was given back may leave a micro-won of the one source, and lack one of the other.
    return max(0, row["government"]), max(0, row["self"])


async def named_already(conn: Connection, voucher_id: str, found: Sequence[FoundLine]) -> int:
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


# Of a call `u`: a finding that was not dismissed names it, or its product's month.
_NAMED: Final = (
    "exists (select from finding_line l join finding d on d.id = l.finding_id"
    " where d.voucher_id = u.voucher_id and d.state <> 'dismissed' and (l.call = u.op"
    " or (l.product_id = u.product_id and l.month = korean_month(u.held_at_ms))))"
)


async def is_disallowed(conn: Connection, op: str) -> bool:
    """Whether what this call, or reported line, cost is claimed from the company, or about to be."""
    row = await row_of(
        conn,
        f"select coalesce(bool_or({_NAMED}), false) as named from usage u where u.op = %s",  # noqa: S608
        [op],
    )
    return bool(row["named"])


async def disallowed_in(conn: Connection, correction_id: str) -> int:
    """Calls that it lowers though they are disallowed, and vouchers that would have spent less than is."""
    row = await row_of(
        conn,
        "with u as (select c.op, c.before_micro - c.after_micro as back, x.voucher_id, x.product_id,"  # noqa: S608
        "  x.held_at_ms from correction_call c cross join lateral (select * from usage s where s.op = c.op"
        "  order by s.step desc limit 1) x where c.correction_id = %s and c.after_micro < c.before_micro)"
        f" select (select count(*) from u where {_NAMED}) + (select count(*)"
        "  from (select voucher_id, sum(back) as back from u group by 1) b join funds f using (voucher_id)"
        "  where floor((f.charged_micro - b.back) * f.share_ppm / 1000000) < (select sum(l.government_micro)"
        "   from finding d join finding_line l on l.finding_id = d.id"
        "   where d.voucher_id = f.voucher_id and d.state <> 'dismissed')) as disallowed",
        [correction_id],
    )
    return int(row["disallowed"])
