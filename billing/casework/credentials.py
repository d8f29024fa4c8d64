"""Vendors' API keys in PostgreSQL: sealed, used, replaced without a gap, erased.

Calls use the key in the product's upstream, as ever; whoever declares a product may put another there.
Beside it stands what this module keeps: the key that came in by the office, and the one before it until it is
retired. Texts of keys leave the database for the gateways only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from billing.casework import products
from billing.casework.deeds import Deed, log_step, take_step
from billing.casework.rows import Row, lock_budget, row_of, rows_of
from billing.database import Connection
from billing.declaration.models import Upstream
from billing.directory_store import credential_row
from billing.lifecycle import credential
from billing.secrets import Secrets, Unsealable

FIND: Final = (
    "select c.*, p.provider_id, u.base_url as base_url_now, u.sealed_api_key as in_use,"
    " n.state as product_state from credential c join product p on p.id = c.product_id"
    " join product_now n on n.product_id = c.product_id"
    " left join upstream u on u.product_id = c.product_id and u.position = c.position"
)
_PLACE: Final = "select * from upstream where product_id = %s and position = %s"
_ALIVE: Final = (
    "select id, state, sealed from credential"
    " where product_id = %s and position = %s and state <> 'retired' order by id"
)


async def find(conn: Connection, credential_id: str) -> Row:
    return await row_of(conn, f"{FIND} where c.id = %s", [credential_id])


def state_of(row: Mapping[str, Any], secrets: Secrets) -> str:
    """What was current is retired where a declaration has put another key in its place."""
    if row["state"] != "current":
        return str(row["state"])
    place = credential_row(row["product_id"], row["position"])
    return "current" if _is_same(secrets, place, row["sealed"], row["in_use"]) else "retired"


def _text(secrets: Secrets, place: str, sealed: bytes | None) -> str | None:
    try:
        return None if sealed is None else secrets.unseal(sealed, row=place)
    except Unsealable:
        return None


def _is_same(secrets: Secrets, place: str, one: bytes | None, other: bytes | None) -> bool:
    text = _text(secrets, place, one)
    return text is not None and text == _text(secrets, place, other)


async def kept_keys(conn: Connection, secrets: Secrets, product_id: str) -> dict[tuple[int, str, str], str]:
    """The keys of a product's upstreams, by position, dialect and address."""
    found = await rows_of(conn, "select * from upstream where product_id = %s", [product_id])
    texts = {
        (row["position"], row["dialect"], row["base_url"]): _text(
            secrets, credential_row(product_id, row["position"]), row["sealed_api_key"]
        )
        for row in found
    }
    return {place: text for place, text in texts.items() if text is not None}


def with_kept_keys(upstreams: list[Upstream], kept: Mapping[tuple[int, str, str], str]) -> list[Upstream]:
    """Nobody is shown a key: who writes an upstream anew and names none means the one that is there."""
    return [
        one
        if "api_key" in one.model_fields_set
        else one.model_copy(update={"api_key": kept.get((position, one.dialect, one.base_url))})
        for position, one in enumerate(upstreams)
    ]


async def add(
    conn: Connection, secrets: Secrets, product_id: str, position: int, api_key: str, *, deed: Deed
) -> str:
    """-> its id. Used from the gateways' next reading of the directory on."""
    await lock_budget(conn)
    row = await products.find(conn, product_id)
    upstreams = await rows_of(conn, _PLACE, [product_id, position])
    in_use = upstreams[0]["sealed_api_key"] if upstreams else None
    place = credential_row(product_id, position)
    credential_id = await _next_id(conn)
    await take_step(
        conn,
        credential.TABLE,
        "add",
        deed=deed,
        thing_id=credential_id,
        state=None,
        provider=row["provider_id"],
        facts=credential.Facts(
            deed.now,
            row["state"],
            has_upstream=bool(upstreams),
            is_new=_text(secrets, place, in_use) != api_key,
        ),
        detail={"product": product_id, "position": position},
    )
    sealed = secrets.seal(api_key, row=place)
    await _set_aside(conn, secrets, upstreams[0], deed=deed)
    await _insert(conn, credential_id, upstreams[0], "current", sealed, deed=deed)
    await _put(conn, product_id, position, sealed)
    return credential_id


