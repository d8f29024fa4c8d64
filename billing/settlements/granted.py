"""What is settled and found against: an agreement with its voucher, or a voucher declared without one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from billing.casework import agreements, vouchers
from billing.casework.deeds import Deed
from billing.casework.rows import Row
from billing.database import Connection
from billing.directory_time import instant_ms, period_of
from billing.lifecycle.own_fund import PROGRAMME
from billing.lifecycle.voucher import NO_OWN_FUND


@dataclass(frozen=True, slots=True)
class Granted:
    """`voucher_id`: None where none was issued on the agreement."""

    agreement_id: str | None
    voucher_id: str | None
    programme_id: str
    company_id: str
    starts_on: date
    ends_on: date
    is_over: bool

    @property
    def named(self) -> dict[str, str | None]:
        """As the log names it."""
        return {"voucher": self.voucher_id} if self.agreement_id is None else {"agreement": self.agreement_id}


async def find(conn: Connection, *, agreement_id: str | None, voucher_id: str | None, deed: Deed) -> Granted:
    """Locked, by one of the two: a voucher that has an agreement stands for that. Raises Refused."""
    if agreement_id is None:
        assert voucher_id is not None, "one of them is named"
        voucher = await vouchers.find(conn, voucher_id, lock=True)
        if voucher["programme_id"] == PROGRAMME:
            raise NO_OWN_FUND.refusal()
        if voucher["agreement_id"] is None:
            return of_voucher(voucher, deed)
        agreement_id = voucher["agreement_id"]
    return await of_agreement(conn, await agreements.find(conn, agreement_id, lock=True), deed)


async def of_agreement(conn: Connection, row: Row, deed: Deed) -> Granted:
    is_over = row["state"] in ("terminated", "completed") or deed.today > row["ends_on"]
    if row["voucher_id"] is not None:
        is_over = is_over and _has_ended(await vouchers.find(conn, row["voucher_id"]), deed)
    return Granted(
        row["id"],
        row["voucher_id"],
        row["programme_id"],
        row["company_id"],
        row["starts_on"],
        row["ends_on"],
        is_over,
    )


def of_voucher(row: Row, deed: Deed) -> Granted:
    """Of one without an agreement."""
    starts_on, ends_on = period_of(
        programme=(row["programme_starts_on"], row["programme_ends_on"]),
        voucher=(row["starts_on"], row["ends_on"]),
    )
    return Granted(
        None,
        row["id"],
        row["programme_id"],
        row["company_id"],
        starts_on,
        ends_on,
        _has_ended(row, deed),
    )


def _has_ended(voucher: Row, deed: Deed) -> bool:
    return vouchers.state_of(voucher, instant_ms(deed.now)) not in ("active", "suspended")
