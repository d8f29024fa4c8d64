"""What Stripe keeps for its work, cards that are kept no longer, own money that calls may spend."""

from __future__ import annotations

from billing.migrations.run_sql import run_sql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("0020_own_money")
