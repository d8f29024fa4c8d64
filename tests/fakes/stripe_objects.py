"""Stripe's objects as the stand-in keeps them, with the fields that Stripe's own classes have.

What a payer, a bank or a cardholder does is a method here; each leaves the events that Stripe would send.
"""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
DISPUTE_FEE_WON = 15_000


class NoSuch(Exception):
    """404, as Stripe says it."""


class NotNow(Exception):
    """400: the object is in no state for that."""


class Declined(Exception):
    """402: the card was refused; the intent stays."""

    def __init__(self, intent: Json) -> None:
        super().__init__("card_declined")
        self.intent = intent


def fee_of(won: int) -> int:
    """What Stripe keeps of a charge, as its price list in won might say."""
    return won * 36 // 1000


@dataclass(slots=True)
class StripeObjects:
    """Everything by its id. `declining`: cards that are refused."""

    things: dict[str, Json] = field(default_factory=dict)
    events: list[Json] = field(default_factory=list)
    declining: set[str] = field(default_factory=set)
    charged: list[str] = field(default_factory=list)  # intents, once per charge
    detached: list[str] = field(default_factory=list)  # cards
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def get(self, thing_id: str) -> Json:
        try:
            return self.things[thing_id]
        except KeyError:
            raise NoSuch(thing_id) from None

    def of(self, kind: str, **having: object) -> list[Json]:
        return [
            thing
            for thing in reversed(self.things.values())
            if thing["object"] == kind and all(thing.get(name) == value for name, value in having.items())
        ]

    def make(self, kind: str, prefix: str, **fields: object) -> Json:
        made: Json = {
            "id": f"{prefix}_{next(self._numbers):06d}",
            "object": kind,
            "created": int(time.time()),
            **fields,
        }
        self.things[made["id"]] = made
        return made

    def tell(self, kind: str, thing: Json) -> Json:
        """An event, with the object as it is now."""
        event = {
            "id": f"evt_{next(self._numbers):06d}",
            "object": "event",
            "type": kind,
            "created": int(time.time()),
            "livemode": False,
            "api_version": "2026-10-28.endive",
            "pending_webhooks": 1,
            "request": None,
            "data": {"object": json.loads(json.dumps(thing))},
        }
        self.events.append(event)
        return event

    def moved(self, kind: str, amount: int, *, fee: int = 0, source: str) -> Json:
        """What a thing did to our balance at Stripe."""
        return self.make(
            "balance_transaction",
            "txn",
            amount=amount,
            fee=fee,
            net=amount - fee,
            currency="krw",
            status="pending",
            type=kind,
            reporting_category=kind,
            source=source,
        )

    # -- what our adapter asks for

    def intent(self, *, amount: int, currency: str, metadata: Json, **rest: Any) -> Json:
        return self.make(
            "payment_intent",
            "pi",
            amount=amount,
            amount_received=0,
            currency=currency,
            metadata=metadata,
            client_secret=f"pi_secret_{amount}",
            status="requires_payment_method",
            latest_charge=None,
            customer=rest.get("customer"),
            payment_method=rest.get("payment_method"),
            setup_future_usage=rest.get("setup_future_usage"),
        )

    def session(self, *, amount: int, reference: str, data: Json, **rest: Any) -> Json:
        made = self.make(
            "checkout.session",
            "cs_test",
            mode="payment",
            status="open",
            payment_status="unpaid",
            amount_total=amount,
            currency="krw",
            client_reference_id=reference,
            payment_intent=None,
            customer=rest.get("customer"),
            metadata=data.get("metadata", {}),
        )
        made["url"] = f"https://checkout.stripe.com/c/pay/{made['id']}"
        made["_intent_data"] = data
        return made

    def cancel(self, intent_id: str) -> Json:
        """Raises NotNow where it was paid."""
        intent = self.get(intent_id)
        if intent["status"] in ("succeeded", "canceled"):
            raise NotNow(intent["status"])
        intent["status"] = "canceled"
        self.tell("payment_intent.canceled", intent)
        return intent

    # -- what others do

    def pay(self, intent_id: str, card: str = "pm_card_visa") -> Json:
        """Raises Declined."""
        intent = self.get(intent_id)
        if card in self.declining:
            self.tell("payment_intent.payment_failed", intent)
            raise Declined(intent)
        method = self.things.setdefault(
            card,
            {
                "id": card,
                "object": "payment_method",
                "type": "card",
                "card": {"brand": "visa", "last4": "4242"},
            },
        )
        charge = self.make(
            "charge",
            "ch",
            amount=intent["amount"],
            amount_refunded=0,
            currency="krw",
            disputed=False,
            paid=True,
            payment_intent=intent_id,
            status="succeeded",
            metadata=dict(intent["metadata"]),
        )
        won = intent["amount"]
        paid = self.moved("charge", won, fee=fee_of(won), source=charge["id"])
        charge["balance_transaction"] = paid["id"]
        self.charged.append(intent_id)
        intent |= {
            "status": "succeeded",
            "amount_received": intent["amount"],
            "latest_charge": charge["id"],
            "payment_method": method["id"],
        }
        self.tell("charge.succeeded", charge)
        self.tell("payment_intent.succeeded", intent)
        return intent

    def pay_session(self, session_id: str, card: str = "pm_card_visa") -> Json:
        """Stripe makes the intent only when the payer pays."""
        session = self.get(session_id)
        data = session["_intent_data"]
        intent = self.intent(
            amount=session["amount_total"],
            currency="krw",
            metadata=data.get("metadata", {}),
            customer=session["customer"],
            setup_future_usage=data.get("setup_future_usage"),
        )
        session |= {"status": "complete", "payment_status": "paid", "payment_intent": intent["id"]}
        self.pay(intent["id"], card)
        self.tell("checkout.session.completed", session)
        return intent

    def expire_session(self, session_id: str) -> None:
        session = self.get(session_id)
        session["status"] = "expired"
        self.tell("checkout.session.expired", session)

    def refund(self, intent_id: str, amount: int, *, status: str = "succeeded", **metadata: str) -> Json:
        charge = self.get(self.get(intent_id)["latest_charge"])
        charge["amount_refunded"] += amount
        made = self.make(
            "refund",
            "re",
            amount=amount,
            currency="krw",
            payment_intent=intent_id,
            charge=charge["id"],
            status=status,
            metadata=metadata,
        )
        made["balance_transaction"] = self.moved("refund", -amount, source=made["id"])["id"]
        self.tell("refund.created", made)
        self.tell("charge.refunded", charge)
        return made

    def refund_becomes(self, refund_id: str, status: str) -> None:
        refund = self.get(refund_id)
        refund["status"] = status
        if status == "failed":
            failed = self.moved("refund_failure", refund["amount"], source=refund_id)
            refund["failure_balance_transaction"] = failed["id"]
        self.tell("refund.failed" if status == "failed" else "refund.updated", refund)

    def dispute(self, intent_id: str, amount: int) -> Json:
        charge = self.get(self.get(intent_id)["latest_charge"])
        charge["disputed"] = True
        made = self.make(
            "dispute",
            "du",
            amount=amount,
            currency="krw",
            payment_intent=intent_id,
            charge=charge["id"],
            reason="fraudulent",
            status="needs_response",
            metadata={},
        )
        taken = self.moved("adjustment", -amount, fee=DISPUTE_FEE_WON, source=made["id"])
        made["balance_transactions"] = [dict(taken)]
        self.tell("charge.dispute.created", made)
        self.tell("charge.dispute.funds_withdrawn", made)
        return made

    def decide(self, dispute_id: str, status: str) -> None:
        dispute = self.get(dispute_id)
        dispute["status"] = status
        if status == "won":
            won = self.moved("adjustment", dispute["amount"], fee=-DISPUTE_FEE_WON, source=dispute_id)
            dispute["balance_transactions"].append(dict(won))
        self.tell("charge.dispute.closed", dispute)

    def detach(self, method_id: str) -> Json:
        """Raises NotNow where nobody has it."""
        method = self.get(method_id)
        if method_id in self.detached:
            raise NotNow("not attached")
        self.detached.append(method_id)
        return method
