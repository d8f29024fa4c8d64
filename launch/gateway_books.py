"""The gateway's ports on billing's stores: here the two meet, and neither knows the other.

Errors of PostgreSQL end here as `gateway.ports.BooksUnavailable`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any, Final

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from billing import idempotency_store, stored_store, usage_store
from billing.database import Pool
from billing.directory_store import DirectoryDelta, current_revision, load_directory
from billing.open_calls import open_page
from billing.secrets import Secrets
from gateway import ports
from gateway.balance import BookedVoucher
from metering.claim import ClaimOutcome
from metering.purse import Purse, PurseUnavailable

AWAY: Final = (psycopg.Error, PoolTimeout, PoolClosed, TooManyRequests)


class BooksOfUsage:
    """gateway.ports.Books on billing's usage store."""

    def __init__(self, pool: Pool, purse: Purse) -> None:
        self._pool = pool
        self._purse = purse

    async def vouchers(self, company_id: str) -> Sequence[BookedVoucher]:
        try:
            async with self._pool.connection() as conn:
                rows = await usage_store.voucher_balances(conn, company_id)
        except AWAY as error:
            raise ports.BooksUnavailable from error
        return [
            BookedVoucher(
                voucher_id=row.voucher_id,
                programme_id=row.programme_id,
                state=row.state,
                ends_on=row.ends_on,
                share_ppm=row.share_ppm,
                government_granted_micro=row.government_granted_micro,
                self_granted_micro=row.self_granted_micro,
                spent_micro=row.spent_micro,
                frozen_micro=row.frozen_micro,
                government_returned_micro=row.government_returned_micro,
                self_returned_micro=row.self_returned_micro,
            )
            for row in rows
        ]

    async def usage_page(self, company_id: str, filters: Mapping[str, str]) -> dict[str, Any]:
        try:
            async with self._pool.connection() as conn:
                if filters.get("status") == "open":
                    return await open_page(conn, self._purse, company_id, filters)
                return await usage_store.usage_page(conn, company_id, filters)
        except usage_store.BadQuery as error:
            raise ports.BadQuery(str(error)) from error
        except (*AWAY, PurseUnavailable) as error:
            raise ports.BooksUnavailable from error

    async def usage_one(self, company_id: str, usage_id: str) -> dict[str, Any] | None:
        try:
            async with self._pool.connection() as conn:
                return await usage_store.usage_one(conn, company_id, usage_id)
        except AWAY as error:
            raise ports.BooksUnavailable from error


class KeptAnswers:
    """gateway.ports.IdempotencyStore on billing's idempotency store."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def claim(self, request: ports.ClaimRequest) -> ClaimOutcome:
        try:
            async with self._pool.connection() as conn:
                return await idempotency_store.claim(
                    conn,
                    company_id=request.company_id,
                    key_hash=request.key_hash,
                    body_hash=request.body_hash,
                    op=request.op,
                    gateway_id=request.gateway_id,
                )
        except AWAY as error:
            raise ports.BooksUnavailable from error

    async def finish(self, request: ports.ClaimRequest, op: str, sealed: bytes | None) -> None:
        try:
            async with self._pool.connection() as conn:
                await idempotency_store.finish(
                    conn,
                    company_id=request.company_id,
                    key_hash=request.key_hash,
                    op=op,
                    sealed=sealed,
                )
        except AWAY as error:
            raise ports.BooksUnavailable from error

    async def forget(self, request: ports.ClaimRequest, *, keep_op: bool) -> None:
        try:
            async with self._pool.connection() as conn:
                await idempotency_store.forget(
                    conn,
                    company_id=request.company_id,
                    key_hash=request.key_hash,
                    own_op=None if keep_op else request.op,
                    gateway_id=request.gateway_id,
                )
        except AWAY as error:
            raise ports.BooksUnavailable from error


class StoredRows:
    """gateway.ports.StoredThings on billing's store."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def bind(self, thing: ports.StoredThing, *, gateway_id: str, call: str | None) -> bool:
        try:
            async with self._pool.connection() as conn:
                return await stored_store.bind(conn, stored_row(thing), gateway_id=gateway_id, call=call)
        except AWAY as error:
            raise ports.BooksUnavailable from error

    async def find(self, company_id: str, kind: str, vendor_id: str) -> tuple[ports.StoredThing, bool] | None:
        try:
            async with self._pool.connection() as conn:
                found = await stored_store.find(conn, company_id=company_id, kind=kind, vendor_id=vendor_id)
        except AWAY as error:
            raise ports.BooksUnavailable from error
        return None if found is None else (stored_thing(found[0]), found[1])

    async def delete(self, thing: ports.StoredThing) -> None:
        try:
            async with self._pool.connection() as conn:
                await stored_store.delete(conn, stored_row(thing))
        except AWAY as error:
            raise ports.BooksUnavailable from error

    async def note_delivered(self, op: str, tokens: int) -> None:
        try:
            async with self._pool.connection() as conn:
                await stored_store.note_delivered(conn, op, tokens)
        except AWAY as error:
            raise ports.BooksUnavailable from error

    async def delivered(self, op: str) -> int:
        try:
            async with self._pool.connection() as conn:
                return await stored_store.delivered(conn, op)
        except AWAY as error:
            raise ports.BooksUnavailable from error

    async def note_end(self, op: str) -> None:
        try:
            async with self._pool.connection() as conn:
                await stored_store.note_end(conn, op)
        except AWAY as error:
            raise ports.BooksUnavailable from error

    async def take_ends(self, gateway_id: str) -> Sequence[str]:
        try:
            async with self._pool.connection() as conn:
                return await stored_store.take_ends(conn, gateway_id)
        except AWAY as error:
            raise ports.BooksUnavailable from error

    async def finish(self, op: str) -> None:
        try:
            async with self._pool.connection() as conn:
                await stored_store.finish(conn, op)
        except AWAY as error:
            raise ports.BooksUnavailable from error

    async def hand_on(self, gateway_id: str) -> None:
        try:
            async with self._pool.connection() as conn:
                await stored_store.hand_on(conn, gateway_id)
        except AWAY as error:
            raise ports.BooksUnavailable from error

    async def claim(
        self, gateway_id: str, *, but: Sequence[str] | None = None
    ) -> Sequence[tuple[ports.StoredThing, str]]:
        try:
            async with self._pool.connection() as conn:
                known = None if but is None else list(but)
                claimed = await stored_store.claim(conn, gateway_id, but=known)
        except AWAY as error:
            raise ports.BooksUnavailable from error
        return [(stored_thing(row), call) for row, call in claimed]


def stored_row(thing: ports.StoredThing) -> stored_store.StoredRow:
    return stored_store.StoredRow(*astuple(thing))


def stored_thing(row: stored_store.StoredRow) -> ports.StoredThing:
    return ports.StoredThing(*astuple(row))


class DirectoryRows:
    """gateway.directory.DirectorySource on billing's tables."""

    def __init__(self, pool: Pool, secrets: Secrets) -> None:
        self._pool = pool
        self._secrets = secrets

    async def changes_since(self, revision: int) -> DirectoryDelta | None:
        async with self._pool.connection() as conn:
            if await current_revision(conn) == revision:
                return None
            return await load_directory(conn, secrets=self._secrets, since_revision=revision)
