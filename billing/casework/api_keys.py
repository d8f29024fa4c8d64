"""Companies' API keys in PostgreSQL: suspended by the agency, whatever their company says, and resumed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from billing.casework.deeds import Deed, take_step
from billing.casework.rows import Row, lock_budget, row_of
from billing.database import Connection
from billing.lifecycle import api_key

FIND: Final = "select k.company_id || '/' || k.name as id, k.* from api_key k"


def state_of(row: Mapping[str, Any], now: datetime) -> str:
    if row["revoked"]:
        return "revoked"
    if row["suspended"]:
        return "suspended"
    expires_at: datetime | None = row["expires_at"]
    return "expired" if expires_at is not None and expires_at <= now else "active"


async def find(conn: Connection, key_id: str) -> Row:
    company_id, _, name = key_id.partition("/")
    return await row_of(conn, f"{FIND} where k.company_id = %s and k.name = %s", [company_id, name])


async def move(conn: Connection, key_id: str, action: str, *, deed: Deed) -> None:
    """Suspend or resume it; gateways know within a second of the commit."""
    await lock_budget(conn)
    row = await find(conn, key_id)
    after = await take_step(
        conn,
        api_key.TABLE,
        action,
        deed=deed,
        thing_id=key_id,
        state=state_of(row, deed.now),
        company=row["company_id"],
        facts=api_key.Facts(),
    )
    await conn.execute(
        "update api_key set suspended = %s where company_id = %s and name = %s",
        [after == "suspended", row["company_id"], row["name"]],
    )
