"""Each sister unit from its product to the ledger and the statement: one conversation per unit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_report import line, product_id, selling
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND

STATEMENT = "companies/gaonde/statements/2026-03"


@pytest.fixture
async def office(books_url: str) -> AsyncIterator[OfficeWorld]:
    """gaonde has a voucher of 4,000,000 won, of which 75 % are the government's, for 2026-03 to 2026-10."""
    async with opened(books_url) as world:
        await world.to_an_amendment(PROGRAMME, ROUND, APPLICATION)
        yield world


async def paid(office: OfficeWorld) -> tuple[int, int, int]:
    """What nuri is owed, and what the voucher has left of either source; micro-won, of sound books."""
    accounts = (await office.books()).accounts
    voucher = "voucher/gaonde-2026"
    return (
        accounts.get("provider/nuri/payable", 0),
        accounts[f"{voucher}/government"],
        accounts[f"{voucher}/self"],
    )


async def statement_line(office: OfficeWorld, unit: str) -> dict[str, Any]:
    found = [
        one for one in (await office.get("gaonde", STATEMENT))["lines"] if one["product"] == product_id(unit)
    ]
    assert len(found) == 1
    one: dict[str, Any] = found[0]
    return one


async def test_items(office: OfficeWorld) -> None:
    nuri = await selling(office, "item", accept_from_krw=100_000)
    charged = await nuri.taken(line("item", "batch-1", "12.5"))
    assert (charged["state"], charged["amount_krw"], charged["voucher"]) == (
        "charged",
        "1506.25",
        "gaonde-2026",
    )
    assert (charged["quantity"], charged["units"], charged["per"]) == ("12.5", 12_500, 1_000)
    assert await paid(office) == (1_506_250_000, 2_998_870_312_500, 999_623_437_500)
    # A large one waits until the company has accepted it.
    large = await nuri.taken(line("item", "batch-2", 1_000))
    assert (large["state"], large["waits_for"]) == ("reported", "acceptance")
    accepted = await office.post("gaonde", f"report_lines/{large['id']}/accept")
    assert (accepted["state"], accepted["amount_krw"]) == ("charged", "120500")
    shown = await statement_line(office, "item")
    assert (shown["calls"], shown["exact"]["supply_krw"]) == (2, "122006.25")
