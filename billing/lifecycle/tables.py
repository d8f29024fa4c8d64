"""All state tables, in the order of a life: what docs and tests go through."""

from __future__ import annotations

from typing import Any, Final

from billing.lifecycle import (
    agreement,
    amendment,
    api_key,
    application,
    company,
    correction,
    credential,
    delivery,
    month,
    payment,
    price,
    product,
    programme,
    provider,
    round,
    voucher,
    webhook,
)
from billing.lifecycle.table import Table

TABLES: Final[tuple[Table[Any], ...]] = (
    programme.TABLE,
    round.TABLE,
    application.TABLE,
    agreement.TABLE,
    amendment.TABLE,
    voucher.TABLE,
    company.TABLE,
    api_key.TABLE,
    provider.TABLE,
    product.TABLE,
    price.TABLE,
    credential.TABLE,
    month.TABLE,
    correction.TABLE,
    payment.TABLE,
    webhook.TABLE,
    delivery.TABLE,
)
