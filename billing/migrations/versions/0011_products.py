"""Lives of providers and products: reviews, withdrawn prices, credentials, notices."""

from __future__ import annotations

from billing.migrations.run_sql import run_sql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("0011_products")
