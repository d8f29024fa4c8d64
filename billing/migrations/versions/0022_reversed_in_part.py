"""What came back in part of a payment to a provider, and is owed again."""

from __future__ import annotations

from billing.migrations.run_sql import run_sql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("0022_reversed_in_part")
