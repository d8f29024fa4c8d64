"""What the database holds of the things a declaration names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Final, TypeVar

from psycopg.rows import dict_row

from billing.database import Connection
from billing.declaration import models
from billing.declaration.grants import Ended, Grants
from billing.declaration.plan import Directory
from billing.declaration.price_rows import PriceRow, SheetRow
from billing.declaration.reading import Reading
from billing.declaration.rows import (
    ApiKeyRow,
    CompanyRow,
    PersonRow,
    ProductRow,
    ProgrammeRow,
    ProviderRow,
    Stored,
    UpstreamRow,
    VoucherRow,
)
from billing.directory_store import credential_row
from billing.secrets import Secrets, Unsealable
from metering.prices import PRICE_NAMES

R = TypeVar("R", bound=Stored)
Row = dict[str, Any]

# A credential sealed under another master secret equals none that can be declared, so declaring it mends it.
UNREADABLE: Final = "\0"
# What vouchers and keys may name, of gateways or reported.
_NAMED_PRODUCTS: Final = (
    "select id from product union all select id from reported_product where state <> 'in_review'"
)

_CLOSED_PROGRAMMES: Final = "select programme_id from programme_life where state = 'closed'"
_SETTLED_VOUCHERS: Final = "select voucher_id from settlement where voucher_id = any(%s)"


async def read_directory(conn: Connection, reading: Reading, secrets: Secrets) -> Directory:
    keys = list(reading.of(models.ApiKey))
    vouchers = await _by_id(conn, VoucherRow, ids=[entry.declared.id for entry in reading.of(models.Voucher)])
    return Directory(
        programmes=await _programmes(conn),
        closed_programmes={row["programme_id"] for row in await _rows(conn, _CLOSED_PROGRAMMES)},
        providers=await _by_id(conn, ProviderRow),
        products=await _products(conn, secrets, [entry.declared.id for entry in reading.of(models.Product)]),
        companies=await _by_id(conn, CompanyRow, ids=_companies_named(reading)),
        vouchers=vouchers,
        settled_vouchers={row["voucher_id"] for row in await _rows(conn, _SETTLED_VOUCHERS, list(vouchers))},
        api_keys=await _api_keys(conn, {entry.declared.company for entry in keys}),
        people=await _people(conn, [entry.declared.email for entry in reading.of(models.User)]),
        product_ids={row["id"] for row in await _rows(conn, _NAMED_PRODUCTS)},
        key_owners=await _key_owners(
            conn, [secrets.key_hash(e.declared.key_text) for e in keys if e.declared.key_text is not None]
        ),
        grants=await _grants(
            conn, list(vouchers), [entry.declared.id for entry in reading.of(models.Programme)]
        ),
    )


async def vouchers_of(conn: Connection, programme_ids: list[str]) -> list[VoucherRow]:
    query = f"select {_columns(VoucherRow)} from voucher where programme_id = any(%s) order by id"  # noqa: S608
    return [_plain(VoucherRow, row) for row in await _rows(conn, query, programme_ids)]


async def _rows(conn: Connection, query: str, *parameters: object) -> list[Row]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.encode(), parameters)
        return await cursor.fetchall()


def columns(kind: type[Stored]) -> list[str]:
    return [f.name for f in fields(kind) if f.name not in kind.APART]


def _columns(kind: type[Stored]) -> str:
    return ", ".join(columns(kind))


def _plain(kind: type[R], row: Row, **apart: object) -> R:
    """Lists become tuples, so that a row equals the one an entry makes."""
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    return kind(**values, **apart)


async def _by_id(conn: Connection, kind: type[R], *, ids: Iterable[str] | None = None) -> dict[str, R]:
    query = f"select {_columns(kind)} from {kind.TABLE}"  # noqa: S608 - names of our own
    if ids is None:
        rows = await _rows(conn, query)
    else:
        rows = await _rows(conn, f"{query} where id = any(%s)", list(ids))
    return {row["id"]: _plain(kind, row) for row in rows}


def _companies_named(reading: Reading) -> set[str]:
    named: set[str | None] = {entry.declared.id for entry in reading.of(models.Company)}
    named |= {entry.declared.company for entry in reading.of(models.Voucher)}
    named |= {entry.declared.company for entry in reading.of(models.ApiKey)}
    named |= {entry.declared.company for entry in reading.of(models.User)}
    return {company_id for company_id in named if company_id is not None}


async def _programmes(conn: Connection) -> dict[str, ProgrammeRow]:
    shares: dict[str, dict[str, int]] = defaultdict(dict)
    for row in await _rows(conn, "select programme_id, class_name, share_ppm from programme_share"):
        shares[row["programme_id"]][row["class_name"]] = row["share_ppm"]
    rows = await _rows(conn, f"select {_columns(ProgrammeRow)} from programme")  # noqa: S608
    return {row["id"]: _plain(ProgrammeRow, row, shares=shares[row["id"]]) for row in rows}


async def _products(conn: Connection, secrets: Secrets, ids: list[str]) -> dict[str, ProductRow]:
    upstreams: dict[str, list[UpstreamRow]] = defaultdict(list)
    query = "select * from upstream where product_id = any(%s) order by product_id, position"
    for row in await _rows(conn, query, ids):
        upstreams[row["product_id"]].append(_upstream(row, secrets))
    prices = await _prices(conn, ids)
    rows = await _rows(conn, f"select {_columns(ProductRow)} from product where id = any(%s)", ids)  # noqa: S608
    return {
        row["id"]: _plain(
            ProductRow, row, upstreams=tuple(upstreams[row["id"]]), prices=tuple(prices[row["id"]])
        )
        for row in rows
    }


async def _prices(conn: Connection, ids: list[str]) -> dict[str, list[PriceRow]]:
    sheets: dict[tuple[object, object], list[SheetRow]] = defaultdict(list)
    names = [f.name for f in fields(SheetRow) if f.name != "numbers"]
    query = 'select * from price_sheet where product_id = any(%s) order by name collate "C"'
    for row in await _rows(conn, query, ids):
        sheet = SheetRow(**{name: row[name] for name in names}, numbers=_numbers(row))
        sheets[row["product_id"], row["valid_from"]].append(sheet)
    prices: dict[str, list[PriceRow]] = defaultdict(list)
    query = "select * from price where product_id = any(%s) order by product_id, valid_from"
    for row in await _rows(conn, query, ids):
        price = PriceRow(
            valid_from=row["valid_from"],
            text=row["valid_from_text"],
            numbers=_numbers(row),
            dollars=row["dollars"],
            sheets=tuple(sheets[row["product_id"], row["valid_from"]]),
        )
        prices[row["product_id"]].append(price)
    return prices


def _numbers(row: Row) -> tuple[int, ...]:
    return tuple(row[name] for name in PRICE_NAMES)


def _upstream(row: Row, secrets: Secrets) -> UpstreamRow:
    sealed = row["sealed_api_key"]
    api_key = None
    if sealed is not None:
        try:
            api_key = secrets.unseal(sealed, row=credential_row(row["product_id"], row["position"]))
        except Unsealable:
            api_key = UNREADABLE
    names = {f.name for f in fields(UpstreamRow)} - {"api_key"}
    return UpstreamRow(**{name: row[name] for name in names}, api_key=api_key)


async def _api_keys(conn: Connection, company_ids: set[str]) -> dict[str, ApiKeyRow]:
    query = f"select {_columns(ApiKeyRow)} from api_key where company_id = any(%s)"  # noqa: S608
    rows = await _rows(conn, query, list(company_ids))
    return {f"{row['company_id']}/{row['name']}": _plain(ApiKeyRow, row) for row in rows}


async def _people(conn: Connection, emails: list[str]) -> dict[str, PersonRow]:
    query = f"select {_columns(PersonRow)} from person where email = any(%s)"  # noqa: S608
    return {row["email"]: _plain(PersonRow, row) for row in await _rows(conn, query, emails)}


async def _key_owners(conn: Connection, hashes: list[bytes]) -> dict[bytes, str]:
    query = "select key_hash, company_id, name from api_key where key_hash = any(%s)"
    rows = await _rows(conn, query, hashes)
    return {row["key_hash"]: f"{row['company_id']}/{row['name']}" for row in rows}


async def _grants(conn: Connection, voucher_ids: list[str], programme_ids: list[str]) -> Grants:
    others = await _rows(
        conn,
        "select programme_id, company_id, sum(micro)::bigint as granted from ("
        " select v.programme_id, v.company_id,"
        " v.government_micro - coalesce(f.expired_government_micro, 0) as micro"
        " from voucher v left join funds f on f.voucher_id = v.id where not v.id = any(%s)"
        " union all select r.programme_id, a.company_id, a.award_micro from application a"  # reserved
        " join round r on r.id = a.round_id where a.state = 'selected' and a.voucher_id is null"
        ") granted group by 1, 2",
        voucher_ids,
    )
    returned = await _rows(
        conn, "select voucher_id, expired_government_micro from funds where voucher_id = any(%s)", voucher_ids
    )
    ended = await _rows(
        conn,
        "select v.programme_id, v.company_id, v.ends_on, f.expired_government_micro as expired_micro"
        " from voucher v join funds f on f.voucher_id = v.id where v.programme_id = any(%s)"
        " and not v.id = any(%s) and v.state <> 'ended' and f.expired_government_micro > 0"
        " and not exists (select from settlement s where s.voucher_id = v.id)",  # which nothing brings back
        programme_ids,
        voucher_ids,
    )
    return Grants(
        others={(row["programme_id"], row["company_id"]): row["granted"] for row in others},
        returned={row["voucher_id"]: row["expired_government_micro"] for row in returned},
        ended=tuple(Ended(**row) for row in ended),
    )
