"""Stripe Connect as the stand-in keeps it: connected accounts, transfers out of one balance, reversals.

Facts of Stripe's API, as its own library's classes and parameters have them (tests/fakes/stripe_shapes.py):
a transfer goes from the platform's balance to a connected account whose `transfers` capability is active,
is found by its `transfer_group`, and may be reversed wholly or in parts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from stripe.params._transfer_create_params import TransferCreateParams

from tests.fakes.stripe_objects import Json, NoSuch, StripeObjects

_CREATE: Final = frozenset(TransferCreateParams.__annotations__)


class Invalid(Exception):
    """400, with Stripe's own code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class Connect:
    """`available_won`: what the platform may transfer. `sent`: the transfers that were made, once each."""

    objects: StripeObjects
    available_won: int = 10_000_000
    sent: list[Json] = field(default_factory=list)

    def account(self, *, transfers: str = "active", country: str = "KR") -> Json:
        made = self.objects.make(
            "account",
            "acct",
            country=country,
            type="express",
            default_currency="krw",
            charges_enabled=False,
            payouts_enabled=transfers == "active",
            details_submitted=True,
            capabilities={"transfers": transfers},
            metadata={},
        )
        made["id"] = made["id"].replace("acct_", "acct_1")  # letters and digits alone, as Stripe's are
        self.objects.things[made["id"]] = made
        return made

    def do(self, method: str, path: list[str], form: Json, query: Json) -> Json:
        """Raises NoSuch and Invalid."""
        match (method, path):
            case ("GET", ["accounts", account_id]):
                return self.objects.get(account_id)
            case ("POST", ["transfers"]):
                return self._transfer(form)
            case ("GET", ["transfers"]):
                wanted = {name: query[name] for name in ("transfer_group", "destination") if name in query}
                found = self.objects.of("transfer", **wanted)[: int(query.get("limit", 10))]
                return {"object": "list", "data": found, "has_more": False, "url": "/v1/transfers"}
            case ("GET", ["transfers", transfer_id]):
                return self.objects.get(transfer_id)
            case ("GET", ["transfers", transfer_id, "reversals"]):
                url = f"/v1/transfers/{transfer_id}/reversals"
                found = self.objects.of("transfer_reversal", transfer=transfer_id)
                return {"object": "list", "data": found, "has_more": False, "url": url}
            case ("POST", ["transfers", transfer_id, "reversals"]):
                return self.reverse(transfer_id, int(form["amount"]) if "amount" in form else None)
        raise NoSuch("/".join(path))

    def _transfer(self, form: Json) -> Json:
        if not set(form) <= _CREATE:
            raise Invalid("parameter_unknown", f"unknown: {sorted(set(form) - _CREATE)}")
        won, to = int(form["amount"]), self.objects.things.get(form["destination"])
        if won < 1:
            raise Invalid("parameter_invalid_integer", "This value must be greater than or equal to 1.")
        if to is None:
            raise Invalid("resource_missing", f"No such destination: '{form['destination']}'")
        if to["capabilities"]["transfers"] != "active":
            raise Invalid("insufficient_capabilities_for_transfer", "The destination needs a capability.")
        if won > self.available_won:
            raise Invalid("balance_insufficient", "You have insufficient available funds.")
        self.available_won -= won
        made = self.objects.make(
            "transfer",
            "tr",
            amount=won,
            amount_reversed=0,
            currency=form["currency"],
            description=form.get("description"),
            destination=to["id"],
            livemode=False,
            metadata=dict(form.get("metadata", {})),
            reversals={"object": "list", "data": [], "has_more": False, "url": "/v1/transfers/reversals"},
            reversed=False,
            source_transaction=None,
            source_type="card",
            transfer_group=form.get("transfer_group"),
        )
        self.sent.append(made)
        self.objects.tell("transfer.created", made)
        return made

    def reverse(self, transfer_id: str, won: int | None = None) -> Json:
        transfer = self.objects.get(transfer_id)
        left = transfer["amount"] - transfer["amount_reversed"]
        won = left if won is None else won
        if not 0 < won <= left:
            raise Invalid("transfer_reversal_amount", f"{won} of {left}")
        self.available_won += won
        made = self.objects.make(
            "transfer_reversal", "trr", amount=won, currency="krw", metadata={}, transfer=transfer_id
        )
        transfer["amount_reversed"] += won
        transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
        transfer["reversals"]["data"].append(made)
        self.objects.tell("transfer.reversed", transfer)
        return made
