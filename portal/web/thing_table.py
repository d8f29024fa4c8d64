"""The things that have a page: their kinds, what of each is shown, and to whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from billing.lifecycle.table import Role
from portal.web.facts import Fact

INSIDE: Final[tuple[Role, ...]] = ("operator", "auditor")
READERS: Final[tuple[Role, ...]] = (*INSIDE, "company")
EVERYBODY: Final[tuple[Role, ...]] = (*READERS, "provider")


@dataclass(frozen=True, slots=True)
class Thing:
    """`name`: which of its facts is its title. `has_page`: its page is made here, beside its steps."""

    kind: str
    thing: str
    name: str
    facts: tuple[Fact, ...]
    readers: tuple[Role, ...] = READERS
    id_path: str = "{id}"
    has_page: bool = True


PRODUCT: Final = Thing(
    "products",
    "product",
    "id",
    (Fact("provider", "providers"), Fact("suspended_by", key="suspended_by")),
    readers=INSIDE,
    has_page=False,
)
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
        "companies",
        "company",
        "name",
        (Fact("id"), Fact("brn"), Fact("class"), Fact("data_locations")),
        readers=INSIDE,
    ),
    Thing(
        "api_keys",
        "api_key",
        "name",
        (
            *(Fact("company", "companies"), Fact("last_characters"), Fact("products")),
            *(Fact("allowed_ips"), Fact("created_at"), Fact("expires_at")),
        ),
        readers=INSIDE,
        id_path="{id:path}",
    ),
    Thing("providers", "provider", "name", (Fact("id"), Fact("brn")), readers=INSIDE),
    PRODUCT,
    Thing(
        "webhooks",
        "webhook",
        "id",
        (
            Fact("url"),
            Fact("kinds"),
            Fact("company"),
            Fact("provider"),
            Fact("former_secret_until"),
            Fact("created_at"),
        ),
        readers=EVERYBODY,
    ),
    Thing(
        "deliveries",
        "delivery",
        "id",
        (
            *(Fact("kind", key="kinds"), Fact("about"), Fact("at"), Fact("channel", key="channel")),
            *(
                Fact("address"),
                Fact("attempts"),
                Fact("next_attempt_at"),
                Fact("last_error"),
                Fact("sent_at"),
            ),
        ),
        readers=EVERYBODY,
    ),
)
