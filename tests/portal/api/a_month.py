"""gaonde with a voucher and calls of September 2026, in books of November."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from metering.purse import LogEntry
from tests.fakes.audited_world import AuditedWorld
from tests.fakes.books_world import ENDS_MS, LANE, VOUCHER, WON
from tests.fakes.books_world import World as Books
from tests.fakes.declared_world import PRODUCT, World, edited
from tests.fakes.office_world import OfficeWorld
from tests.fakes.values import replace
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND

CALL_MICRO = 12 * 1250 + 40 * 5000 + 20  # 12 tokens in, 40 out, at the product's price
RIGHT_MICRO = 12 * 125 + 40 * 500
RIGHT_FROM = "2026-10-01T00:00:00+09:00"
RIGHT = edited(
    PRODUCT, '"5000.5"}\n', f'"5000.5"}}\n      - {{from: {RIGHT_FROM}, input: 125, output: 500}}\n'
)
WRONG_FROM = "2026-01-01T00:00:00+09:00"
WRONG_PRICE = {
    "product": "nuri-x1",
    "from": "2026-09-01T00:00:00+09:00",
    "until": "2026-10-01T00:00:00+09:00",
    "price_from": RIGHT_FROM,
    "reason": "단가 오기",
}
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@dataclass(slots=True)
class Month:
    """gaonde with calls of September 2026, of which the provider calls one a, one b and one nothing."""

    office: OfficeWorld
    books: AuditedWorld

    async def call(self, op: str, request_id: str | None, *, micro: int = CALL_MICRO) -> None:
        event = replace(self.books.world.event(op, self.books.n, micro), upstream_request_id=request_id)
        fields = {"op": op.encode(), "e": event.to_bytes(), "charge": b"1"}
        self.books.entries += 1
        await self.books._commit([LogEntry(f"{self.books.entries}-0", "settled", op, self.books.n, fields)])

    async def close(self, month: str) -> Any:
        return await self.office.post("operator", f"months/{month}/close", {"reason": "월 마감"})

    async def payable(self) -> int:
        return (await self.office.books()).accounts["provider/nuri/payable"]


async def september(office: OfficeWorld) -> Month:
    await office.to_an_amendment(PROGRAMME, ROUND, APPLICATION)
    office.now = NOW
    world = Books(office.pool)
    async with office.pool.connection() as conn:
        await World(conn, office.secrets).apply(RIGHT)
        await conn.execute("update funds set ends_ms = %s", [ENDS_MS])
    n = await world.treasury.current_epoch(LANE)
    await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1_000 * WON)
    made = Month(office, AuditedWorld(world, n))
    for op, request_id in (("op-a", "req-a"), ("op-b", "req-b"), ("op-c", None)):
        await made.call(op, request_id)
    return made
