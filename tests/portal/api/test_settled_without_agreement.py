"""Which voucher is settled by itself, which with its agreement, and that neither waits for the other's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from billing.lifecycle.table import Refused
from billing.settlements import store
from tests.fakes.declared_world import edited
from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_report import line, selling
from tests.portal.api.a_settlement import (
    AFTER_THE_END,
    AGREEMENT,
    CALLS,
    DECLARATION,
    DECLARED,
    declare,
    used,
)
from tests.portal.api.test_role_matrix import DEED

SPARE: Final = (
    "  - {id: spare, company: hanbit, programme: ai-2026, government_krw: 1, ends_on: 2026-10-30}\n"
)
OF_BOTH: Final = DECLARATION[DECLARATION.index("vouchers:") :] + "    ends_on: 2026-10-31\n"
FOUND: Final = {"lines": [{"amount_krw": 1}], "reason": "목적 외"}
INVALID: Final = (422, "invalid_request")
# By whom, and of what: whether it has ended or not.
REFUSED: Final[tuple[tuple[str, dict[str, Any], tuple[int, str]], ...]] = (
    ("operator", {"voucher": DECLARED}, (409, "voucher_not_over")),
    ("operator", {"voucher": "unknown"}, (404, "not_found")),
    ("operator", {"agreement": "spare"}, (404, "not_found")),
    ("operator", {"voucher": "_own.gaonde"}, INVALID),
    ("operator", {"voucher": "spare", "agreement": AGREEMENT}, INVALID),
    ("operator", {}, INVALID),
    ("hanbit", {"voucher": "spare"}, (403, "forbidden")),
    ("auditor", {"voucher": "spare"}, (403, "forbidden")),
    ("nuri", {"voucher": "spare"}, (403, "forbidden")),
)


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url) as world:
        yield world


async def test_what_is_not_settled_by_itself(world: OfficeWorld) -> None:
    await declare(world, DECLARATION + SPARE)
    await world.post("gaonde", "own_funds", {"limit_krw": 1_000})
    alive = await world.refused("operator", "settlements", {"voucher": "spare"})
    assert alive == (409, "voucher_not_over")
    for day in (30, 31):  # the last day of the one, and then of the other
        world.now = AFTER_THE_END.replace(month=10, day=day)
        found = [await world.refused(who, "settlements", of) for who, of, _ in REFUSED]
        assert found == [refusal for *_, refusal in REFUSED]
    made = await world.post("operator", "settlements", {"voucher": "spare"})
    assert (made["voucher"], made["ended_on"]) == ("spare", "2026-10-30")
    async with world.pool.connection() as conn:
        with pytest.raises(Refused) as own:
            await store.open_settlement(conn, voucher_id="_own.gaonde", deed=DEED)
    assert own.value.code == "own_fund"


async def test_one_that_a_person_ended_early_is_settled_too(world: OfficeWorld) -> None:
    """It was never charged, and all of its grant has gone back before its programme closes."""
    await declare(world, DECLARATION)
    await world.post("operator", f"vouchers/{DECLARED}/end", {"reason": "폐업"})
    closing = {"reason": "사업 종료"}
    assert await world.refused("operator", "programmes/ai-2026/close", closing) == (409, "vouchers_unsettled")
    made = await world.post("operator", "settlements", {"voucher": DECLARED})
    assert made["ended_on"] == "2026-03-02"  # the day it was opened, and not the last of the period


async def test_a_voucher_that_has_an_agreement_stands_for_it(world: OfficeWorld) -> None:
    ended = await used(world, *CALLS)
    await ended.expire()
    found = await world.post("auditor", "findings", FOUND | {"voucher": "gaonde-2026"})
    made = await world.post("operator", "settlements", {"voucher": "gaonde-2026"})
    assert [found["agreement"], made["agreement"]] == [AGREEMENT, AGREEMENT]
    for named in ({"agreement": AGREEMENT}, {"voucher": "gaonde-2026"}):
        assert await world.refused("operator", "settlements", named) == (409, "settlement_exists")


async def test_neither_waits_for_what_is_the_other_s(world: OfficeWorld) -> None:
    """One company's vouchers: one of an agreement, one of none, and one of none beside it."""
    await used(world, *CALLS)
    another = edited(OF_BOTH.removeprefix("vouchers:\n"), DECLARED, "another").replace("3000000", "1000000")
    text = OF_BOTH.replace("3000000", "2000000") + another
    world.now = AFTER_THE_END.replace(month=10, day=31)
    await declare(world, text)
    async with world.pool.connection() as conn:
        await conn.execute("update funds set ends_ms = 4000000000000")  # nothing has expired yet
    nuri = await selling(world, "item", report_days=90, accept_from_krw=0)
    world.now = AFTER_THE_END
    settled = {}
    for of in ({"agreement": AGREEMENT}, {"voucher": DECLARED}, {"voucher": "another"}):
        made = await world.post("operator", "settlements", of)
        settled[made["voucher"]] = made["id"]

    async def waits_for() -> dict[str, str]:
        paths = {voucher: f"settlements/{made}/return-unused" for voucher, made in settled.items()}
        return {voucher: (await world.refused("operator", path))[1] for voucher, path in paths.items()}

    nothing = dict.fromkeys(settled, "not_expired")
    assert await waits_for() == nothing
    # What is reported of an agreement is for its voucher to pay; of none, for any.
    named = await nuri.taken(line("item", "a", 1, day="2026-10-31", agreement=AGREEMENT))
    assert await waits_for() == nothing | {"gaonde-2026": "reports_undecided"}
    await nuri.taken(line("item", "b", 1, day="2026-10-31"))
    assert await waits_for() == dict.fromkeys(settled, "reports_undecided")
    assert named["agreement"] == AGREEMENT

    # What is found against one is not found against the others.
    await world.post("auditor", "findings", FOUND | {"voucher": "gaonde-2026"})
    held = {
        voucher: (await world.get("auditor", f"settlements/{made}"))["kept_on"] is None
        for voucher, made in settled.items()
    }
    assert held == {"gaonde-2026": True, DECLARED: False, "another": False}
