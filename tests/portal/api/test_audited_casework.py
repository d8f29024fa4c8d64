"""A voucher of the office, used, amended, taken back: its books are sound, its bundles as any other's."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from billing.audit.bundle_files import BundleFiles
from billing.audit.exporting import export_bundle
from billing.audit.verifying import verify_bundle
from billing.expiry import expire_vouchers
from tests.fakes.audited_world import SEED, AuditedWorld
from tests.fakes.books_world import ENDS_MS, LANE, VOUCHER, WON
from tests.fakes.books_world import World as Books
from tests.fakes.office_world import AFTER_CLOSING, opened
from tests.independent.checker import check
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND

CALL_MICRO = 12 * 1250 + 40 * 5000 + 20  # 12 tokens in, 40 out, at the product's price


async def test_the_books_of_a_used_voucher(books_url: str, tmp_path: Path) -> None:
    async with opened(books_url) as world:
        await world.to_an_amendment(PROGRAMME, ROUND, APPLICATION)
        books = Books(world.pool)
        async with world.pool.connection() as conn:
            await conn.execute("update funds set ends_ms = %s", [ENDS_MS])  # the treasury has its own clock
        n = await books.treasury.current_epoch(LANE)
        await books.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1_000_000 * WON)
        await AuditedWorld(books, n).post([CALL_MICRO] * 3)
        assert (await world.get("gaonde", "vouchers/gaonde-2026"))["spent_krw"] == "0.64506"

        # A grant cannot be lowered below what is spent, nor below what is lent until it comes back.
        await world.post("operator", "amendments/am-000001/approve")
        path = "agreements/ag-000001/amendments"
        asked = await world.post("operator", path, {"reason": "감액", "government_krw": "0.4"})
        below = await world.refused("operator", f"amendments/{asked['id']}/approve")
        assert below == (409, "below_spent")
        # Above it, what the purse has and nobody holds comes back, and the grant is lowered.
        lower = {"reason": "감액", "government_krw": 3, "self_cash_krw": 1}
        asked = await world.post("operator", path, lower)
        lent = await world.refused("operator", f"amendments/{asked['id']}/approve")
        assert lent == (409, "below_spent")
        world.purse = books.purse
        await world.post("operator", f"amendments/{asked['id']}/approve")
        assert (await world.get("gaonde", "vouchers/gaonde-2026"))["government_krw"] == "3"
        share = {"class": "sme", "from": "2026-03-24", "share": "0.6"}
        await world.post("operator", "programmes/ai-2026/change-share", share)

        too_much = {"reason": "부정수급", "amount_krw": "0.645061"}
        above = await world.refused("operator", "vouchers/gaonde-2026/claw-back", too_much)
        assert above == (409, "above_spent")
        claimed = {"reason": "부정수급", "amount_krw": "0.64506"}
        clawed = await world.post("operator", "vouchers/gaonde-2026/claw-back", claimed)
        assert (clawed["state"], clawed["claimed_krw"]) == ("clawed_back", "0.64506")
        async with world.pool.connection() as conn:
            await expire_vouchers(books.purse, conn, lanes=range(64))
        accounts = (await world.books()).accounts
        assert accounts["voucher/gaonde-2026/government"] == 0
        assert accounts["provider/nuri/payable"] == 3 * CALL_MICRO

        now = datetime(2026, 11, 22, tzinfo=UTC)
        await export_bundle(str(world.pool.conninfo), SEED, tmp_path / "bundle", programme=None, now=now)
        with BundleFiles(tmp_path / "bundle") as files:
            assert verify_bundle(files).findings == []
        assert check(tmp_path / "bundle").findings == []
        assert world.now >= AFTER_CLOSING
