"""What the meter tells the books survives being bytes, whatever a person typed into it."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from metering.event import CallMeta, LeftNotice, OpenHold, UsageEvent
from metering.money import AMOUNT_MICRO_MAX

texts = st.text(st.characters(codec="utf-8"), max_size=12)
numbers = st.integers(0, AMOUNT_MICRO_MAX)
counts = st.dictionaries(st.sampled_from(("input", "output", "images")), numbers, max_size=3)

metas = st.builds(
    CallMeta,
    op=texts,
    request_id=texts,
    gateway_id=texts,
    lane=st.integers(0, 63),
    company=texts,
    provider=texts,
    product=texts,
    key_id=texts,
    api_key=texts,
    tag=st.none() | texts,
    dialect=texts,
    stream=st.booleans(),
    started_ms=numbers,
    price_entry=texts,
    price_from=texts,
)
events = st.builds(
    UsageEvent,
    meta=metas,
    n=numbers,
    voucher=texts,
    held_at_ms=numbers,
    finished_ms=numbers,
    status=st.sampled_from(("settled", "released")),
    end_reason=texts,
    charge_micro=numbers,
    client_gone=st.booleans(),
    estimated=st.booleans(),
    error=st.none() | texts,
    tokens=counts,
    units=counts,
    upstream_request_id=st.none() | texts,
    upstream=st.none() | texts,
)
notices = st.builds(
    LeftNotice,
    gateway_id=texts,
    lane=st.integers(0, 63),
    n=numbers,
    events=st.lists(events, max_size=3).map(tuple),
    open_holds=st.lists(st.builds(OpenHold, op=texts, voucher=texts, amount_micro=numbers), max_size=3).map(
        tuple
    ),
)


@given(metas)
def test_a_call_comes_back_as_itself(meta: CallMeta) -> None:
    assert CallMeta.from_bytes(meta.to_bytes()) == meta


@given(events)
def test_an_event_comes_back_as_itself(event: UsageEvent) -> None:
    assert UsageEvent.from_bytes(event.to_bytes()) == event
    assert event.op == event.meta.op


@given(notices)
def test_a_notice_comes_back_as_itself(notice: LeftNotice) -> None:
    assert LeftNotice.from_bytes(notice.to_bytes()) == notice


@given(events)
def test_amounts_are_integers_on_the_wire(event: UsageEvent) -> None:
    raw = orjson.loads(event.to_bytes())
    assert type(raw["charge_micro"]) is int
    assert raw["charge_micro"] == event.charge_micro
    assert raw["version"] == 1
