"""What a batch may cost: the sums of its lines' bounds, under the price of the moment it is begun. Pure."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from gateway.admission import Ceiling
from metering.money import AMOUNT_MICRO_MAX
from metering.prices import PriceEntry
from metering.sheets import sheet_for
from providers.catalogue import Product, UpstreamTarget


class BatchBounds(msgspec.Struct, frozen=True):
    """Kept beside the file of lines. Nothing of what they say."""

    endpoint: str
    purpose: str  # of its calls: the product must serve it
    lines: int
    input_tokens: int  # at most
    output_tokens: int  # at most
    input_estimate: int
    units: dict[str, int]
    terms: str  # what the bounds and the vendor's words rest on

    def to_text(self) -> str:
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_text(cls, text: str) -> BatchBounds:
        """Raises ValueError."""
        return msgspec.json.decode(text, type=cls)


def terms_of(product: Product, target: UpstreamTarget) -> str:
    """A file that was read on other terms has to be read again before it is run."""
    limits = product.context_tokens, product.max_output_tokens, product.input_overhead_tokens
    return " ".join([target.vendor or "-", target.model, *map(str, limits)])


def batch_price(entry: PriceEntry) -> PriceEntry:
    """The prices of a batch under this entry of the product's price list.

    One sheet for all lines: how long a line is says nothing of the sum of them, so no threshold holds.
    """
    return replace(sheet_for(entry, 0, batch=True), tiers=())


def batch_ceiling(bounds: BatchBounds, one: Ceiling) -> Ceiling:
    """Every line at its bound, all or nothing. `one` is any call's ceiling under the entry in force."""
    price = batch_price(one.price)
    micro = price.units_micro(bounds.units) + price.ceiling_micro(
        input_tokens_max=bounds.input_tokens, output_tokens_max=bounds.output_tokens
    )
    micro = min(micro + (bounds.lines - 1) * price.per_request, AMOUNT_MICRO_MAX)  # no purse has more
    return msgspec.structs.replace(
        one,
        price=price,
        dearest=price,
        cheapest=price,
        input_tokens=bounds.input_tokens,
        output_tokens=bounds.output_tokens,
        want_micro=micro,
        least_micro=micro,
        can_be_cut=False,
        units_micro=price.units_micro(bounds.units),
    )


__all__ = ["BatchBounds", "batch_ceiling", "batch_price", "terms_of"]
