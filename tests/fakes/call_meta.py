"""What a gateway knows of a call before it runs, as tests make it up."""

from __future__ import annotations

from metering.event import CallMeta
from metering.keys import lane_of

COMPANY = "gaonde"
START_MS = 1_790_000_000_000


def call_meta(
    op: str, gateway_id: str = "g1", *, company: str = COMPANY, lane: int | None = None
) -> CallMeta:
    """One streamless call of the company's key `backend`, under the price of 2026."""
    return CallMeta(
        op=op,
        request_id="r",
        gateway_id=gateway_id,
        lane=lane_of(company) if lane is None else lane,
        company=company,
        provider="nuri",
        product="nuri-x1",
        key_id=f"{company}/backend",
        api_key="backend",
        tag=None,
        dialect="openai",
        stream=False,
        started_ms=START_MS,
        price_entry="nuri-x1@2026-01-01T00:00:00+09:00",
        price_from="2026-01-01T00:00:00+09:00",
    )
