"""Every page of the office and who may see it, written by hand, apart from the code.

`company*` and `provider*`: whose own it is; for any other of the role it does not exist. `company!`: nobody
of the role has one here. A page with a form has a `+`.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from billing.payments.beginning import payment_id_of

PAYMENT_KEY: Final = "the payment of the pages"
_INSIDE: Final = {"operator": "operator", "audit": "auditor"}


def _of_thing(kind: str, *, company: str = "", provider: str = "", steps: str = "operator") -> dict[str, str]:
    """`company`, `provider`: how one of such reads it, if at all; `steps`: which prefixes have any."""
    readers = {**_INSIDE, "company": company, "provider": provider}
    page = {f"/{prefix}/{kind}/{{id}}": role for prefix, role in readers.items() if role}
    return page | {
        f"/{prefix}/{kind}/{{id}}/do/{{step}}": f"{readers[prefix]}+" for prefix in steps.split() if prefix
    }


def _listed(*kinds: str, **roles: str) -> dict[str, str]:
    return {f"/{prefix}/{kind}": role for kind in kinds for prefix, role in roles.items()}


def _statements(below: str, role: str) -> dict[str, str]:
    return dict.fromkeys((below, f"{below}/{{month}}", f"{below}/{{month}}/{{form}}"), role)


def _of_alerts() -> dict[str, str]:
    """Of everybody, whose own they are; what is chosen and made is for whoever is told something."""
    pages = {}
    for prefix, role in {**_INSIDE, "company": "company", "provider": "provider"}.items():
        whose = role if prefix in _INSIDE else f"{role}*" if role == "company" else f"{role}!"
        for kind in ("deliveries", "webhooks"):
            pages[f"/{prefix}/{kind}"] = role
            pages[f"/{prefix}/{kind}/{{id}}"] = whose
            if prefix != "audit":
                pages[f"/{prefix}/{kind}/{{id}}/do/{{step}}"] = f"{whose}+"
        if prefix != "audit":
            for path in ("my_alerts", "my_alerts/test", "webhooks/new"):
                pages[f"/{prefix}/{path}"] = f"{role}+"
            pages[f"/{prefix}/webhooks/{{id}}/rotate"] = f"{whose}+"
    return pages


PAGES: Final[dict[str, str]] = {
    "/company": "company",
    "/provider": "provider",
    "/operator": "operator",
    "/audit": "auditor",
    "/audit/checks": "auditor",
    "/audit/find": "auditor",
    "/audit/trace": "auditor",
    **{
        f"/audit/trace/{kind}/{{id}}": "auditor"
        for kind in ("programmes", "rounds", "agreements", "vouchers")
    },
    **_listed("programmes", "months", "own-money", "bank-lines", "providers", "calls", **_INSIDE),
    **_listed("rounds", "applications", "agreements", "amendments", **_INSIDE, company="company"),
    **_listed("settlements", "findings", **_INSIDE, company="company"),
    **_listed("vouchers", "payments", **_INSIDE, company="company"),
    **_listed("reconciliations", "corrections", **_INSIDE, provider="provider"),
    **_listed("products", **_INSIDE, company="company", provider="provider"),
    "/operator/programmes/new": "operator+",
    "/operator/providers/new": "operator+",
    "/operator/companies/new": "operator+",
    "/operator/users/new": "operator+",
    "/operator/users/{id}": "operator+",
    "/audit/users/{id}": "auditor",
    **_listed("users", **_INSIDE),
    "/operator/products/new": "operator+",
    "/provider/products/new": "provider+",
    "/company/payments/new": "company+",
    "/operator/bank-lines/new": "operator+",
    "/operator/reconciliations/new": "operator+",
    "/audit/reconciliations/new": "auditor+",
    "/provider/reconciliations/new": "provider+",
    "/operator/bank-lines/{id}": "operator+",
    "/audit/bank-lines/{id}": "auditor",
    "/company/usage": "company",
    "/company/usage/{id}": "company*",
    "/company/funds": "company",
    "/company/card": "company*+",
    "/company/card/remove": "company*+",
    "/company/own_funds/new": "company+",
    **_listed("own_funds", **_INSIDE, company="company"),
    **_of_thing("own_funds", company="company*", steps="company"),
    "/provider/calls": "provider",
    "/operator/calls/{id}": "operator",
    "/audit/calls/{id}": "auditor",
    "/company/keys": "company",
    "/company/keys/new": "company+",
    "/company/keys/{name}": "company*",
    "/company/keys/{name}/revoke": "company*+",
    **_statements("/company/statements", "company"),
    **_statements("/provider/statements", "provider"),
    **_statements("/operator/statements/{subject}/{id}", "operator"),
    **_statements("/audit/statements/{subject}/{id}", "auditor"),
    "/operator/rounds/{id}/ranking": "operator",
    "/audit/rounds/{id}/ranking": "auditor",
    **_of_thing("programmes", company="company"),
    **_of_thing("rounds", company="company", steps="operator company"),
    **_of_thing("applications", company="company*", steps="operator company"),
    **_of_thing("agreements", company="company*", steps="operator company audit"),
    **_of_thing("amendments", company="company*", steps="operator company"),
    **_of_thing("vouchers", company="company*", steps="operator company audit"),
    **_of_thing("products", company="company", provider="provider*", steps="operator provider"),
    **_of_thing("prices", provider="provider*", steps="operator provider"),
    **_of_thing("credentials", provider="provider*", steps="operator provider"),
    **_of_thing("providers", provider="provider*"),
    **_of_thing("payments", company="company*"),
    **_of_thing("corrections", provider="provider*"),
    **_of_thing("reconciliations", provider="provider*", steps="operator audit"),
    **_of_thing("months"),
    **{
        f"/{prefix}/{kind}": role
        for prefix, role in {**_INSIDE, "provider": "provider"}.items()
        for kind in ("payables", "payout_accounts")
    },
    **{f"/{prefix}/payout_batches": role for prefix, role in _INSIDE.items()},
    **{f"/{prefix}/payout_batches/{{id}}": role for prefix, role in _INSIDE.items()},
    "/operator/payout_batches/new": "operator+",
    "/operator/payout_batches/{id}/file": "operator",
    "/operator/payout_batches/{id}/results": "operator+",
    "/provider/payout_accounts/new": "provider+",
    **{
        f"/{prefix}/objections": role
        for prefix, role in {**_INSIDE, "company": "company", "provider": "provider"}.items()
    },
    **_of_thing("payables", provider="provider*", steps="operator provider"),
    **_of_thing("payout_accounts", provider="provider*"),
    **{f"/{prefix}/jobs": role for prefix, role in _INSIDE.items()},
    **{f"/{prefix}/jobs/new": f"{role}+" for prefix, role in _INSIDE.items()},
    **{f"/{prefix}/jobs/{{id}}": f"{role}+" for prefix, role in _INSIDE.items()},
    **{f"/{prefix}/jobs/{{id}}/file": role for prefix, role in _INSIDE.items()},
    "/provider/jobs": "provider",
    "/provider/jobs/{id}": "provider*+",
    **_of_thing("report_lines", company="company*", provider="provider*", steps="operator company provider"),
    **_listed("reported_products", "milestones", **_INSIDE, company="company", provider="provider"),
    **_listed("report_keys", **_INSIDE, provider="provider"),
    **_of_thing("reported_products", company="company", provider="provider*", steps="operator provider"),
    **_of_thing("report_keys", provider="provider*", steps="operator provider"),
    "/provider/reported_products/new": "provider+",
    "/provider/report_keys/new": "provider+",
    "/operator/milestones/new": "operator+",
    **_listed("report_lines", **_INSIDE, company="company", provider="provider"),
    **_of_thing("settlements", company="company*", steps="operator company"),
    **_of_thing("findings", company="company*", steps="operator company"),
    "/operator/settlements/{id}/sheet": "operator",
    "/audit/settlements/{id}/sheet": "auditor",
    "/company/settlements/{id}/sheet": "company*",
    "/operator/programmes/{id}/sheet": "operator",
    "/audit/programmes/{id}/sheet": "auditor",
    **_of_thing("objections", company="company!", provider="provider*", steps="operator provider company"),
    **_listed("companies", "api_keys", **_INSIDE),
    **_of_thing("companies"),
    **{path.replace("{id}", "{id:path}"): role for path, role in _of_thing("api_keys").items()},
    **_of_alerts(),
}
# What gaonde and nuri have; a call's id is known when it was made.
IDS: Final = {
    "programmes": "ai-2026",
    "rounds": "ai-2026-1",
    "applications": "ap-000001",
    "agreements": "ag-000001",
    "amendments": "am-000001",
    "vouchers": "gaonde-2026",
    "settlements": "se-000001",
    "findings": "fi-000001",
    "products": "nuri-x1",
    "report_lines": "rl-000001",
    "reported_products": "nuri-item",
    "report_keys": "rk-000001",
    "keys": "backend",
    "prices": "nuri-x1%402099-01-01T00%3A00%3A00%2B09%3A00",
    "credentials": "cr-000002",
    "providers": "nuri",
    "corrections": "co-000001",
    "reconciliations": "re-000001",
    "months": "2026-03",
    "bank-lines": "bank-1",
    "payments": payment_id_of("kim@gaonde.example", PAYMENT_KEY, date(2026, 3, 24)),
    "own_funds": "gaonde",
    "payables": "py-000001",
    "payout_accounts": "pa-000001",
    "payout_batches": "pb-000001",
    "objections": "ob-000001",
    "jobs": "jb-000001",
    "webhooks": "wh-000001",
    "deliveries": "dl-000000001",
    "companies": "gaonde",
    "users": "kim@gaonde.example",
    "api_keys": "gaonde/backend",
}
FILES: Final = {"/operator/jobs/jb-000001/file", "/audit/jobs/jb-000001/file"}  # no pages
# A step of each thing that its page offers somebody, to be looked at.
STEPS: Final = {
    ("operator", "programmes"): "programme.change_share",
    ("operator", "agreements"): "agreement.terminate",
    ("company", "agreements"): "amendment.make",
    ("operator", "amendments"): "amendment.approve",
    ("company", "amendments"): "amendment.withdraw",
    ("operator", "vouchers"): "voucher.suspend",
    ("company", "vouchers"): "voucher.pay_in",
    ("operator", "products"): "price.add",
    ("provider", "products"): "credential.add",
    ("operator", "prices"): "price.withdraw",
    ("provider", "prices"): "price.withdraw",
    ("operator", "credentials"): "credential.restore",
    ("provider", "credentials"): "credential.restore",
    ("operator", "providers"): "provider.suspend",
    ("operator", "payments"): "payment.refund",
    ("company", "own_funds"): "own_fund.opt_out",
    ("operator", "corrections"): "correction.approve",
    ("operator", "reconciliations"): "correction.propose",
    ("audit", "reconciliations"): "correction.propose",
    ("operator", "objections"): "objection.uphold",
    ("provider", "objections"): "objection.withdraw",
    ("operator", "payout_accounts"): "payout_account.refuse",
    ("operator", "webhooks"): "webhook.end",
    ("company", "webhooks"): "webhook.end",
    ("operator", "companies"): "company.suspend",
    ("operator", "api_keys"): "api_key.suspend",
    ("operator", "report_lines"): "report_line.reject",
    ("operator", "reported_products"): "reported_product.suspend",
    ("provider", "reported_products"): "reported_product.price",
    ("operator", "report_keys"): "report_key.revoke",
    ("provider", "report_keys"): "report_key.retire",
    ("company", "report_lines"): "report_line.accept",
    ("provider", "report_lines"): "report_line.withdraw",
    ("audit", "agreements"): "finding.find",
    ("operator", "settlements"): "settlement.enter_interest",
    ("operator", "findings"): "finding.dismiss",
    ("company", "findings"): "finding.object",
}
