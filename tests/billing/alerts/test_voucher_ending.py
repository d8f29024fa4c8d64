"""The end of a voucher that was declared without an agreement is told as that of an agreement is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.billing.alerts.test_finding import DAYS, PROGRAMME, VOUCHER, look
from tests.fakes.office_world import opened


async def test_a_voucher_without_an_agreement_is_told_before_it_ends(books_url: str) -> None:
    """v1 ends with its programme; a later end is told anew, and one that was ended is not told."""
    async with opened(books_url) as office:
        await office.post("operator", "programmes", PROGRAMME)
        await office.post("operator", "vouchers", VOUCHER)
        begins = datetime(2026, 11, 1, tzinfo=UTC)
        told = []
        for day in range(63):
            told += [
                (kind, about, detail["days"])
                for kind, about, detail in await look(office, now=begins + timedelta(days=day))
            ]
        assert told == [("voucher_ending", "v1", days) for days in DAYS]
        await office.post("operator", "vouchers/v1/end", {"reason": "해지"})
        async with office.pool.connection() as conn:
            await conn.execute("update programme set ends_on = '2027-01-31'")
        assert await look(office, now=begins + timedelta(days=62)) == []
