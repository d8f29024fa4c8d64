"""The calls of a company that run now, as usage records: `GET /v1/usage?status=open`.

The purse knows them by their holds, under the gateways that made them; the books know the gateways. What a
call costs is not known before its end, so every amount is zero.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from billing.database import Connection
from billing.usage_store import instant_ms, page_limit, rfc3339
from metering.event import CallMeta
from metering.keys import lane_of
from metering.purse import OpenCall, Purse
from metering.usage import TOKEN_CLASSES

LOOKED_AT_MAX: Final = 5000  # holds of one lane; a lane is shared by companies


async def open_page(
    conn: Connection, purse: Purse, company_id: str, filters: Mapping[str, str]
) -> dict[str, Any]:
    """One page, newest first; there is no second one. Raises BadQuery, PurseUnavailable."""
    limit = page_limit(filters.get("limit"))
    since_ms = instant_ms("from", filters.get("from", "1970-01-01"))
    until_ms = instant_ms("to", filters.get("to", "9999-12-30"))
    lane = lane_of(company_id)
    n = await purse.epoch_here(lane)
    if n is None or "cursor" in filters:
        return {"data": [], "next_cursor": None}
    cursor = await conn.execute("select id from gateway where buried_at is null order by id")
    gateways = [str(row[0]) for row in await cursor.fetchall()]
    by_gateway = await asyncio.gather(
        *(purse.open_ops(lane=lane, n=n, gateway_id=gateway_id) for gateway_id in gateways)
    )
    ops = [op for ops in by_gateway for op in ops][:LOOKED_AT_MAX]
    found = await asyncio.gather(*(purse.open_call(lane=lane, n=n, op=op) for op in ops))
    mine = []
    for call in found:
        meta = None if call is None else CallMeta.from_bytes(call.meta)
        if call is None or meta is None or meta.company != company_id:
            continue
        if since_ms <= meta.started_ms < until_ms and _matches(meta, filters):
            mine.append((meta.started_ms, meta.op, _record(meta, call)))
    mine.sort(key=lambda each: each[:2], reverse=True)
    return {"data": [record for _, _, record in mine[:limit]], "next_cursor": None}


def _matches(meta: CallMeta, filters: Mapping[str, str]) -> bool:
    said = {"product": meta.product, "api_key": meta.api_key, "tag": meta.tag}
    return all(filters.get(name, value) == value for name, value in said.items())


def _record(meta: CallMeta, call: OpenCall) -> dict[str, Any]:
    return {
        "id": meta.op,
        "request_id": meta.request_id,
        "product": meta.product,
        "provider": meta.provider,
        "voucher": call.voucher_id,
        "api_key": meta.api_key,
        "tag": meta.tag,
        "started_at": rfc3339(meta.started_ms),
        "finished_at": None,
        "dialect": meta.dialect,
        "stream": meta.stream,
        "status": "open",
        "end_reason": None,
        "client_gone": False,
        "estimated": False,
        "error": None,
        "tokens": dict.fromkeys(TOKEN_CLASSES, 0),
        "units": {},
        "charge_krw": "0",
        "government_krw": "0",
        "self_krw": "0",
        "own_krw": "0",
        "uncollected_krw": "0",
        "price_from": meta.price_from,
        "upstream_request_id": None,
        "posted": False,
    }
