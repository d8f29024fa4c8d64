"""Products in PostgreSQL: a provider's drafts, their reviews, sales begun, suspended and ended.

The directory's row is written by the declaration, whoever asks for it; here is the life beside it. Whoever
takes a step follows the writers of declarations, under the same lock, so what was judged is what is sold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from psycopg.types.json import Jsonb

from billing.casework import notices
from billing.casework.deeds import Deed, take_step
from billing.casework.rows import Row, lock_budget, row_of, rows_of
from billing.database import Connection
from billing.declaration.models import PURPOSES_WITH_OUTPUT
from billing.lifecycle import product
from billing.lifecycle.table import Refused

FIND: Final = (
    "select p.*, n.state, n.on_sale_at, n.suspended_by, n.is_served, n.provider_state,"
    " l.prices as draft_prices,"
    " (select coalesce(jsonb_agg(to_jsonb(e) order by e.valid_from), '[]') from price_list e"
    "  where e.product_id = p.id) as prices,"
    " (select coalesce(jsonb_agg(to_jsonb(u) - 'sealed_api_key'"
    "   || jsonb_build_object('has_api_key', u.sealed_api_key is not null) order by u.position), '[]')"
    "  from upstream u where u.product_id = p.id) as upstreams,"
    " (select s.reason from step s where s.thing = 'product' and s.thing_id = p.id and s.action = 'return'"
    "  order by s.id desc limit 1) as returned_because"
    " from product p join product_now n on n.product_id = p.id join product_life l on l.product_id = p.id"
)
# What the agency's and the provider's steps are told as.
_NOTICES: Final = {
    "suspend": "product_suspended",
    "resume": "product_resumed",
    "withdraw": "product_withdrawn",
}


async def find(conn: Connection, product_id: str) -> Row:
    return await row_of(conn, f"{FIND} where p.id = %s", [product_id])


def facts_of(row: Mapping[str, Any], *, allow_private: bool, is_agency: bool = False) -> product.Facts:
    """`allow_private`: this installation takes vendors of its own network, which may speak plain http."""
    upstreams: Sequence[Mapping[str, Any]] = row["upstreams"]
    return product.Facts(
        provider_state=row["provider_state"],
        upstreams=len(upstreams),
        has_safe_upstreams=allow_private or all(one["base_url"].startswith("https://") for one in upstreams),
        credentials=sum(one["has_api_key"] for one in upstreams),
        prices=len(row["prices"]) + len(row["draft_prices"] or ()),
        data_location=row["data_location"],
        trains_on_input=row["trains_on_input"],
        retention_days=row["retention_days"],
        context_tokens=row["context_tokens"],
        max_output_tokens=row["max_output_tokens"],
        has_output=not PURPOSES_WITH_OUTPUT.isdisjoint(row["purposes"]),
        suspended_by=row["suspended_by"],
        is_agency=is_agency,
    )


async def make(conn: Connection, product_id: str, action: str, provider_id: str, *, deed: Deed) -> None:
    """Judged and logged before its row is written: `make` a draft, or `enter` what is on sale at once."""
    found = await rows_of(
        conn, "select state from provider_life where provider_id = %s for update", [provider_id]
    )
    if not found:
        raise Refused("provider_unknown", "There is no such provider.", "없는 공급기업입니다.")
    await take_step(
        conn,
        product.TABLE,
        action,
        deed=deed,
        thing_id=product_id,
        state=None,
        provider=provider_id,
        facts=product.Facts(provider_state=found[0]["state"]),
    )


async def begin(conn: Connection, product_id: str) -> None:
    """What its provider has just made is a draft at first: gateways have not heard of it."""
    await conn.execute(
        "update product_life set state = 'draft', on_sale_at = null, prices = '[]' where product_id = %s",
        [product_id],
    )


async def set_draft_prices(conn: Connection, product_id: str, prices: Sequence[Mapping[str, Any]]) -> None:
    await conn.execute(
        "update product_life set prices = %s where product_id = %s", [Jsonb(list(prices)), product_id]
    )


async def change(
    conn: Connection, product_id: str, action: str, *, deed: Deed, fields: Sequence[str]
) -> None:
    """Before its row is written anew: `change` of a draft, or the agency's `correct` of what is on sale."""
    await lock_budget(conn)
    row = await find(conn, product_id)
    await take_step(
        conn,
        product.TABLE,
        action,
        deed=deed,
        thing_id=product_id,
        state=row["state"],
        provider=row["provider_id"],
        facts=product.Facts(),
        detail={"fields": list(fields)},
    )


async def tell_corrected(conn: Connection, product_id: str, *, deed: Deed, fields: Sequence[str]) -> None:
    """After it was written, where that changed anything."""
    await notices.tell(conn, [product_id], "product_changed", deed=deed, detail={"fields": list(fields)})


async def move(conn: Connection, product_id: str, action: str, *, deed: Deed, allow_private: bool) -> Row:
    """-> the product as it was: approving it, its draft's prices are now the directory's to write."""
    await lock_budget(conn)
    row = await find(conn, product_id)
    is_agency = deed.actor.role == "operator"
    after = await take_step(
        conn,
        product.TABLE,
        action,
        deed=deed,
        thing_id=product_id,
        state=row["state"],
        provider=row["provider_id"],
        facts=facts_of(row, allow_private=allow_private, is_agency=is_agency),
    )
    await _write(conn, row, after, "agency" if is_agency else "provider", deed=deed)
    if action in _NOTICES:
        await notices.tell(conn, [product_id], _NOTICES[action], deed=deed)
    return row


async def _write(conn: Connection, row: Row, after: str, by: str, *, deed: Deed) -> None:
    on_sale_at = row["on_sale_at"]
    if after == "on_sale" and on_sale_at is None:
        on_sale_at = deed.now
    await conn.execute(
        "update product_life set state = %s, on_sale_at = %s, suspended_by = %s, prices = %s"
        " where product_id = %s",
        [
            after,
            on_sale_at,
            by if after == "suspended" else None,
            None if on_sale_at is not None else Jsonb(row["draft_prices"]),
            row["id"],
        ],
    )
    if after == "on_sale" and not row["active"]:
        await conn.execute("update product set active = true where id = %s", [row["id"]])
