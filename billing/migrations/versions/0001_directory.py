"""The directory: programmes, providers, products with prices and upstreams, companies, vouchers, API keys.

Every change carries a revision in the order of commits, so that gateways can follow it. Prices are
append-only.
"""

from __future__ import annotations

from billing.migrations.run_sql import run_sql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("0001_directory")
