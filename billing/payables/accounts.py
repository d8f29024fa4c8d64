"""Where providers are paid: entered by the provider, sealed for its row, confirmed by the agency."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final, Literal

from billing.casework.deeds import Deed, log_step, take_step
from billing.casework.rows import Row, row_of, rows_of
from billing.database import Connection
from billing.lifecycle import payout_account as life
from billing.payables.port import Connected, Destination, Transfers
from billing.payables.rows import new_id
from billing.payments.port import RailRefused, RailUnavailable
from billing.secrets import Secrets

Rail = Literal["bank", "stripe"]
SHOWN_CHARACTERS: Final = 4

FIND: Final = (
    "select a.*, coalesce(v.name, a.provider_id) as provider_name from payout_account a"
    " left join provider v on v.id = a.provider_id"
)


@dataclass(frozen=True, slots=True)
class Entered:
    """`number`: an account at a bank, or the id of an account at Stripe. `bank_code`: of a bank's alone."""

    rail: Rail
    number: str
    holder: str
    bank_code: str | None = None


async def find(conn: Connection, account_id: str, *, lock: bool = False) -> Row:
    """Raises Refused."""
    if lock:
        await rows_of(conn, "select 1 from payout_account where id = %s for update", [account_id])
    return await row_of(conn, f"{FIND} where a.id = %s", [account_id])


async def enter(conn: Connection, secrets: Secrets, entered: Entered, *, deed: Deed) -> str:
    """-> the account's id. One that still waited to be confirmed is replaced. Raises Refused."""
    provider_id = deed.actor.provider
    assert provider_id is not None, "the route is for providers"
    await conn.execute("select 1 from provider where id = %s for update", [provider_id])
    account_id = await new_id(conn, "payout_account_number", "pa")
    last_characters = entered.number[-SHOWN_CHARACTERS:]
    await take_step(
        conn,
        life.TABLE,
        "enter",
        deed=deed,
        thing_id=account_id,
        state=None,
        provider=provider_id,
        facts=life.Facts(),
        detail={"rail": entered.rail, "last_characters": last_characters},
    )
    await _replace(conn, provider_id, entered.rail, "entered", deed=deed)
    sealed = secrets.seal(json.dumps({"number": entered.number}), row=_row_of(account_id))
    await conn.execute(
        "insert into payout_account (id, provider_id, rail, state, bank_code, holder, sealed,"
        " last_characters, person, created_at) values (%s, %s, %s, 'entered', %s, %s, %s, %s, %s, %s)",
        [
            account_id,
            provider_id,
            entered.rail,
            entered.bank_code,
            entered.holder,
            sealed,
            last_characters,
            deed.actor.person,
            deed.now,
        ],
    )
    return account_id


async def confirm(
    conn: Connection, secrets: Secrets, account_id: str, *, transfers: Transfers | None, deed: Deed
) -> None:
    """Stripe is asked whether the account takes transfers. The one in force before is replaced."""
    provider_id = (await find(conn, account_id))["provider_id"]
    # The provider first, as who enters an account does.
    await conn.execute("select 1 from provider where id = %s for update", [provider_id])
    row = await find(conn, account_id, lock=True)
    takes_it = await _asked(destination(row, secrets), transfers) if row["state"] == "entered" else True
    state = await _take(conn, row, "confirm", deed=deed, facts=life.Facts(rail_takes_it=takes_it))
    await _replace(conn, row["provider_id"], row["rail"], "confirmed", deed=deed)
    await conn.execute("update payout_account set state = %s where id = %s", [state, account_id])


async def refuse(conn: Connection, account_id: str, *, deed: Deed) -> None:
    row = await find(conn, account_id, lock=True)
    state = await _take(conn, row, "refuse", deed=deed, facts=life.Facts())
    await conn.execute("update payout_account set state = %s where id = %s", [state, account_id])


def destination(row: Row, secrets: Secrets) -> Destination:
    """Raises billing.secrets.Unsealable."""
    number = json.loads(secrets.unseal(bytes(row["sealed"]), row=_row_of(row["id"])))["number"]
    return Destination(number, row["holder"], row["bank_code"])


def _row_of(account_id: str) -> str:
    return f"payout_account/{account_id}"


async def _asked(to: Destination, transfers: Transfers | None) -> bool | None:
    if to.bank_code is not None:
        return True
    if transfers is None:
        return None
    try:
        connected: Connected = await transfers.account(to.number)
    except RailUnavailable:
        return None
    except RailRefused:
        return False
    return connected.takes_transfers


async def _take(conn: Connection, row: Row, action: str, *, deed: Deed, facts: life.Facts) -> str:
    return await take_step(
        conn,
        life.TABLE,
        action,
        deed=deed,
        thing_id=row["id"],
        state=row["state"],
        provider=row["provider_id"],
        facts=facts,
    )


async def _replace(conn: Connection, provider_id: str, rail: str, state: str, *, deed: Deed) -> None:
    for row in await rows_of(
        conn,
        "select id from payout_account where (provider_id, rail, state) = (%s, %s, %s) for update",
        [provider_id, rail, state],
    ):
        await log_step(
            conn,
            "payout_account",
            "replace",
            deed=deed,
            thing_id=row["id"],
            before=state,
            after="replaced",
        )
        await conn.execute("update payout_account set state = 'replaced' where id = %s", [row["id"]])
