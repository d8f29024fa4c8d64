"""What companies were told of the products they may use."""

from __future__ import annotations

from fastapi import APIRouter

from billing.casework import notices
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_COMPANY
from portal.api import show_products, shown_products
from portal.api.lists import add_list, own_company
from portal.api.part import Part


def router() -> APIRouter:
    made = Part("products")
    add_list(
        made,
        "/notices",
        notices.FIND,
        lambda _, row: show_products.notice(row),
        (OPERATOR, AUDITOR, OWN_COMPANY),
        shown_products.NoticeShown,
        scope=own_company,
        filters={"company": "company_id", "provider": "provider_id", "product": "product_id", "kind": "kind"},
    )
    return made
