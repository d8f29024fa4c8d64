"""Settlements of vouchers without an agreement, and findings against them."""

from __future__ import annotations

from billing.migrations.run_sql import run_sql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("0023_settlement_of_voucher")
