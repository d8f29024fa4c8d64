"""Stripe as a rail, by its own SDK: payment intents, Checkout, refunds, kept cards.

Every call that moves anything carries an idempotency key made of our own id, so that asking again after a
lost answer does nothing twice. KRW has no decimals: a won is a won.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import stripe
from stripe.params import PaymentIntentCreateParams
from stripe.params.checkout import SessionCreateParams

from billing.payments.port import Asked, Back, Begun, Named, RailRefused, RailUnavailable, SavedCard, Seen
from billing.payments.stripe_reading import read_intent, read_session

CALL_S: Final = 8.0
RETRIES_MAX: Final = 1  # of the SDK, under the same idempotency key; the worker tries again for hours
CURRENCY: Final = "krw"
LIST_MAX: Final = 100
DESCRIPTION: Final = "바우처 예치금"


class StripeCards:
    """billing.payments.port.Cards. Close it where it was opened."""

    name: Final = "stripe"

    def __init__(self, api_key: str, *, base: str, call_s: float = CALL_S) -> None:
        self._http = stripe.AIOHTTPClient(timeout=aiohttp.ClientTimeout(total=call_s))
        self._client = stripe.StripeClient(
            api_key, base_addresses={"api": base}, http_client=self._http, max_network_retries=RETRIES_MAX
        )

    async def aclose(self) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call] # the SDK's

    async def begin(self, asked: Asked) -> Begun:
        async with in_our_words():
            customer_id = asked.customer_id
            if asked.save_card and customer_id is None:
                customer_id = await self._customer(asked.company_id)
            if asked.method == "checkout":
                return await self._session(asked, customer_id)
            params = _intent_params(asked)
            if asked.save_card and customer_id is not None:
                params["customer"] = customer_id
                params["setup_future_usage"] = "off_session"
            intent = await self._client.v1.payment_intents.create_async(
                params, {"idempotency_key": f"{asked.payment_id}/begin"}
            )
            return Begun(intent_id=intent.id, client_secret=intent.client_secret)

    async def _session(self, asked: Asked, customer_id: str | None) -> Begun:
        params: SessionCreateParams = {
            "mode": "payment",
            "allowed_payment_method_types": ["card"],
            "client_reference_id": asked.payment_id,
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": CURRENCY,
                        "unit_amount": asked.won,
                        "product_data": {"name": DESCRIPTION},
                    },
                }
            ],
            "metadata": _metadata(asked),
            "payment_intent_data": {"metadata": _metadata(asked)},
            "success_url": asked.return_url,
            "cancel_url": asked.return_url,
        }
        if asked.save_card and customer_id is not None:
            params["customer"] = customer_id
            params["payment_intent_data"]["setup_future_usage"] = "off_session"
        session = await self._client.v1.checkout.sessions.create_async(
            params, {"idempotency_key": f"{asked.payment_id}/begin"}
        )
        intent = session.payment_intent
        return Begun(
            intent_id=intent if isinstance(intent, str) else None,
            session_id=session.id,
            checkout_url=session.url,
        )

    async def _customer(self, company_id: str) -> str:
        made = await self._client.v1.customers.create_async(
            {"metadata": {"company": company_id}, "description": company_id},
            {"idempotency_key": f"{company_id}/customer"},
        )
        return made.id

    async def look(self, named: Named) -> Seen | None:
        """The intent as it is now, with its refunds, and its disputes where the charge says it has any."""
        async with in_our_words():
            intent_id = named.intent_id
            if intent_id is None:
                assert named.session_id is not None, "something names the payment"
                session = await _if_there(self._client.v1.checkout.sessions.retrieve_async(named.session_id))
                seen = None if session is None else read_session(session)
                if seen is None or seen.intent_id is None:
                    return seen
                intent_id = seen.intent_id
            return await self._look_at(intent_id)

    async def _look_at(self, intent_id: str) -> Seen | None:
        services = self._client.v1
        intent = await _if_there(
            services.payment_intents.retrieve_async(
                intent_id, {"expand": ["latest_charge.balance_transaction", "payment_method"]}
            )
        )
        if intent is None:
            return None
        charge = intent.get("latest_charge")
        if charge is None:
            return read_intent(intent)
        refunds = await services.refunds.list_async(
            {"payment_intent": intent_id, "limit": LIST_MAX, "expand": ["data.balance_transaction"]}
        )
        disputes = []
        if isinstance(charge, dict) and charge.get("disputed"):
            listed = await services.disputes.list_async({"payment_intent": intent_id, "limit": LIST_MAX})
            disputes = [_plain(one) for one in listed.data]
        return read_intent(intent, refunds=[_plain(one) for one in refunds.data], disputes=disputes)

    async def give_back(self, back: Back) -> None:
        async with in_our_words():
            await self._client.v1.refunds.create_async(
                {
                    "payment_intent": back.intent_id,
                    "amount": back.won,
                    "metadata": {"refund": back.refund_id, "payment": back.payment_id},
                },
                {"idempotency_key": back.refund_id},
            )

    async def charge_saved(self, asked: Asked, card: SavedCard) -> str:
        async with in_our_words():
            params = _intent_params(asked)
            params["allowed_payment_method_types"] = ["card"]
            params["customer"] = card.customer_id
            params["payment_method"] = card.method_id
            params["off_session"] = True
            params["confirm"] = True
            try:
                intent = await self._client.v1.payment_intents.create_async(
                    params, {"idempotency_key": f"{asked.payment_id}/charge"}
                )
            except stripe.CardError as error:
                if (declined := _declined_intent(error)) is not None:
                    await self.give_up(declined)
                raise
            if intent.status in ("requires_action", "requires_payment_method", "requires_confirmation"):
                # Nobody is there to confirm it.
                await self.give_up(intent.id)
                raise RailRefused("authentication_required", "the card asks for its owner")
            return intent.id

    async def forget(self, card: SavedCard) -> None:
        async with in_our_words():
            await self._client.v1.payment_methods.detach_async(card.method_id)

    async def give_up(self, intent_id: str) -> None:
        async with in_our_words():
            await self._client.v1.payment_intents.cancel_async(intent_id)


def _metadata(asked: Asked) -> dict[str, str]:
    return {"payment": asked.payment_id, "company": asked.company_id}


def _intent_params(asked: Asked) -> PaymentIntentCreateParams:
    return {
        "amount": asked.won,
        "currency": CURRENCY,
        "metadata": _metadata(asked),
    }


def _declined_intent(error: stripe.CardError) -> str | None:
    body: Mapping[str, Any] = error.json_body if isinstance(error.json_body, dict) else {}
    told = body.get("error")
    intent = told.get("payment_intent") if isinstance(told, dict) else None
    name = intent.get("id") if isinstance(intent, dict) else None
    return name if isinstance(name, str) else None


async def _if_there(asked: Awaitable[stripe.StripeObject]) -> dict[str, Any] | None:
    """None: of another account, or of nobody."""
    try:
        return _plain(await asked)
    except stripe.InvalidRequestError as error:
        if error.http_status == 404:
            return None
        raise


def _plain(found: stripe.StripeObject) -> dict[str, Any]:
    return found.to_dict()


@asynccontextmanager
async def in_our_words() -> AsyncIterator[None]:
    """Which of Stripe's refusals are final, and which mean: ask again."""
    try:
        yield
    except (stripe.CardError, stripe.InvalidRequestError) as error:
        raise RailRefused(str(error.code or "refused"), str(error.user_message or error)) from error
    except stripe.StripeError as error:
        # Away, too many calls, a wrong key, an idempotency key still in use: nothing is known of the outcome.
        raise RailUnavailable(f"{type(error).__name__}: {error.user_message or error}") from error
