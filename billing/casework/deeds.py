"""Who does something, and the log of it: a row per step, appended in the SQL transaction of its effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from psycopg.types.json import Jsonb

from billing.casework.rows import Row, rows_of
from billing.database import Connection
from billing.directory_time import SEOUL
from billing.lifecycle.table import Actor, Table

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Deed:
    """One request of one person, at one instant."""

    actor: Actor
    now: datetime
    request_id: str
    reason: str | None = None

    @property
    def today(self) -> date:
        """The day in Korea."""
        return self.now.astimezone(SEOUL).date()


async def take_step(  # noqa: PLR0913 - what a row of the log has, by name
    conn: Connection,
    table: Table[F],
    action: str,
    *,
    deed: Deed,
    thing_id: str,
    state: str | None,
    company: str | None = None,
    provider: str | None = None,
    facts: F,
    detail: Mapping[str, Any] | None = None,
) -> str:
    """Judge a step and log it; `company`, `provider`: whose the thing is. -> its state. Raises Refused."""
    after = table.judge(
        action,
        state=state,
        actor=deed.actor,
        owns=deed.actor.owns(company=company, provider=provider),
        facts=facts,
        reason=deed.reason,
    )
    await log_step(
        conn, table.thing, action, deed=deed, thing_id=thing_id, before=state, after=after, detail=detail
    )
    return after


async def log_step(
    conn: Connection,
    thing: str,
    action: str,
    *,
    deed: Deed,
    thing_id: str,
    before: str | None,
    after: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    await conn.execute(
        "insert into step (thing, thing_id, action, from_state, to_state, person, role, reason, detail,"
        " request_id, at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            thing,
            thing_id,
            action,
            before,
            after,
            deed.actor.person,
            deed.actor.role,
            deed.reason,
            Jsonb(dict(detail or {})),
            deed.request_id,
            deed.now,
        ],
    )


async def steps_of(conn: Connection, thing: str, thing_id: str) -> list[Row]:
    return await rows_of(
        conn,
        "select action, from_state, to_state, person, role, reason, detail, request_id, at from step"
        " where thing = %s and thing_id = %s order by id",
        [thing, thing_id],
    )
