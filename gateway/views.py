"""What a company reads with its key: models, voucher, usage, an estimate. Free of charge, never cached."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

from gateway.asgi.request import Request
from gateway.auth import Caller
from gateway.balance import company_json, voucher_json
from gateway.directory import Directory
from gateway.ports import BadQuery, Books, BooksUnavailable
from gateway.problems import Problem
from metering.directory import Voucher
from metering.keys import lane_of
from metering.money import format_krw
from metering.prices import PRICE_NAMES, Condition, PriceEntry, entry_at
from metering.purse import Purse, PurseUnavailable
from metering.shares import capacity
from providers.catalogue import Product

QUERY_PARAMETERS_MAX: Final = 20
_USAGE_FILTERS: Final = frozenset({"limit", "cursor", "from", "to", "product", "api_key", "tag", "status"})

_UNREAD_KO: Final = "조회 조건을 읽을 수 없습니다. 값의 형식을 확인해 주세요."


class Views:
    def __init__(
        self, *, directory: Directory, purse: Purse, books: Books, now_ms: Callable[[], int]
    ) -> None:
        self._directory = directory
        self._purse = purse
        self._books = books
        self._now_ms = now_ms

    def models(self, caller: Caller) -> bytes:
        """One answer for every dialect's own SDK: `data` for OpenAI and Anthropic, `models` for Gemini."""
        data = [self._model(product) for product in self._visible(caller)]
        return orjson.dumps(
            {
                "models": data,
                "object": "list",
                "data": data,
                "has_more": False,
                "first_id": data[0]["id"] if data else None,
                "last_id": data[-1]["id"] if data else None,
            }
        )

    def model(self, caller: Caller, product_id: str) -> bytes:
        for product in self._visible(caller):
            if product.product_id == product_id:
                return orjson.dumps(self._model(product))
        raise Problem("model_not_found", param="model")

    async def voucher(self, caller: Caller) -> bytes:
        company_id = caller.company.company_id
        try:
            booked = await self._books.vouchers(company_id)
            lane = lane_of(company_id)
            n = await self._purse.epoch_here(lane)
            shown = []
            for voucher in booked:
                balance = None
                if n is not None:
                    balance = await self._purse.balance(lane=lane, n=n, voucher_id=voucher.voucher_id)
                shown.append(voucher_json(voucher, balance))
        except (BooksUnavailable, PurseUnavailable):
            raise Problem("meter_unavailable", retry_after_s=1) from None
        return orjson.dumps(company_json(company_id, shown))

    async def can_pay(self, vouchers: tuple[Voucher, ...], amount_micro: int) -> bool:
        """Whether one of these vouchers has this much left, by the books and the purse."""
        company_id = vouchers[0].company_id
        wanted = {voucher.voucher_id for voucher in vouchers}
        try:
            booked = [v for v in await self._books.vouchers(company_id) if v.voucher_id in wanted]
            lane = lane_of(company_id)
            n = await self._purse.epoch_here(lane)
            for voucher in booked:
                spent = voucher.spent_micro + voucher.frozen_micro
                if n is not None:
                    balance = await self._purse.balance(lane=lane, n=n, voucher_id=voucher.voucher_id)
                    if balance is not None:
                        spent = balance.before_micro + balance.spent_micro
                        spent += balance.held_micro + balance.frozen_micro
                total = capacity(
                    grant_micro=voucher.government_granted_micro,
                    deposit_micro=voucher.self_granted_micro,
                    share_ppm=voucher.share_ppm,
                ).total_micro
                if total - spent >= amount_micro:
                    return True
        except (BooksUnavailable, PurseUnavailable):
            raise Problem("meter_unavailable", retry_after_s=1) from None
        return False

    async def usage_page(self, caller: Caller, request: Request) -> bytes:
        filters = read_query(request.query)
        if unknown := set(filters) - _USAGE_FILTERS:
            raise Problem(
                "invalid_request",
                english=f"Unknown filter: {sorted(unknown)[0][:40]!r}.",
                korean=f"알 수 없는 필터입니다: {sorted(unknown)[0][:40]!r}",
                param=sorted(unknown)[0][:40],
            )
        try:
            return orjson.dumps(await self._books.usage_page(caller.company.company_id, filters))
        except BadQuery as bad:
            raise Problem("invalid_request", english=str(bad), korean=_UNREAD_KO) from None
        except BooksUnavailable:
            raise Problem("meter_unavailable", retry_after_s=1) from None

    async def usage_one(self, caller: Caller, usage_id: str) -> bytes:
        try:
            found = await self._books.usage_one(caller.company.company_id, usage_id[:64])
        except BooksUnavailable:
            raise Problem("meter_unavailable", retry_after_s=1) from None
        if found is None:
            raise Problem("usage_not_found")
        return orjson.dumps(found)

    def _visible(self, caller: Caller) -> list[Product]:
        allowed = caller.key.products
        return [
            product
            for product_id, product in sorted(self._directory.products.items())
            if product.active and (allowed is None or product_id in allowed)
        ]

    def _model(self, product: Product) -> dict[str, Any]:
        price = entry_at(product.prices, self._now_ms())
        return {
            "id": product.product_id,
            "object": "model",
            "created": product.created_s,
            "owned_by": product.provider_id,
            "type": "model",
            "display_name": product.product_id,
            "created_at": _rfc3339(product.created_s),
            "scale": product.scale,
            "name": f"models/{product.product_id}",
            "displayName": product.product_id,
            "inputTokenLimit": product.context_tokens,
            "outputTokenLimit": product.max_output_tokens,
            "purposes": sorted(product.purposes),
            "prices": None if price is None else prices_json(price),
        }


def prices_json(price: PriceEntry) -> dict[str, Any]:
    """Won per 1,000,000 tokens or per unit, as decimal strings, with the entry's start.

    What an entry may have beside its own sheet is named only where it has it.
    """
    shown: dict[str, Any] = {"from": price.valid_from, **_sheet_json(price)}
    if price.dollars is not None:
        rate = {"krw_per_usd": price.dollars.krw_per_usd, "rate_on": price.dollars.rate_on}
        if price.dollars.rate_source is not None:
            rate["rate_source"] = price.dollars.rate_source
        shown.update(currency="USD", **rate)
    if price.tiers:
        shown["tiers"] = [{**_condition_json(tier), **_sheet_json(tier)} for tier in price.tiers]
    if price.other_models:
        shown["other_models"] = {sheet.model: _sheet_json(sheet) for sheet in price.other_models}
    return shown


def _sheet_json(sheet: PriceEntry) -> dict[str, Any]:
    shown: dict[str, Any] = {name: format_krw(getattr(sheet, name)) for name in PRICE_NAMES}
    if sheet.declared_usd:
        shown["declared_usd"] = sheet.declared_usd
    return shown


def _condition_json(tier: PriceEntry) -> dict[str, Any]:
    when = tier.when or Condition()
    named = {"input_tokens_over": when.input_tokens_over, "service_tier": when.service_tier}
    shown: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    return {**shown, "batch": True} if when.batch else shown


def read_query(query: bytes) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=QUERY_PARAMETERS_MAX,
            strict_parsing=bool(query),
        )
    except ValueError:
        raise Problem("invalid_request", english="The query cannot be read.", korean=_UNREAD_KO) from None
    read = dict(pairs)
    if len(read) != len(pairs):
        raise Problem(
            "invalid_request",
            english="A query parameter stands twice; send it once.",
            korean="같은 조회 조건이 두 번 있습니다. 한 번만 보내 주세요.",
        )
    return read


def _rfc3339(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
