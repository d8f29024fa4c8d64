"""Products that no gateway proxies: prices by the unit, providers' signed reports of use, their lines."""

from __future__ import annotations

from billing.migrations.run_sql import run_sql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("0017_sister_vouchers")
