"""An office whose vouchers are used: calls held, settled and posted by production code, in one process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from billing.database import connect
from billing.expiry import expire_vouchers
from billing.posting import Poster
from billing.treasury import SqlTreasury
from metering.directory import KeyLimits
from metering.event import UsageEvent
from metering.keys import LANES, lane_of
from metering.purse import HoldRef, Reserved, ReserveRequest
from metering.purse_memory import MemoryPurse
from metering.treasury import Lent
from tests.fakes.call_meta import call_meta
from tests.fakes.office_world import OfficeWorld, opened
from tests.fakes.values import replace


@dataclass(frozen=True, slots=True)
class Sold:
    """A product, and what a token of input costs."""

    provider: str
    product: str
    price_from: str
    input_micro: int


@dataclass(slots=True)
class UsedVouchers:
    office: OfficeWorld
    purse: MemoryPurse
    treasury: SqlTreasury
    poster: Poster
    _calls: count[int] = field(default_factory=lambda: count(1))

    @property
    def now_ms(self) -> int:
        return int(self.office.now.timestamp() * 1000)

    async def hold(self, company: str, voucher: str, sold: Sold, tokens: int) -> HoldRef:
        """The money of a call, set aside until it is settled."""
        op, lane, micro = f"op{next(self._calls)}", lane_of(company), tokens * sold.input_micro
        n = await self.treasury.current_epoch(lane)
        wanted = ReserveRequest(
            op=op,
            lane=lane,
            n=n,
            gateway_id="g1",
            vouchers=(voucher,),
            want_micro=micro,
            least_micro=micro,
            key_id=f"{company}/backend",
            tokens=0,
            limits=KeyLimits(),
            meta=call_meta(op, company=company).to_bytes(),
        )
        outcome = await self.purse.reserve(wanted)
        if not isinstance(outcome, Reserved):
            lent = await self.treasury.lend(lane=lane, n=n, voucher_id=voucher, need_micro=micro)
            assert isinstance(lent, Lent), lent
            outcome = await self.purse.reserve(wanted)
        assert isinstance(outcome, Reserved), outcome
        return HoldRef(lane, n, op, voucher, f"{company}/backend", "g1")

    async def settle(self, hold: HoldRef, company: str, sold: Sold, tokens: int) -> None:
        meta = replace(
            call_meta(hold.op, company=company),
            provider=sold.provider,
            product=sold.product,
            started_ms=self.now_ms,
            price_from=sold.price_from,
            price_entry=f"{sold.product}@{sold.price_from}",
        )
        event = UsageEvent(
            meta=meta,
            n=hold.n,
            voucher=hold.voucher_id,
            held_at_ms=self.now_ms,
            finished_ms=self.now_ms + 800,
            status="settled",
            end_reason="completed",
            charge_micro=tokens * sold.input_micro,
            tokens={"input": tokens},
            upstream_request_id=f"req-{hold.op}",
        )
        await self.purse.settle(hold, charge_micro=event.charge_micro, tokens=tokens, event=event.to_bytes())

    async def call(self, company: str, voucher: str, sold: Sold, tokens: int) -> None:
        await self.settle(await self.hold(company, voucher, sold, tokens), company, sold, tokens)

    async def post(self) -> dict[str, int]:
        """Everything that waits in the streams; -> the accounts of books that were found sound."""
        while await self.poster.post_once():
            pass
        return (await self.office.books()).accounts

    @asynccontextmanager
    async def before_the_end(self, ends_ms: int = 4_000_000_000_000) -> AsyncIterator[None]:
        """The database's own clock is past the days of these tests: what it judges by is put off."""
        async with self.office.pool.connection() as conn:
            found = await (await conn.execute("select voucher_id, ends_ms from funds")).fetchall()
            await conn.execute("update funds set ends_ms = %s", [ends_ms])
        yield
        async with self.office.pool.connection() as conn:
            for voucher_id, was_ms in found:
                await conn.execute(
                    "update funds set ends_ms = %s where voucher_id = %s", [was_ms, voucher_id]
                )

    async def expire(self) -> int:
        async with self.office.pool.connection() as conn:
            return await expire_vouchers(self.purse, conn, lanes=range(LANES))


@asynccontextmanager
async def used_vouchers(books_url: str, now: datetime) -> AsyncIterator[UsedVouchers]:
    async with opened(books_url) as office, await connect(books_url) as conn:
        office.now = now
        office.purse = purse = MemoryPurse(now_ms=lambda: int(office.now.timestamp() * 1000))
        poster = Poster(conn, purse)
        await poster.take_lanes()
        yield UsedVouchers(office, purse, SqlTreasury(office.pool, purse), poster)
