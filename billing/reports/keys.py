"""The keys with which providers sign, in PostgreSQL: registered, replaced at a date, revoked at once."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from billing.casework.deeds import Deed, take_step
from billing.casework.rows import Row, row_of, rows_of
from billing.database import Connection
from billing.lifecycle import report_key as life
from billing.reports.signing import BadSignature, read_public_key

FIND: Final = "select k.* from report_key k"


async def find(conn: Connection, key_id: str, *, lock: bool = False) -> Row:
    return await row_of(conn, f"{FIND} where k.id = %s" + (" for update" if lock else ""), [key_id])


async def register(conn: Connection, provider_id: str, public_key: str, *, deed: Deed) -> str:
    """-> its id, which reports name as `kid`."""
    known = await rows_of(conn, "select 1 from report_key where public_key = %s", [public_key])
    [number] = await rows_of(conn, "select nextval('report_key_number') as number")
    key_id = f"rk-{number['number']:06d}"
    state = await take_step(
        conn,
        life.TABLE,
        "register",
        deed=deed,
        thing_id=key_id,
        state=None,
        provider=provider_id,
        facts=life.Facts(is_new=not known, is_whole=_is_whole(public_key)),
    )
    await conn.execute(
        "insert into report_key (id, provider_id, public_key, state, from_at) values (%s, %s, %s, %s, %s)",
        [key_id, provider_id, public_key, state, deed.now],
    )
    return key_id


def _is_whole(public_key: str) -> bool:
    try:
        read_public_key(public_key)
    except BadSignature:
        return False
    return True


async def move(
    conn: Connection, key_id: str, action: str, *, deed: Deed, until_at: datetime | None = None
) -> None:
    """`retire` at a date, or `revoke` at once."""
    row = await find(conn, key_id, lock=True)
    ends = deed.now if until_at is None else until_at
    detail: dict[str, Any] = {"until": ends.isoformat()}
    after = await take_step(
        conn,
        life.TABLE,
        action,
        deed=deed,
        thing_id=key_id,
        state=row["state"],
        provider=row["provider_id"],
        facts=life.Facts(is_until_later=ends >= deed.now),
        detail=detail,
    )
    await conn.execute("update report_key set state = %s, until_at = %s where id = %s", [after, ends, key_id])
