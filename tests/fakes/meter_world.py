"""A meter with all that it asks, in memory; each of those can fall silent, forget or lose an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metering.directory import KeyLimits, Voucher
from metering.event import LeftNotice, UsageEvent
from metering.meter import Meter
from metering.purse import LogEntry
from metering.wish import Held, Refused, Wish
from tests.fakes.call_meta import START_MS, call_meta
from tests.fakes.fickle_treasury import FickleTreasury
from tests.fakes.lossy_purse import LossyPurse

LANE = 5
NOW_MS = START_MS


def voucher(name: str = "v1", **changes: Any) -> Voucher:
    fields: dict[str, Any] = {
        "voucher_id": name,
        "company_id": "gaonde",
        "programme_id": "p1",
        "products": None,
        "state": "active",
        "starts_ms": 0,
        "ends_ms": 4_000_000_000_000,
        "share_ppm": 1_000_000,
        "stopped_by": "government",
        "government_granted_micro": 1000,
        "self_granted_micro": 0,
    }
    return Voucher(**{**fields, **changes})


@dataclass(slots=True)
class MeterWorld:
    purse: LossyPurse
    treasury: FickleTreasury
    meter: Meter
    directory: Path
    vouchers: tuple[Voucher, ...]
    clock_ms: list[int] = field(default_factory=lambda: [NOW_MS])
    lane: int = LANE

    def wish(self, op: str, want: int = 100, least: int | None = None, **changes: Any) -> Wish:
        fields: dict[str, Any] = {
            "meta": call_meta(op, lane=LANE, company=changes.pop("company", "gaonde")),
            "vouchers": changes.pop("vouchers", self.vouchers),
            "want_micro": want,
            "least_micro": want if least is None else least,
            "tokens": 10,
            "limits": KeyLimits(),
        }
        return Wish(**{**fields, **changes})

    async def hold(self, op: str, want: int = 100, least: int | None = None, **changes: Any) -> Held:
        return await self.meter.reserve(self.wish(op, want, least, **changes))

    async def settle(self, held: Held, charge: int = 10) -> Any:
        return await self.meter.settle(held, event_of(held, charge), tokens=5)

    async def acknowledge(self, *ops: str) -> None:
        """The books took these: their entries leave the stream, their names come back."""
        log = await self.purse.read_log(lane=LANE, count=1000)
        await self.purse.delete_log(lane=LANE, entry_ids=[e.entry_id for e in log if e.op in ops])
        await self.purse.push_acks(lane=LANE, acks={"g1": list(ops)})

    async def entries(self, kind: str = "settled") -> list[LogEntry]:
        return [entry for entry in await self.purse.read_log(lane=LANE, count=1000) if entry.kind == kind]

    async def ops(self, kind: str = "settled") -> list[str]:
        return [entry.op for entry in await self.entries(kind)]

    async def notices(self) -> list[LeftNotice]:
        return [LeftNotice.from_bytes(entry.fields["e"]) for entry in await self.entries("left")]

    async def balance(self, voucher_id: str = "v1") -> tuple[int, int]:
        """(spent, held) of a voucher in the living epoch."""
        n = await self.purse.epoch_here(LANE)
        assert n is not None
        found = await self.purse.balance(lane=LANE, n=n, voucher_id=voucher_id)
        assert found is not None
        return found.spent_micro, found.held_micro


def event(op: str, *, n: int = 1, lane: int = LANE, charge: int = 10, gateway_id: str = "g1") -> UsageEvent:
    return UsageEvent(
        meta=call_meta(op, gateway_id, lane=lane),
        n=n,
        voucher="v1",
        held_at_ms=NOW_MS,
        finished_ms=NOW_MS,
        status="settled",
        end_reason="completed",
        charge_micro=charge,
    )


def event_of(held: Held, charge: int) -> UsageEvent:
    made = event(held.ref.op, n=held.ref.n, charge=charge)
    return UsageEvent(
        meta=held.meta,
        n=held.ref.n,
        voucher=held.voucher.voucher_id,
        held_at_ms=held.held_at_ms,
        finished_ms=made.finished_ms,
        status="settled",
        end_reason="completed",
        charge_micro=charge,
    )


async def said(asking: Awaitable[Held]) -> str:
    """The amount granted, or the word of the refusal."""
    try:
        return str((await asking).granted_micro)
    except Refused as refused:
        return type(refused).__name__


@asynccontextmanager
async def meter_world(
    tmp_path: Path,
    *amounts_micro: int,
    wait_for_funds_s: float = 1.0,
    unposted_bytes_max: int = 1 << 20,
    starts: bool = True,
) -> AsyncIterator[MeterWorld]:
    """Vouchers v1, v2, … with these amounts, all of one company."""
    clock_ms = [NOW_MS]
    purse = LossyPurse(now_ms=lambda: clock_ms[0])
    treasury = FickleTreasury(purse)
    vouchers = tuple(voucher(f"v{i}") for i in range(1, len(amounts_micro) + 1))
    for v, amount in zip(vouchers, amounts_micro, strict=True):
        treasury.grant(v, amount)
    meter = Meter(
        purse=purse,
        treasury=treasury,
        journal_directory=tmp_path,
        gateway_id="g1",
        now_ms=lambda: clock_ms[0],
        wait_for_funds_s=wait_for_funds_s,
        unposted_bytes_max=unposted_bytes_max,
    )
    if starts:
        await meter.start()
    try:
        yield MeterWorld(purse, treasury, meter, tmp_path, vouchers, clock_ms)
    finally:
        await meter.close(patience_s=0)
