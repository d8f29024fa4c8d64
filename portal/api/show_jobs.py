"""Long jobs as the API shows them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from billing.lifecycle.table import Role
from portal.api.show import at

_AGENCY: Final[tuple[Role, ...]] = ("operator", "auditor")

Row = Mapping[str, Any]
Shown = dict[str, Any]


def job(row: Row, *, to: Role) -> Shown:
    """A file that is not kept any more is not shown."""
    message = row["message"] or {}
    kept = row["expires_at"] is not None
    return {
        "id": row["id"],
        "kind": row["kind"],
        "state": row["state"],
        "provider": row["provider_id"],
        "month": row["arguments"].get("month"),
        "programme": row["arguments"].get("programme"),
        "person": row["person"] if to in _AGENCY else None,
        "asked_at": at(row["asked_at"]),
        "started_at": at(row["started_at"]),
        "ended_at": at(row["ended_at"]),
        "attempt": row["attempt"],
        "done": row["done"],
        "whole": row["whole"],
        "code": message.get("code"),
        "message": message.get("english"),
        "message_ko": message.get("korean"),
        "result": row["result"],
        "file": _file(row) if kept and to in _AGENCY else None,
    }


def _file(row: Row) -> Shown:
    return {
        "name": row["file_name"],
        "bytes": row["file_bytes"],
        "sha256": row["file_sha256"],
        "expires_at": at(row["expires_at"]),
    }
