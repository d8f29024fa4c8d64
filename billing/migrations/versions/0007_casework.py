"""The casework of programmes: rounds, applications, evaluations, agreements, amendments, ends of vouchers, their log."""

from __future__ import annotations

from billing.migrations.run_sql import run_sql

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("0007_casework")
