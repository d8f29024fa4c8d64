"""Long jobs: the queue's own schema, as its package has it, and our rows about each job."""

from __future__ import annotations

from billing.jobs.queue_schema import bring_up
from billing.migrations.run_sql import driver_connection, run_sql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("0018_jobs")
    bring_up(driver_connection())
