"""Alerts as the API shows them: choices, webhooks without their secrets, deliveries. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portal.api.show import at

Row = Mapping[str, Any]
Shown = dict[str, Any]


def my_alerts(row: Row, *, has_mail: bool) -> Shown:
    return {**row, "mail": has_mail}


def webhook(row: Row, *, is_own: bool) -> Shown:
    """What stands behind the question mark may be a secret of its owner's."""
    return {
        "id": row["id"],
        "company": row["company_id"],
        "provider": row["provider_id"],
        "state": row["state"],
        "url": row["url"] if is_own else row["url"].partition("?")[0],
        "kinds": row["kinds"],
        "former_secret_until": at(row["former_until"]),
        "created_at": at(row["created_at"]),
    }


def delivery(row: Row) -> Shown:
    return {
        "id": row["id"],
        "state": row["state"],
        "channel": row["channel"],
        "address": row["address"],
        "company": row["company_id"],
        "provider": row["provider_id"],
        "kind": row["kind"],
        "about": row["about"],
        "detail": row["detail"],
        "at": at(row["at"]),
        "attempts": row["attempts"],
        "next_attempt_at": at(row["due_at"]) if row["state"] == "waiting" else None,
        "last_error": row["last_error"],
        "sent_at": at(row["sent_at"]),
    }
