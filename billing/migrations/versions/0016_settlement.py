"""Settlements of agreements, auditors' findings, and the dated rules of the end."""

from __future__ import annotations

from billing.migrations.run_sql import run_sql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("0016_settlement")
