"""Companies in PostgreSQL: suspended, so that none of their API keys works, and resumed.

Whether one is active is the directory's own word, which a declaration may say too; here it is said by a step,
with its reason.
"""

from __future__ import annotations

from typing import Final

from billing.casework.deeds import Deed, take_step
from billing.casework.rows import Row, lock_budget, row_of
from billing.database import Connection
from billing.lifecycle import company

FIND: Final = (
    "select c.*, c.id as company_id, case when c.active then 'active' else 'suspended' end as state"
    " from company c"
)


async def find(conn: Connection, company_id: str) -> Row:
    return await row_of(conn, f"{FIND} where c.id = %s", [company_id])


async def move(conn: Connection, company_id: str, action: str, *, deed: Deed) -> None:
    """Suspend or resume it; gateways know within a second of the commit."""
    await lock_budget(conn)
    row = await find(conn, company_id)
    after = await take_step(
        conn,
        company.TABLE,
        action,
        deed=deed,
        thing_id=company_id,
        state=row["state"],
        company=company_id,
        facts=company.Facts(),
    )
    await conn.execute("update company set active = %s where id = %s", [after == "active", company_id])
