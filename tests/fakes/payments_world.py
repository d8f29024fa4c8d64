"""The office with a card rail to a stand-in for Stripe, a voucher to pay for, a worker led by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from billing.casework.rows import Row, rows_of
from billing.database import Connection, connect
from billing.payments.stripe_adapter import StripeCards
from billing.payments.work import PaymentWork
from metering.money import format_krw
from tests.fakes.declared_world import PROGRAMME, VOUCHER, World
from tests.fakes.office_world import OfficeWorld, opened
from tests.fakes.stripe_objects import Json, StripeObjects
from tests.fakes.stripe_stand_in import StandIn, signed, standing_in

SECRET: Final = "whsec_of_the_tests"
OLDER: Final = "whsec_being_rotated_out"
VOUCHER_ID: Final = "gaonde-2026"  # 300,000 of the government, 100,000 of gaonde; a share of 0.75


@dataclass(slots=True)
class PaymentsWorld:
    office: OfficeWorld
    stripe: StandIn
    rail: StripeCards
    conn: Connection  # the worker's
    url: str

    @property
    def objects(self) -> StripeObjects:
        return self.stripe.objects

    @property
    def work(self) -> PaymentWork:
        return PaymentWork(self.rail, now=lambda: self.office.now)

    async def begin(self, amount_krw: int, method: str = "intent", **more: object) -> Any:
        asked = {"amount_krw": amount_krw, "method": method, **more}
        return await self.office.post("gaonde", "payments", asked)

    async def paid(self, amount_krw: int, *, voucher: str | None = VOUCHER_ID) -> tuple[str, str]:
        """Paid at Stripe, and not heard of yet. -> our id, Stripe's"""
        begun = await self.begin(amount_krw, voucher=voucher)
        [row] = await rows_of(self.conn, "select intent_id from payment where id = %s", [begun["id"]])
        self.objects.pay(row["intent_id"])
        return begun["id"], row["intent_id"]

    async def tell(self, event: Json, *, secret: str = SECRET) -> int:
        body, header = signed(event, secret)
        return await self.post(body, header)

    async def post(self, body: bytes, header: str) -> int:
        headers = {"Stripe-Signature": header}
        answer = await self.office.http.post("/webhooks/stripe", content=body, headers=headers)
        return answer.status_code

    async def tell_all(self) -> None:
        for event in self.objects.events:
            assert await self.tell(event) == 200
        self.objects.events.clear()

    async def worked(self) -> None:
        """Until nothing is left to do now."""
        while await self.work.work_once(self.conn):
            pass

    async def hurry(self) -> None:
        """What waits, waits no longer."""
        await self.conn.execute("update payment_job set due_at = clock_timestamp() where kind <> 'look'")

    async def heard(self) -> None:
        await self.tell_all()
        await self.worked()

    async def state(self, payment_id: str) -> str:
        state: str = (await self.office.get("gaonde", f"payments/{payment_id}"))["state"]
        return state

    async def own(self) -> tuple[str, str]:
        """gaonde's own money, and what it owes."""
        shown = await self.office.get("gaonde", "own_money/gaonde")
        return shown["own_krw"], shown["owed_krw"]

    async def deposit(self) -> str:
        shown = await self.office.get("gaonde", f"vouchers/{VOUCHER_ID}")
        paid_in: str = shown["self_deposit_krw"]
        return paid_in

    async def accounts(self) -> dict[str, str]:
        """Balances of the sound books, in won, without those that are nothing."""
        balances = (await self.office.books()).accounts
        return {name: format_krw(micro) for name, micro in balances.items() if micro}

    async def jobs(self) -> list[Row]:
        return await rows_of(self.conn, "select kind, ref, tries, trouble from payment_job order by 1, 2")


@asynccontextmanager
async def payments_world(books_url: str, *, base: str | None = None) -> AsyncIterator[PaymentsWorld]:
    """`base`: another Stripe than the stand-in."""
    async with standing_in() as stripe, await connect(books_url) as conn:
        rail = StripeCards("sk_test_tests", base=base or stripe.base)
        secrets = ("", OLDER, SECRET)
        try:
            async with opened(books_url, cards=rail, webhook_secrets=secrets) as office:
                await World(conn, office.secrets).apply(PROGRAMME + VOUCHER)
                yield PaymentsWorld(office, stripe, rail, conn, books_url)
                assert stripe.unlike_stripe == []
        finally:
            await rail.aclose()
