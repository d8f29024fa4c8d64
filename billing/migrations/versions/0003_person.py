"""People of the office, and the one-time links by which they set their passwords."""

from __future__ import annotations

from billing.migrations.run_sql import run_sql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("0003_person")
