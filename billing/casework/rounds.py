"""Rounds in PostgreSQL: made, announced, extended, decided."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from psycopg.types.json import Jsonb

from billing.casework.deeds import Deed, log_step, take_step
from billing.casework.rows import Row, row_of, rows_of
from billing.database import Connection
from billing.lifecycle import round as rounds
from billing.lifecycle.table import Refused

COLUMNS: Final = (
    "programme_id",
    "name",
    "budget_kind",
    "budget_micro",
    "cap_micro",
    "opens_at",
    "closes_at",
    "quota",
    "classes",
    "tracks",
    "criteria",
    "bonuses",
    "bonus_milli_max",
    "evaluators_min",
    "mean",
    "pass_mark_milli",
    "ties",
    "beyond_budget",
)
_JSON: Final = ("tracks", "criteria", "bonuses")
_FIND: Final = (
    "select r.*, l.state as programme_state from round r"
    " join programme_life l on l.programme_id = r.programme_id"
)


async def find(conn: Connection, round_id: str, *, lock: str = "") -> Row:
    """With its programme's state. `lock`: "for update" or "for share"."""
    lock_clause = f" {lock} of r for share of l" if lock else ""
    return await row_of(conn, f"{_FIND} where r.id = %s{lock_clause}", [round_id])


async def make(conn: Connection, round_id: str, values: Mapping[str, Any], *, deed: Deed) -> None:
    rounds.check_rules(values)
    programmes = await rows_of(
        conn, "select state from programme_life where programme_id = %s", [values["programme_id"]]
    )
    if not programmes:
        raise Refused("programme_unknown", "There is no such programme.", "없는 사업입니다.")
    facts = rounds.Facts(deed.now, values["opens_at"], values["closes_at"], programmes[0]["state"])
    state = await take_step(conn, rounds.TABLE, "make", deed=deed, thing_id=round_id, state=None, facts=facts)
    names = ("id", "state", "created_at", *COLUMNS)
    await conn.execute(
        f"insert into round ({', '.join(names)}) values ({', '.join(['%s'] * len(names))})".encode(),  # noqa: S608
        [round_id, state, deed.now, *_sql(values)],
    )


async def change(conn: Connection, round_id: str, changes: Mapping[str, Any], *, deed: Deed) -> None:
    row = await find(conn, round_id, lock="for update")
    await _take(conn, "change", row, deed=deed, detail={"fields": sorted(changes)})
    values = {name: changes.get(name, row[name]) for name in COLUMNS}
    rounds.check_rules(values)
    await conn.execute(
        f"update round set {', '.join(f'{name} = %s' for name in COLUMNS)} where id = %s".encode(),  # noqa: S608
        [*_sql(values), round_id],
    )


async def move(
    conn: Connection, round_id: str, action: str, *, deed: Deed, new_closes_at: datetime | None = None
) -> None:
    """Announce, extend or cancel it."""
    row = await find(conn, round_id, lock="for update")
    detail = {} if new_closes_at is None else {"closes_at": new_closes_at.isoformat()}
    state = await _take(conn, action, row, deed=deed, new_closes_at=new_closes_at, detail=detail)
    await conn.execute(
        "update round set state = %s, closes_at = %s where id = %s",
        [state, new_closes_at or row["closes_at"], round_id],
    )
    if state == "cancelled":
        await _reject_all(conn, round_id, deed=deed)


async def _reject_all(conn: Connection, round_id: str, *, deed: Deed) -> None:
    """With a round that is cancelled go its applications, each with the same reason."""
    running = await rows_of(
        conn,
        "select id, state from application where round_id = %s"
        " and state in ('draft', 'submitted', 'screened', 'scored') order by id for update",
        [round_id],
    )
    for row in running:
        await conn.execute(
            "update application set state = 'rejected', outcome = %s where id = %s",
            [Jsonb({"why": deed.reason}), row["id"]],
        )
        await log_step(
            conn,
            "application",
            "cancel",
            deed=deed,
            thing_id=row["id"],
            before=row["state"],
            after="rejected",
        )


def facts_of(
    row: Row, deed: Deed, *, undecided: int = 0, new_closes_at: datetime | None = None
) -> rounds.Facts:
    return rounds.Facts(
        deed.now,
        row["opens_at"],
        row["closes_at"],
        row["programme_state"],
        undecided=undecided,
        new_closes_at=new_closes_at,
    )


async def _take(
    conn: Connection,
    action: str,
    row: Row,
    *,
    deed: Deed,
    new_closes_at: datetime | None = None,
    detail: Mapping[str, Any] | None = None,
) -> str:
    facts = facts_of(row, deed, new_closes_at=new_closes_at)
    return await take_step(
        conn,
        rounds.TABLE,
        action,
        deed=deed,
        thing_id=row["id"],
        state=row["state"],
        facts=facts,
        detail=detail,
    )


def _sql(values: Mapping[str, Any]) -> list[object]:
    return [Jsonb(values[name]) if name in _JSON else values[name] for name in COLUMNS]
