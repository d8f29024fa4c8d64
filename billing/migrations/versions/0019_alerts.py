"""API keys that the agency suspends; alerts, and what is sent of them."""

from __future__ import annotations

from billing.migrations.run_sql import run_sql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("0019_alerts")
