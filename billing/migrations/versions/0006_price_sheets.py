"""Price sheets beside an entry's own, and what was declared in dollars."""

from __future__ import annotations

from billing.migrations.run_sql import run_sql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("0006_price_sheets")
