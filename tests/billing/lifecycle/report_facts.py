"""Facts of products that are reported, their keys and lines: sound ones, and what breaks each condition."""

from __future__ import annotations

from typing import Any

from billing.lifecycle import report_key, report_line, reported_product

SOUND: dict[str, dict[str, Any]] = {
    "reported_product": {"": reported_product.Facts()},
    "report_key": {"": report_key.Facts()},
    "report_line": {"": report_line.Facts()},
}
BROKEN: list[tuple[str, str, dict[str, Any]]] = [
    ("reported_product", "provider_ended", {"provider_state": "ended"}),
    ("reported_product", "provider_not_approved", {"provider_state": "registered"}),
    ("reported_product", "id_taken", {"is_name_free": False}),
    ("reported_product", "price_missing", {"has_price": False}),
    ("reported_product", "tier_invalid", {"has_right_tier": False}),
    ("reported_product", "price_there", {"is_price_new": False}),
    ("reported_product", "price_backdated", {"is_price_later": False}),
    ("report_key", "key_invalid", {"is_whole": False}),
    ("report_key", "key_known", {"is_new": False}),
    ("report_key", "until_past", {"is_until_later": False}),
    ("report_line", "product_not_sold", {"product_there": False}),
    ("report_line", "company_not_there", {"company_there": False}),
    ("report_line", "period_not_one_month", {"in_one_month": False}),
    ("report_line", "quantity_invalid", {"unit_right": False}),
    ("report_line", "service_ahead", {"served": False}),
    ("report_line", "reported_too_late", {"in_time": False}),
    ("report_line", "outside_agreement", {"in_an_agreement": False}),
    ("report_line", "price_missing", {"has_price": False}),
    ("report_line", "period_reported", {"first_of_its_period": False}),
    ("report_line", "not_correctable", {"correctable": False}),
]
