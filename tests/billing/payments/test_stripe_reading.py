"""What is read of Stripe's objects and events, and that no type of any field is trusted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.payments.facts import Fact
from billing.payments.port import Named, SavedCard
from billing.payments.stripe_reading import NotAnEvent, read_event, read_intent, read_session

NAMES = ("id", "amount", "status", "metadata", "payment_intent", "refund", "fee", "balance_transaction")
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "pi_1", "won", "서울"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=8,
)
OURS = "pay-" + "0a" * 12
INTENT: dict[str, Any] = {
    "id": "pi_1",
    "currency": "krw",
    "status": "succeeded",
    "amount": 500,
    "amount_received": 500,
    "metadata": {"payment": OURS},
}
PAID = Fact("payment", "", "paid", 500_000_000)
CARD = {"id": "pm_1", "card": {"brand": "visa", "last4": "4242"}}


def event(kind: str, thing: object, **more: object) -> bytes:
    return json.dumps({"id": "evt_1", "type": kind, "data": {"object": thing}, **more}).encode()


@pytest.mark.parametrize(
    ("body", "about"),
    [
        (event("payment_intent.succeeded", {"id": "pi_1"}), Named(intent_id="pi_1")),
        (event("checkout.session.completed", {"id": "cs_1"}), Named(session_id="cs_1")),
        (event("refund.updated", {"id": "re_1", "payment_intent": "pi_1"}), Named(intent_id="pi_1")),
        (event("charge.dispute.closed", {"payment_intent": {"id": "pi_1"}}), Named(intent_id="pi_1")),
        (event("charge.updated", {"id": "ch_1", "payment_intent": "pi_1"}), Named(intent_id="pi_1")),
        (event("refund.updated", {"id": "re_1", "payment_intent": None}), None),
        (event("payment_intent.succeeded", {"id": "../v1/charges"}), None),
        (event("customer.created", {"id": "cus_1"}), None),
        (event("invented.by.them", {"id": "pi_1"}), None),
        # A thin event only names its object.
        (
            json.dumps(
                {
                    "id": "evt_1",
                    "object": "v2.core.event",
                    "type": "v1.payment_intent.succeeded",
                    "related_object": {"id": "pi_1", "type": "payment_intent"},
                }
            ).encode(),
            Named(intent_id="pi_1"),
        ),
    ],
)
def test_of_an_event_only_what_it_is_about_is_read(body: bytes, about: Named | None) -> None:
    assert read_event(body).about == about


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b"\xff", b'{"id": 1, "type": "a"}', b'{"id": "evt_1"}', b"[" * 100_000),
        *(b'{"id": "evt_' + b"a" * 200 + b'", "type": "a"}', b'{"id": "evt_1", "type": "\xea\xb0\x80"}'),
        b'{"id": "evt_1", "type": "a\\u0000"}',
    ],
)
def test_what_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(NotAnEvent):
        read_event(body)


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        ({}, (PAID,)),
        ({"status": "canceled"}, (Fact("payment", "", "failed", 0),)),
        ({"status": "processing"}, ()),
        ({"status": "requires_payment_method"}, ()),  # the payer may try another card
        ({"amount_received": 499}, (Fact("payment", "", "paid", 499_000_000),)),
        ({"amount_received": True}, ()),
        ({"amount_received": "500"}, ()),
        ({"amount_received": 500.0}, ()),
    ],
)
def test_an_intent_as_facts(change: dict[str, Any], facts: tuple[Fact, ...]) -> None:
    seen = read_intent(INTENT | change)
    assert seen is not None
    assert seen.facts == facts


@pytest.mark.parametrize(
    "change", [{"currency": "usd"}, {"metadata": {}}, {"metadata": {"payment": "pay-1"}}, {"id": None}]
)
def test_what_is_not_ours_or_not_won_is_nothing(change: dict[str, Any]) -> None:
    assert read_intent(INTENT | change) is None


def test_refunds_and_disputes_as_facts() -> None:
    refunds = [
        {"id": "re_1", "amount": 5, "status": "succeeded", "metadata": {}},
        {"id": "re_2", "amount": 6, "status": "canceled", "metadata": {"refund": "rf-000001"}},
        {"id": "re_3", "amount": 7, "status": "invented"},
    ]
    disputes = [
        {"id": "du_1", "amount": 8, "status": "lost"},
        {"id": "du_2", "amount": 9, "status": "warning_under_review"},
    ]
    seen = read_intent(INTENT, refunds=refunds, disputes=disputes)
    assert seen is not None
    assert seen.facts == (
        PAID,
        Fact("refund", "re_1", "succeeded", 5_000_000),
        Fact("refund", "rf-000001", "failed", 6_000_000),
        Fact("dispute", "du_1", "open", 8_000_000),
        Fact("dispute", "du_1", "lost", 8_000_000),
    )


def moved(fee: Any, *, currency: str = "krw", **more: Any) -> dict[str, Any]:
    return {"id": f"txn_{fee}".replace("-", "m"), "fee": fee, "currency": currency, **more}


@pytest.mark.parametrize(
    ("told", "facts"),
    [
        (moved(18), (Fact("fee", "txn_18", "kept", 18_000_000),)),
        (moved(-15), (Fact("fee", "txn_m15", "returned", 15_000_000),)),
        (moved(0), ()),
        (moved(18, currency="usd"), ()),  # our balance at Stripe is another's: these books know won alone
        (moved(True), ()),
        (moved("18"), ()),
        (moved(18, id=None), ()),
        ("txn_1", ()),  # not expanded
        (None, ()),  # not known yet
    ],
)
def test_what_stripe_keeps_is_a_fact_when_it_is_known(told: Any, facts: tuple[Fact, ...]) -> None:
    of_charge = read_intent(INTENT | {"latest_charge": {"id": "ch_1", "balance_transaction": told}})
    of_refund = read_intent(INTENT, refunds=[{"id": "re_1", "balance_transaction": told}])
    of_dispute = read_intent(INTENT, disputes=[{"id": "du_1", "balance_transactions": [told]}])
    for seen in (of_charge, of_refund, of_dispute):
        assert seen is not None
        assert seen.facts == (PAID, *facts)


def test_a_card_is_kept_where_its_owner_let_it() -> None:
    kept = INTENT | {"customer": "cus_1", "payment_method": CARD, "setup_future_usage": "off_session"}
    seen = read_intent(kept)
    assert seen is not None
    assert seen.card == SavedCard("cus_1", "pm_1", "visa 4242")
    for change in ({"setup_future_usage": None}, {"customer": None}, {"payment_method": "pm_1"}):
        seen = read_intent(kept | change)
        assert seen is not None
        assert seen.card is None


def test_a_session_without_an_intent_is_over_or_not() -> None:
    session = {"client_reference_id": OURS, "status": "expired", "payment_intent": None}
    seen = read_session(session)
    assert seen is not None
    assert seen.facts == (Fact("payment", "", "failed", 0),)
    assert read_session(session | {"client_reference_id": "somebody"}) is None
    there = read_session(session | {"status": "complete", "payment_intent": "pi_1"})
    assert there is not None
    assert (there.intent_id, there.facts) == ("pi_1", ())


@given(
    st.dictionaries(st.sampled_from([*INTENT, "customer", "payment_method", "latest_charge"]), ANY_JSON),
    ANY_JSON,
    ANY_JSON,
)
def test_any_json_is_read_without_a_fault(change: dict[str, Any], refund: Any, dispute: Any) -> None:
    things = [one for one in (refund, dispute) if isinstance(one, dict)]
    read_intent(INTENT | change, refunds=things, disputes=things)
    read_session(change | {"client_reference_id": OURS})


@settings(deadline=None)
@given(ANY_JSON, st.sampled_from(["payment_intent.succeeded", "refund.created", "checkout.session.expired"]))
def test_any_json_in_an_event_is_read_without_a_fault(thing: Any, kind: str) -> None:
    assert read_event(event(kind, thing)).id == "evt_1"
