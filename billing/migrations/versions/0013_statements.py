"""Closed months with their statements, corrections that two people agree on, reconciliation runs."""

from __future__ import annotations

from billing.migrations.run_sql import run_sql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("0013_statements")
