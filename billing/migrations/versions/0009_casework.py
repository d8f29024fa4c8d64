"""The casework of programmes: rounds, applications, agreements, ends of vouchers, and the log of it all."""

from __future__ import annotations

from billing.migrations.run_sql import run_sql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("0009_casework")
