"""Bundles of books with payments in them: both verifiers read them, whole and of one programme."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from billing.audit.bundle_files import BundleFiles
from billing.audit.exporting import export_bundle
from billing.audit.verifying import verify_bundle
from tests.fakes.audited_world import SEED
from tests.fakes.payments_world import VOUCHER_ID, PaymentsWorld
from tests.independent.checker import check


async def test_the_log_holds_payments_and_both_verifiers_follow(world: PaymentsWorld, tmp_path: Path) -> None:
    await world.paid(50_000)
    _, disputed = await world.paid(20_000, voucher=None)
    await world.heard()
    await world.office.post("gaonde", f"vouchers/{VOUCHER_ID}/pay-in", {"amount_krw": 15_000})
    dispute = world.objects.dispute(disputed, 20_000)
    world.objects.decide(dispute["id"], "lost")
    await world.heard()
    assert await world.own() == ("0", "15000")
    now = datetime(2026, 11, 22, tzinfo=UTC)
    for programme in (None, "ai-2026"):
        there = tmp_path / str(programme)
        await export_bundle(world.url, SEED, there, programme=programme, now=now)
        with BundleFiles(there) as files:
            assert verify_bundle(files).findings == []
        assert check(there).findings == []
    kinds = {line.split("\t")[2] for line in (tmp_path / "None" / "entry.tsv").read_text().splitlines()}
    assert {"payment", "pay_in", "dispute", "deposit", "fee"} <= kinds
