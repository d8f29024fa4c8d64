"""The directory as gateways read it: companies, vouchers, API keys and products, whole or since a revision.

Every row carries the revision of the change that wrote it, and revisions rise in the order of commits, so
what came after revision n is all that a reader at n does not know. Nothing disappears: a thing is revoked,
suspended or made inactive.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final

from psycopg.rows import dict_row

from billing.database import Connection
from billing.directory_time import instant_ms, period_ms
from billing.secrets import Secrets
from metering import shares
from metering.directory import ApiKey, Company, KeyLimits, Voucher
from metering.prices import PRICE_NAMES, Condition, Dollars, PriceEntry
from providers.catalogue import Product, UpstreamTarget

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DirectoryDelta:
    """All that changed after the revision asked for, as of `revision`."""

    revision: int
    companies: tuple[Company, ...]
    vouchers: tuple[Voucher, ...]
    api_keys: tuple[ApiKey, ...]
    products: tuple[Product, ...]


async def current_revision(conn: Connection) -> int:
    """One row by its key: cheap enough to ask every second."""
    cursor = await conn.execute("select revision from directory_revision")
    row = await cursor.fetchone()
    assert row is not None, "the migration wrote it"
    return int(row[0])


async def load_directory(conn: Connection, *, secrets: Secrets, since_revision: int = 0) -> DirectoryDelta:
    """One consistent picture. `conn` is outside any SQL transaction.

    Raises billing.secrets.Unsealable where the master secret is not the one vendors' keys were sealed under.
    """
    async with conn.transaction():
        await conn.execute("set transaction isolation level repeatable read read only")
        return DirectoryDelta(
            revision=await current_revision(conn),
            companies=tuple(_company(row) for row in await _rows(conn, _COMPANIES, since_revision)),
            vouchers=tuple(_voucher(row) for row in await _rows(conn, _VOUCHERS, since_revision)),
            api_keys=tuple(_api_key(row) for row in await _rows(conn, _API_KEYS, since_revision)),
            products=await _products(conn, secrets, since_revision),
        )


_COMPANIES: Final = "select id, data_locations, active from company where revision > %s"
_VOUCHERS: Final = (
    "select v.id, v.company_id, v.programme_id, v.products, v.state, v.share_ppm, v.government_micro,"
    " v.self_micro, v.starts_on, v.ends_on, p.starts_on as programme_starts_on,"
    " p.ends_on as programme_ends_on"
    " from voucher v join programme p on p.id = v.programme_id where v.revision > %s"
)
_API_KEYS: Final = (
    "select company_id, name, key_hash, products, expires_at, allowed_ips, limits,"
    " revoked or suspended as revoked"
    " from api_key where revision > %s"
)
# A draft is nothing that a gateway knows; what is suspended or withdrawn is told as inactive.
_PRODUCTS: Final = (
    "select p.*, n.is_served from product p join product_now n on n.product_id = p.id"
    " where p.revision > %s and n.on_sale_at is not null"
)
_UPSTREAMS: Final = "select * from upstream where product_id = any(%s) order by product_id, position"
_SHEETS: Final = 'select * from price_sheet where product_id = any(%s) order by name collate "C"'
_PRICES: Final = "select * from price_list where product_id = any(%s) order by product_id, valid_from"


async def _rows(conn: Connection, query: str, parameter: object) -> list[Row]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.encode(), [parameter])
        return await cursor.fetchall()


def _named(products: list[str] | None) -> frozenset[str] | None:
    return None if products is None else frozenset(products)


def _company(row: Row) -> Company:
    return Company(row["id"], _named(row["data_locations"]), row["active"])


def _voucher(row: Row) -> Voucher:
    starts_ms, ends_ms = period_ms(
        programme=(row["programme_starts_on"], row["programme_ends_on"]),
        voucher=(row["starts_on"], row["ends_on"]),
    )
    capacity = shares.capacity(
        grant_micro=row["government_micro"], deposit_micro=row["self_micro"], share_ppm=row["share_ppm"]
    )
    return Voucher(
        voucher_id=row["id"],
        company_id=row["company_id"],
        programme_id=row["programme_id"],
        products=_named(row["products"]),
        state=row["state"],
        starts_ms=starts_ms,
        ends_ms=ends_ms,
        share_ppm=row["share_ppm"],
        stopped_by=capacity.stopped_by,
        government_granted_micro=row["government_micro"],
        self_granted_micro=row["self_micro"],
    )


def _api_key(row: Row) -> ApiKey:
    expires_at: datetime | None = row["expires_at"]
    return ApiKey(
        key_id=f"{row['company_id']}/{row['name']}",
        key_hash=row["key_hash"],
        company_id=row["company_id"],
        name=row["name"],
        products=_named(row["products"]),
        expires_ms=None if expires_at is None else instant_ms(expires_at),
        revoked=row["revoked"],
        allowed_networks=_networks(row["allowed_ips"]),
        limits=KeyLimits(**row["limits"]),
    )


def _networks(texts: Iterable[str] | None) -> tuple[IPv4Network | IPv6Network, ...] | None:
    return None if texts is None else tuple(ip_network(text) for text in texts)


async def _products(conn: Connection, secrets: Secrets, since_revision: int) -> tuple[Product, ...]:
    rows = await _rows(conn, _PRODUCTS, since_revision)
    if not rows:
        return ()
    ids = [row["id"] for row in rows]
    upstreams: dict[str, list[UpstreamTarget]] = defaultdict(list)
    for row in await _rows(conn, _UPSTREAMS, ids):
        upstreams[row["product_id"]].append(_upstream(row, secrets))
    prices = await price_lists(conn, ids)
    return tuple(_product(row, tuple(upstreams[row["id"]]), tuple(prices[row["id"]])) for row in rows)


async def price_lists(conn: Connection, product_ids: list[str]) -> dict[str, list[PriceEntry]]:
    """Every entry of these products, with its sheets, earliest first."""
    sheets: dict[tuple[object, object], list[Row]] = defaultdict(list)
    for row in await _rows(conn, _SHEETS, product_ids):
        sheets[row["product_id"], row["valid_from"]].append(row)
    prices: dict[str, list[PriceEntry]] = defaultdict(list)
    for row in await _rows(conn, _PRICES, product_ids):
        prices[row["product_id"]].append(_price(row, sheets[row["product_id"], row["valid_from"]]))
    return prices


def credential_row(product_id: str, position: int) -> str:
    """What a sealed credential of a vendor says it belongs to."""
    return f"upstream/{product_id}/{position}"


def _upstream(row: Row, secrets: Secrets) -> UpstreamTarget:
    sealed: bytes | None = row["sealed_api_key"]
    place = credential_row(row["product_id"], row["position"])
    return UpstreamTarget(
        target_id=f"{row['product_id']}/{row['position']}",
        dialect=row["dialect"],
        vendor=row["vendor"],
        base_url=row["base_url"],
        model=row["model"],
        api_key=None if sealed is None else secrets.unseal(sealed, row=place),
        priority=row["priority"],
        weight=row["weight"],
        connect_timeout_s=row["connect_timeout_ms"] / 1000,
        first_byte_timeout_s=row["first_byte_timeout_ms"] / 1000,
        idle_timeout_s=row["idle_timeout_ms"] / 1000,
    )


def _price(row: Row, sheets: list[Row]) -> PriceEntry:
    tiers = [sheet for sheet in sheets if sheet["model"] is None]
    models = [sheet for sheet in sheets if sheet["model"] is not None]
    rate = row["dollars"]
    return PriceEntry(
        **_sheet(row, ""),
        tiers=tuple(_tier(sheet) for sheet in tiers),
        other_models=tuple(PriceEntry(**_sheet(row, row["name"]), model=row["model"]) for row in models),
        dollars=None if rate is None else _dollars(rate),
    )


def _dollars(rate: dict[str, Any]) -> Dollars:
    return Dollars(rate["krw_per_usd"], rate["rate_on"], rate.get("rate_source"))


def _tier(row: Row) -> PriceEntry:
    when = Condition(row["input_tokens_over"], row["service_tier"], row["batch"])
    return PriceEntry(**_sheet(row, row["name"]), when=when)


def _sheet(row: Row, name: str) -> Row:
    """What any sheet has."""
    entry_id = f"{row['product_id']}@{row['valid_from_text']}"
    return {
        "entry_id": f"{entry_id}#{name}" if name else entry_id,
        "valid_from": row["valid_from_text"],
        "valid_from_ms": instant_ms(row["valid_from"]),
        "declared_usd": {} if row["dollars"] is None else row["dollars"]["prices"],
        **{name: row[name] for name in PRICE_NAMES},
    }


def _product(row: Row, upstreams: tuple[UpstreamTarget, ...], prices: tuple[PriceEntry, ...]) -> Product:
    return Product(
        product_id=row["id"],
        provider_id=row["provider_id"],
        scale=row["scale"],
        purposes=frozenset(row["purposes"]),
        context_tokens=row["context_tokens"],
        max_output_tokens=row["max_output_tokens"],
        input_overhead_tokens=row["input_overhead_tokens"],
        data_location=row["data_location"],
        on_client_gone=row["on_client_gone"],
        upstreams=upstreams,
        prices=prices,
        active=row["is_served"],
        created_s=instant_ms(row["created_at"]) // 1000,
    )
