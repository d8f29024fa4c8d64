"""Where companies, their API keys, webhooks and what was sent stand for a person."""

from __future__ import annotations

from billing.alerts import places
from billing.casework import api_keys, companies
from billing.casework.deeds import Deed
from billing.casework.offers import House, Offered, open_steps
from billing.database import Connection
from billing.lifecycle import api_key, company, delivery, webhook


async def of_company(conn: Connection, company_id: str, deed: Deed, _: House) -> list[Offered]:
    row = await companies.find(conn, company_id)
    return open_steps(company.TABLE, row["state"], company.Facts(), deed, company=company_id)


async def of_api_key(conn: Connection, key_id: str, deed: Deed, _: House) -> list[Offered]:
    row = await api_keys.find(conn, key_id)
    state = api_keys.state_of(row, deed.now)
    return open_steps(api_key.TABLE, state, api_key.Facts(), deed, company=row["company_id"])


async def of_webhook(conn: Connection, webhook_id: str, deed: Deed, _: House) -> list[Offered]:
    row = await places.find_hook(conn, webhook_id)
    whose = {"company": row["company_id"], "provider": row["provider_id"]}
    return open_steps(webhook.TABLE, row["state"], places.hook_facts(row, deed), deed, **whose)


async def of_delivery(conn: Connection, delivery_id: str, deed: Deed, _: House) -> list[Offered]:
    row = await places.find_delivery(conn, delivery_id)
    facts = await places.delivery_facts(conn, delivery_id)
    whose = {"company": row["company_id"], "provider": row["provider_id"]}
    return open_steps(delivery.TABLE, row["state"], facts, deed, **whose)
