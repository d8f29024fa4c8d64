"""The lines of months in PostgreSQL: sums of usage while one is open, kept rows once it is closed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, LiteralString

from billing.casework.rows import rows_of
from billing.database import Connection
from billing.lifecycle.table import Refused
from billing.statements.amounts import Amounts
from billing.statements.lines import Account, LedgerSum, Line, months_folded, rests_after
from billing.statements.month import Month, month_named, month_of_day_number
from billing.statements.statement import Directory, Party, Statement, Subject, SubjectKind, statement_of

OPEN_MONTHS_MAX: Final = 24  # a house that closes nothing for longer is told to

_COLUMN: Final[dict[SubjectKind, LiteralString]] = {
    "company": "company_id",
    "provider": "provider_id",
    "programme": "programme_id",
}

# A call counts where its charge begins, so that a call of several steps is one, in whichever month.
_ROWS: Final[LiteralString] = (
    " u.programme_id, u.company_id, u.voucher_id, u.provider_id, u.product_id,"
    " case when u.kind in ('true_up', 'correction') then 'correction' else 'usage' end as kind,"
    " korean_month(u.held_at_ms) as service_month,"
    " (u.charge_micro > 0)::integer - (u.charge_micro - u.d_charge_micro > 0)::integer as calls,"
    # What a fund of own money pays is booked as its self share, and is no share of anything.
    " u.d_government_micro, case when u.programme_id = '_own' then 0 else u.d_self_micro end as d_self_micro,"
    " u.d_charge_micro - u.d_government_micro - u.d_uncollected_micro"
    " - case when u.programme_id = '_own' then 0 else u.d_self_micro end as d_own_micro,"
    " u.d_uncollected_micro"
)
_SUMS: Final[LiteralString] = (
    "select month, programme_id, company_id, voucher_id, provider_id, product_id, kind, service_month,"  # noqa: S608
    " sum(calls)::bigint, sum(d_government_micro)::bigint, sum(d_self_micro)::bigint,"
    " sum(d_own_micro)::bigint, sum(d_uncollected_micro)::bigint from ("
    " select korean_month(u.held_at_ms) as month," + _ROWS + " from usage u"
    " where u.held_at_ms >= %(from_ms)s and u.held_at_ms < %(end_ms)s and {subject}"
    " and not exists (select from late_usage l where (l.op, l.step) = (u.op, u.step))"
    " union all"
    " select l.month," + _ROWS + " from late_usage l join usage u using (op, step)"
    " where l.month between %(first)s and %(last)s and {subject}"
    ") booked group by 1, 2, 3, 4, 5, 6, 7, 8"
)
_CLOSED: Final[LiteralString] = (
    "select programme_id, company_id, voucher_id, provider_id, product_id, kind, service_month, calls,"
    " government_micro, self_micro, own_micro, uncollected_micro,"
    " government_won, self_won, own_won, uncollected_won"
    " from statement_line u where month = %(month)s and {subject}"
    ' order by programme_id collate "C", company_id collate "C", voucher_id collate "C",'
    ' provider_id collate "C", kind = \'rest\', product_id collate "C", service_month, kind'
)


async def closed_until(conn: Connection) -> Month | None:
    """The last month that is closed."""
    cursor = await conn.execute("select max(month) from closed_month")
    [(month,)] = await cursor.fetchall()
    return None if month is None else month_named(month)


async def first_used(conn: Connection) -> Month | None:
    """The month of the first usage ever booked."""
    cursor = await conn.execute("select min(day) from key_day")
    [(day,)] = await cursor.fetchall()
    return None if day is None else month_of_day_number(day)


async def ledger_sums(
    conn: Connection, first: Month, last: Month, *, subject: Subject | None = None
) -> dict[Month, list[LedgerSum]]:
    """What was booked in each of these months; of one subject, or all."""
    cursor = await conn.execute(
        _of(_SUMS, subject),
        {
            "from_ms": first.first_ms,
            "end_ms": last.end_ms,
            "first": str(first),
            "last": str(last),
            "subject": None if subject is None else subject.id,
        },
    )
    sums: defaultdict[Month, list[LedgerSum]] = defaultdict(list)
    for row in await cursor.fetchall():
        product_id, kind, service_month, calls = row[5:9]
        amounts = Amounts(*row[9:])
        if calls or amounts:
            service = month_named(service_month)
            one = LedgerSum(Account(*row[1:5]), product_id, kind, service, calls, amounts)
            sums[month_named(row[0])].append(one)
    return sums


async def closed_lines(conn: Connection, month: Month, *, subject: Subject | None = None) -> list[Line]:
    cursor = await conn.execute(
        _of(_CLOSED, subject), {"month": str(month), "subject": None if subject is None else subject.id}
    )
    return [
        Line(
            month,
            Account(*row[:4]),
            row[4],
            row[5],
            month_named(row[6]),
            row[7],
            Amounts(*row[8:12]),
            Amounts(*row[12:16]),
        )
        for row in await cursor.fetchall()
    ]


def _of(query: LiteralString, subject: Subject | None) -> LiteralString:
    condition: LiteralString = "%(subject)s::text is null"
    if subject is not None:
        condition = "u." + _COLUMN[subject.kind] + " = %(subject)s"
    return query.replace("{subject}", condition)


async def open_lines(conn: Connection, month: Month, *, subject: Subject | None = None) -> list[Line]:
    """The lines as they would be if all months up to this one were closed now."""
    return (await open_months(conn, month, subject=subject)).get(month, [])


async def open_months(
    conn: Connection, month: Month, *, subject: Subject | None = None
) -> dict[Month, list[Line]]:
    """Of every month from the first open one up to this one."""
    closed = await closed_until(conn)
    if closed is None:
        first = min(await first_used(conn) or month, month)
        carried = {}
    else:
        first = closed.after()
        if month < first:
            return {}  # before the first that was closed, and so closed with it: nothing comes there any more
        carried = rests_after(await closed_lines(conn, closed, subject=subject))
    if (month.year - first.year) * 12 + month.number - first.number >= OPEN_MONTHS_MAX:
        raise Refused(
            "months_unclosed",
            f"More than {OPEN_MONTHS_MAX} months before it are open; close some.",
            "마감되지 않은 달이 너무 많습니다. 이전 달을 먼저 마감해 주세요.",
        )
    sums = await ledger_sums(conn, first, month, subject=subject)
    return months_folded(first, month, sums, carried)


async def months_of(conn: Connection, subject: Subject, now: Month) -> dict[Month, list[Line]]:
    """A subject's lines, closed months and open ones up to `now`; on one snapshot."""
    async with conn.transaction():
        await conn.execute("set transaction isolation level repeatable read read only")
        cursor = await conn.execute("select month from closed_month order by month")
        closed = [month_named(month) for (month,) in await cursor.fetchall()]
        found = {
            month: await closed_lines(conn, month, subject=subject) for month in closed[-OPEN_MONTHS_MAX:]
        }
        if not closed or closed[-1] < now:
            found |= await open_months(conn, now, subject=subject)
    return found


