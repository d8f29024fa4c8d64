"""Which calls are booked and not counted by a purse, so that it may still count them."""

from __future__ import annotations

from billing.migrations.run_sql import run_sql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("0010_uncounted")
