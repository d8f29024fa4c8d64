"""Which calls are made again under their key, so that money on its way back is not called spent."""

from __future__ import annotations

from billing.migrations.run_sql import run_sql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("0006_taken_over")
