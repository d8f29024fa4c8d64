"""What a checkpoint may say of a running call: never more than the call costs if it is cut there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.admission import Ceiling
from gateway.exchange import Exchange
from metering.prices import PriceEntry
from metering.purse import HoldRef
from metering.wish import Held
from providers.dialects import find
from providers.facts import RequestFacts
from tests.fakes.call_meta import call_meta
from tests.fakes.gateway_world import product, voucher
from tests.fakes.values import replace

PRICE = PriceEntry("x1@2026", "2026-01-01T00:00:00+09:00", 0, input=1_000_000_000, output=4_000_000_000)


def exchange(
    *, granted_micro: int, input_tokens: int, input_tokens_max: int, output_tokens_max: int
) -> Exchange:
    want_micro = PRICE.ceiling_micro(input_tokens_max=input_tokens_max, output_tokens_max=output_tokens_max)
    meta = replace(call_meta("op"), input_tokens=input_tokens)
    line = voucher(1, 0, share_ppm=1_000_000)
    held = Held(
        HoldRef(1, 1, "op", line.voucher_id, "", "g1"),
        meta,
        line,
        min(granted_micro, want_micro),
        0,
        want_micro,
    )
    route = find("/v1/chat/completions", b"", {})
    assert route is not None
    return Exchange(
        meta=meta,
        facts=RequestFacts(purpose="chat", model="x1", body_bytes=10, stream=True),
        product=product("http://127.0.0.1:1"),
        ceiling=Ceiling(PRICE, input_tokens_max, output_tokens_max, want_micro, 1, can_be_cut=True),
        held=held,
        body={},
        dialect=route.dialect,
        operation=route.operation,
    )


@given(
    granted_micro=st.integers(0, 10**10),
    input_tokens=st.integers(0, 500),
    output_tokens_max=st.integers(1, 5000),
    delivered=st.integers(0, 6000),
    more=st.integers(0, 1000),
)
def test_a_checkpoint_is_not_above_what_a_cut_costs(
    granted_micro: int, input_tokens: int, output_tokens_max: int, delivered: int, more: int
) -> None:
    """The input is estimated below its bound, so that a hold can seem to pay for more than it does."""
    call = exchange(
        granted_micro=granted_micro,
        input_tokens=input_tokens,
        input_tokens_max=input_tokens + 512,
        output_tokens_max=output_tokens_max,
    )
    floor_micro = call.floor_micro(delivered)
    at_the_end = PRICE.charge_micro(call.payable_usage(delivered + more))
    assert floor_micro <= min(at_the_end, call.held.granted_micro)
    assert call.checkpoint(delivered, 0).charge_micro == floor_micro
