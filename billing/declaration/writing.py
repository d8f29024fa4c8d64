"""A plan written to the directory's tables. Everything happens in the caller's SQL transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg.types.json import Jsonb

from billing.database import Connection
from billing.declaration.plan import Change, Plan
from billing.declaration.price_rows import PriceRow
from billing.declaration.rows import ProductRow, ProgrammeRow, Stored, UpstreamRow
from billing.declaration.stored import columns
from billing.directory_store import credential_row
from billing.secrets import Secrets
from metering.prices import PRICE_NAMES

Values = Sequence[object]


async def write_plan(conn: Connection, plan: Plan, secrets: Secrets) -> None:
    await _write_rows(conn, plan.programmes)
    await _write_shares(conn, plan.programmes)
    await _write_rows(conn, plan.providers)
    await _write_rows(conn, plan.products)
    await _write_upstreams(conn, plan.products, secrets)
    await _write_prices(conn, plan.products)
    await _write_rows(conn, plan.companies)
    await _write_rows(conn, plan.vouchers)
    await _write_rows(conn, plan.api_keys)
    await _write_rows(conn, plan.people)


async def _execute_many(conn: Connection, query: str, values: Iterable[Values]) -> None:
    async with conn.cursor() as cursor:
        await cursor.executemany(query.encode(), values)


async def _write_rows(conn: Connection, changes: Sequence[Change[Any]]) -> None:
    if not changes:
        return
    kind: type[Stored] = type(changes[0].after)
    names = columns(kind)
    updates = ", ".join(f"{name} = excluded.{name}" for name in names if name not in kind.KEY)
    query = (
        f"insert into {kind.TABLE} ({', '.join(names)}) values ({', '.join(['%s'] * len(names))})"  # noqa: S608
        f" on conflict ({', '.join(kind.KEY)}) do update set {updates}"
    )
    await _execute_many(conn, query, [[_sql(getattr(c.after, name)) for name in names] for c in changes])


def _sql(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    return Jsonb(value) if isinstance(value, dict) else value


async def _write_shares(conn: Connection, changes: Sequence[Change[ProgrammeRow]]) -> None:
    changed = [c.after for c in changes if c.before is None or c.before.shares != c.after.shares]
    await conn.execute(
        "delete from programme_share where programme_id = any(%s)", [[programme.id for programme in changed]]
    )
    await _execute_many(
        conn,
        "insert into programme_share (programme_id, class_name, share_ppm) values (%s, %s, %s)",
        [(programme.id, name, ppm) for programme in changed for name, ppm in programme.shares.items()],
    )


async def _write_upstreams(conn: Connection, changes: Sequence[Change[ProductRow]], secrets: Secrets) -> None:
    changed = [c.after for c in changes if c.before is None or c.before.upstreams != c.after.upstreams]
    await conn.execute("delete from upstream where product_id = any(%s)", [[p.id for p in changed]])
    await _execute_many(
        conn,
        "insert into upstream (product_id, position, dialect, vendor, base_url, model, sealed_api_key,"
        " priority, weight, connect_timeout_ms, first_byte_timeout_ms, idle_timeout_ms)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            _upstream(product.id, position, upstream, secrets)
            for product in changed
            for position, upstream in enumerate(product.upstreams)
        ],
    )


def _upstream(product_id: str, position: int, upstream: UpstreamRow, secrets: Secrets) -> Values:
    sealed = None
    if upstream.api_key is not None:
        sealed = secrets.seal(upstream.api_key, row=credential_row(product_id, position))
    return (
        product_id,
        position,
        upstream.dialect,
        upstream.vendor,
        upstream.base_url,
        upstream.model,
        sealed,
        upstream.priority,
        upstream.weight,
        upstream.connect_timeout_ms,
        upstream.first_byte_timeout_ms,
        upstream.idle_timeout_ms,
    )


async def _write_prices(conn: Connection, changes: Sequence[Change[ProductRow]]) -> None:
    new = [(change.after.id, price) for change in changes for price in _new_prices(change)]
    names = ["product_id", "valid_from", "valid_from_text", "dollars", *PRICE_NAMES]
    await _execute_many(
        conn,
        f"insert into price ({', '.join(names)}) values ({', '.join(['%s'] * len(names))})",  # noqa: S608
        [(id_, price.valid_from, price.text, _sql(price.dollars), *price.numbers) for id_, price in new],
    )
    own = ["name", "input_tokens_over", "service_tier", "batch", "model", "dollars"]
    names = ["product_id", "valid_from", "valid_from_text", *own, *PRICE_NAMES]
    await _execute_many(
        conn,
        f"insert into price_sheet ({', '.join(names)}) values ({', '.join(['%s'] * len(names))})",  # noqa: S608
        [
            (id_, price.valid_from, price.text, *(_sql(getattr(sheet, name)) for name in own), *sheet.numbers)
            for id_, price in new
            for sheet in price.sheets
        ],
    )


def _new_prices(change: Change[ProductRow]) -> list[PriceRow]:
    there = set() if change.before is None else {price.valid_from for price in change.before.prices}
    return [price for price in change.after.prices if price.valid_from not in there]
