"""Which things have a page, and which of their facts stand on it, in this order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from portal.web.facts import Fact


@dataclass(frozen=True, slots=True)
class Thing:
    """`name`: which of its facts is its title. `auditor_acts`: an auditor has a step of it."""

    kind: str
    thing: str
    name: str
    facts: tuple[Fact, ...]
    auditor_acts: bool = False


THINGS: Final = (
    Thing(
        "programmes",
        "programme",
        "name",
        (
            *(Fact("id"), Fact("legal_basis"), Fact("budget_krw"), Fact("max_voucher_krw")),
            *(Fact("company_year_cap_krw"), Fact("starts_on"), Fact("ends_on"), Fact("shares")),
            Fact("deposit_rule", key="deposit_rule"),
        ),
    ),
    Thing(
        "rounds",
        "round",
        "name",
        (
            *(Fact("id"), Fact("programme", "programmes"), Fact("opens_at"), Fact("closes_at")),
            *(Fact("budget_kind", key="budget_kind"), Fact("budget_krw"), Fact("cap_krw"), Fact("quota")),
            *(Fact("classes"), Fact("tracks"), Fact("criteria"), Fact("bonuses"), Fact("evaluators_min")),
            *(Fact("mean", key="mean"), Fact("pass_mark"), Fact("beyond_budget", key="beyond_budget")),
            Fact("result"),
        ),
    ),
    Thing(
        "applications",
        "application",
        "title",
        (
            *(Fact("id"), Fact("round", "rounds"), Fact("company"), Fact("class"), Fact("track")),
            *(Fact("government_krw"), Fact("self_cash_krw"), Fact("self_in_kind_krw"), Fact("products")),
            *(Fact("plan"), Fact("bonuses"), Fact("granted_bonuses"), Fact("submitted_at")),
            *(Fact("award_krw"), Fact("outcome"), Fact("voucher", "vouchers")),
        ),
    ),
    Thing(
        "agreements",
        "agreement",
        "id",
        (
            *(Fact("programme", "programmes"), Fact("application", "applications"), Fact("company")),
            *(Fact("class"), Fact("share"), Fact("starts_on"), Fact("ends_on"), Fact("government_krw")),
            *(Fact("self_cash_krw"), Fact("self_in_kind_krw"), Fact("products"), Fact("version")),
            *(Fact("signed_at"), Fact("voucher", "vouchers")),
        ),
        auditor_acts=True,
    ),
    Thing(
        "amendments",
        "amendment",
        "id",
        (Fact("agreement", "agreements"), Fact("changes"), Fact("reason"), Fact("created_at")),
    ),
    Thing(
        "vouchers",
        "voucher",
        "id",
        (
            *(Fact("company"), Fact("programme", "programmes"), Fact("agreement", "agreements")),
            *(Fact("class"), Fact("share"), Fact("starts_on"), Fact("ends_on"), Fact("government_krw")),
            *(Fact("self_deposit_krw"), Fact("spent_krw"), Fact("returned_government_krw")),
            *(Fact("returned_self_krw"), Fact("claimed_krw"), Fact("products")),
        ),
    ),
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
            *(Fact("agreement", "agreements"), Fact("company"), Fact("reason"), Fact("person")),
            *(Fact("government_krw"), Fact("self_krw"), Fact("objection_on"), Fact("created_at")),
        ),
    ),
)
