"""All state tables, in the order of a life: what docs and tests go through."""

from __future__ import annotations

from typing import Any, Final

from billing.lifecycle import (
    agreement,
    amendment,
    application,
    correction,
    credential,
    finding,
    job,
    month,
    objection,
    own_fund,
    payable,
    payment,
    payout_account,
    price,
    product,
    programme,
    provider,
    report_key,
    report_line,
    reported_product,
    round,
    settlement,
    voucher,
)
from billing.lifecycle.table import Table

TABLES: Final[tuple[Table[Any], ...]] = (
    programme.TABLE,
    round.TABLE,
    application.TABLE,
    agreement.TABLE,
    amendment.TABLE,
    voucher.TABLE,
    provider.TABLE,
    product.TABLE,
    price.TABLE,
    credential.TABLE,
    month.TABLE,
    correction.TABLE,
    payment.TABLE,
    payable.TABLE,
    objection.TABLE,
    payout_account.TABLE,
    settlement.TABLE,
    finding.TABLE,
    job.TABLE,
    reported_product.TABLE,
    report_key.TABLE,
    report_line.TABLE,
    own_fund.TABLE,
)
