"""Where the settlement of an agreement and the findings against it stand for a person."""

from __future__ import annotations

from billing.casework.deeds import Deed
from billing.casework.offers import House, Offered, made_of_it, open_steps
from billing.casework.rows import Row
from billing.database import Connection
from billing.lifecycle import finding, settlement
from billing.settlements import findings
from billing.settlements import store as settlements


async def of_ended(conn: Connection, row: Row, deed: Deed) -> list[Offered]:
    """The settlement of an agreement that is over, and an auditor's finding at any time."""
    before = await settlements.facts_before(conn, row, deed)
    found = []
    if before.is_over and not before.has_settlement:
        found = made_of_it(settlement.TABLE, "open", before, deed, company=row["company_id"])
    kept = await findings.facts_before(conn, row, [], deed)
    return found + made_of_it(finding.TABLE, "find", kept, deed, company=row["company_id"])


async def of_settlement(conn: Connection, settlement_id: str, deed: Deed, _: House) -> list[Offered]:
    row = await settlements.find(conn, settlement_id)
    facts = await settlements.facts_of(conn, row, deed)
    return open_steps(settlement.TABLE, row["state"], facts, deed, company=row["company_id"])


async def of_finding(conn: Connection, finding_id: str, deed: Deed, _: House) -> list[Offered]:
    row = await findings.find(conn, finding_id)
    facts = await findings.facts_of(conn, row, deed)
    return open_steps(finding.TABLE, row["state"], facts, deed, company=row["company_id"])
