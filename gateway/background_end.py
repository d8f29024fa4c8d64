"""How a call ends that went on in the background: as a value, whoever sees the end. Pure.

It is kept in the books as JSON while the call goes on, so that another gateway can book the end.
"""

from __future__ import annotations

import msgspec

from gateway.exchange import Exchange
from metering.event import CallMeta, UsageEvent
from metering.prices import PriceEntry
from metering.sheets import bounds_of, price_usage
from metering.usage import TOKENS_MAX, Usage
from providers.bounds import ESTIMATE_BYTES_PER_TOKEN
from providers.dialect import Answer


class Followed(msgspec.Struct, frozen=True):
    """What the end of a call is booked by. Nothing of its request or its answer."""

    meta: CallMeta
    n: int
    voucher: str
    held_at_ms: int
    price: PriceEntry  # frozen at admission
    upstream: str | None
    upstream_id: str | None
    begun_ms: int
    background: bool = True  # else a stream that broke off
    delivered: int = 0  # output tokens the client has got already, estimated
    client_gone: bool = False
    lines: int = 0  # of a batch
    service_tier: str | None = None  # as it was asked for
    is_sought: bool = False  # nobody knows whether its vendor has taken it

    @classmethod
    def of(cls, exchange: Exchange, *, begun_ms: int, delivered: int) -> Followed:
        return cls(
            meta=exchange.meta,
            n=exchange.held.ref.n,
            voucher=exchange.held.voucher.voucher_id,
            held_at_ms=exchange.held.held_at_ms,
            price=exchange.ceiling.price,
            upstream=exchange.target_id,
            upstream_id=exchange.upstream_id,
            begun_ms=begun_ms,
            background=exchange.facts.background,
            delivered=delivered,
            client_gone=exchange.client_gone,
            lines=exchange.facts.lines,
            service_tier=exchange.facts.service_tier,
        )

    def to_text(self) -> str:
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_text(cls, text: str) -> Followed:
        """Raises ValueError."""
        return msgspec.json.decode(text, type=cls)

    def floor_micro(self, granted_micro: int) -> int:
        """What the call costs if nobody hears of it again."""
        if self.is_sought:
            return 0
        used = Usage(input=self.meta.input_tokens, output=self.delivered)
        bounds = bounds_of(self.price, input_tokens_max=TOKENS_MAX, asked=self.service_tier)
        return min(bounds.cheapest.charge_micro(used), granted_micro)

    def end(self, answer: Answer | None, *, now_ms: int) -> UsageEvent:
        """By the vendor's own count; else by what it has made. None: nobody could learn how it ended.

        The vendor had taken the call: where it says nothing at all, its input is what was used. Where nobody
        found that it had, nothing was.
        """
        usage, estimated = (None, False) if answer is None else (answer.usage, answer.units_are_estimated)
        made = 0 if answer is None else answer.text_bytes // ESTIMATE_BYTES_PER_TOKEN
        made = max(made, self.delivered)
        failed = answer is None or answer.error is not None
        if usage is None and not self.is_sought and (answer is None or made or not failed):
            usage, estimated = Usage(input=self.meta.input_tokens, output=made), True
        end_reason = "upstream_error" if failed else "completed"
        if answer is None and self.client_gone:
            end_reason, failed = "client_gone", False
        meta, charge_micro = self.meta, 0
        if usage is not None:
            sheet, usage, charge_micro = price_usage(self.price, usage, asked=self.service_tier)
            meta = msgspec.structs.replace(meta, price_entry=sheet.entry_id)
        return UsageEvent(
            meta=meta,
            n=self.n,
            voucher=self.voucher,
            held_at_ms=self.held_at_ms,
            finished_ms=now_ms,
            status="released" if usage is None else "settled",
            end_reason=end_reason,
            charge_micro=charge_micro,
            client_gone=self.client_gone,
            estimated=estimated,
            error="upstream_error" if failed else None,
            tokens={} if usage is None else usage.tokens(),
            units={} if usage is None else usage.units,
            upstream_request_id=self.upstream_id,
            upstream=self.upstream,
        )


def tokens_of(event: UsageEvent) -> int:
    """What counts for a key's limit per minute: `reasoning` is a part of the output."""
    return sum(count for name, count in event.tokens.items() if name != "reasoning")
