"""Deliveries in PostgreSQL: made of alerts, taken by a worker, sent, tried again later, or given up.

A delivery is taken by moving its time ahead, in a commit before anything is sent. Who dies between sending
and saying so leaves it to be sent again, under the same id: at least once, and a receiver knows a repeat.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from billing.alerts.kinds import usual
from billing.casework.deeds import the_clock, write_step
from billing.casework.rows import Row, rows_of
from billing.database import Connection
from billing.lifecycle import delivery

# Between one attempt and the next; after the last of them it is given up, two days after it was made.
PAUSES: Final = tuple(
    timedelta(seconds=seconds) for seconds in (5, 60, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000)
)
# Longer than any attempt lasts: whoever took it is dead by then.
LEASE: Final = timedelta(seconds=60)
# A place may ask for less than it would have, and not for so long that what it missed is no news.
WAIT_MAX: Final = timedelta(hours=1)
TAKE_MAX: Final = 20
FAN_OUT_MAX: Final = 500
ERROR_CHARACTERS_MAX: Final = 300

_ID: Final = "'dl-' || lpad(nextval('delivery_number')::text, 9, '0')"
_MAILS: Final = f"""
    insert into delivery (id, alert_id, channel, email, company_id, provider_id, due_at, made_at)
    select {_ID}, a.id, 'mail', p.email, p.company, p.provider, %(now)s, %(now)s
    from alert a join person p on p.disabled_at is null and (
        (p.role = 'company' and p.company = a.company_id)
        or (p.role = 'provider' and p.provider = a.provider_id)
        or (p.role = 'operator' and a.for_agency))
    left join mail_choice c on c.email = p.email
    where a.id = any(%(alerts)s) and a.kind = any(coalesce(c.kinds, case p.role
        when 'company' then %(company)s::text[] when 'provider' then %(provider)s::text[]
        else %(operator)s::text[] end))
    on conflict do nothing"""  # noqa: S608 - a constant
_HOOKS: Final = f"""
    insert into delivery (id, alert_id, channel, webhook_id, company_id, provider_id, due_at, made_at)
    select {_ID}, a.id, 'webhook', w.id, w.company_id, w.provider_id, %(now)s, %(now)s
    from alert a join webhook w on w.state = 'active' and (
        w.company_id = a.company_id or w.provider_id = a.provider_id
        or (w.company_id is null and w.provider_id is null and a.for_agency))
    where a.id = any(%(alerts)s) and (w.kinds is null or a.kind = any(w.kinds))
    on conflict do nothing"""  # noqa: S608 - a constant
_TAKE: Final = """
    update delivery d set due_at = %(now)s + %(lease)s, attempts = attempts + 1
    where state = 'waiting' and due_at <= %(now)s and id in (
        select id from delivery where id in (
            select id from (select id, due_at,
                    row_number() over (partition by company_id, provider_id order by due_at, id) turn
                from (select d.id, d.due_at, d.company_id, d.provider_id,
                        row_number() over (partition by d.email, d.webhook_id order by d.id) nth
                    from delivery d left join webhook w on w.id = d.webhook_id
                    where d.state = 'waiting' and d.due_at <= %(now)s and w.state is distinct from 'paused'
                        and (%(has_mail)s or d.channel <> 'mail')) due
                where nth <= %(of_one)s) in_turn
            order by turn, due_at, id limit %(most)s)
        order by id for update skip locked)
    returning d.id"""
_TAKEN: Final = (
    "select d.*, a.kind, a.about, a.detail, a.at, a.company_id as of_company, a.provider_id as of_provider,"
    " coalesce(c.language, 'ko') as language, p.disabled_at, w.url, w.sealed, w.sealed_former, w.former_until"
    " from delivery d join alert a on a.id = d.alert_id left join person p on p.email = d.email"
    " left join mail_choice c on c.email = d.email left join webhook w on w.id = d.webhook_id"
    " where d.id = any(%s) order by d.id"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one attempt. `is_final`: no other would end otherwise. `is_gone`: the place wants no more.

    `wait`: for so long it wants nothing, as it says itself.
    """

    error: str | None = None
    is_final: bool = False
    is_gone: bool = False
    wait: timedelta = timedelta(0)


