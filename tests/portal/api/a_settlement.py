"""gaonde's voucher used, and at its end: what the tests of settlements and findings begin with.

It was issued on an agreement, or declared without one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from billing.casework.deeds import Deed, log_step
from billing.declaration import ApplyReport
from billing.expiry import expire_vouchers
from billing.lifecycle.table import Actor
from billing.posting import Poster
from metering.purse import LogEntry
from tests.fakes.audited_world import AuditedWorld
from tests.fakes.books_world import ENDS_MS, LANE, VOUCHER, WON
from tests.fakes.books_world import World as Books
from tests.fakes.declared_world import PRODUCT, World, edited
from tests.fakes.office_world import OfficeWorld
from tests.fakes.values import replace
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND

AFTER_THE_END = datetime(2026, 11, 22, tzinfo=UTC)
AGREEMENT = "ag-000001"
SETTLEMENT = "settlements/se-000001"
CALL_MICRO = 12 * 1250 + 40 * 5000 + 20  # 12 tokens in, 40 out, at the product's price
RIGHT_MICRO = 12 * 125 + 40 * 500
RIGHT_FROM = "2026-10-01T00:00:00+09:00"
RIGHT = edited(
    PRODUCT, '"5000.5"}\n', f'"5000.5"}}\n      - {{from: {RIGHT_FROM}, input: 125, output: 500}}\n'
)
WRONG_PRICE = {
    "product": "nuri-x1",
    "from": "2026-09-01T00:00:00+09:00",
    "until": "2026-10-01T00:00:00+09:00",
    "price_from": RIGHT_FROM,
    "reason": "단가 오기",
}
DECLARED = "gaonde-declared"
# Both last until the programme does, since they have no days of their own.
DECLARATION = """\
programmes:
  - id: ai-2026
    name: 초거대 AI API 활용 지원
    legal_basis: 보조금
    budget_krw: 10000000
    max_voucher_krw: 6000000
    starts_on: 2026-01-01
    ends_on: 2026-10-31
    shares: {sme: "0.75", startup: "0.9"}
vouchers:
  - id: gaonde-declared
    company: gaonde
    programme: ai-2026
    government_krw: 3000000
    self_deposit_krw: 1000000
"""
# In micro-won; either voucher has 3,000,000 + 1,000,000 won at 75 %.
CALLS = (1_800_000 * WON, 1_000_001 * WON + 500_000)
DAY_MS = 86_400_000


@dataclass(slots=True)
class Ended:
    office: OfficeWorld
    books: AuditedWorld

    async def call(self, op: str, micro: int, *, days_later: int = 0) -> None:
        """One call in the books."""
        event = self.books.world.event(op, self.books.n, micro)
        event = replace(event, held_at_ms=event.held_at_ms + days_later * DAY_MS)
        told = {"op": op.encode(), "e": event.to_bytes(), "charge": b"1"}
        self.books.entries += 1
        entry = LogEntry(f"{self.books.entries}-0", "settled", op, self.books.n, told)
        await self.books._commit([entry])

    async def posted(self) -> None:
        """What waits in the purse's log is in the books."""
        async with self.office.pool.connection() as conn:
            poster = Poster(conn, self.books.world.purse)
            await poster.take_lanes()
            while await poster.post_once():
                pass

    async def expire(self) -> int:
        """The worker's turn, by its own clock."""
        async with self.office.pool.connection() as conn:
            await conn.execute("update funds set ends_ms = 1")
            return await expire_vouchers(self.books.world.purse, conn, lanes=range(64))

    async def begun(self, *, interest_krw: str = "1234") -> Any:
        """Expired, opened, and its interest entered."""
        await self.expire()
        await self.office.post("operator", "settlements", {"agreement": AGREEMENT})
        interest = {"amount_krw": interest_krw, "document": "국민은행 이자 확인서 2026-11"}
        return await self.office.post("operator", f"{SETTLEMENT}/enter-interest", interest)

    async def balance(self, account: str) -> int:
        return (await self.office.books()).accounts.get(account, 0)


async def used(office: OfficeWorld, *charges_micro: int) -> Ended:
    """After the agreement's last day, with these calls in the books, each a day after the one before."""
    await office.to_an_amendment(PROGRAMME, ROUND, APPLICATION)
    return await _used(office, VOUCHER, charges_micro)


async def declared_and_used(office: OfficeWorld, *charges_micro: int) -> Ended:
    """The same of a voucher that `apply` made."""
    await declare(office, DECLARATION)
    return await _used(office, DECLARED, charges_micro)


async def declare(office: OfficeWorld, text: str) -> ApplyReport:
    async with office.pool.connection() as conn:
        return await World(conn, office.secrets).apply(text)


async def _used(office: OfficeWorld, voucher: str, charges_micro: Sequence[int]) -> Ended:
    books = Books(office.pool, voucher=voucher)
    async with office.pool.connection() as conn:
        await conn.execute("update funds set ends_ms = %s", [ENDS_MS])  # the treasury has its own clock
    n = await books.treasury.current_epoch(LANE)
    # All of it, so that whatever a call costs was lent.
    await books.treasury.lend(lane=LANE, n=n, voucher_id=voucher, need_micro=3_000_000 * WON)
    made = Ended(office, AuditedWorld(books, n))
    for number, micro in enumerate(charges_micro):
        await made.call(f"op-{number}", micro, days_later=number)
    office.now = AFTER_THE_END
    return made


async def price_corrected(office: OfficeWorld) -> str:
    """A wrong price is put right. -> the path of the correction that is proposed."""
    await declare(office, RIGHT)
    return f"corrections/{(await office.post('operator', 'corrections', WRONG_PRICE))['id']}"


async def at_its_end(world: OfficeWorld) -> None:
    """gaonde's agreement is being settled, and something of it was found: rows as the casework makes them."""
    deed = Deed(Actor("second@example.org", "operator"), AFTER_THE_END, "r-1", "정산")
    async with world.pool.connection() as conn, conn.transaction():
        for thing, made, state in (("settlement", "se-000001", "opened"), ("finding", "fi-000001", "found")):
            await log_step(conn, thing, "make", deed=deed, thing_id=made, before=None, after=state)
        await conn.execute(
            "insert into settlement values"
            " ('se-000001', 'ag-000001', 'gaonde-2026', 'ai-2026', 'gaonde', 'opened', '2026-10-31',"
            " null, null, null, now())"
        )
        await conn.execute(
            "insert into finding values ('fi-000001', 'ag-000001', 'gaonde-2026', 'ai-2026', 'gaonde',"
            " 'found', 'auditor@example.org', '목적 외', null, now())"
        )
        await conn.execute(
            "insert into finding_line values ('fi-000001', 1, 'amount', null, null, null, 1, 0)"
        )
        for name in ("settlement_number", "finding_number"):
            await conn.execute(f"select nextval('{name}')".encode())
