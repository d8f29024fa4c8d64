"""The books: epochs, funds, loans, usage, journal, idempotency.

`usage`, `entry`, `posting` and `parked` are append-only: triggers refuse a change whoever asks, and the
privileges say so too.
"""

from __future__ import annotations

from billing.migrations.run_sql import run_sql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("0002_books")
