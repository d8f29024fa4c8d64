"""The office over books with calls in several months, for what providers are owed and how they are paid."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from billing.casework.rows import rows_of
from billing.payables.port import Transfers
from billing.payables.rows import account_of
from billing.statements.month import month_named
from metering.purse import LogEntry
from tests.fakes.audited_world import AuditedWorld
from tests.fakes.books_world import ENDS_MS, LANE, WON
from tests.fakes.books_world import World as Books
from tests.fakes.declared_world import PROGRAMME, VOUCHER, World
from tests.fakes.office_world import OfficeWorld, opened

NOW: Final = datetime(2026, 11, 22, tzinfo=UTC)
VOUCHER_ID: Final = "gaonde-2026"
ACCOUNT: Final = {"rail": "bank", "bank_code": "088", "number": "110-123-456789", "holder": "누리모델(주)"}

_OWED: Final = """
    with last as (select coalesce(max(month), '') as month from closed_month)
    select (select coalesce(sum(amount_won), 0) from payable p where state not in ('in_payment', 'paid')
            and not exists (select from payable n where n.carried_from = p.id)) as unpaid,
           (select coalesce(sum(uncollected_won), 0) from payable) as uncollected,
           (select coalesce(sum(rest_micro), 0) from payable, last
            where kind = 'month' and payable.month = last.month) as rest,
           (select coalesce(sum(d_charge_micro), 0) from usage u, last
            where case when exists (select from late_usage l where (l.op, l.step) = (u.op, u.step))
                then (select l.month from late_usage l where (l.op, l.step) = (u.op, u.step))
                else korean_month(held_at_ms) end > last.month) as open"""


@dataclass(slots=True)
class PayablesWorld:
    """gaonde's voucher of 400,000 won pays calls of nuri's product."""

    office: OfficeWorld
    books: AuditedWorld

    async def call(self, micro: int, month: str) -> str:
        """A call of that month, told now: late where the month is closed."""
        self.books.entries += 1
        op = f"op-{self.books.entries}"
        self.books.world.clock.now_ms = month_named(month).first_ms + self.books.entries
        event = self.books.world.event(op, self.books.n, micro)
        fields = {"op": op.encode(), "e": event.to_bytes(), "charge": b"1"}
        entry = LogEntry(f"{self.books.entries}-0", "settled", op, self.books.n, fields)
        await self.books._commit([entry])
        return op

    async def close(self, month: str) -> None:
        await self.office.post("operator", f"months/{month}/close", {"reason": "월 마감"})

    async def payables(self, **having: str) -> list[Any]:
        asked = "&".join(f"{name}={value}" for name, value in having.items())
        found: list[Any] = (await self.office.get("operator", f"payables?{asked}"))["data"]
        return found

    async def account(self, **changed: str) -> str:
        """nuri's, entered and confirmed."""
        entered: str = (await self.office.post("nuri", "payout_accounts", ACCOUNT | changed))["id"]
        await self.office.post("operator", f"payout_accounts/{entered}/confirm")
        return entered

    async def approved(self, payable_id: str) -> None:
        await self.office.post("operator", f"payables/{payable_id}/propose")
        await self.office.post("second", f"payables/{payable_id}/approve")

    async def batch(self, *payable_ids: str) -> str:
        made: str = (await self.office.post("operator", "payout_batches", {"payables": list(payable_ids)}))[
            "id"
        ]
        return made

    async def file(self, batch_id: str) -> list[dict[str, str]]:
        shown = await self.office.get("operator", f"payout_batches/{batch_id}/file")
        return list(csv.DictReader(io.StringIO(shown["content"])))

    async def results(self, batch_id: str, *lines: str) -> Any:
        content = "\n".join(("payout,amount_won,result,reason", *lines))
        return await self.office.post("operator", f"payout_batches/{batch_id}/results", {"content": content})

    async def paid(self, payable_id: str) -> None:
        """Approved, in a file of its own, and arrived."""
        await self.approved(payable_id)
        batch_id = await self.batch(payable_id)
        [line] = await self.file(batch_id)
        await self.results(batch_id, f"{line['payout']},{line['amount_won']},paid,")

    async def state(self, payable_id: str) -> str:
        state: str = (await self.office.get("nuri", f"payables/{payable_id}"))["state"]
        return state

    async def accounts(self) -> dict[str, int]:
        """nuri's and the rails', of sound books, in micro-won; without those that are nothing.

        What nuri is owed is the sum of its unpaid payables and of what is in none, at every look.
        """
        balances = (await self.office.books()).accounts
        async with self.office.pool.connection() as conn:
            owed = await account_of(conn, "nuri")
        assert balances["provider/nuri/payable"] == owed.total_micro == await self.owed_micro()
        return {
            name: micro
            for name, micro in balances.items()
            if micro and name.startswith(("provider/", "clearing/"))
        }

    async def owed_micro(self) -> int:
        """What the payables' account must be: unpaid payables, and what is in no payable."""
        async with self.office.pool.connection() as conn:
            [row] = await rows_of(conn, _OWED)
        return int((row["unpaid"] + row["uncollected"]) * WON + row["rest"] + row["open"])


@asynccontextmanager
async def payables_world(
    books_url: str, *, transfers: Transfers | None = None
) -> AsyncIterator[PayablesWorld]:
    async with opened(books_url, transfers=transfers) as office:
        office.now = NOW
        books = Books(office.pool)
        async with office.pool.connection() as conn:
            await World(conn, office.secrets).apply(PROGRAMME + VOUCHER)
            await conn.execute("update funds set ends_ms = %s", [ENDS_MS])
        n = await books.treasury.current_epoch(LANE)
        await books.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER_ID, need_micro=300_000 * WON)
        yield PayablesWorld(office, AuditedWorld(books, n))