@dataclass(frozen=True, slots=True)
class MonthLines:
    """`lines_sha256`: over all lines of a month that was closed itself.

    A month before the first that was closed is final too, and has none.
    """

    lines: Sequence[Line]
    lines_sha256: str | None
    is_final: bool


async def lines_of_month(conn: Connection, month: Month, *, subject: Subject | None = None) -> MonthLines:
    cursor = await conn.execute("select lines_sha256 from closed_month where month = %s", [str(month)])
    closed = await cursor.fetchone()
    if closed is not None:
        return MonthLines(await closed_lines(conn, month, subject=subject), closed[0], is_final=True)
    last = await closed_until(conn)
    lines = await open_lines(conn, month, subject=subject)
    return MonthLines(lines, None, is_final=last is not None and month <= last)


async def statement_from(conn: Connection, subject: Subject, month: Month, of: MonthLines) -> Statement:
    """`of`: the subject's lines, or more."""
    own = [line for line in of.lines if getattr(line.account, _COLUMN[subject.kind]) == subject.id]
    return statement_of(
        subject,
        month,
        "final" if of.is_final else "provisional",
        own,
        await _directory(conn, subject, own),
        lines_sha256=of.lines_sha256,
    )


async def read_statement(conn: Connection, subject: Subject, month: Month) -> Statement:
    """On one snapshot; outside any SQL transaction. Raises Refused."""
    async with conn.transaction():
        await conn.execute("set transaction isolation level repeatable read read only")
        lines = await lines_of_month(conn, month, subject=subject)
        return await statement_from(conn, subject, month, lines)


async def _directory(conn: Connection, subject: Subject, lines: Sequence[Line]) -> Directory:
    accounts = {line.account for line in lines}

    def ids(kind: SubjectKind) -> set[str]:
        own = {subject.id} if subject.kind == kind else set()
        return own | {getattr(account, f"{kind}_id") for account in accounts}

    names = await rows_of(
        conn, "select id, name from programme where id = any(%s)", [sorted(ids("programme"))]
    )
    shares = await rows_of(
        conn,
        "select voucher_id, share_ppm from funds where voucher_id = any(%s)",
        [sorted({account.voucher_id for account in accounts})],
    )
    units = await rows_of(
        conn,
        "select id, unit from reported_product where id = any(%s)",
        [sorted({line.product_id for line in lines})],
    )
    return Directory(
        companies=await _parties(conn, "company", ids("company")),
        providers=await _parties(conn, "provider", ids("provider")),
        programmes=_all_named({row["id"]: row["name"] for row in names}, ids("programme")),
        shares_ppm={row["voucher_id"]: row["share_ppm"] for row in shares},
        units={row["id"]: row["unit"] for row in units},
    )


async def _parties(conn: Connection, table: LiteralString, ids: Collection[str]) -> dict[str, Party]:
    found = await rows_of(
        conn,
        f"select id, name, brn from {table} where id = any(%s)",  # noqa: S608 - one of two words
        [sorted(ids)],
    )
    parties = {row["id"]: Party(row["id"], row["name"], row["brn"]) for row in found}
    return {one: parties.get(one, Party(one, one, None)) for one in ids}


def _all_named(names: dict[str, Any], ids: Iterable[str]) -> dict[str, str]:
    """Usage may be of what the directory does not know: such has its id for a name."""
    return {one: names.get(one, one) for one in ids}
