"""Runs of a reconciliation in PostgreSQL: made once from a statement and the books, never changed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from psycopg.types.json import Jsonb

from billing.casework.deeds import Deed
from billing.casework.rows import Row, row_of, rows_of
from billing.corrections.judging import CorrectedCall, by_counts
from billing.corrections.store import CALLS_MAX, calls_named, entries_by_id, propose, too_many_calls
from billing.database import Connection
from billing.lifecycle.table import Refused
from billing.reconciliation.matching import MATCHES, MatchedLine, OurCall, match_calls
from billing.reconciliation.reading import StatementFormat, TheirCall, read_statement
from billing.statements.month import Month

BESIDE_MS: Final = 24 * 3_600_000  # a provider's month may begin by another clock
OUR_CALLS_MAX: Final = 200_000

FIND: Final = "select r.* from reconciliation r"
LINES: Final = (
    "select lpad(l.number::text, 6, '0') as id, l.*, u.product_id from reconciliation_line l"
    " left join lateral (select product_id from usage x where x.op = l.op limit 1) u on true"
)
_OURS: Final = (
    "select u.op, u.upstream_request_id, u.held_at_ms, u.estimated, u.charge_micro,"
    " u.input_tokens + u.cached_input_tokens + u.cache_write_tokens + u.cache_write_1h_tokens"
    " + u.input_audio_tokens as input, u.cached_input_tokens,"
    " u.output_tokens + u.output_audio_tokens as output"
    " from usage u where u.provider_id = %s and u.held_at_ms >= %s and u.held_at_ms < %s"
    " and u.dialect <> 'report'"  # no vendor answered it: its provider reported it here
    " and not exists (select from usage later where later.op = u.op and later.step > u.step)"
    " order by u.held_at_ms, u.op limit %s"
)

_DIFFERING: Final = (
    "from reconciliation_line where reconciliation_id = %s and class = 'differs'"
    " and reasons && array['input_tokens', 'cached_input_tokens', 'output_tokens']"
)


@dataclass(frozen=True, slots=True)
class StatementFile:
    name: str
    sha256: str
    rows: int


async def find(conn: Connection, run_id: str) -> Row:
    return await row_of(conn, FIND + " where r.id = %s", [run_id])


async def reconcile(
    conn: Connection,
    provider_id: str,
    month: Month,
    text: str,
    form: StatementFormat,
    *,
    file_name: str,
    deed: Deed,
) -> str:
    """Match, and keep the run, in the caller's SQL transaction. -> its id. Raises BadStatement, Refused."""
    theirs = await asyncio.to_thread(read_statement, text, form)
    ours = await our_calls(conn, provider_id, month)
    lines = await asyncio.to_thread(match_calls, theirs, ours)
    hashed = hashlib.sha256(text.encode()).hexdigest()
    file = StatementFile(file_name, hashed, len(theirs))
    return await keep_run(conn, provider_id, month, file, lines, deed=deed)


async def keep_run(
    conn: Connection,
    provider_id: str,
    month: Month,
    file: StatementFile,
    lines: Sequence[MatchedLine],
    *,
    deed: Deed,
) -> str:
    """In the caller's SQL transaction. -> the run's id."""
    [number] = await rows_of(conn, "select nextval('reconciliation_number') as number")
    run_id = f"re-{number['number']:06d}"
    await conn.execute(
        "insert into reconciliation"
        " (id, provider_id, month, file_name, file_sha256, rows, result, person, at)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            run_id,
            provider_id,
            str(month),
            file.name,
            file.sha256,
            file.rows,
            Jsonb(result_of(lines)),
            deed.actor.person,
            deed.now,
        ],
    )
    await _write_lines(conn, run_id, [line for line in lines if line.match != "matched"])
    return run_id


