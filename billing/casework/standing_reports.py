"""Where a line of a provider's report stands for a person."""

from __future__ import annotations

from billing.casework.deeds import Deed
from billing.casework.offers import House, Offered
from billing.casework.rows import row_of
from billing.database import Connection
from billing.lifecycle import report_line


async def of_report_line(conn: Connection, line_id: str, deed: Deed, _: House) -> list[Offered]:
    row = await row_of(
        conn, "select state, company_id, provider_id from report_line where id = %s", [line_id]
    )
    owns = deed.actor.owns(company=row["company_id"], provider=row["provider_id"])
    steps = report_line.TABLE.open_to(row["state"], deed.actor, owns=owns)
    return [Offered("report_line", step, None) for step in steps]
