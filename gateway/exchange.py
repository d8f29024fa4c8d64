"""One call's life as a value: what it was admitted with, what was seen of it, and how it ends. Pure.

The relay moves bytes and waits; what they mean for the books is decided here. A call ends exactly once,
by `end`, which makes the usage event: settled at the vendor's own count, settled as an estimate of what was
delivered where the vendor reported none, or released.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.admission import Ceiling
from metering.event import CallMeta, UsageEvent
from metering.sheets import price_usage
from metering.usage import Usage
from metering.wish import Held
from providers.catalogue import Product
from providers.dialect import Dialect, Operation
from providers.facts import RequestFacts
from providers.progress import Listening

# By tokens or by the piece: what a vendor tells of these need not be what the product is priced by.
_PRICED_VARIOUSLY: Final = frozenset({"image", "rerank", "speech", "transcription"})


class Exchange(msgspec.Struct):
    meta: CallMeta
    facts: RequestFacts
    product: Product
    ceiling: Ceiling
    held: Held
    body: dict[str, Any]  # the caller's request, until a vendor has taken it
    dialect: Dialect
    operation: Operation
    relayed: bytes = b""  # head lines of the caller's that the vendor is told
    only_target_id: str | None = None  # the upstream that has what the request names
    client_gone: bool = False
    upstream_id: str | None = None
    target_id: str | None = None
    attempts: int = 0
    told_input: Usage | None = None  # by the vendor, of a stream that ended without a count of the whole

    @property
    def is_sliced(self) -> bool:
        """Money is scarce: the hold covers a part of the ceiling and grows while the call runs."""
        return self.ceiling.can_be_cut and self.held.granted_micro < self.ceiling.want_micro

    @property
    def is_clamped(self) -> bool:
        """Money is scarce and the call cannot be cut: the vendor is asked for no more than the hold pays."""
        return not self.ceiling.can_be_cut and self.held.granted_micro < self.ceiling.want_micro

    @property
    def must_stream(self) -> bool:
        """Only a stream tells the tokens, and tokens have a price."""
        return self.operation.counts_in_streams and self.ceiling.dearest.has_token_prices

    def saw(self, stream: Listening) -> None:
        """Of a stream that is over, what counts however it ended."""
        self.upstream_id = self.upstream_id or stream.upstream_id
        self.told_input = stream.told_input()

    def delivered_usage(self, output_tokens: int) -> Usage:
        """What was delivered so far, as an estimate; but for the input, where the vendor has counted it."""
        facts, input_tokens = self.facts, self.meta.input_tokens
        if not self.operation.has_limit:  # an estimate is no reason to take more than is held
            output_tokens = min(output_tokens, self.ceiling.output_tokens)
        if facts.purpose == "transcription":
            return Usage(input_audio=input_tokens, output=output_tokens, units=facts.units_estimate)
        if facts.purpose == "speech":
            return Usage(input=input_tokens, output_audio=output_tokens, units=facts.units_estimate)
        if self.told_input is not None:
            units = {**facts.units_estimate, **self.told_input.units}
            return msgspec.structs.replace(self.told_input, output=output_tokens, units=units)
        return Usage(input=input_tokens, output=output_tokens, units=facts.units_estimate)

    def payable_usage(self, output_tokens: int) -> Usage:
        """Of what was delivered so far what is charged if the balance ends here, and so by every checkpoint.

        One that told more would be taken back at the end, and others be refused meanwhile for want of it.
        """
        if self.ceiling.can_be_cut:
            output_tokens = min(output_tokens, max(0, self.output_tokens_payable()))
        return self.delivered_usage(output_tokens)

    def counted(
        self,
        usage: Usage | None,
        units: Mapping[str, int],
        output_tokens: int,
        *,
        units_are_estimated: bool = False,
    ) -> tuple[Usage, bool]:
        """(what is charged, is it an estimate): the vendor's count, beside it what we counted ourselves.

        Where the vendor reports nothing, our count of the pieces is exact, but there is none of tokens. What
        it counts may be none of what the product is priced by: then that is estimated.
        """
        price, facts = self.ceiling.dearest, self.facts
        known = dict(units)
        if facts.characters:
            known["characters"] = facts.characters
        estimated = bool(known) and units_are_estimated
        if facts.purpose == "image" and not output_tokens:  # of pictures that nobody knows the size of
            output_tokens = known.get("images", 0) * self.product.max_output_tokens
        if usage is None:
            estimated = estimated or price.has_token_prices or not known
            usage = self.delivered_usage(output_tokens) if estimated else Usage()
        else:
            known.update(usage.units)
            usage, is_completed = self._completed(usage, output_tokens)
            estimated = estimated or is_completed
        if price.per_second and facts.seconds_estimate and "seconds" not in known:
            known["seconds"], estimated = facts.seconds_estimate, True
        by_tokens = price.input_price_max() and usage.input_total  # billed by these or by searches
        if price.per_search and facts.searches_estimate and not (known.get("searches") or by_tokens):
            known["searches"], estimated = facts.searches_estimate, True
        if known == usage.units:
            return usage, estimated
        return msgspec.structs.replace(usage, units={**usage.units, **known}), estimated

    def unread(self) -> Usage:
        """Of an answer too large to be read: it was made, so it is billed. All output that is held."""
        images = {"images": self.facts.images} if self.facts.images else {}
        return self.counted(None, images, self.ceiling.output_tokens)[0]

    def _completed(self, usage: Usage, output_tokens: int) -> tuple[Usage, bool]:
        """The vendor's count, with the tokens that it bills by another unit and the product by itself."""
        if self.facts.purpose not in _PRICED_VARIOUSLY:
            return usage, False
        price, delivered = self.ceiling.dearest, self.delivered_usage(output_tokens)
        if price.per_search and usage.units.get("searches"):
            return usage, False
        told = usage
        if price.input_price_max() and not usage.input_total and delivered.input_total:
            usage = msgspec.structs.replace(usage, input=delivered.input, input_audio=delivered.input_audio)
        if price.output_price_max() and not usage.output_total and delivered.output_total:
            usage = msgspec.structs.replace(
                usage, output=delivered.output, output_audio=delivered.output_audio
            )
        return usage, usage is not told

    def floor_micro(self, output_tokens: int) -> int:
        """The checkpoint: what this call costs if nobody hears of it again, on whichever sheet it ends."""
        return min(
            self.ceiling.cheapest.charge_micro(self.payable_usage(output_tokens)), self.held.granted_micro
        )

    def checkpoint(self, output_tokens: int, now_ms: int) -> UsageEvent:
        """The same as an event, for the journal."""
        usage = self.payable_usage(output_tokens)
        end = self.end(usage=usage, estimated=True, end_reason="gateway_lost", now_ms=now_ms)
        return msgspec.structs.replace(
            end, meta=self.meta, charge_micro=self.floor_micro(output_tokens), is_floor=True
        )

    def needed_micro(self, output_tokens: int) -> int:
        """What the hold must cover for `output_tokens` to be delivered, with the whole input bound."""
        return self.ceiling.units_micro + self.ceiling.dearest.ceiling_micro(
            input_tokens_max=self.ceiling.input_tokens, output_tokens_max=output_tokens
        )

    def output_tokens_payable(self) -> int:
        return min(
            self.ceiling.dearest.output_tokens_payable(
                amount_micro=self.held.granted_micro - self.ceiling.units_micro,
                input_tokens_max=self.ceiling.input_tokens,
            ),
            self.ceiling.output_tokens,
        )

    def end(
        self,
        *,
        usage: Usage | None,
        estimated: bool,
        end_reason: str,
        now_ms: int,
        error: str | None = None,
    ) -> UsageEvent:
        """The event for the books. No usage at all (None): nothing is charged, the hold is released.

        Its meta names the sheet the call is charged by, which was not known when the hold was made.
        """
        meta, charge_micro = self.meta, 0
        if usage is not None:
            sheet, usage, charge_micro = price_usage(self.ceiling.price, usage, asked=self.facts.service_tier)
            if sheet is not self.ceiling.price:
                meta = msgspec.structs.replace(meta, price_entry=sheet.entry_id)
        return UsageEvent(
            meta=meta,
            n=self.held.ref.n,
            voucher=self.held.voucher.voucher_id,
            held_at_ms=self.held.held_at_ms,
            finished_ms=now_ms,
            status="released" if usage is None else "settled",
            end_reason=end_reason,
            charge_micro=charge_micro,
            client_gone=self.client_gone,
            estimated=estimated,
            error=error,
            tokens={} if usage is None else usage.tokens(),
            units={} if usage is None else usage.units,
            upstream_request_id=self.upstream_id,
            upstream=self.target_id,
        )
