"""Books with a little of everything in them, for tests of the log and its bundle."""

from __future__ import annotations

from dataclasses import dataclass

from billing.audit.sealing import make_signer, seal
from billing.database import Pool
from billing.funds import set_capacity
from billing.posting import Poster, take
from metering.purse import LogEntry
from tests.fakes.books_world import ENDS_MS, LANE, VOUCHER, World
from tests.fakes.values import replace

SEED = bytes(range(32))


@dataclass(slots=True)
class AuditedWorld:
    world: World
    n: int
    entries: int = 0

    @classmethod
    async def make(cls, pool: Pool, *, share_ppm: int = 750_000) -> AuditedWorld:
        """A voucher of 70,000 and 30,000 won of which something is lent, and one nobody uses."""
        world = World(pool)
        await world.fund(government_won=70_000, self_won=30_000, share_ppm=share_ppm)
        async with pool.connection() as conn, conn.transaction():
            await set_capacity(
                conn,
                voucher_id="idle\\2026",
                company_id="hanbit",
                programme_id="p",
                government_micro=5,
                self_micro=0,
                share_ppm=1_000_000,
                ends_ms=ENDS_MS,
                state="active",
            )
        n = await world.treasury.current_epoch(LANE)
        await world.treasury.lend(lane=LANE, n=n, voucher_id=VOUCHER, need_micro=1)
        return cls(world, n)

    async def post(self, charges_micro: list[int], *, broken: int = 0) -> list[str]:
        """One batch of calls, and of events nobody can read. -> the calls' ops."""
        ops = [f"op_{self.entries + number}" for number in range(len(charges_micro))]
        events = [
            self._entry("settled", op, {"e": self.world.event(op, self.n, charge).to_bytes(), "charge": b"1"})
            for op, charge in zip(ops, charges_micro, strict=True)
        ]
        events += [
            self._entry("settled", f"bad\t{number}", {"e": b"\x00 no event \\ \n"})
            for number in range(broken)
        ]
        await self._commit(events)
        return ops

    async def post_described(self, tags: list[str | None], units: dict[str, int]) -> None:
        """Calls whose description is anything a caller may send."""
        events = []
        for number, tag in enumerate(tags):
            event = self.world.event(f"op_{self.entries + number}", self.n, 1000)
            event = replace(event, meta=replace(event.meta, tag=tag), units=units)
            events.append((event.op, event.to_bytes()))
        await self._commit([self._entry("settled", op, {"e": data, "charge": b"1"}) for op, data in events])

    async def sweep_then_settle(self, *, floor_micro: int, charge_micro: int) -> str:
        """A call of two steps: ended at its checkpoint, then told by its gateway."""
        op = f"op_{self.entries}"
        event = self.world.event(op, self.n, charge_micro)
        swept = {"e": event.meta.to_bytes(), "charge": b"%d" % floor_micro, "v": VOUCHER.encode()}
        swept |= {"t": b"%d" % event.held_at_ms, "out": b"7"}
        await self._commit([self._entry("swept", op, swept)])
        await self._commit([self._entry("settled", op, {"e": event.to_bytes(), "late": b"1"})])
        return op

    async def seal(self) -> None:
        async with self.world.pool.connection() as conn:
            await seal(conn, await make_signer(conn, SEED))

    def _entry(self, kind: str, op: str, fields: dict[str, bytes]) -> LogEntry:
        self.entries += 1
        return LogEntry(f"{self.entries}-0", kind, op, self.n, {"op": op.encode(), **fields})

    async def _commit(self, entries: list[LogEntry]) -> None:
        async with self.world.pool.connection() as conn:
            await Poster(conn, self.world.purse)._commit(await take({LANE: entries}))
