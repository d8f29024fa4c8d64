"""Files and batches that vendors store for companies, as lists show them."""

from __future__ import annotations

from billing.migrations.run_sql import run_sql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("0007_stored_object")
