"""Programs that come to the office as a person does."""

from __future__ import annotations

from billing.migrations.run_sql import run_sql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("0021_clients")
