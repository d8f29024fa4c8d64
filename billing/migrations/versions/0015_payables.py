"""Payables of providers, how they are paid, and objections."""

from __future__ import annotations

from billing.migrations.run_sql import run_sql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("0015_payables")
