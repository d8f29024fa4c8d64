"""The check of the stand-in against Stripe's own classes can fail: in each way there is to be unlike them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.stripe_objects import StripeObjects
from tests.fakes.stripe_shapes import error_faults, shape_faults

REFUND: dict[str, Any] = {
    "id": "re_1",
    "object": "refund",
    "amount": 500,
    "currency": "krw",
    "charge": "ch_1",
    "metadata": {"refund": "rf-000001"},
    "status": "succeeded",
}
CHARGE = {"id": "ch_1", "object": "charge", "amount": 500}
DISPUTE = {"id": "du_1", "object": "dispute"}
LISTED = {"object": "list", "data": [REFUND], "has_more": False, "url": "/v1/refunds"}


@pytest.mark.parametrize(
    ("thing", "faults"),
    [
        (REFUND, []),
        (REFUND | {"charge": None, "status": None}, []),
        (REFUND | {"charge": CHARGE}, []),
        (LISTED, []),
        (REFUND | {"invented": 1}, ["refund.invented is no field of Stripe's"]),
        (REFUND | {"amount": "500"}, ["refund.amount is int, not '500'"]),
        (REFUND | {"amount": True}, ["refund.amount is int, not True"]),
        (REFUND | {"amount": None}, ["refund.amount is int, not None"]),
        (REFUND | {"metadata": {"refund": 1}}, ["refund.metadata.refund is str, not 1"]),
        (REFUND | {"charge": 7}, ["refund.charge is str, not 7"]),
        (REFUND | {"charge": CHARGE | {"amount": 5.0}}, ["refund.charge.amount is int, not 5.0"]),
        (REFUND | {"object": "refunded"}, ["refunded is a refunded, which Stripe has not"]),
        (LISTED | {"data": [REFUND | {"amount": "5"}]}, ["list.data.amount is int, not '5'"]),
        (DISPUTE | {"status": "open"}, ["dispute.status is never 'open'"]),
        (DISPUTE | {"charge": None}, ["dispute.charge is never null"]),
        (DISPUTE | {"balance_transactions": {}}, ["dispute.balance_transactions is a list"]),
    ],
)  # fmt: skip
def test_what_is_unlike_stripe_is_told(thing: dict[str, Any], faults: list[str]) -> None:
    assert shape_faults([thing]) == faults


def test_an_error_is_stripe_s_too() -> None:
    assert error_faults({"type": "card_error", "code": "card_declined", "message": "no"}) == []
    assert error_faults({"type": "card_error", "why": "no"}) == ["error.why is no field of Stripe's"]


def test_every_object_of_a_life_at_the_stand_in_is_stripe_s() -> None:
    objects = StripeObjects()
    intent = objects.intent(amount=50_000, currency="krw", metadata={})
    objects.pay(intent["id"])
    refund = objects.refund(intent["id"], 20_000)
    objects.refund_becomes(refund["id"], "failed")
    for decided in ("lost", "won"):
        objects.decide(objects.dispute(intent["id"], 10_000)["id"], decided)
    session = objects.session(amount=5_000, reference="pay-1", data={})
    objects.expire_session(session["id"])
    assert shape_faults(objects.things.values()) == []
    assert shape_faults(objects.events) == []
    kinds = {thing["object"] for thing in objects.things.values()}
    assert kinds >= {
        "payment_intent",
        "charge",
        "refund",
        "dispute",
        "checkout.session",
        "balance_transaction",
    }