async def restore(conn: Connection, secrets: Secrets, credential_id: str, *, deed: Deed) -> None:
    """The one before, where the new one does not open the vendor's door."""
    await lock_budget(conn)
    row = await find(conn, credential_id)
    upstreams = await rows_of(conn, _PLACE, [row["product_id"], row["position"]])
    await take_step(
        conn,
        credential.TABLE,
        "restore",
        deed=deed,
        thing_id=credential_id,
        state=state_of(row, secrets),
        provider=row["provider_id"],
        facts=credential.Facts(
            deed.now,
            row["product_state"],
            has_upstream=bool(upstreams),
            is_same_place=row["base_url"] == row["base_url_now"],
        ),
    )
    await _set_aside(conn, secrets, upstreams[0], deed=deed, but=credential_id)
    await conn.execute(
        "update credential set state = 'current', replaced_at = null where id = %s", [credential_id]
    )
    await _put(conn, row["product_id"], row["position"], row["sealed"])


async def retire(conn: Connection, secrets: Secrets, credential_id: str, *, deed: Deed) -> None:
    await lock_budget(conn)
    row = await find(conn, credential_id)
    await take_step(
        conn,
        credential.TABLE,
        "retire",
        deed=deed,
        thing_id=credential_id,
        state=state_of(row, secrets),
        provider=row["provider_id"],
        facts=credential.Facts(deed.now, replaced_at=row["replaced_at"]),
    )
    await _erase(conn, credential_id)


async def _set_aside(
    conn: Connection, secrets: Secrets, upstream: Row, *, deed: Deed, but: str | None = None
) -> None:
    """The key that calls use is kept as the one before; whichever was that until now is erased."""
    product_id, position = upstream["product_id"], upstream["position"]
    place = credential_row(product_id, position)
    kept = False
    for row in await rows_of(conn, _ALIVE, [product_id, position]):
        if row["id"] == but:
            continue
        kept_now = row["state"] == "current" and _is_same(
            secrets, place, row["sealed"], upstream["sealed_api_key"]
        )
        kept |= kept_now
        if kept_now:
            await _log(conn, row["id"], "replace", row["state"], "retiring", deed=deed)
            await conn.execute(
                "update credential set state = 'retiring', replaced_at = %s where id = %s",
                [deed.now, row["id"]],
            )
        else:
            await _log(conn, row["id"], "retire", row["state"], "retired", deed=deed)
            await _erase(conn, row["id"])
    if not kept and upstream["sealed_api_key"] is not None:
        declared_id = await _next_id(conn)
        await _log(conn, declared_id, "replace", None, "retiring", deed=deed)
        await _insert(conn, declared_id, upstream, "retiring", upstream["sealed_api_key"], deed=deed)


async def _log(
    conn: Connection, credential_id: str, action: str, before: str | None, after: str, *, deed: Deed
) -> None:
    await log_step(conn, "credential", action, deed=deed, thing_id=credential_id, before=before, after=after)


async def _erase(conn: Connection, credential_id: str) -> None:
    await conn.execute(
        "update credential set state = 'retired', sealed = null,"
        " replaced_at = coalesce(replaced_at, now()) where id = %s",
        [credential_id],
    )


async def _insert(
    conn: Connection, credential_id: str, upstream: Row, state: str, sealed: bytes, *, deed: Deed
) -> None:
    await conn.execute(
        "insert into credential (id, product_id, position, base_url, state, sealed, added_at, replaced_at)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s)",
        [
            credential_id,
            upstream["product_id"],
            upstream["position"],
            upstream["base_url"],
            state,
            sealed,
            deed.now,
            deed.now if state == "retiring" else None,
        ],
    )


async def _put(conn: Connection, product_id: str, position: int, sealed: bytes) -> None:
    await conn.execute(
        "update upstream set sealed_api_key = %s where product_id = %s and position = %s",
        [sealed, product_id, position],
    )


async def _next_id(conn: Connection) -> str:
    number = await row_of(conn, "select nextval('credential_number') as n")
    return f"cr-{number['n']:06d}"
