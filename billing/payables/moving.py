"""The agency's steps with a payable: proposed, approved by another person, held, tried again, released."""

from __future__ import annotations

from typing import Final

from billing.casework.deeds import Deed, take_step
from billing.casework.rows import Row
from billing.database import Connection
from billing.lifecycle import payable as life
from billing.payables import rows
from billing.payables.making import release

MOVES: Final = ("propose", "send_back", "approve", "hold", "lift", "retry", "release")


def facts_of(row: Row, deed: Deed, *, has_account: bool = True, is_rail_on: bool = True) -> life.Facts:
    return life.Facts(
        is_own=row["proposer"] == deed.actor.person,
        objections_open=row["objections_open"],
        has_account=has_account,
        is_rail_on=is_rail_on,
        holdback_won=row["holdback_won"],
        is_released=row["is_released"],
    )


async def move(conn: Connection, payable_id: str, action: str, *, deed: Deed, case: str = "") -> None:
    """Raises Refused."""
    row = await rows.locked(conn, payable_id)
    detail = {"case": case} if case else {}
    if action == "release":
        detail["amount_won"] = row["holdback_won"]
    state = await take_step(
        conn,
        life.TABLE,
        action,
        deed=deed,
        thing_id=payable_id,
        state=row["state"],
        provider=row["provider_id"],
        facts=facts_of(row, deed),
        detail=detail,
    )
    if action == "release":
        await release(conn, row, deed=deed)
        return
    proposer = {"propose": deed.actor.person, "approve": row["proposer"]}.get(action)
    is_held = action == "hold"
    await conn.execute(
        "update payable set state = %s, proposer = %s, hold_reason = %s, hold_case = %s where id = %s",
        [state, proposer, deed.reason if is_held else None, (case or None) if is_held else None, payable_id],
    )