async def our_calls(conn: Connection, provider_id: str, month: Month) -> list[OurCall]:
    rows = await rows_of(
        conn,
        _OURS,
        [provider_id, month.first_ms - BESIDE_MS, month.end_ms + BESIDE_MS, OUR_CALLS_MAX + 1],
    )
    if len(rows) > OUR_CALLS_MAX:
        raise Refused(
            "too_many_calls",
            f"The provider has more than {OUR_CALLS_MAX} calls in this month.",
            "이 달의 호출이 너무 많아 바로 대사할 수 없습니다.",
        )
    return [
        OurCall(
            op=row["op"],
            request_id=row["upstream_request_id"],
            input_tokens=row["input"],
            cached_input_tokens=row["cached_input_tokens"],
            output_tokens=row["output"],
            charge_micro=row["charge_micro"],
            estimated=row["estimated"],
            of_the_month=month.first_ms <= row["held_at_ms"] < month.end_ms,
        )
        for row in rows
    ]


def result_of(lines: Sequence[MatchedLine]) -> dict[str, dict[str, int | str]]:
    """Count and sums by class: what the head of a run says."""
    result: dict[str, dict[str, int | str]] = {}
    for match in MATCHES:
        of = [line for line in lines if line.match == match]
        result[match] = {
            "count": len(of),
            "theirs_micro": sum(line.theirs.amount_micro or 0 for line in of if line.theirs),
            "ours_micro": sum(line.ours.charge_micro for line in of if line.ours),
        }
    return result


async def _write_lines(conn: Connection, run_id: str, lines: Iterable[MatchedLine]) -> None:
    async with conn.cursor().copy(
        "copy reconciliation_line (reconciliation_id, number, class, upstream_request_id, op, theirs, ours,"
        " reasons) from stdin"
    ) as copy:
        copy.set_types(["text", "int4", "text", "text", "text", "jsonb", "jsonb", "text[]"])
        for number, line in enumerate(lines, 1):
            theirs, ours = line.theirs, line.ours
            request_id = theirs.request_id if theirs else ours.request_id if ours else None
            await copy.write_row(
                (
                    run_id,
                    number,
                    line.match,
                    request_id,
                    ours.op if ours else None,
                    None if theirs is None else Jsonb(asdict(theirs)),
                    None if ours is None else Jsonb(asdict(ours)),
                    list(line.reasons),
                )
            )


async def lines_of(conn: Connection, run_id: str) -> list[Row]:
    return await rows_of(
        conn, "select * from reconciliation_line where reconciliation_id = %s order by number", [run_id]
    )


async def propose_counts(conn: Connection, run_id: str, *, deed: Deed) -> str:
    """A correction of every call whose counts differ, to the provider's. -> its id. Raises Refused.

    Where only the amount differs, the price is in question and no count; that is not corrected from here.
    """
    run = await find(conn, run_id)
    differing = [
        (row["op"], TheirCall(**row["theirs"]))
        for row in await rows_of(conn, f"select op, theirs {_DIFFERING} order by number", [run_id])
    ]
    if len(differing) > CALLS_MAX:
        raise too_many_calls()
    calls = await calls_named(conn, [op for op, _ in differing])
    entries = await entries_by_id(conn, [call.price_entry.partition("@")[0] for call in calls.values()])
    corrected: list[CorrectedCall] = []
    for op, theirs in differing:
        call = calls[op]
        entry = entries.get(call.price_entry)
        counts = {**ours_of(call.tokens), **_told(theirs)}
        one = None if entry is None else by_counts(call, entry, **counts)
        corrected += [] if one is None else [one]
    detail = {"reconciliation": run_id, "left_out": len(differing) - len(corrected)}
    return await propose(
        conn,
        run["provider_id"],
        "reconciliation",
        corrected,
        run_id=run_id,
        detail=detail,
        deed=deed,
    )


async def counts_differing(conn: Connection, run_id: str) -> int:
    """How many lines could be proposed."""
    row = await row_of(conn, f"select count(*) as calls {_DIFFERING}", [run_id])
    return int(row["calls"])


def ours_of(tokens: Any) -> dict[str, int]:
    """Our classes as a provider counts them."""
    inputs = ("input", "cached_input", "cache_write", "cache_write_1h", "input_audio")
    return {
        "input_tokens": sum(tokens[name] for name in inputs),
        "cached_input_tokens": tokens["cached_input"],
        "output_tokens": tokens["output"] + tokens["output_audio"],
    }


def _told(theirs: TheirCall) -> dict[str, int]:
    names = ("input_tokens", "cached_input_tokens", "output_tokens")
    return {name: value for name in names if (value := getattr(theirs, name)) is not None}
