"""Where products that no gateway proxies, keys that sign reports, and reports' lines stand for a person."""

from __future__ import annotations

from billing.casework.deeds import Deed
from billing.casework.offers import House, Offered, open_steps
from billing.casework.rows import row_of
from billing.database import Connection
from billing.lifecycle import report_key, report_line, reported_product
from billing.reports import keys, products


async def of_report_line(conn: Connection, line_id: str, deed: Deed, _: House) -> list[Offered]:
    row = await row_of(
        conn, "select state, company_id, provider_id from report_line where id = %s", [line_id]
    )
    owns = deed.actor.owns(company=row["company_id"], provider=row["provider_id"])
    steps = report_line.TABLE.open_to(row["state"], deed.actor, owns=owns)
    return [Offered("report_line", step, None) for step in steps]


async def of_reported_product(conn: Connection, product_id: str, deed: Deed, _: House) -> list[Offered]:
    row = await products.find(conn, product_id)
    facts = products.facts_of(row)
    return open_steps(reported_product.TABLE, row["state"], facts, deed, provider=row["provider_id"])


async def of_report_key(conn: Connection, key_id: str, deed: Deed, _: House) -> list[Offered]:
    row = await keys.find(conn, key_id)
    return open_steps(report_key.TABLE, row["state"], report_key.Facts(), deed, provider=row["provider_id"])
