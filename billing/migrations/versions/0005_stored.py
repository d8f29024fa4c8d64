"""What vendors store for companies, and the calls that go on at a vendor after their answer."""

from __future__ import annotations

from billing.migrations.run_sql import run_sql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("0005_stored")
