"""Sessions of people at the office's pages."""

from __future__ import annotations

from billing.migrations.run_sql import run_sql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("0014_web_session")
