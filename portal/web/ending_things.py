"""Settlements of vouchers, and findings against them, as pages."""

from __future__ import annotations

from typing import Final

from portal.web.facts import Fact
from portal.web.thing import Thing

THINGS: Final = (
    Thing(
        "settlements",
        "settlement",
        "id",
        (
            *(
                Fact("agreement", "agreements"),
                Fact("voucher", "vouchers"),
                Fact("company"),
                Fact("ended_on"),
            ),
            *(Fact("government_krw"), Fact("self_deposit_krw"), Fact("spent_government_krw")),
            *(Fact("spent_self_krw"), Fact("pending_government_krw"), Fact("pending_self_krw")),
            *(Fact("interest_krw", is_due=True), Fact("interest_document")),
            *(Fact("returned_government_krw"), Fact("returned_self_krw")),
            Fact("verification_needed", key="verification"),
            Fact("verification", key="verification"),
            *(Fact("verification_reference"), Fact("verified_by"), Fact("kept_on")),
        ),
    ),
    Thing(
        "findings",
        "finding",
        "id",
        (
            *(Fact("agreement", "agreements"), Fact("voucher", "vouchers"), Fact("company")),
            *(Fact("reason"), Fact("person")),
            *(Fact("government_krw"), Fact("self_krw"), Fact("objection_on"), Fact("created_at")),
        ),
    ),
)
