"""Every page of the office and who may see it, written by hand, apart from the code.

`company*` and `provider*`: whose own it is; for any other of the role it does not exist. A page with a form
has a `+`.
"""

from __future__ import annotations

from typing import Final

_INSIDE: Final = {"operator": "operator", "audit": "auditor"}


def _of_thing(kind: str, company: str) -> dict[str, str]:
    page = {f"/{prefix}/{kind}/{{id}}": role for prefix, role in _INSIDE.items()}
    page[f"/company/{kind}/{{id}}"] = company
    page[f"/operator/{kind}/{{id}}/do/{{step}}"] = "operator+"
    page[f"/company/{kind}/{{id}}/do/{{step}}"] = f"{company}+"
    return page


def _of_alerts() -> dict[str, str]:
    """Of everybody, whose own they are; what is chosen and made is for whoever is told something."""
    pages = {}
    for prefix, role in {**_INSIDE, "company": "company", "provider": "provider"}.items():
        whose = role if prefix in _INSIDE else f"{role}*"
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
    **{f"/{prefix}/programmes": role for prefix, role in _INSIDE.items()},
    **{
        f"/{prefix}/{kind}": role
        for prefix, role in {**_INSIDE, "company": "company"}.items()
        for kind in ("rounds", "applications", "agreements", "amendments", "vouchers")
    },
    "/operator/programmes/new": "operator+",
    "/company/usage": "company",
    "/company/usage/{id}": "company*",
    "/operator/calls": "operator",
    "/audit/calls": "auditor",
    "/provider/calls": "provider",
    "/operator/calls/{id}": "operator",
    "/audit/calls/{id}": "auditor",
    "/company/keys": "company",
    "/company/keys/new": "company+",
    "/company/keys/{name}": "company*",
    "/company/keys/{name}/revoke": "company*+",
    **{
        f"/{prefix}/products": role
        for prefix, role in {**_INSIDE, "company": "company", "provider": "provider"}.items()
    },
    **{f"/{prefix}/products/{{id}}": role for prefix, role in {**_INSIDE, "company": "company"}.items()},
    "/provider/products/{id}": "provider*",
    "/operator/rounds/{id}/ranking": "operator",
    "/audit/rounds/{id}/ranking": "auditor",
    **_of_thing("programmes", "company"),
    **_of_thing("rounds", "company"),
    **_of_thing("applications", "company*"),
    **_of_thing("agreements", "company*"),
    **_of_thing("amendments", "company*"),
    **_of_thing("vouchers", "company*"),
    **{
        f"/{prefix}/{kind}{page}": role
        for prefix, role in _INSIDE.items()
        for kind, page in (
            *(("companies", ""), ("companies", "/{id}"), ("providers", ""), ("providers", "/{id}")),
            *(("api_keys", ""), ("api_keys", "/{id:path}")),
        )
    },
    **_of_alerts(),
    "/operator/companies/{id}/do/{step}": "operator+",
    "/operator/api_keys/{id:path}/do/{step}": "operator+",
    "/operator/providers/{id}/do/{step}": "operator+",
    "/operator/products/{id}/do/{step}": "operator+",
}
# What gaonde has; a call's id is known when it was made.
IDS: Final = {
    "programmes": "ai-2026",
    "rounds": "ai-2026-1",
    "applications": "ap-000001",
    "agreements": "ag-000001",
    "amendments": "am-000001",
    "vouchers": "gaonde-2026",
    "products": "nuri-x1",
    "keys": "backend",
    "webhooks": "wh-000001",
    "deliveries": "dl-000000001",
    "companies": "gaonde",
    "api_keys": "gaonde/backend",
    "providers": "nuri",
}
# A step of each thing that its page offers somebody, to be looked at.
STEPS: Final = {
    ("operator", "programmes"): "programme.close",
    ("operator", "agreements"): "agreement.terminate",
    ("company", "agreements"): "amendment.make",
    ("operator", "amendments"): "amendment.approve",
    ("company", "amendments"): "amendment.withdraw",
    ("operator", "vouchers"): "voucher.suspend",
    ("operator", "webhooks"): "webhook.end",
    ("company", "webhooks"): "webhook.end",
    ("operator", "companies"): "company.suspend",
    ("operator", "api_keys"): "api_key.suspend",
    ("operator", "providers"): "provider.suspend",
    ("operator", "products"): "product.suspend",
}
