"""The things that have a page, as data: what is shown of each, and to whom."""

from __future__ import annotations

from typing import Final

from billing.payments.bank_transfer import reference_of
from portal.web import alert_things, ending_things, formats, payable_things, report_things, words
from portal.web.facts import Fact
from portal.web.operations import Shown
from portal.web.thing import EVERYBODY, INSIDE, WITH_PROVIDERS, Thing
from portal.web.visit import Visit


def _product(shown: Shown, visit: Visit) -> Shown:
    """What is missing is the template's to say."""
    places = [
        " · ".join(
            (
                one["dialect"],
                one["base_url"],
                one["model"],
                words.text("key.kept" if one["has_api_key"] else "key.missing", visit.language),
            )
        )
        for one in shown.get("upstream", [])
    ]
    return {**shown, "places": places}


def _price(shown: Shown, visit: Visit) -> Shown:
    since = formats.instant_of(shown["from"], visit.language)
    return {**shown, "title": f"{shown['product']} · {since}", "from_at": shown["from"]}


def _payment(shown: Shown, visit: Visit) -> Shown:
    method = words.named("method", shown["method"], visit.language)
    title = f"{method} {formats.won(formats.micro_of(shown['amount_krw']), visit.language)}"
    waits = shown["method"] == "transfer" and shown["state"] == "started"
    return {**shown, "title": title, "reference": reference_of(shown["id"]) if waits else None}


def _month(shown: Shown, visit: Visit) -> Shown:
    return {**shown, "title": formats.month(shown["id"], visit.language)}


def _run(shown: Shown, visit: Visit) -> Shown:
    month = formats.month(shown["month"], visit.language)
    title = words.text("reconciliation.title", visit.language, month=month, id=shown["id"])
    return {**shown, "title": title, "of_month": month}


_PROGRAMME: Final = (
    *(Fact("id"), Fact("legal_basis"), Fact("budget_krw"), Fact("max_voucher_krw")),
    *(Fact("company_year_cap_krw"), Fact("starts_on"), Fact("ends_on"), Fact("shares")),
    Fact("deposit_rule", key="deposit_rule"),
)
_ROUND: Final = (
    *(Fact("id"), Fact("programme", "programmes"), Fact("opens_at"), Fact("closes_at")),
    *(Fact("budget_kind", key="budget_kind"), Fact("budget_krw"), Fact("cap_krw"), Fact("quota")),
    *(Fact("classes"), Fact("tracks"), Fact("criteria"), Fact("bonuses"), Fact("evaluators_min")),
    *(Fact("mean", key="mean"), Fact("pass_mark"), Fact("beyond_budget", key="beyond_budget")),
    Fact("result"),
)
_APPLICATION: Final = (
    *(Fact("id"), Fact("round", "rounds"), Fact("company"), Fact("class", key="class"), Fact("track")),
    *(Fact("government_krw"), Fact("self_cash_krw"), Fact("self_in_kind_krw"), Fact("products")),
    *(Fact("plan"), Fact("bonuses"), Fact("granted_bonuses"), Fact("submitted_at")),
    *(Fact("award_krw"), Fact("outcome"), Fact("voucher", "vouchers")),
)
_AGREEMENT: Final = (
    *(Fact("programme", "programmes"), Fact("application", "applications"), Fact("company")),
    *(Fact("class", key="class"), Fact("share"), Fact("starts_on"), Fact("ends_on"), Fact("government_krw")),
    *(Fact("self_cash_krw"), Fact("self_in_kind_krw"), Fact("products"), Fact("version")),
    *(Fact("signed_at"), Fact("voucher", "vouchers")),
)
_VOUCHER: Final = (
    *(Fact("company"), Fact("programme", "programmes"), Fact("agreement", "agreements")),
    *(Fact("class", key="class"), Fact("share"), Fact("starts_on"), Fact("ends_on"), Fact("government_krw")),
    *(Fact("self_deposit_krw"), Fact("spent_krw"), Fact("returned_government_krw")),
    *(Fact("returned_self_krw"), Fact("claimed_krw"), Fact("products")),
)
_PRODUCT: Final = (
    *(Fact("provider", "providers", frozenset(WITH_PROVIDERS)), Fact("scale", key="scale")),
    *(Fact("purposes"), Fact("context_tokens"), Fact("max_output_tokens")),
    *(Fact("data_location", key="data_location", is_due=True), Fact("trains_on_input", is_due=True)),
    *(Fact("retention_days", is_due=True), Fact("active"), Fact("places")),
    Fact("suspended_by", key="suspended_by"),
)
_PAYMENT: Final = (
    *(Fact("company"), Fact("voucher", "vouchers"), Fact("method", key="method"), Fact("reference")),
    *(Fact("amount_krw"), Fact("paid_krw"), Fact("refunded_krw"), Fact("lost_krw"), Fact("created_at")),
)
_OWN_FUND: Final = (
    *(Fact("company"), Fact("limit_krw"), Fact("filled_krw"), Fact("spent_krw")),
    Fact("voucher", "vouchers"),
)
_CORRECTION: Final = (
    *(Fact("provider", "providers"), Fact("cause", key="cause"), Fact("product", "products")),
    *(Fact("reconciliation", "reconciliations"), Fact("reason"), Fact("proposer"), Fact("calls")),
    *(Fact("before_krw"), Fact("after_krw"), Fact("created_at")),
)
_RUN: Final = (
    *(Fact("provider", "providers"), Fact("of_month"), Fact("file_name"), Fact("file_sha256")),
    *(Fact("rows"), Fact("person"), Fact("at")),
)
_MONTH: Final = (Fact("lines"), Fact("charge_krw"), Fact("lines_sha256"))

