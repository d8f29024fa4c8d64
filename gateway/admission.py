"""May this call run, on which vouchers, and what may it cost at most? Pure: the purse is asked afterwards."""

from __future__ import annotations

from typing import Final

import msgspec

from gateway.auth import Caller
from gateway.problems import Problem
from metering.directory import Voucher
from metering.prices import PriceEntry, entry_at
from metering.sheets import bounds_of, service_tiers
from metering.usage import STANDARD_TIER
from providers.bounds import ESTIMATE_BYTES_PER_TOKEN, input_tokens_max, output_tokens_max
from providers.catalogue import Product
from providers.dialect import Operation
from providers.dialects import Route
from providers.facts import RequestFacts, not_followed
from providers.quirks import NO_QUIRKS, Quirks, quirks_for
from providers.translation.sides import operation_for

# The longest token of the published vocabularies is 128 bytes: a longer body cannot fit the context.
TOKEN_BYTES_MAX: Final = 128


class Ceiling(msgspec.Struct, frozen=True):
    """The bounds of one call, in tokens and in micro-won under the price entry frozen for it."""

    price: PriceEntry
    dearest: PriceEntry  # the prices a hold is made by: where the entry has one sheet, that
    cheapest: PriceEntry  # and a checkpoint
    input_tokens: int
    output_tokens: int
    want_micro: int  # every bound reached
    least_micro: int  # the input bound and one output token; all of it where the output has no limit
    can_be_cut: bool  # all that is billed is seen in a stream, so a part of the hold will do to begin with
    units_micro: int = 0  # of both: what is priced by the piece

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


def product_for(caller: Caller, facts: RequestFacts, product: Product | None, route: Route) -> Product:
    """The product the caller named, if it exists, serves this purpose and may be used."""
    if product is None or not product.active:
        raise Problem("model_not_found", param="model")
    if facts.purpose not in product.purposes:
        raise Problem("purpose_mismatch", param="model")
    if caller.key.products is not None and product.product_id not in caller.key.products:
        raise Problem("product_not_allowed", param="model")
    allowed = caller.company.data_locations
    if allowed is not None and product.data_location not in allowed:
        raise Problem("data_location_refused", param="model")
    asked = route.dialect.name
    spoken = [
        operation_for(asked, route.operation, target.dialect, vendor=target.vendor)
        for target in product.upstreams
    ]
    if not any(spoken):
        raise _other_dialect(asked, product)
    if facts.follows is not None and not any(meant is route.operation for meant in spoken):
        refused = not_followed()
        raise Problem(
            "invalid_request", english=refused.message_en, korean=refused.message_ko, param=refused.param
        )
    return product


def _other_dialect(asked: str, product: Product) -> Problem:
    named = ", ".join(sorted({target.dialect for target in product.upstreams}))
    return Problem(
        "purpose_mismatch",
        english=f"This call cannot be made in the {asked} dialect; call the product in its own: {named}.",
        korean=f"이 상품은 {asked} 형식의 이 호출을 지원하지 않습니다. 다음 형식으로 호출해 주세요: {named}",
        param="model",
    )


def paying_vouchers(vouchers: tuple[Voucher, ...], product_id: str, now_ms: int) -> tuple[Voucher, ...]:
    """Those that may pay this call now, in the order in which they pay."""
    active = [v for v in vouchers if v.state == "active" and v.starts_ms <= now_ms < v.ends_ms]
    if not active:
        raise Problem("voucher_not_active")
    paying = tuple(v for v in active if v.products is None or product_id in v.products)
    if not paying:
        raise Problem("product_not_allowed", param="model")
    return paying


def ceiling(
    facts: RequestFacts,
    product: Product,
    now_ms: int,
    *,
    operation: Operation,
    hides_output: bool = False,
) -> Ceiling:
    price = _price_in_force(product, facts, now_ms)
    context_tokens = product.context_tokens * facts.inputs
    if facts.body_bytes > context_tokens * TOKEN_BYTES_MAX and not facts.takes_whole_context:
        raise Problem("context_too_long")
    input_tokens = input_tokens_max(
        facts,
        context_tokens=product.context_tokens,
        input_overhead_tokens=product.input_overhead_tokens,
    )
    quirks = _quirks(product)
    output_tokens = output_tokens_max(
        facts, product_max_output_tokens=product.max_output_tokens, quirks=quirks
    )
    if facts.is_free:
        return Ceiling(price, price, price, input_tokens, 0, want_micro=0, least_micro=0, can_be_cut=False)
    dearest, cheapest = bounds_of(
        price,
        input_tokens_max=input_tokens,
        asked=facts.service_tier,
        with_others=facts.takes_whole_context,
    )
    units_micro = dearest.units_micro(facts.units_max)
    least_tokens = _least_tokens(output_tokens, operation, quirks)
    least_micro = dearest.ceiling_micro(input_tokens_max=input_tokens, output_tokens_max=least_tokens)
    is_hidden = hides_output or quirks.limit_leaves_reasoning
    if facts.stores:
        is_hidden = True  # cut here, it might be made whole at the vendor, and asked for again
    return Ceiling(
        price=price,
        dearest=dearest,
        cheapest=cheapest,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        want_micro=units_micro
        + dearest.ceiling_micro(input_tokens_max=input_tokens, output_tokens_max=output_tokens),
        least_micro=units_micro + least_micro,
        can_be_cut=operation.assembler is not None and operation.has_limit and not is_hidden,
        units_micro=units_micro,
    )


def _least_tokens(output_tokens: int, operation: Operation, quirks: Quirks) -> int:
    """Neither a limit nor a cut bounds what is thought beside the limit: then it is all or nothing."""
    is_bounded = operation.has_limit and not quirks.limit_leaves_reasoning
    return min(1, output_tokens) if is_bounded else output_tokens


def _price_in_force(product: Product, facts: RequestFacts, now_ms: int) -> PriceEntry:
    """Of a product that prices service tiers, one that is asked for by name needs its sheet.

    Where none has a price of its own, the provider has one price for however a call is served.
    """
    price = entry_at(product.prices, now_ms)
    if price is None:
        raise Problem(
            "model_not_found",
            english="This product has no price yet; choose another.",
            korean="아직 단가가 없는 상품입니다. 다른 상품을 선택해 주세요.",
            param="model",
        )
    asked = facts.service_tier
    priced = service_tiers(price, batches=False)
    if not priced or asked is None or asked == STANDARD_TIER or facts.is_free or asked in priced:
        return price
    named = ", ".join(["auto", STANDARD_TIER, *sorted(priced)])
    raise Problem(
        "invalid_request",
        english=f"This product has no price for the service tier {asked!r}; ask for one of these: {named}.",
        korean=f"이 상품에는 서비스 등급 {asked!r}의 단가가 없습니다. 다음 중에서 요청해 주세요: {named}",
        param="service_tier",
    )


def _quirks(product: Product) -> Quirks:
    """Of the upstream that is hardest to bound: any of them may be the one that answers."""
    for target in product.upstreams:
        quirks = quirks_for(target.vendor)
        if quirks.limit_leaves_reasoning:
            return quirks
    return NO_QUIRKS


def input_tokens_estimate(facts: RequestFacts, bound: int) -> int:
    """What the input is taken to be where the vendor never says: four bytes of the body to a token."""
    if facts.input_estimate_tokens is not None:
        return min(bound, facts.input_estimate_tokens)
    return min(bound, -(-facts.body_bytes // ESTIMATE_BYTES_PER_TOKEN))
