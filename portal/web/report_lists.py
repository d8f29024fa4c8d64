"""The lists of what no gateway proxies: products, keys that sign reports, reported lines, milestones."""

from __future__ import annotations

from typing import Final

from portal.web import report_views
from portal.web.listed import Listed, between, everything, offered, own_provider
from portal.web.thing import EVERYBODY, INSIDE

LISTS: Final = (
    Listed("/report_lines", "nav.report_lines", EVERYBODY, report_views.REPORT_LINES, between),
    Listed("/reported_products", "nav.reported_products", INSIDE, report_views.REPORTED_PRODUCTS, everything),
    Listed(
        "/reported_products",
        "nav.reported_products",
        ("company",),
        report_views.REPORTED_PRODUCTS,
        offered,
    ),
    Listed(
        "/reported_products",
        "nav.reported_products",
        ("provider",),
        report_views.REPORTED_PRODUCTS,
        own_provider,
        make={"provider": ("/reported_products/new", "do.reported_product.make")},
    ),
    Listed(
        "/report_keys",
        "nav.report_keys",
        (*INSIDE, "provider"),
        report_views.REPORT_KEYS,
        own_provider,
        make={"provider": ("/report_keys/new", "do.report_key.register")},
    ),
    Listed(
        "/milestones",
        "nav.milestones",
        EVERYBODY,
        report_views.MILESTONES,
        between,
        make={"operator": ("/milestones/new", "do.milestone.plan")},
    ),
)
