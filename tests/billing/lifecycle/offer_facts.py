"""Facts of providers, products, prices and credentials: sound ones, and what breaks each condition."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from billing.lifecycle import credential, price, product, provider

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
OFFERED = product.Facts(
    upstreams=2,
    has_safe_upstreams=True,
    credentials=2,
    prices=1,
    data_location="KR",
    trains_on_input=False,
    retention_days=0,
    context_tokens=1,
    max_output_tokens=1,
    suspended_by="provider",
)
KEPT = credential.Facts(NOW, replaced_at=NOW - timedelta(minutes=1))

SOUND: dict[str, dict[str, Any]] = {
    "provider": {"": provider.Facts("1118111112")},
    "product": {"": OFFERED, "suspend": replace(OFFERED, suspended_by=None)},
    "price": {"": price.Facts(NOW, NOW + timedelta(minutes=1))},
    "credential": {"": KEPT},
}
BROKEN: list[tuple[str, str, dict[str, Any]]] = [
    ("provider", "brn_required", {"brn": None}),
    ("product", "provider_ended", {"provider_state": "ended"}),
    ("product", "provider_not_approved", {"provider_state": "registered"}),
    ("product", "provider_not_approved", {"provider_state": "suspended"}),
    ("product", "limits_missing", {"max_output_tokens": 0}),
    ("product", "limits_missing", {"context_tokens": 0}),
    ("product", "data_location_missing", {"data_location": None}),
    ("product", "training_use_missing", {"trains_on_input": None}),
    ("product", "retention_missing", {"retention_days": None}),
    ("product", "upstream_missing", {"upstreams": 0}),
    ("product", "upstream_not_https", {"has_safe_upstreams": False}),
    ("product", "credential_missing", {"credentials": 1}),
    ("product", "price_missing", {"prices": 0}),
    ("product", "suspended_by_agency", {"suspended_by": "agency"}),
    ("product", "already_suspended", {"suspended_by": "agency", "is_agency": True}),
    ("product", "already_suspended", {"suspended_by": "provider"}),
    ("price", "product_not_sold", {"product_state": "draft"}),
    ("price", "product_not_sold", {"product_state": "withdrawn"}),
    ("price", "price_backdated", {"valid_from": NOW}),
    ("price", "price_exists", {"is_free": False}),
    ("price", "price_begins", {"valid_from": NOW + timedelta(seconds=59)}),
    ("credential", "product_withdrawn", {"product_state": "withdrawn"}),
    ("credential", "upstream_missing", {"has_upstream": False}),
    ("credential", "credential_known", {"is_new": False}),
    ("credential", "upstream_changed", {"is_same_place": False}),
    ("credential", "credential_in_use", {"replaced_at": NOW - timedelta(seconds=59)}),
    ("credential", "credential_in_use", {"replaced_at": None}),
]
