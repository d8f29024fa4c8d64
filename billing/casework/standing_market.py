"""Where providers, products, their prices and API keys stand for a person."""

from __future__ import annotations

from datetime import timedelta

from billing.casework import credentials, price_lists, products, providers
from billing.casework.deeds import Deed
from billing.casework.offers import House, Offered, made_of_it, open_steps
from billing.casework.rows import rows_of
from billing.database import Connection
from billing.lifecycle import credential, price, product, provider


async def of_provider(conn: Connection, provider_id: str, deed: Deed, _: House) -> list[Offered]:
    row = await providers.find(conn, provider_id)
    return open_steps(provider.TABLE, row["state"], provider.Facts(row["brn"]), deed)


async def of_product(conn: Connection, product_id: str, deed: Deed, house: House) -> list[Offered]:
    row = await products.find(conn, product_id)
    whose = row["provider_id"]
    is_agency = deed.actor.role == "operator"
    facts = products.facts_of(row, allow_private=house.allow_private, is_agency=is_agency)
    found = open_steps(product.TABLE, row["state"], facts, deed, provider=whose)
    if row["on_sale_at"] is not None:
        # Which time it is from is entered; any later one will do.
        adding = price.Facts(deed.now, deed.now + timedelta(days=1), row["state"])
        found += made_of_it(price.TABLE, "add", adding, deed, provider=whose)
    keys = credential.Facts(deed.now, row["state"], has_upstream=bool(row["upstreams"]))
    return found + made_of_it(credential.TABLE, "add", keys, deed, provider=whose)


async def of_price(conn: Connection, price_id: str, deed: Deed, _: House) -> list[Offered]:
    row = await price_lists.find(conn, price_id)
    facts = price.Facts(deed.now, row["valid_from"])
    state = price_lists.state_of(row, deed.now)
    return open_steps(price.TABLE, state, facts, deed, provider=row["provider_id"])


async def of_credential(conn: Connection, credential_id: str, deed: Deed, house: House) -> list[Offered]:
    assert house.secrets is not None, "which key is in use is known by its text"
    row = await credentials.find(conn, credential_id)
    there = await rows_of(
        conn,
        "select 1 from upstream where product_id = %s and position = %s",
        [row["product_id"], row["position"]],
    )
    facts = credential.Facts(
        deed.now,
        row["product_state"],
        has_upstream=bool(there),
        is_same_place=row["base_url"] == row["base_url_now"],
        replaced_at=row["replaced_at"],
    )
    state = credentials.state_of(row, house.secrets)
    return open_steps(credential.TABLE, state, facts, deed, provider=row["provider_id"])
