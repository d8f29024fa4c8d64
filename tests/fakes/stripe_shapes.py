"""Whether the stand-in's objects are Stripe's: held against the classes of Stripe's own library.

Those are made of Stripe's OpenAPI description, which is on no package index by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import stripe

from tests.fakes.stripe_objects import Json

CLASSES: Final = {
    "payment_intent": stripe.PaymentIntent,
    "charge": stripe.Charge,
    "refund": stripe.Refund,
    "dispute": stripe.Dispute,
    "checkout.session": stripe.checkout.Session,
    "customer": stripe.Customer,
    "payment_method": stripe.PaymentMethod,
    "event": stripe.Event,
    "account": stripe.Account,
    "transfer": stripe.Transfer,
    "transfer_reversal": stripe.TransferReversal,
}


def shape_faults(things: Iterable[Json]) -> list[str]:
    """What of these objects is not in Stripe's own classes: unknown fields, statuses that Stripe has not."""
    found = []
    for thing in things:
        kind = thing["object"]
        known = CLASSES[kind].__annotations__
        for name in thing:
            if name not in known and not name.startswith("_"):
                found.append(f"{kind}.{name} is no field of Stripe's")
        status, stated = thing.get("status"), str(known.get("status"))
        if status is not None and "Literal" in stated and f"'{status}'" not in stated:
            found.append(f"{kind} is never {status}")
    return found
