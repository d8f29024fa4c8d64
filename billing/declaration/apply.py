"""Apply a declaration: read, judge, write; whole or not at all, in one SQL transaction.

Writers follow one another under the lock of the directory's revision, so what was judged is what is written
over.
"""

from __future__ import annotations

import asyncio
import secrets as chance
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from billing.database import Connection
from billing.declaration.findings import DeclarationRefused, Places
from billing.declaration.funding import change_funds
from billing.declaration.models import Declared
from billing.declaration.plan import MadeKey, Means
from billing.declaration.planning import make_plan
from billing.declaration.reading import Entry, Reading, read_declaration
from billing.declaration.stored import read_directory
from billing.declaration.writing import write_plan
from billing.reclaim import Short, prepare_change
from billing.secrets import Secrets
from metering.purse import Purse, PurseUnavailable
from providers.addresses import refusal_of_base_url

KEY_BYTES: Final = 32  # 43 characters of base64
LOCK_WAIT_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class ApplyReport:
    created: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    api_keys: tuple[MadeKey, ...] = ()

    def to_json(self) -> dict[str, list[object]]:
        return {
            "created": list(self.created),
            "changed": list(self.changed),
            "api_keys": [{"company": k.company, "name": k.name, "key": k.key} for k in self.api_keys],
        }


async def apply_file(
    conn: Connection,
    text: str,
    *,
    source: str,
    environment: Mapping[str, str],
    secrets: Secrets,
    allow_private: bool,
    now: datetime,
    purse: Purse | None = None,
) -> ApplyReport:
    """`conn` is outside any SQL transaction. Raises DeclarationRefused, and then nothing was applied.

    With a purse, a lowered grant gets back what was lent and not spent; without one, what is lent counts as
    held until its epoch ends.
    """
    reading = await asyncio.to_thread(read_declaration, text, source=source, environment=environment)
    means = _means(secrets, allow_private=allow_private, now=now)
    try:
        return await _apply(conn, reading, source=source, secrets=secrets, means=means)
    except Short as short:
        if purse is None:
            raise short.refused from None
        try:
            for funds in short.funds:
                await prepare_change(purse, conn, funds)
        except PurseUnavailable:
            raise short.refused from None
    reading = await asyncio.to_thread(read_declaration, text, source=source, environment=environment)
    try:
        return await _apply(conn, reading, source=source, secrets=secrets, means=means)
    except Short as short:
        raise short.refused from None


async def apply_entry(
    conn: Connection, declared: Declared, *, secrets: Secrets, allow_private: bool, now: datetime
) -> ApplyReport:
    """One entry, in the caller's SQL transaction. Raises DeclarationRefused, Short."""
    reading = Reading(entries=[Entry(declared, (), Places({}))])
    means = _means(secrets, allow_private=allow_private, now=now)
    return await _apply(conn, reading, source="request", secrets=secrets, means=means)


async def _apply(
    conn: Connection, reading: Reading, *, source: str, secrets: Secrets, means: Means
) -> ApplyReport:
    async with conn.transaction():
        await conn.execute(f"set local lock_timeout = {LOCK_WAIT_MS}".encode())
        await conn.execute(f"set local statement_timeout = {LOCK_WAIT_MS}".encode())
        await conn.execute("select 1 from directory_revision for update")
        directory = await read_directory(conn, reading, secrets)
        plan = await asyncio.to_thread(make_plan, reading, directory, means)
        findings = reading.findings + plan.findings
        if findings:
            raise DeclarationRefused(source, findings)
        await write_plan(conn, plan, secrets)
        findings, short = await change_funds(conn, plan, directory)
        if findings:
            refused = DeclarationRefused(source, findings)
            raise Short(refused, short) if len(short) == len(findings) else refused
    return ApplyReport(
        created=tuple(change.name for change in plan.changes if change.before is None),
        changed=tuple(change.name for change in plan.changes if change.before is not None),
        api_keys=tuple(plan.made_keys),
    )


def _means(secrets: Secrets, *, allow_private: bool, now: datetime) -> Means:
    hasher = PasswordHasher()

    def is_password(password_hash: str, password: str) -> bool:
        try:
            return hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    return Means(
        now=now,
        make_key=lambda: f"vg_{chance.token_urlsafe(KEY_BYTES)}",
        key_hash=secrets.key_hash,
        hash_password=hasher.hash,
        is_password=is_password,
        refusal_of_base_url=lambda url: refusal_of_base_url(url, allow_private),
    )
