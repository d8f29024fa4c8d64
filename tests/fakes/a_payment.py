"""A transfer that gaonde begins, under an id that tests know: the office would choose one of its own."""

from __future__ import annotations

from billing.casework.deeds import Deed
from billing.lifecycle.table import Actor
from billing.payments.beginning import Wish, begin
from metering.money import MICRO_PER_WON
from tests.fakes.office_people import PEOPLE
from tests.fakes.office_world import OfficeWorld


async def a_transfer(world: OfficeWorld, request_id: str) -> str:
    """Of 1,000 won; the reference by which the bank's line is known."""
    gaonde = PEOPLE["gaonde"]
    deed = Deed(Actor(gaonde.email, gaonde.role, gaonde.company), world.now, request_id)
    wish = Wish("gaonde", "transfer", 1_000 * MICRO_PER_WON)
    async with world.pool.connection() as conn, conn.transaction():
        _, begun = await begin(conn, wish, key="", cards=None, deed=deed)
    return str(begun.transfer_reference)