THINGS: Final = (
    Thing("programmes", "programme", "name", _PROGRAMME, log=INSIDE),
    Thing("rounds", "round", "name", _ROUND, log=INSIDE),
    Thing("applications", "application", "title", _APPLICATION),
    Thing("agreements", "agreement", "id", _AGREEMENT),
    Thing(
        "amendments",
        "amendment",
        "id",
        (Fact("agreement", "agreements"), Fact("changes"), Fact("reason"), Fact("created_at")),
    ),
    Thing("vouchers", "voucher", "id", _VOUCHER),
    Thing(
        "providers",
        "provider",
        "name",
        (Fact("id"), Fact("brn", is_due=True)),
        WITH_PROVIDERS,
        WITH_PROVIDERS,
        owner="id",
    ),
    Thing(
        "products",
        "product",
        "id",
        _PRODUCT,
        EVERYBODY,
        WITH_PROVIDERS,
        template="product.html",
        prepared=_product,
        owner="provider",
    ),
    Thing(
        "prices",
        "price",
        "title",
        (Fact("product", "products"), Fact("from_at"), *(Fact(name) for name in ("input", "output"))),
        WITH_PROVIDERS,
        WITH_PROVIDERS,
        template="price.html",
        prepared=_price,
        owner="provider",
    ),
    Thing(
        "credentials",
        "credential",
        "id",
        (Fact("product", "products"), Fact("base_url"), Fact("added_at"), Fact("replaced_at")),
        WITH_PROVIDERS,
        WITH_PROVIDERS,
    ),
    Thing("payments", "payment", "title", _PAYMENT, prepared=_payment, template="payment.html"),
    Thing("own_funds", "own_fund", "company", _OWN_FUND),
    Thing("corrections", "correction", "id", _CORRECTION, WITH_PROVIDERS, INSIDE),
    Thing(
        "reconciliations",
        "reconciliation",
        "title",
        _RUN,
        WITH_PROVIDERS,
        (),
        template="reconciliation.html",
        prepared=_run,
    ),
    Thing("months", "month", "title", _MONTH, INSIDE, INSIDE, template="month.html", prepared=_month),
    *payable_things.THINGS,
    *ending_things.THINGS,
    *report_things.THINGS,
    *alert_things.THINGS,
)
