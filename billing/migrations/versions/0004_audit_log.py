"""The log of the books. What was booked before becomes its founding batch, in this same SQL transaction.

Rows of the books name their batch from here on. Workers of the version before are to be stopped first; one
that still runs is refused, waits and loses nothing.
"""

from __future__ import annotations

from alembic import op

from billing.audit.founding import found_log
from billing.migrations.run_sql import run_sql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql("0004_audit_log")
    driver = op.get_bind().connection.driver_connection
    assert driver is not None, "a migration runs on a live connection"
    found_log(driver)
