"""The life of programmes beside their row in the directory, and their shares by day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from billing.casework.deeds import Deed, log_step, take_step
from billing.casework.rows import Row, lock_budget, row_of, rows_of
from billing.database import MONTH_LOCK, Connection
from billing.directory_time import instant_ms
from billing.lifecycle import programme
from billing.lifecycle.shares import DatedShare, share_on

LIFE = "select * from programme_life where programme_id = %s"


async def life_of(conn: Connection, programme_id: str, *, lock: bool = False) -> Row:
    return await row_of(conn, LIFE + (" for update" if lock else ""), [programme_id])


async def begin(conn: Connection, programme_id: str, *, deed: Deed) -> None:
    """A programme the office made is a draft at first. It was judged before its row was written."""
    await conn.execute("update programme_life set state = 'draft' where programme_id = %s", [programme_id])
    await log_step(conn, "programme", "make", deed=deed, thing_id=programme_id, before=None, after="draft")


async def change(conn: Connection, programme_id: str, changes: dict[str, Any], *, deed: Deed) -> None:
    """`changes`: deposit_rule, company_year_cap_micro, as far as they are named."""
    life = await life_of(conn, programme_id, lock=True)
    await take_step(
        conn,
        programme.TABLE,
        "change",
        deed=deed,
        thing_id=programme_id,
        state=life["state"],
        facts=programme.Facts(),
    )
    values = {name: changes.get(name, life[name]) for name in ("deposit_rule", "company_year_cap_micro")}
    await conn.execute(
        "update programme_life set deposit_rule = %s, company_year_cap_micro = %s where programme_id = %s",
        [*values.values(), programme_id],
    )


async def facts_of(conn: Connection, programme_id: str, now: datetime) -> programme.Facts:
    running = await row_of(
        conn,
        "select count(*)::integer as n from round where programme_id = %s and state = 'announced'",
        [programme_id],
    )
    unsettled = await row_of(
        conn,
        "select count(*)::integer as n from agreement g where programme_id = %s and (voucher_id is not null"
        " or state in ('offered', 'signed')) and not exists (select from settlement s"
        " where s.agreement_id = g.id and s.state in ('settled', 'closed', 'erased'))",
        [programme_id],
    )
    declared = await row_of(
        conn,
        "select count(*) filter (where f.state <> 'ended' and f.ends_ms > %s)::integer as alive,"
        " count(*) filter (where not exists (select from settlement s where s.voucher_id = v.id"
        "  and s.state in ('settled', 'closed', 'erased')))::integer as unsettled"
        " from voucher v join funds f on f.voucher_id = v.id where v.programme_id = %s"
        " and not exists (select from agreement g where g.voucher_id = v.id)",
        [instant_ms(now), programme_id],
    )
    return programme.Facts(
        rounds_running=running["n"],
        agreements_unsettled=unsettled["n"],
        vouchers_alive=declared["alive"],
        vouchers_unsettled=declared["unsettled"],
    )


async def move(conn: Connection, programme_id: str, action: str, *, deed: Deed) -> None:
    """Open or close it. Who declares a voucher of it meanwhile comes before, or finds it closed."""
    await lock_budget(conn)
    life = await life_of(conn, programme_id, lock=True)
    after = await take_step(
        conn,
        programme.TABLE,
        action,
        deed=deed,
        thing_id=programme_id,
        state=life["state"],
        facts=await facts_of(conn, programme_id, deed.now),
    )
    await conn.execute("update programme_life set state = %s where programme_id = %s", [after, programme_id])


async def change_share(conn: Connection, programme_id: str, share: DatedShare, *, deed: Deed) -> None:
    life = await life_of(conn, programme_id, lock=True)
    await take_step(
        conn,
        programme.TABLE,
        "change_share",
        deed=deed,
        thing_id=programme_id,
        state=life["state"],
        facts=programme.Facts(share_from_today=share.from_day >= deed.today),
        detail={"class": share.class_name, "from": str(share.from_day), "share_ppm": share.share_ppm},
    )
    await conn.execute(
        "insert into share_change (programme_id, class_name, from_day, share_ppm) values (%s, %s, %s, %s)",
        [programme_id, share.class_name, share.from_day, share.share_ppm],
    )


async def change_holdback(
    conn: Connection, programme_id: str, *, from_month: str, basis_points: int, deed: Deed
) -> None:
    """Of the payables of that month and later ones; closing a month waits for it, or it for the close."""
    await conn.execute("select pg_advisory_xact_lock_shared(%s, 0)", [MONTH_LOCK])
    life = await life_of(conn, programme_id, lock=True)
    closed = await row_of(conn, "select coalesce(max(month), '') as month from closed_month")
    await take_step(
        conn,
        programme.TABLE,
        "change_holdback",
        deed=deed,
        thing_id=programme_id,
        state=life["state"],
        facts=programme.Facts(holdback_from_open=from_month > closed["month"]),
        detail={"from": from_month, "basis_points": basis_points},
    )
    await conn.execute(
        "insert into programme_holdback (programme_id, from_month, basis_points, person, at)"
        " values (%s, %s, %s, %s, %s)",
        [programme_id, from_month, basis_points, deed.actor.person, deed.now],
    )


async def dated_shares(conn: Connection, programme_id: str) -> list[DatedShare]:
    found = await rows_of(
        conn,
        "select class_name, from_day, share_ppm from share_change where programme_id = %s"
        " order by class_name, from_day",
        [programme_id],
    )
    return [DatedShare(**row) for row in found]


async def share_of(conn: Connection, programme_id: str, class_name: str, day: date) -> int:
    """The share in force on a day. Raises Refused.

    One that has begun becomes the declared one, so that books and auditors know every share a voucher has.
    """
    declared = await rows_of(
        conn,
        "select share_ppm from programme_share where programme_id = %s and class_name = %s",
        [programme_id, class_name],
    )
    declared_ppm = declared[0]["share_ppm"] if declared else None
    dated = await dated_shares(conn, programme_id)
    share_ppm = share_on(day, class_name, declared_ppm=declared_ppm, dated=dated)
    if share_ppm != declared_ppm:
        await conn.execute(
            "insert into programme_share (programme_id, class_name, share_ppm) values (%s, %s, %s)"
            " on conflict (programme_id, class_name) do update set share_ppm = excluded.share_ppm",
            [programme_id, class_name, share_ppm],
        )
    return share_ppm
