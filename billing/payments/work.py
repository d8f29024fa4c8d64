"""What the worker does for payments: hear out events, look, send money back, charge kept cards.

A job is done in one SQL transaction with its own deletion, and asks the rail before that under a key of its
own: whoever is killed anywhere leaves a job that the next one does again, to the same end.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg

from billing.casework.deeds import By
from billing.casework.rows import Row, rows_of
from billing.database import Connection
from billing.funds import FundsChange
from billing.lifecycle.table import Refused
from billing.payables.work import PayoutWork
from billing.payments import cards, rows
from billing.payments.facts import Fact
from billing.payments.learning import learn
from billing.payments.own_money import NOT_FREE
from billing.payments.port import Asked, Back, Cards, Named, RailRefused, RailUnavailable, SavedCard, Seen
from billing.payments.stripe_reading import read_event
from billing.reclaim import Short
from metering.money import MICRO_PER_WON

JOBS_MAX: Final = 20  # in one pass
PAUSE_MAX_S: Final = 600.0
LOOK_AGAIN_S: Final = 300.0
LOOK_FOR: Final = timedelta(hours=26)  # a Checkout session lives for a day
CHARGE_WITHIN: Final = timedelta(hours=20)  # Stripe keeps idempotency keys for a day at least

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PaymentWork:
    """`get_back` asks the purse for what vouchers were lent and have not spent."""

    rail: Cards
    get_back: Callable[[Connection, Sequence[FundsChange]], Awaitable[None]] | None = None
    payouts: PayoutWork | None = None  # None: nothing is sent to providers from here
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def work_once(self, conn: Connection) -> int:
        """-> how many jobs were looked at. `conn` is outside any SQL transaction."""
        await cards.begin_charges(conn, now=self.now())
        jobs = await rows_of(
            conn,
            "select kind, ref, tries from payment_job where due_at <= clock_timestamp()"
            " order by due_at limit %s",
            [JOBS_MAX],
        )
        for job in jobs:
            await self._try(conn, job)
        return len(jobs)

    async def _try(self, conn: Connection, job: Row) -> None:
        kind, ref = job["kind"], job["ref"]
        do = {
            "event": self._hear,
            "look": self._look,
            "refund": self._refund,
            "charge": self._charge,
            "transfer": self._transfer,
            "forget": self._forget,
        }[kind]
        pause_s = min(PAUSE_MAX_S, 2.0 ** min(job["tries"], 10))
        try:
            await do(conn, ref, job["tries"])
        except psycopg.OperationalError:
            raise
        except RailUnavailable as error:
            _log.warning("rail_unavailable job=%s/%s reason=%s", kind, ref, error)
            await rows.postpone_job(conn, kind, ref, in_s=pause_s, trouble=str(error)[:500])
        except Exception as error:  # noqa: BLE001 - one job must not stand in the way of the others
            _log.exception("payment_job_failed job=%s/%s", kind, ref)
            await rows.postpone_job(conn, kind, ref, in_s=pause_s, trouble=type(error).__name__)

    # -- events

    async def _hear(self, conn: Connection, event_id: str, tries: int) -> None:
        """A webhook says where to look; what is true is asked of Stripe."""
        found = await rows_of(conn, "select type, body from stripe_event where id = %s", [event_id])
        if not found:
            return
        event = read_event(bytes(found[0]["body"]))
        if event.about is not None and event.about.transfer_id is not None:
            await self._hear_of_transfer(conn, event_id, event.about.transfer_id)
            return
        seen = None if event.about is None else await self.rail.look(event.about)
        if seen is not None and await self._learn(conn, seen, ("event", event_id)) is not None:
            return
        async with conn.transaction():
            await _end_event(conn, event_id, "ignored" if event.about is None else "not ours")

    async def _hear_of_transfer(self, conn: Connection, event_id: str, transfer_id: str) -> None:
        told = () if self.payouts is None else await self.payouts.heard_of(conn, transfer_id)
        async with conn.transaction():
            if self.payouts is not None:
                await self.payouts.learn(conn, told)
            await _end_event(conn, event_id, "handled" if told else "not ours")

    async def _transfer(self, conn: Connection, payout_id: str, tries: int) -> None:
        if self.payouts is None:
            raise RailUnavailable("transfers are off here")
        await self.payouts.send(conn, payout_id)

    async def _learn(self, conn: Connection, seen: Seen, job: tuple[str, str]) -> str | None:
        """With the end of the job, in one SQL transaction; once more when lent money came back.

        What is gone is gone: where it is not free, and nothing lent makes it so, the company owes it.
        """
        try:
            return await self._learn_once(conn, seen, job, may_owe=self.get_back is None)
        except Short as short:
            assert self.get_back is not None, "only then it is asked for"
            await self.get_back(conn, short.funds)
        except Refused as refused:
            if refused.code != NOT_FREE[0]:
                raise
        return await self._learn_once(conn, seen, job, may_owe=True)

    async def _learn_once(
        self, conn: Connection, seen: Seen, job: tuple[str, str], *, may_owe: bool
    ) -> str | None:
        by = By(self.rail.name, "clock", self.now())
        async with conn.transaction():
            is_old = await rows.was_paid(conn, seen.payment_id)
            state = await learn(conn, seen.payment_id, seen.facts, by=by, may_owe=may_owe)
            if state is None:
                return None
            await conn.execute(
                "update payment set intent_id = coalesce(intent_id, %s) where id = %s",
                [seen.intent_id, seen.payment_id],
            )
            if seen.card is not None and not is_old:
                await cards.keep(conn, seen.payment_id, seen.card)
            kind, ref = job
            if kind == "event":
                await _end_event(conn, ref, "handled")
            else:
                await rows.end_job(conn, kind, ref)
        return state

    # -- what was begun, and no word came

    async def _look(self, conn: Connection, payment_id: str, tries: int) -> None:
        payment = await _payment(conn, payment_id)
        is_old = self.now() - payment["created_at"] > LOOK_FOR
        if is_old and payment["state"] == "started" and payment["intent_id"] is not None:
            # Who would pay it later would not be looked for; if it was paid meanwhile, Stripe refuses.
            with suppress(RailRefused):
                await self.rail.give_up(payment["intent_id"])
        seen = await self.rail.look(Named(payment["intent_id"], payment["session_id"]))
        if seen is not None and seen.payment_id == payment_id and seen.facts:
            await self._learn(conn, seen, ("look", payment_id))
        elif is_old or payment["state"] != "started":
            await rows.end_job(conn, "look", payment_id)
        else:
            await rows.postpone_job(conn, "look", payment_id, in_s=LOOK_AGAIN_S, trouble=None)

    # -- money back

    async def _refund(self, conn: Connection, refund_id: str, tries: int) -> None:
        """Looked for before it is asked for: the answer to an earlier call may have been lost long ago."""
        refund = (await rows_of(conn, "select * from payment_refund where id = %s", [refund_id]))[0]
        payment = await _payment(conn, refund["payment_id"])
        named = Named(payment["intent_id"], payment["session_id"])
        seen = await self.rail.look(named)
        if seen is None or not _tells_of(seen, refund_id):
            won = refund["amount_micro"] // MICRO_PER_WON
            try:
                await self.rail.give_back(Back(refund_id, payment["id"], payment["intent_id"], won))
                seen = await self.rail.look(named)
            except RailRefused as refused:
                _log.warning("refund_refused refund=%s reason=%s", refund_id, refused)
                failed = Fact("refund", refund_id, "failed", refund["amount_micro"])
                seen = Seen(payment["id"], payment["intent_id"], (failed,))
        if seen is None or not _tells_of(seen, refund_id):
            raise RailUnavailable(f"refund {refund_id} was asked for and is not there yet")
        await self._learn(conn, seen, ("refund", refund_id))

    # -- kept cards

    async def _charge(self, conn: Connection, payment_id: str, tries: int) -> None:
        payment = await _payment(conn, payment_id)
        named = Named(intent_id=payment["intent_id"])
        if named.intent_id is None:
            try:
                named = Named(intent_id=await self._charge_card(conn, payment))
            except RailRefused as refused:
                await cards.pause(conn, payment["company_id"], refused.code)
                failed = Seen(payment_id, None, (Fact("payment", "", "failed", 0),))
                await self._learn(conn, failed, ("charge", payment_id))
                return
            await conn.execute(
                "update payment set intent_id = %s where id = %s", [named.intent_id, payment_id]
            )
        seen = await self.rail.look(named)
        if seen is None or not seen.facts:
            raise RailUnavailable(f"payment {payment_id} was asked for and is not decided yet")
        await self._learn(conn, seen, ("charge", payment_id))

    async def _forget(self, conn: Connection, method_id: str, tries: int) -> None:
        """A card that was taken away here is taken away at the rail; where it is gone there, it is gone."""
        [row] = await rows_of(conn, "select * from card_removal where method_id = %s", [method_id])
        with suppress(RailRefused):
            await self.rail.forget(SavedCard(row["customer_id"], method_id, row["label"]))
        await rows.end_job(conn, "forget", method_id)

    async def _charge_card(self, conn: Connection, payment: Row) -> str:
        if self.now() - payment["created_at"] > CHARGE_WITHIN:
            raise RailRefused("too_late", "whether an earlier call charged it cannot be known any more")
        found = await rows_of(conn, "select * from card where company_id = %s", [payment["company_id"]])
        if not found:
            raise RailRefused("no_card", "the card was taken away meanwhile")
        card = SavedCard(found[0]["customer_id"], found[0]["method_id"], found[0]["label"])
        won = payment["amount_micro"] // MICRO_PER_WON
        return await self.rail.charge_saved(
            Asked(payment["id"], payment["company_id"], "automatic", won), card
        )


async def _end_event(conn: Connection, event_id: str, outcome: str) -> None:
    await conn.execute(
        "insert into stripe_event_end (event_id, outcome) values (%s, %s) on conflict do nothing",
        [event_id, outcome],
    )
    await rows.end_job(conn, "event", event_id)


async def _payment(conn: Connection, payment_id: str) -> Row:
    return (await rows_of(conn, "select * from payment where id = %s", [payment_id]))[0]


def _tells_of(seen: Seen, refund_id: str) -> bool:
    return any(fact.about == "refund" and fact.ref == refund_id for fact in seen.facts)
