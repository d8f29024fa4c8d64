"""Where payables, objections against them and the accounts they are paid at stand for a person."""

from __future__ import annotations

from billing.casework.deeds import Deed
from billing.casework.offers import House, Offered, made_of_it, open_steps
from billing.database import Connection
from billing.lifecycle import objection, payable, payout_account
from billing.payables import accounts, moving, objections
from billing.payables import rows as payables


async def of_payable(conn: Connection, payable_id: str, deed: Deed, _: House) -> list[Offered]:
    row = await payables.find(conn, payable_id)
    provider = row["provider_id"]
    found = open_steps(payable.TABLE, row["state"], moving.facts_of(row, deed), deed, provider=provider)
    # What the rails say is no step of a person's page; what comes of a file is entered with its batch.
    told = [one for one in found if one.step.action not in ("settle", "fail")]
    objecting = objection.Facts(open_of_same=await objections.open_of(conn, payable_id))
    return told + made_of_it(objection.TABLE, "make", objecting, deed, provider=provider)


async def of_objection(conn: Connection, objection_id: str, deed: Deed, _: House) -> list[Offered]:
    row = await objections.find(conn, objection_id)
    company = row["company_id"]
    provider = row["provider_id"] if company is None else None
    facts = objection.Facts()
    return open_steps(objection.TABLE, row["state"], facts, deed, company=company, provider=provider)


async def of_payout_account(conn: Connection, account_id: str, deed: Deed, _: House) -> list[Offered]:
    row = await accounts.find(conn, account_id)
    facts = payout_account.Facts()
    return open_steps(payout_account.TABLE, row["state"], facts, deed, provider=row["provider_id"])
