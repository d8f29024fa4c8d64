"""Payables, objections and the accounts that providers are paid at, as pages."""

from __future__ import annotations

from typing import Final

from portal.web.facts import Fact
from portal.web.thing import EVERYBODY, WITH_PROVIDERS, Thing

THINGS: Final = (
    Thing(
        "payables",
        "payable",
        "id",
        (
            *(Fact("provider_name"), Fact("month"), Fact("kind", key="state.payable_kind")),
            *(Fact("supply_krw"), Fact("carried_krw"), Fact("holdback_krw"), Fact("back_krw")),
            *(Fact("amount_krw"), Fact("uncollected_krw"), Fact("rest_krw"), Fact("of_payable", "payables")),
            *(Fact("objections_open"), Fact("proposer"), Fact("hold_reason"), Fact("hold_case")),
            *(Fact("rail", key="state.rail"), Fact("payout"), Fact("paid_at"), Fact("reversed_krw")),
            Fact("created_at"),
        ),
        WITH_PROVIDERS,
        WITH_PROVIDERS,
    ),
    Thing(
        "objections",
        "objection",
        "id",
        (
            *(Fact("payable", "payables"), Fact("provider_name"), Fact("company"), Fact("month")),
            *(Fact("voucher"), Fact("product"), Fact("reason"), Fact("answer"), Fact("correction")),
            Fact("created_at"),
        ),
        EVERYBODY,
        EVERYBODY,
    ),
    Thing(
        "payout_accounts",
        "payout_account",
        "id",
        (
            *(Fact("provider_name"), Fact("rail", key="state.rail"), Fact("bank_code"), Fact("account")),
            *(Fact("holder"), Fact("created_at")),
        ),
        WITH_PROVIDERS,
        WITH_PROVIDERS,
    ),
)
