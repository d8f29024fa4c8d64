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
class By:
    """Whom the log names: a person, or what told of it (a rail, the clock)."""

    person: str
    role: str
    now: datetime
    request_id: str = ""


def the_clock(now: datetime) -> By:
    return By("clock", "clock", now)


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

    @property
    def by(self) -> By:
        return By(self.actor.person, self.actor.role, self.now, self.request_id)


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
    await write_step(
        conn,
        thing,
        action,
        by=deed.by,
        thing_id=thing_id,
        before=before,
        after=after,
        reason=deed.reason,
        detail=detail,
    )


async def write_step(  # noqa: PLR0913 - what a row of the log has, by name
    conn: Connection,
    thing: str,
    action: str,
    *,
    by: By,
    thing_id: str,
    before: str | None,
    after: str,
    reason: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Whoever it is by; nothing is judged."""
    await conn.execute(
        "insert into step (thing, thing_id, action, from_state, to_state, person, role, reason, detail,"
        " request_id, at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            *(thing, thing_id, action, before, after, by.person, by.role, reason),
            *(Jsonb(dict(detail or {})), by.request_id, by.now),
        ],
    )


async def steps_of(conn: Connection, thing: str, thing_id: str) -> list[Row]:
    return await rows_of(
        conn,
        "select action, from_state, to_state, person, role, reason, detail, request_id, at from step"
        " where thing = %s and thing_id = %s order by id",
        [thing, thing_id],
    )
