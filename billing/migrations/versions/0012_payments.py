"""Payments of companies: what they paid, what became of it, and what is still to be asked."""

from __future__ import annotations

from billing.migrations.run_sql import run_sql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("0012_payments")
