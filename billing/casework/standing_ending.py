"""Where the settlement of a voucher and the findings against it stand for a person."""

from __future__ import annotations

from billing.casework.deeds import Deed
from billing.casework.offers import House, Offered, made_of_it, open_steps
from billing.casework.rows import Row
from billing.database import Connection
from billing.lifecycle import finding, settlement
from billing.lifecycle.own_fund import PROGRAMME
from billing.settlements import findings, granted
from billing.settlements import store as settlements
from billing.settlements.granted import Granted


async def of_agreement(conn: Connection, row: Row, deed: Deed) -> list[Offered]:
    return await _of_granted(conn, await granted.of_agreement(conn, row, deed), deed)


async def of_voucher(conn: Connection, row: Row, deed: Deed) -> list[Offered]:
    """On the page of one that was declared: others are settled on their agreement's, own money never."""
    if row["agreement_id"] is not None or row["programme_id"] == PROGRAMME:
        return []
    return await _of_granted(conn, granted.of_voucher(row, deed), deed)


async def _of_granted(conn: Connection, of: Granted, deed: Deed) -> list[Offered]:
    """The settlement of what is over, and an auditor's finding at any time."""
    before = await settlements.facts_before(conn, of)
    found = []
    if before.is_over and not before.has_settlement:
        found = made_of_it(settlement.TABLE, "open", before, deed, company=of.company_id)
    kept = await findings.facts_before(conn, of, [], deed)
    return found + made_of_it(finding.TABLE, "find", kept, deed, company=of.company_id)


async def of_settlement(conn: Connection, settlement_id: str, deed: Deed, _: House) -> list[Offered]:
    row = await settlements.find(conn, settlement_id)
    facts = await settlements.facts_of(conn, row, deed)
    return open_steps(settlement.TABLE, row["state"], facts, deed, company=row["company_id"])


async def of_finding(conn: Connection, finding_id: str, deed: Deed, _: House) -> list[Offered]:
    row = await findings.find(conn, finding_id)
    facts = await findings.facts_of(conn, row, deed)
    return open_steps(finding.TABLE, row["state"], facts, deed, company=row["company_id"])