async def fan_out(conn: Connection, *, now: datetime, has_mail: bool) -> int:
    """A delivery for everybody who is to hear of an alert. -> how many alerts"""
    async with conn.transaction():
        waiting = await rows_of(
            conn,
            "delete from alert_waiting where alert_id in (select alert_id from alert_waiting"
            " order by alert_id limit %s for update skip locked) returning alert_id",
            [FAN_OUT_MAX],
        )
        asked: Mapping[str, Any] = {
            "alerts": [row["alert_id"] for row in waiting],
            "now": now,
            "company": list(usual("company")),
            "provider": list(usual("provider")),
            "operator": list(usual("operator")),
        }
        for query in (_MAILS, _HOOKS) if has_mail else (_HOOKS,):
            await conn.execute(query.encode(), asked)
    return len(waiting)


async def make(conn: Connection, alert_id: int, *, to: Mapping[str, str | None], now: datetime) -> str:
    """One delivery; `to`: its email or webhook_id, and whose that is."""
    channel = "mail" if to.get("email") else "webhook"
    [row] = await rows_of(
        conn,
        "insert into delivery"  # noqa: S608 - a constant
        " (id, alert_id, channel, email, webhook_id, company_id, provider_id, due_at,"
        f" made_at) values ({_ID}, %s, %s, %s, %s, %s, %s, %s, %s) returning id",
        [
            alert_id,
            channel,
            *(to.get(name) for name in ("email", "webhook_id", "company_id", "provider_id")),
            now,
            now,
        ],
    )
    return str(row["id"])


async def take(conn: Connection, *, now: datetime, has_mail: bool, most: int = TAKE_MAX) -> list[Row]:
    """What is due, and now nobody else's: at most two to one place, so that a slow one holds up itself.

    Companies, providers and the agency take turns: who has many slow places holds up nobody else either.
    """
    cursor = await conn.execute(
        _TAKE.encode(),
        {"now": now, "lease": LEASE, "has_mail": has_mail, "of_one": 2, "most": most},
    )
    ids = [row[0] for row in await cursor.fetchall()]
    return await rows_of(conn, _TAKEN, [ids]) if ids else []


async def settle(conn: Connection, row: Row, outcome: Outcome, *, now: datetime) -> None:
    """What came of an attempt. Another worker may have sent it meanwhile: then nothing changes any more."""
    error = None if outcome.error is None else outcome.error[:ERROR_CHARACTERS_MAX]
    is_over = outcome.is_final or row["attempts"] > len(PAUSES)
    wait = min(outcome.wait, WAIT_MAX)
    async with conn.transaction():
        if error is not None and not is_over:
            await conn.execute(
                "update delivery set last_error = %s, due_at = %s"
                " where id = %s and state = 'waiting' and attempts = %s",
                [error, now + max(PAUSES[row["attempts"] - 1], wait), row["id"], row["attempts"]],
            )
        else:
            await _end(conn, row, error, now)
        if wait and row["webhook_id"] is not None:
            await conn.execute(
                "update delivery set due_at = %s where webhook_id = %s and state = 'waiting' and due_at < %s",
                [now + wait, row["webhook_id"], now + wait],
            )
        if outcome.is_gone and row["webhook_id"] is not None:
            await _pause(conn, row["webhook_id"], now)


async def _end(conn: Connection, row: Row, error: str | None, now: datetime) -> None:
    action = "send" if error is None else "give_up"
    after = delivery.TABLE.step(action).target
    assert after is not None, "both steps end it"
    ended = await rows_of(
        conn,
        "update delivery set state = %s, last_error = %s, sent_at = %s where id = %s and state = 'waiting'"
        " and (%s or attempts = %s) returning id",
        [after, error, now if error is None else None, row["id"], error is None, row["attempts"]],
    )
    if ended:
        detail = {"attempts": row["attempts"]} | ({} if error is None else {"error": error})
        await write_step(
            conn,
            "delivery",
            action,
            by=the_clock(now),
            thing_id=row["id"],
            before="waiting",
            after=after,
            detail=detail,
        )


async def _pause(conn: Connection, webhook_id: str, now: datetime) -> None:
    paused = await rows_of(
        conn,
        "update webhook set state = 'paused' where id = %s and state = 'active' returning id",
        [webhook_id],
    )
    if paused:
        await write_step(
            conn,
            "webhook",
            "refuse",
            by=the_clock(now),
            thing_id=webhook_id,
            before="active",
            after="paused",
            detail={"status": 410},
        )
