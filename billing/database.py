"""How this house talks to PostgreSQL: one way to open a pool or a connection, with every wait bounded.

psycopg's errors go no further than the stores: they are translated at the rim of billing.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

Connection = psycopg.AsyncConnection[TupleRow]
Pool = AsyncConnectionPool[Connection]

STATEMENT_TIMEOUT_MS: Final = 10_000
LOCK_TIMEOUT_MS: Final = 3_000
IDLE_IN_TRANSACTION_TIMEOUT_MS: Final = 30_000
CONNECT_TIMEOUT_S: Final = 3
POOL_WAIT_S: Final = 3.0
# A server that has vanished says nothing: without these a loop waits two hours for its answer.
SILENT_S: Final = 10
PROBE_EVERY_S: Final = 5
PROBES: Final = 3
VANISHED_S: Final = SILENT_S + PROBE_EVERY_S * PROBES

# Advisory lock classes (first key); the second key is the lane, or a hash of the voucher.
LANE_EPOCH_LOCK: Final = 7601
LANE_POSTER_LOCK: Final = 7602
VOUCHER_LOAN_LOCK: Final = 7603
UNFINISHED_LOCK: Final = 7605  # 7604 is the seal's
MONTH_LOCK: Final = 7606  # shared by whoever books usage, alone by whoever closes a month
JOB_LOCK: Final = 7607  # held by who attempts a long job; the second key is a hash of the attempt


def _options(statement_timeout_ms: int) -> dict[str, Any]:
    return {
        "autocommit": True,
        "connect_timeout": CONNECT_TIMEOUT_S,
        "keepalives_idle": SILENT_S,
        "keepalives_interval": PROBE_EVERY_S,
        "keepalives_count": PROBES,
        "tcp_user_timeout": VANISHED_S * 1000,
        "options": f"-c statement_timeout={statement_timeout_ms} -c lock_timeout={LOCK_TIMEOUT_MS}"
        f" -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_TIMEOUT_MS} -c timezone=UTC",
    }


def open_pool(database_url: str, *, size_min: int = 1, size_max: int = 4) -> Pool:
    """A pool of autocommit connections; use it as an async context manager, or `await pool.open()`."""
    return AsyncConnectionPool(
        database_url,
        connection_class=psycopg.AsyncConnection[TupleRow],
        kwargs=_options(STATEMENT_TIMEOUT_MS),
        min_size=size_min,
        max_size=size_max,
        timeout=POOL_WAIT_S,
        check=AsyncConnectionPool.check_connection,
        open=False,
    )


async def connect(database_url: str, *, statement_timeout_ms: int = STATEMENT_TIMEOUT_MS) -> Connection:
    """One connection of one's own, for whoever holds session locks on it."""
    return await psycopg.AsyncConnection.connect(database_url, **_options(statement_timeout_ms))
