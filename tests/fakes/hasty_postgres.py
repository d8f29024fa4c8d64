"""Settings of the tests' PostgreSQL servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SMALL: Final[Mapping[str, str]] = {
    "max_connections": "200",
    "shared_buffers": "32MB",
    "max_wal_size": "128MB",  # it may lie in memory
}
FORGETFUL: Final[Mapping[str, str]] = {  # a fifth less work, where nobody asks what would outlive a crash
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "jit": "off",
    "update_process_title": "off",
}
HASTY: Final[Mapping[str, str]] = {**SMALL, **FORGETFUL}
