"""What Stripe's objects say, as facts. Pure, and trusting no field's type.

Only objects that were fetched from Stripe's API are read for money; of a webhook nothing is read but which
object it is about.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from billing.payments.amounts import CARD_WON_MAX
from billing.payments.facts import Fact, Word
from billing.payments.port import Named, SavedCard, Seen
from metering.money import MICRO_PER_WON

Json = Mapping[str, Any]

EVENT_ID: Final = re.compile(r"evt_[A-Za-z0-9_]{1,120}")
PAYMENT_ID: Final = re.compile(r"pay-[0-9a-f]{24}")
REFUND_ID: Final = re.compile(r"rf-[0-9]{6,18}")
OBJECT_ID: Final = re.compile(r"[A-Za-z0-9_]{1,255}")
TYPE_CHARACTERS_MAX: Final = 100
_TYPE: Final = re.compile(r"[!-~]+")
LABEL_CHARACTERS_MAX: Final = 40

_INTENT_EVENTS: Final = frozenset(
    f"payment_intent.{what}" for what in ("succeeded", "canceled", "payment_failed", "processing")
)
_SESSION_EVENTS: Final = frozenset(
    f"checkout.session.{what}"
    for what in ("completed", "expired", "async_payment_succeeded", "async_payment_failed")
)
# Of these the object names its payment intent.
_OTHER_EVENTS: Final = frozenset(
    {
        "charge.refunded",
        "charge.updated",  # its fee is known now
        "charge.refund.updated",
        "refund.created",
        "refund.updated",
        "refund.failed",
        "charge.dispute.created",
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
    }
)
# Of money that goes out to a provider's connected account.
_TRANSFER_EVENTS: Final = frozenset(f"transfer.{what}" for what in ("created", "updated", "reversed"))
HANDLED: Final = _INTENT_EVENTS | _SESSION_EVENTS | _OTHER_EVENTS | _TRANSFER_EVENTS

_REFUND_WORDS: Final[Mapping[str, Word]] = {
    "pending": "pending",
    "requires_action": "pending",
    "succeeded": "succeeded",
    "failed": "failed",
    "canceled": "failed",
}
# An inquiry (warning_…) moves no money, and neither does a dispute that was prevented; an appeal is against
# one that was lost.
_DISPUTE_WORDS: Final[Mapping[str, tuple[Word, ...]]] = {
    "needs_response": ("open",),
    "under_review": ("open",),
    "won": ("open", "won"),
    "lost": ("open", "lost"),
    "appeal_needs_response": ("open", "lost"),
    "appeal_under_review": ("open", "lost"),
}


class NotAnEvent(ValueError):
    """The body is signed and yet no event."""


@dataclass(frozen=True, slots=True)
class Event:
    """`about` is None where the type is none of those that are handled, or the object has no name."""

    id: str
    type: str
    about: Named | None


def read_event(body: bytes) -> Event:
    """Snapshot events carry their object, thin ones only name it: both are read for its name alone."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise NotAnEvent("not JSON") from None
    if not isinstance(told, dict):
        raise NotAnEvent("not an object")
    event_id, kind = _text(told.get("id")), told.get("type")
    if event_id is None or EVENT_ID.fullmatch(event_id) is None:
        raise NotAnEvent("no id of an event")
    if not isinstance(kind, str) or not 0 < len(kind) <= TYPE_CHARACTERS_MAX or _TYPE.fullmatch(kind) is None:
        raise NotAnEvent("no type")
    return Event(event_id, kind, _about(kind.removeprefix("v1."), told))


def _about(kind: str, told: Json) -> Named | None:
    if kind not in HANDLED:
        return None
    thing = _object(_object(told.get("data")).get("object")) or _object(told.get("related_object"))
    if kind in _OTHER_EVENTS:
        intent_id = _id(thing.get("payment_intent"))
        return None if intent_id is None else Named(intent_id=intent_id)
    name = _id(thing.get("id"))
    if name is None:
        return None
    if kind in _TRANSFER_EVENTS:
        return Named(transfer_id=name)
    return Named(session_id=name) if kind in _SESSION_EVENTS else Named(intent_id=name)


