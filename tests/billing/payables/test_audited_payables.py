"""Bundles of books with payouts in them: both verifiers read them, whole and of one programme."""

from __future__ import annotations

from pathlib import Path

from billing.audit.bundle_files import BundleFiles
from billing.audit.exporting import export_bundle
from billing.audit.verifying import verify_bundle
from tests.fakes.audited_world import SEED
from tests.fakes.books_world import WON
from tests.fakes.payables_world import NOW, PayablesWorld
from tests.independent.checker import check


async def test_the_log_holds_payouts_and_both_verifiers_follow(world: PayablesWorld, tmp_path: Path) -> None:
    office = world.office
    change = {"from": "2026-09", "basis_points": 1_000, "reason": "성능 보증"}
    await office.post("operator", "programmes/ai-2026/change-holdback", change)
    await world.call(1_000 * WON, "2026-09")
    await world.close("2026-09")
    [payable] = await world.payables()
    await world.account()
    await world.paid(payable["id"])
    await world.results("pb-000001", "po-000001,900,returned,계좌 해지")
    await office.post("operator", f"payables/{payable['id']}/release", {"reason": "보증 종료"})
    assert await world.accounts() == {"provider/nuri/payable": 1_000 * WON}
    for programme in (None, "ai-2026"):
        there = tmp_path / str(programme)
        await export_bundle(str(office.pool.conninfo), SEED, there, programme=programme, now=NOW)
        with BundleFiles(there) as files:
            assert verify_bundle(files).findings == []
        # The world's calls are priced by hand.
        assert [one for one in check(there).findings if one.rule != "price"] == []
    kinds = [line.split("\t")[2] for line in (tmp_path / "None" / "entry.tsv").read_text().splitlines()]
    assert [kinds.count(kind) for kind in ("holdback", "payout", "paid_out")] == [2, 2, 2]
