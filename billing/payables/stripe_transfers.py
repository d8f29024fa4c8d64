"""Stripe Connect as a rail, by Stripe's own SDK: transfers to the accounts that providers have connected.

A transfer has our id three times: as idempotency key, as transfer group, by which it is found again years
later, and in its metadata. KRW has no decimals: a won is a won.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final

import aiohttp
import stripe

from billing.payables.facts import Told
from billing.payables.port import Connected, Outgoing
from billing.payables.stripe_reading import ReadTransfer, read_transfer, takes_transfers
from billing.payments.stripe_adapter import CALL_S, CURRENCY, RETRIES_MAX, in_our_words

LIST_MAX: Final = 100

_log = logging.getLogger(__name__)


class StripeTransfers:
    """billing.payables.port.Transfers. Close it where it was opened."""

    name: Final = "stripe"

    def __init__(self, api_key: str, *, base: str, call_s: float = CALL_S) -> None:
        self._http = stripe.AIOHTTPClient(timeout=aiohttp.ClientTimeout(total=call_s))
        self._client = stripe.StripeClient(
            api_key, base_addresses={"api": base}, http_client=self._http, max_network_retries=RETRIES_MAX
        )

    async def aclose(self) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call] # the SDK's

    async def account(self, account_id: str) -> Connected:
        async with in_our_words():
            found = await self._client.v1.accounts.retrieve_async(account_id)
            return Connected(takes_transfers(found.to_dict()))

    async def send(self, outgoing: Sequence[Outgoing]) -> tuple[Told, ...]:
        told: list[Told] = []
        for one in outgoing:
            async with in_our_words():
                made = await self._client.v1.transfers.create_async(
                    {
                        "amount": one.won,
                        "currency": CURRENCY,
                        "destination": one.to.number,
                        "description": one.memo,
                        "transfer_group": one.payout_id,
                        "metadata": {"payout": one.payout_id},
                    },
                    {"idempotency_key": f"{one.payout_id}/send"},
                )
            read = read_transfer(_plain(made))
            told += await self._told(read) if read is not None and read.won == one.won else ()
        return tuple(told)

    async def look(self, payout_ids: Sequence[str]) -> tuple[Told, ...]:
        return tuple([one for payout_id in payout_ids for one in await self._look(payout_id)])

    async def _look(self, payout_id: str) -> tuple[Told, ...]:
        async with in_our_words():
            listed = await self._client.v1.transfers.list_async(
                {"transfer_group": payout_id, "limit": LIST_MAX}
            )
        found = [read_transfer(_plain(one)) for one in listed.data]
        ours = [one for one in found if one is not None and one.payout_id == payout_id]
        if len(ours) > 1:
            _log.error("transfers_of_one_payout payout=%s transfers=%s", payout_id, len(ours))
        return await self._told(ours[-1]) if ours else ()  # the list is newest first: the first one made

    async def _told(self, read: ReadTransfer) -> tuple[Told, ...]:
        """Each reversal by itself, since a part that came back is owed again as soon as it is heard of."""
        if not read.back_won:
            return read.told()
        reversals = self._client.v1.transfers.reversals
        async with in_our_words():
            listed = await reversals.list_async(read.transfer_id, {"limit": LIST_MAX})
        if listed.has_more:
            _log.error("too_many_reversals payout=%s transfer=%s", read.payout_id, read.transfer_id)
        return read.told(_plain(one) for one in listed.data)

    async def payout_of(self, transfer_id: str) -> str | None:
        async with in_our_words():
            try:
                found = await self._client.v1.transfers.retrieve_async(transfer_id)
            except stripe.InvalidRequestError as error:
                if error.http_status == 404:
                    return None
                raise
        read = read_transfer(_plain(found))
        return None if read is None else read.payout_id


def _plain(found: stripe.StripeObject) -> dict[str, Any]:
    return found.to_dict()
