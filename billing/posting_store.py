"""Reading and writing what the posting rules work on: a handful of statements per batch, of any size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from psycopg import AsyncCursor
from psycopg.rows import TupleRow

from billing.audit.batch_store import NOTHING_ALLOTTED, allot, write_batch
from billing.audit.leaf import USAGE_COLUMNS, Records
from billing.database import MONTH_LOCK, Connection
from billing.ledger.journal import Entry
from billing.ledger.lines import entry_lines, posting_lines
from billing.ledger.store import insert_entries
from billing.loans import bump_open_loans
from billing.parking import insert_parked, parked_lines
from billing.posting_events import Charge, Decoded, Left
from billing.posting_lines import usage_line
from billing.posting_state import Booked, BooksState, FundsState, LoanState, Outcome
from billing.statements.month import Month, first_day_number, month_named

Numbered = Sequence[tuple[int, Entry]]

_COPY_USAGE: Final = f"copy usage ({', '.join(USAGE_COLUMNS)}, batch_id) from stdin"

_FUNDS: Final = (
    "select voucher_id, company_id, programme_id, share_ppm, free_micro, charged_micro, direct_micro"
    " from funds where voucher_id = any(%s) order by voucher_id for update"
)
# Share lock: an epoch read as open stays so until this batch is committed.
_LOANS: Final = (
    "select l.lane, l.n, l.voucher_id, l.lent_micro, l.posted_micro, l.returned_micro,"
    " l.beyond_micro, e.state"
    " from unnest(%s::smallint[], %s::bigint[], %s::text[]) as asked (lane, n, voucher_id)"
    " join loan l using (lane, n, voucher_id) join lane_epoch e on (e.lane, e.n) = (l.lane, l.n)"
    " order by l.lane, l.n for share of e"
)


async def read_state(conn: Connection, events: Sequence[Decoded]) -> BooksState:
    """Lock the vouchers a batch names, in their order, and read what its rules need."""
    charges = _charges(events)
    ops = _text_array(_ops(events, charges))
    loans = sorted({(charge.lane, charge.n, charge.voucher_id) for charge in charges})
    epochs = sorted({(event.lane, event.n) for event in events if isinstance(event, Left)})
    gone = sorted({(event.lane, event.gateway_id) for event in events if isinstance(event, Left)})
    async with conn.pipeline():
        closed_rows = await _ask_closed(conn)
        funds_rows = await conn.execute(_FUNDS, [sorted({voucher for _, _, voucher in loans})])
        loan_rows = await conn.execute(_LOANS, _columns(loans, 3))
        booked_rows = await conn.execute(
            # One look into the index per op: a plan that reads the table would slow down as it grows.
            "select b.* from unnest(%s::text[]) as asked (op) cross join lateral ("
            " select op, step, kind, voucher_id, n, charge_micro, government_micro, self_micro,"
            " uncollected_micro, from_loan_micro, from_free_micro, gateway_id, started_ms"
            " from usage u where u.op = asked.op order by step desc limit 1) b",
            [ops],
        )
        claim_rows = await conn.execute(
            "select op, n, gateway_id from claim where op = any(%s::text[])", [ops]
        )
        epoch_rows = await conn.execute(
            "select e.lane, e.n, e.state from unnest(%s::smallint[], %s::bigint[]) as asked (lane, n)"
            " join lane_epoch e using (lane, n) order by e.lane, e.n for share of e",
            _columns(epochs, 2),
        )
        gone_rows = await conn.execute(
            "select g.lane, g.gateway_id from unnest(%s::smallint[], %s::text[]) as asked (lane, gateway_id)"
            " join gone_gateway g using (lane, gateway_id)",
            _columns(gone, 2),
        )
    books = BooksState(
        funds={row[0]: FundsState(*row) for row in await funds_rows.fetchall()},
        loans={(row[0], row[1], row[2]): LoanState(*row) for row in await loan_rows.fetchall()},
        epochs={(lane, n): state for lane, n, state in await epoch_rows.fetchall()},
        booked={row[0]: Booked(*row[1:]) for row in await booked_rows.fetchall()},
        claimed={op: (n, gateway) for op, n, gateway in await claim_rows.fetchall()},
        gone={(lane, gateway) for lane, gateway in await gone_rows.fetchall()},
        uncounted=set(),
        open_month=_open_month(await closed_rows.fetchall()),
    )
    await _read_uncounted(conn, books, charges)
    elsewhere = _booked_elsewhere(books, charges)
    if elsewhere:
        await _read_more(conn, books, elsewhere)
    return books


async def _ask_closed(conn: Connection) -> AsyncCursor[TupleRow]:
    """First of all: what is booked before a month is closed is in it, what comes later is late."""
    await conn.execute("select pg_advisory_xact_lock_shared(%s, 0)", [MONTH_LOCK])
    return await conn.execute("select max(month) from closed_month")


def _open_month(rows: Sequence[tuple[Any, ...]]) -> Month | None:
    [(closed,)] = rows
    return None if closed is None else month_named(closed).after()


async def _read_uncounted(conn: Connection, books: BooksState, charges: Sequence[Charge]) -> None:
    """Of the calls that are booked already, which no purse has counted. They are few."""
    again = [charge.op for charge in charges if charge.op in books.booked] if books.booked else []
    if again:
        cursor = await conn.execute("select op, n from uncounted where op = any(%s::text[])", [again])
        books.uncounted.update([(op, n) for op, n in await cursor.fetchall()])


def _booked_elsewhere(books: BooksState, charges: Sequence[Charge]) -> list[tuple[int, int, str]]:
    """The loans of charges that are taken back, as the call ended in another epoch, or of another voucher."""
    found: set[tuple[int, int, str]] = set()
    for charge in charges if books.booked else ():
        before = books.booked.get(charge.op)
        if before is not None:
            found.add((charge.lane, before.n, before.voucher_id))
    return sorted(found - books.loans.keys())


async def _read_more(conn: Connection, books: BooksState, loans: Sequence[tuple[int, int, str]]) -> None:
    """Seldom needed. Its vouchers are of lanes that only we post, so their order can lock nobody out."""
    vouchers = sorted({voucher for _, _, voucher in loans} - books.funds.keys())
    funds_rows = await conn.execute(_FUNDS, [vouchers])
    loan_rows = await conn.execute(_LOANS, _columns(loans, 3))
    books.funds |= {row[0]: FundsState(*row) for row in await funds_rows.fetchall()}
    books.loans |= {(row[0], row[1], row[2]): LoanState(*row) for row in await loan_rows.fetchall()}


def _charges(events: Sequence[Decoded]) -> list[Charge]:
    charges = [event for event in events if isinstance(event, Charge)]
    for event in events:
        if isinstance(event, Left):
            charges += event.charges
    return charges


def _ops(events: Sequence[Decoded], charges: Sequence[Charge]) -> list[str]:
    ops = [charge.op for charge in charges]
    for event in events:
        if isinstance(event, Left):
            ops += [claim.op for claim in event.claims]
    return ops


def _text_array(words: Sequence[str]) -> str:
    """An array as PostgreSQL reads it, for thousands of words: the driver would look at each of them."""
    joined = '","'.join(words)
    if "\\" in joined or joined.count('"') > 2 * (len(words) - 1):
        joined = '","'.join([word.replace("\\", "\\\\").replace('"', '\\"') for word in words])
    return f'{{"{joined}"}}' if words else "{}"


def _columns(rows: Sequence[tuple[object, ...]], width: int) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


async def write_outcome(conn: Connection, books: BooksState, out: Outcome) -> None:
    """All but the usage rows leaves in one write; COPY cannot."""
    entries = out.entries()
    booked = [entry for entry in entries if entry is not None]
    recorded = out.rows or out.parked
    allotted = await allot(conn, len(booked)) if recorded else NOTHING_ALLOTTED
    numbered = list(zip(allotted.entry_ids, booked, strict=True))
    lines = _usage_lines(out, entries, allotted.entry_ids)
    async with conn.pipeline():
        if recorded:
            records = Records(lines, entry_lines(numbered), posting_lines(numbered), parked_lines(out.parked))
            await write_batch(conn, allotted.batch_id, records)
            await _write_records(conn, out, numbered, allotted.batch_id)
        await _write_balances(conn, books, out)
        await _write_marks(conn, out)
        if out.restate:
            await bump_open_loans(conn, sorted(out.restate))
    if lines:
        await _write_late(conn, books.open_month, out)
        line_end = f"\t{allotted.batch_id}\n".encode()
        async with conn.cursor().copy(_COPY_USAGE) as copy:
            await copy.write(line_end.join([*lines, b""]))


async def _write_late(conn: Connection, open_month: Month | None, out: Outcome) -> None:
    """Rows of a month that is closed are in the first one that is open."""
    if open_month is None:
        return
    open_day = first_day_number(open_month)
    late = [(row.charge.op, row.now.step) for row in out.rows if row.charge.day < open_day]
    if late:
        await conn.execute(
            "insert into late_usage (op, step, month) select op, step, %s"
            " from unnest(%s::text[], %s::smallint[]) as late (op, step)",
            [str(open_month), *_columns(late, 2)],
        )


def _usage_lines(out: Outcome, entries: Sequence[Entry | None], allotted_ids: Sequence[int]) -> list[bytes]:
    ids = iter(allotted_ids)
    entry_ids = [None if entry is None else next(ids) for entry in entries]
    return [usage_line(row, entry_ids) for row in out.rows]


async def _write_marks(conn: Connection, out: Outcome) -> None:
    """Who has left, what is drained, and the claims of open holds."""
    if out.claims_dropped:
        await conn.execute("delete from claim where op = any(%s)", [out.claims_dropped])
    if out.uncounted or out.uncounted_over:
        await _write_uncounted(conn, out)
    if out.gone:
        await _write_gone(conn, out)
    if out.claims:
        claims = out.claims.values()
        await conn.execute(
            "insert into claim (op, lane, n, gateway_id, voucher_id, amount_micro) select * from"
            " unnest(%s::text[], %s::smallint[], %s::bigint[], %s::text[], %s::text[], %s::bigint[])"
            " on conflict do nothing",
            _columns([(c.op, c.lane, c.n, c.gateway_id, c.voucher_id, c.amount_micro) for c in claims], 6),
        )
    if out.left:
        await conn.execute(
            "insert into left_epoch (lane, n, gateway_id)"
            " select * from unnest(%s::smallint[], %s::bigint[], %s::text[]) on conflict do nothing",
            _columns(out.left, 3),
        )
    for mark in out.marks:
        column = "drained" if mark.kind == "drained" else "opened"
        await conn.execute(
            f"update lane_epoch set {column} = true where lane = %s and n = %s",  # noqa: S608 - one of two words
            [mark.lane, mark.n],
        )


async def _write_uncounted(conn: Connection, out: Outcome) -> None:
    await conn.execute(
        "delete from uncounted where (op, n) in (select * from unnest(%s::text[], %s::bigint[]))",
        _columns(out.uncounted_over, 2),
    )
    await conn.execute(
        "insert into uncounted (op, n, lane) select * from unnest(%s::text[], %s::bigint[], %s::smallint[])"
        " on conflict do nothing",
        _columns([(op, n, lane) for (op, n), lane in out.uncounted.items()], 3),
    )


async def _write_records(conn: Connection, out: Outcome, numbered: Numbered, batch_id: int) -> None:
    """What the batch is the root of, but for the usage rows, and the days that go by them."""
    if numbered:
        await insert_entries(conn, numbered, batch_id)
    if out.parked:
        await insert_parked(conn, out.parked, batch_id)
    if out.key_days:
        await conn.execute(
            "insert into key_day as k (key_id, day, spent_micro)"
            " select * from unnest(%s::text[], %s::integer[], %s::bigint[])"
            " on conflict (key_id, day) do update set spent_micro = k.spent_micro + excluded.spent_micro",
            _columns([(key, day, spent) for (key, day), spent in sorted(out.key_days.items())], 3),
        )


async def _write_balances(conn: Connection, books: BooksState, out: Outcome) -> None:
    funds = [books.funds[voucher] for voucher in sorted(out.funds_changed)]
    if funds:
        await conn.execute(
            "update funds f set free_micro = v.free, charged_micro = v.charged, direct_micro = v.direct from"
            " unnest(%s::text[], %s::bigint[], %s::bigint[], %s::bigint[]) as v (voucher, free, charged,"
            " direct)"
            " where f.voucher_id = v.voucher",
            _columns([(f.voucher_id, f.free_micro, f.charged_micro, f.direct_micro) for f in funds], 4),
        )
    loans = [loan for loan in books.loans.values() if loan.changed]
    if loans:
        await conn.execute(
            "update loan l set posted_micro = v.posted, returned_micro = v.returned, beyond_micro ="
            " v.beyond from"
            " unnest(%s::smallint[], %s::bigint[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[])"
            " as v (lane, n, voucher, posted, returned, beyond)"
            " where (l.lane, l.n, l.voucher_id) = (v.lane, v.n, v.voucher)",
            _columns(
                [
                    (x.lane, x.n, x.voucher_id, x.posted_micro, x.returned_micro, x.beyond_micro)
                    for x in loans
                ],
                6,
            ),
        )


async def _write_gone(conn: Connection, out: Outcome) -> None:
    columns = _columns(out.gone, 2)
    await conn.execute(
        "insert into gone_gateway (lane, gateway_id) select * from unnest(%s::smallint[], %s::text[])"
        " on conflict do nothing",
        columns,
    )
    await conn.execute(
        "delete from claim c using unnest(%s::smallint[], %s::text[]) as g (lane, gateway_id)"
        " where (c.lane, c.gateway_id) = (g.lane, g.gateway_id)",
        columns,
    )
