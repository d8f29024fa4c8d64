"""Declarations for journeys, as values: what most of them share, with room for what each is about."""

from __future__ import annotations

from typing import Any, Final

from tests.fakes.house import Declaration

SHARE_PPM: Final = 750_000
SHARES: Final = {"startup": "0.90", "sme": "0.75", "midsize": "0.50"}
PRICE_FROM: Final = "2026-01-01T00:00:00+09:00"
INPUT_WON, CACHED_WON, OUTPUT_WON, EMBED_WON = 1250, 625, 5000, 100

Entry = dict[str, Any]


def programme() -> Entry:
    return {
        "id": "api-voucher",
        "name": "초거대 AI API 활용 지원",
        "budget_krw": 5_000_000_000,
        "max_voucher_krw": 300_000_000,
        "starts_on": "2026-01-01",
        "ends_on": "2099-12-31",
        "shares": SHARES,
    }


def upstream(base_url: str, **more: Any) -> Entry:
    return {"dialect": "openai", "base_url": base_url, "model": "demo-model", "api_key": "vendor-key", **more}


def chat_product(product_id: str, *upstreams: Entry, **more: Any) -> Entry:
    return {
        "id": product_id,
        "provider": "nuri",
        "scale": "hyperscale",
        "purposes": ["chat"],
        "context_tokens": 128_000,
        "max_output_tokens": 4096,
        "data_location": "KR",
        "upstream": list(upstreams),
        "prices": [price()],
        **more,
    }


def price(valid_from: str = PRICE_FROM, **more: Any) -> Entry:
    return {"from": valid_from, "input": INPUT_WON, "cached_input": CACHED_WON, "output": OUTPUT_WON, **more}


def embed_product(product_id: str, *upstreams: Entry) -> Entry:
    return chat_product(
        product_id,
        *upstreams,
        purposes=["embedding"],
        context_tokens=8192,
        max_output_tokens=0,
        prices=[{"from": PRICE_FROM, "input": EMBED_WON}],
    )


def company(company_id: str, **more: Any) -> Entry:
    return {"id": company_id, "name": f"회사 {company_id}", "class": "sme", **more}


def voucher(
    company_id: str, *, government: int | str = 7_500_000, own: int | str = 2_500_000, **more: Any
) -> Entry:
    return {
        "id": f"{company_id}-v",
        "company": company_id,
        "programme": "api-voucher",
        "government_krw": government,
        "self_deposit_krw": own,
        "products": ["*"],
        **more,
    }


def key_text(company_id: str, name: str = "backend") -> str:
    return f"vg_journey_{company_id}_{name}_0000000000"


def api_key(company_id: str, name: str = "backend", **more: Any) -> Entry:
    return {"company": company_id, "name": name, "key": key_text(company_id, name), "products": ["*"], **more}


def declaration(
    *,
    products: list[Entry],
    companies: list[Entry],
    vouchers: list[Entry],
    api_keys: list[Entry],
    providers: tuple[str, ...] = ("nuri",),
) -> Declaration:
    return {
        "programmes": [programme()],
        "providers": [{"id": provider_id, "name": provider_id} for provider_id in providers],
        "products": products,
        "companies": companies,
        "vouchers": vouchers,
        "api_keys": api_keys,
    }


def simple(base_url: str, *company_ids: str, **product: Any) -> Declaration:
    """One chat product at one vendor, and companies with one rich voucher and one key each."""
    return declaration(
        products=[chat_product("nuri-x1", upstream(base_url), **product)],
        companies=[company(company_id) for company_id in company_ids],
        vouchers=[voucher(company_id) for company_id in company_ids],
        api_keys=[api_key(company_id) for company_id in company_ids],
    )