def read_session(session: Json) -> Seen | None:
    """A Checkout session that came to no payment intent yet. None: not one of ours."""
    payment_id = _ours(session.get("client_reference_id"))
    if payment_id is None:
        return None
    over = session.get("status") == "expired"
    facts = (Fact("payment", "", "failed", 0),) if over else ()
    return Seen(payment_id, _id(session.get("payment_intent")), facts)


def read_intent(intent: Json, *, refunds: Sequence[Json] = (), disputes: Sequence[Json] = ()) -> Seen | None:
    """None: not one of ours, or not in won."""
    payment_id = _ours(_object(intent.get("metadata")).get("payment"))
    intent_id = _id(intent.get("id"))
    if payment_id is None or intent_id is None or intent.get("currency") != "krw":
        return None
    facts: list[Fact] = []
    status = intent.get("status")
    if status == "succeeded":
        won = _won(intent.get("amount_received", intent.get("amount")))
        if won is not None:
            facts.append(Fact("payment", "", "paid", won * MICRO_PER_WON))
    elif status == "canceled":
        facts.append(Fact("payment", "", "failed", 0))
    facts += [fact for refund in refunds for fact in _refund_facts(refund)]
    facts += [fact for dispute in disputes for fact in _dispute_facts(dispute)]
    facts += dict.fromkeys(fact for moved in _moved(intent, refunds, disputes) for fact in _fee_facts(moved))
    return Seen(payment_id, intent_id, tuple(facts), _card(intent) if status == "succeeded" else None)


def _refund_facts(refund: Json) -> Iterable[Fact]:
    won, status = _won(refund.get("amount")), refund.get("status")
    ours = _text(_object(refund.get("metadata")).get("refund"))
    ref = ours if ours is not None and REFUND_ID.fullmatch(ours) else _id(refund.get("id"))
    word = _REFUND_WORDS.get(status) if isinstance(status, str) else None
    if ref is not None and word is not None and won is not None:
        yield Fact("refund", ref, word, won * MICRO_PER_WON)


def _dispute_facts(dispute: Json) -> Iterable[Fact]:
    won, status, ref = _won(dispute.get("amount")), dispute.get("status"), _id(dispute.get("id"))
    words = _DISPUTE_WORDS.get(status, ()) if isinstance(status, str) else ()
    if ref is not None and won is not None:
        for word in words:
            yield Fact("dispute", ref, word, won * MICRO_PER_WON)


def _moved(intent: Json, refunds: Iterable[Json], disputes: Iterable[Json]) -> Iterable[Json]:
    """The balance transactions: what each thing did to our balance at Stripe, as far as that is known."""
    yield _object(_object(intent.get("latest_charge")).get("balance_transaction"))
    for refund in refunds:
        yield _object(refund.get("balance_transaction"))
    for dispute in disputes:
        told = dispute.get("balance_transactions")
        yield from (_object(one) for one in told) if isinstance(told, list) else ()


def _fee_facts(moved: Json) -> Iterable[Fact]:
    """Where our balance is kept in won: a fee in another currency is none that these books know."""
    ref, fee = _id(moved.get("id")), moved.get("fee")
    if ref is None or type(fee) is not int or moved.get("currency") != "krw":
        return
    if (won := _won(abs(fee))) is not None:
        yield Fact("fee", ref, "kept" if fee > 0 else "returned", won * MICRO_PER_WON)


def _card(intent: Json) -> SavedCard | None:
    """The card this payment was made with, where the payer let it be kept."""
    method = intent.get("payment_method")
    customer_id = _id(intent.get("customer"))
    kept = intent.get("setup_future_usage") == "off_session"
    if not kept or customer_id is None or not isinstance(method, dict):
        return None
    method_id, card = _id(method.get("id")), _object(method.get("card"))
    brand, last = _text(card.get("brand")), _text(card.get("last4"))
    if method_id is None:
        return None
    return SavedCard(customer_id, method_id, f"{brand or 'card'} {last or ''}".strip()[:LABEL_CHARACTERS_MAX])


def _won(value: object) -> int | None:
    return value if type(value) is int and 0 < value <= CARD_WON_MAX else None


def _ours(value: object) -> str | None:
    text = _text(value)
    return text if text is not None and PAYMENT_ID.fullmatch(text) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _id(value: object) -> str | None:
    """An id, or the id of what was put in its place."""
    if isinstance(value, dict):
        value = value.get("id")
    return value if isinstance(value, str) and OBJECT_ID.fullmatch(value) else None
