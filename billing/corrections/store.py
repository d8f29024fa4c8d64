"""Corrections in PostgreSQL: proposed call by call, approved by another person, then booked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from psycopg.types.json import Jsonb

from billing.casework.deeds import Deed, take_step
from billing.casework.rows import Row, lock_budget, row_of, rows_of
from billing.corrections.booking import ROW_COLUMNS, charge_of
from billing.corrections.judging import BookedCall, CorrectedCall, by_price, cannot_judge
from billing.database import Connection
from billing.directory_store import price_lists
from billing.lifecycle import correction as life
from billing.lifecycle.table import Refused
from billing.posting_rules import apply_correction
from billing.posting_state import Outcome
from billing.posting_store import read_state, write_outcome
from billing.settlements.found_lines import disallowed_in
from metering.prices import PriceEntry
from metering.usage import TOKEN_CLASSES

CALLS_MAX: Final = 2_000  # of one correction: it is booked in one SQL transaction

FIND: Final = (
    "select c.*, s.calls, s.before_micro, s.after_micro from correction c cross join lateral ("
    " select count(*) as calls, coalesce(sum(before_micro), 0)::bigint as before_micro,"
    " coalesce(sum(after_micro), 0)::bigint as after_micro"
    " from correction_call l where l.correction_id = c.id) s"
)
_LATEST: Final = "not exists (select from usage later where later.op = u.op and later.step > u.step)"
_CALL_COLUMNS: Final = "u.op, u.step, u.held_at_ms, u.charge_micro, u.price_entry, u.units, " + ", ".join(
    f"u.{name}_tokens" for name in TOKEN_CLASSES
)


async def find(conn: Connection, correction_id: str, *, lock: bool = False) -> Row:
    return await row_of(
        conn, FIND + " where c.id = %s" + (" for update of c" if lock else ""), [correction_id]
    )


async def calls_of(conn: Connection, correction_id: str) -> list[Row]:
    return await rows_of(
        conn, "select * from correction_call where correction_id = %s order by op", [correction_id]
    )


async def propose_by_price(
    conn: Connection, product_id: str, *, from_ms: int, until_ms: int, price_from: str, deed: Deed
) -> tuple[str, int]:
    """The calls of a product in a stretch of time, by the entry that is right.

    -> the correction's id, and how many calls are left out because their record does not tell enough.
    """
    product = await rows_of(conn, "select provider_id from product where id = %s", [product_id])
    entries = (await price_lists(conn, [product_id])).get(product_id, [])
    right = next((entry for entry in entries if entry.valid_from == price_from), None)
    if not product or right is None:
        raise Refused("price_unknown", "The product has no such price list entry.", "해당 단가가 없습니다.")
    rows = await rows_of(
        conn,
        f"select {_CALL_COLUMNS} from usage u where u.product_id = %s and u.held_at_ms >= %s"  # noqa: S608
        f" and u.held_at_ms < %s and u.status = 'settled' and {_LATEST} order by u.op limit %s",
        [product_id, from_ms, until_ms, CALLS_MAX + 1],
    )
    calls = [call_of(row) for row in rows]
    if len(calls) > CALLS_MAX:
        raise too_many_calls()
    corrected = [one for call in calls if (one := by_price(call, right)) is not None]
    left_out = sum(cannot_judge(call) for call in calls)
    found = {"product": product_id, "left_out": left_out}
    made = await propose(
        conn, product[0]["provider_id"], "price", corrected, product_id=product_id, detail=found, deed=deed
    )
    return made, left_out


def too_many_calls() -> Refused:
    return Refused(
        "too_many_calls",
        f"One correction has at most {CALLS_MAX} calls; choose a shorter time.",
        f"보정 한 건은 최대 {CALLS_MAX}건의 호출까지 가능합니다. 기간을 줄여 주세요.",
    )


def call_of(row: Mapping[str, Any]) -> BookedCall:
    return BookedCall(
        op=row["op"],
        step=row["step"],
        held_at_ms=row["held_at_ms"],
        charge_micro=row["charge_micro"],
        price_entry=row["price_entry"],
        tokens={name: row[f"{name}_tokens"] for name in TOKEN_CLASSES},
        units=row["units"],
    )


async def calls_named(conn: Connection, ops: Sequence[str]) -> dict[str, BookedCall]:
    rows = await rows_of(
        conn,
        f"select {_CALL_COLUMNS} from unnest(%s::text[]) asked (op) cross join lateral"  # noqa: S608
        " (select * from usage x where x.op = asked.op order by x.step desc limit 1) u",
        [list(ops)],
    )
    return {row["op"]: call_of(row) for row in rows}


async def entries_by_id(conn: Connection, product_ids: Sequence[str]) -> dict[str, PriceEntry]:
    lists = await price_lists(conn, sorted(set(product_ids)))
    return {entry.entry_id: entry for entries in lists.values() for entry in entries}


async def propose(
    conn: Connection,
    provider_id: str,
    cause: str,
    corrected: Sequence[CorrectedCall],
    *,
    deed: Deed,
    product_id: str | None = None,
    run_id: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> str:
    """-> its id. Nothing is booked yet."""
    [number] = await rows_of(conn, "select nextval('correction_number') as number")
    made = f"co-{number['number']:06d}"
    state = await take_step(
        conn,
        life.TABLE,
        "propose",
        deed=deed,
        thing_id=made,
        state=None,
        provider=provider_id,
        facts=life.Facts(calls=len(corrected), undecided=await _undecided_now(conn, run_id)),
        detail={"calls": len(corrected), **(detail or {})},
    )
    await conn.execute(
        "insert into correction (id, state, provider_id, cause, product_id, run_id, proposer, reason,"
        " created_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [made, state, provider_id, cause, product_id, run_id, deed.actor.person, deed.reason, deed.now],
    )
    async with conn.cursor() as cursor:
        await cursor.executemany(
            "insert into correction_call (correction_id, op, step, kind, held_at_ms, before_micro,"
            " after_micro, price_entry, price_from, tokens) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    made,
                    one.before.op,
                    one.before.step,
                    one.kind,
                    one.before.held_at_ms,
                    one.before.charge_micro,
                    one.after_micro,
                    one.price_entry,
                    one.price_from,
                    Jsonb(dict(one.tokens)),
                )
                for one in corrected
            ],
        )
    return made


async def _undecided_now(conn: Connection, run_id: str | None) -> int:
    """Of two who propose at once the second waits here, and counts the first."""
    if run_id is None:
        return 0
    await conn.execute("select pg_advisory_xact_lock(hashtext(%s))", [f"propose/{run_id}"])
    return await undecided_of(conn, run_id)


async def undecided_of(conn: Connection, run_id: str) -> int:
    """How many corrections of a reconciliation wait to be decided."""
    row = await row_of(
        conn,
        "select count(*) as undecided from correction where run_id = %s and state = 'proposed'",
        [run_id],
    )
    return int(row["undecided"])


async def move(conn: Connection, correction_id: str, action: str, *, deed: Deed) -> None:
    """Approve, refuse or withdraw; in the caller's SQL transaction."""
    if action == "approve":
        await lock_budget(conn)  # no finding is made or confirmed meanwhile
    row = await find(conn, correction_id, lock=True)
    calls = await calls_of(conn, correction_id) if action == "approve" else []
    rows = await _rows_to_correct(conn, calls)
    events = [charge_of(rows[call["op"]], call) for call in calls if call["op"] in rows]
    books = await read_state(conn, events) if events else None
    booked = {} if books is None else books.booked
    changed = sum(call["op"] not in booked or booked[call["op"]].step != call["step"] for call in calls)
    after = await take_step(
        conn,
        life.TABLE,
        action,
        deed=deed,
        thing_id=correction_id,
        state=row["state"],
        provider=row["provider_id"],
        facts=life.Facts(
            calls=row["calls"],
            is_own=row["proposer"] == deed.actor.person,
            calls_changed=changed,
            disallowed=await disallowed_in(conn, correction_id) if calls else 0,
        ),
        detail={"calls": len(calls)} if calls else None,
    )
    if books is not None:
        out = Outcome()
        for event in events:
            apply_correction(books, out, event)
        await write_outcome(conn, books, out)
    await conn.execute("update correction set state = %s where id = %s", [after, correction_id])


async def _rows_to_correct(conn: Connection, calls: Sequence[Row]) -> dict[str, Row]:
    found = await rows_of(
        conn,
        f"select {', '.join(ROW_COLUMNS)} from unnest(%s::text[]) asked (call)"  # noqa: S608 - our own columns
        " cross join lateral (select * from usage x where x.op = asked.call order by x.step desc limit 1) u",
        [[call["op"] for call in calls]],
    )
    return {row["op"]: row for row in found}
