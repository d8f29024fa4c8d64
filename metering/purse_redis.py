"""The purse on Redis: the verbs of metering.purse as Lua scripts, one round trip each.

What a verb means is written in purse_memory; this file only puts it on the wire and reads the answer. On a
Redis Cluster all keys of a verb share the lane's hash tag.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from metering import keys
from metering.log_entry import read_entry
from metering.old_keys import expire_old_keys
from metering.purse import (
    LEASE_MS,
    Ended,
    EventKind,
    Extended,
    ExtendOutcome,
    ExtendShort,
    Gone,
    HoldRef,
    KeyDayUnknown,
    Late,
    Limited,
    Loan,
    LogEntry,
    NoLoan,
    OpenCall,
    OtherEpoch,
    Over,
    PurseUnavailable,
    Reserved,
    ReserveOutcome,
    ReserveRequest,
    Settled,
    SettleOutcome,
    Short,
    Vacant,
    VoucherBalance,
)
from metering.redis_line import RedisLine
from metering.redis_lines import open_line

if TYPE_CHECKING:
    from metering.redis_cluster import ClusterLine

SCRIPTS: Final = (
    *("reserve", "extend", "settle", "note", "lease"),
    *("vacate", "open", "lend", "recall"),
    *("sweep", "ack"),
)
# These must go on when memory is short: they end holds, carry what the books need to empty the log, or keep a
# living gateway from looking dead.
ALLOW_OOM: Final = frozenset({"settle", "sweep", "extend", "recall", "note", "lease", "ack"})


def load_scripts() -> dict[str, bytes]:
    """name -> source, each with the common prologue."""
    folder = resources.files("metering") / "lua"
    prologue = (folder / "prologue.lua").read_bytes()
    sources = {}
    for name in SCRIPTS:
        flags = b"allow-oom" if name in ALLOW_OOM else b""
        sources[name] = b"#!lua flags=" + flags + b"\n" + prologue + (folder / f"{name}.lua").read_bytes()
    return sources


async def connect_purse(url: str) -> RedisPurse:
    """Raises PurseUnavailable."""
    return RedisPurse(await open_line(url, scripts=load_scripts()))


class RedisPurse:
    """metering.purse.Purse on one coalesced connection, or one to each node of a cluster."""

    def __init__(self, line: RedisLine | ClusterLine) -> None:
        self.line = line

    async def close(self) -> None:
        await self.line.close()

    # -- the gateway's verbs

    async def reserve(self, request: ReserveRequest) -> ReserveOutcome:
        lane, n = request.lane, request.n
        key = keys.api_key(lane, n, request.key_id)
        limits = request.limits
        reply = await self.line.script(
            "reserve",
            [
                keys.epoch(lane),
                keys.hold(lane, n, request.op),
                keys.open_ops(lane, n, request.gateway_id),
                key,
                key + ":requests",
                key + ":tokens",
                key + ":window",
                *[keys.voucher(lane, n, voucher) for voucher in request.vouchers],
            ],
            [
                n,
                request.op,
                request.want_micro,
                request.least_micro,
                1 if request.sliced else 0,
                request.tokens,
                _optional(limits.requests_per_minute),
                _optional(limits.tokens_per_minute),
                _optional(limits.krw_per_day_micro),
                _optional(limits.concurrent),
                _optional(request.day_spent_micro),
                request.meta,
                request.gateway_id,
                request.key_id,
                *request.vouchers,
            ],
        )
        return _reserve_outcome(reply)

    async def extend(
        self,
        hold: HoldRef,
        *,
        want_micro: int,
        least_micro: int,
        floor_micro: int,
        floor_output_tokens: int,
        first: bool = True,
    ) -> ExtendOutcome:
        lane, n = hold.lane, hold.n
        reply = await self.line.script(
            "extend",
            [
                keys.epoch(lane),
                keys.hold(lane, n, hold.op),
                keys.voucher(lane, n, hold.voucher_id),
                keys.api_key(lane, n, hold.key_id),
            ],
            [n, want_micro, least_micro, floor_micro, floor_output_tokens, int(first), hold.gateway_id],
        )
        if reply[0] == b"OK":
            return Extended(int(reply[1]))
        if reply[0] == b"SHORT":
            return ExtendShort(int(reply[1]), int(reply[2]))
        if reply[0] == b"LIMITED":
            return Limited(_text(reply[1]), int(reply[2]))  # type: ignore[arg-type]
        return Gone()

    async def settle(self, hold: HoldRef, *, charge_micro: int, tokens: int, event: bytes) -> SettleOutcome:
        reply = await self.line.script(
            "settle", _ending_keys(hold), [hold.n, hold.op, charge_micro, tokens, event, hold.gateway_id]
        )
        outcome = _settle_outcome(reply)
        assert not isinstance(outcome, Gone), "settle answers OK or LATE"
        return outcome

    async def note(self, *, lane: int, kind: EventKind, op: str, n: int, event: bytes) -> str:
        return _text(await self.line.script("note", [keys.log(lane)], [op, kind, n, event]))

    async def pop_acks(self, *, lane: int, gateway_id: str, count: int) -> list[str]:
        popped = await self.line.command("LPOP", keys.acks(lane, gateway_id), count)
        return [_text(op) for op in popped or []]

    async def renew_lease(self, gateway_id: str) -> None:
        await self.line.script("lease", [keys.lease(gateway_id)], [LEASE_MS])

    async def find_hold(self, *, lane: int, n: int, op: str) -> HoldRef | None:
        hold = keys.hold(lane, n, op)
        found = await self.line.command("HMGET", hold, "s", "v", "k", "g", "late")
        state, voucher, key, gateway, late = found
        if state != b"open" or late:
            return None
        return HoldRef(lane, n, op, _text(voucher), _text(key), _text(gateway))

    async def open_call(self, *, lane: int, n: int, op: str) -> OpenCall | None:
        state, *found = await self.line.command("HMGET", keys.hold(lane, n, op), "s", "m", "v", "f")
        if state != b"open":
            return None
        meta, voucher, floor_micro = found
        return OpenCall(meta, _text(voucher), int(floor_micro))

    async def balance(self, *, lane: int, n: int, voucher_id: str) -> VoucherBalance | None:
        names = ("ver", "limit", "spent", "held", "before", "frozen", "granted_gov", "granted_self")
        at, info, numbers = await self.line.commands(
            ("HMGET", keys.epoch(lane), "n", "fence"),
            ("INFO", "replication"),
            ("HMGET", keys.voucher(lane, n, voucher_id), *names),
        )
        if _living(at, info) != n or numbers[0] is None:
            return None
        ver, limit, spent, held, before, frozen, government, own = (int(number) for number in numbers)
        return VoucherBalance(
            version=ver,
            limit_micro=limit,
            spent_micro=spent,
            held_micro=held,
            before_micro=before,
            frozen_micro=frozen,
            granted_government_micro=government,
            granted_self_micro=own,
        )

    # -- the treasury's verbs

    async def vacate(self, *, lane: int, nonce: str, used_ticket: str | None, stale_n: int) -> str | None:
        reply = await self.line.script("vacate", [keys.epoch(lane)], [nonce, used_ticket or "", stale_n])
        return _text(reply[1]) if reply[0] == b"TICKET" else None

    async def open(self, *, lane: int, n: int, ticket: str) -> bool:
        reply = await self.line.script("open", [keys.epoch(lane), keys.log(lane)], [n, ticket])
        return bool(reply[0] == b"OK")

    async def lend(self, *, lane: int, n: int, loan: Loan) -> bool | Vacant | OtherEpoch:
        reply = await self.line.script(
            "lend",
            [keys.epoch(lane), keys.voucher(lane, n, loan.voucher_id)],
            [
                n,
                loan.version,
                loan.limit_micro,
                loan.ends_ms,
                loan.state,
                loan.granted_government_micro,
                loan.granted_self_micro,
                loan.before_micro,
                loan.frozen_micro,
            ],
        )
        return _epoch_refusal(reply) or bool(reply[0] == b"OK")

    async def recall(
        self, *, lane: int, n: int, voucher_id: str, version: int, target_micro: int
    ) -> int | Vacant | OtherEpoch | None:
        reply = await self.line.script(
            "recall", [keys.epoch(lane), keys.voucher(lane, n, voucher_id)], [n, version, target_micro]
        )
        return _epoch_refusal(reply) or (int(reply[1]) if reply[0] == b"OK" else None)

    # -- the worker's verbs

    async def sweep(self, *, lane: int, n: int, op: str, gateway_id: str) -> SettleOutcome | Gone:
        # A script must be told its keys: the sweeper reads the hold's voucher and key first.
        voucher, key = await self.line.command("HMGET", keys.hold(lane, n, op), "v", "k")
        hold = HoldRef(lane, n, op, _text(voucher), _text(key), gateway_id)
        return _settle_outcome(await self.line.script("sweep", _ending_keys(hold), [n, op, gateway_id]))

    async def open_ops(self, *, lane: int, n: int, gateway_id: str) -> list[str]:
        members = await self.line.command("SMEMBERS", keys.open_ops(lane, n, gateway_id))
        return sorted(_text(op) for op in members)

    async def lease_alive(self, gateway_id: str) -> bool:
        return bool(await self.line.command("EXISTS", keys.lease(gateway_id)))

    async def read_log(self, *, lane: int, count: int, after: str = "") -> list[LogEntry]:
        start = f"({after}" if after else "-"
        entries = await self.line.command("XRANGE", keys.log(lane), start, "+", "COUNT", count)
        return [read_entry(entry_id, flat) for entry_id, flat in entries]

    async def log_lengths(self) -> list[int]:
        lengths = await self.line.spread(*(("XLEN", keys.log(lane)) for lane in range(keys.LANES)))
        return [length or 0 for length in lengths]  # None: its node is away, so there is nothing to read now

    async def delete_log(self, *, lane: int, entry_ids: list[str]) -> None:
        if entry_ids:
            await self.line.command("XDEL", keys.log(lane), *entry_ids)

    async def push_acks(self, *, lane: int, acks: dict[str, list[str]]) -> None:
        pushes = [
            self.line.script("ack", [keys.acks(lane, gateway)], [*ops])
            for gateway, ops in acks.items()
            if ops
        ]
        await asyncio.gather(*pushes)

    async def epoch_here(self, lane: int) -> int | None:
        return _living(
            *await self.line.commands(("HMGET", keys.epoch(lane), "n", "fence"), ("INFO", "replication"))
        )

    async def expire_epochs_before(self, oldest: Mapping[int, int]) -> int:
        return await expire_old_keys(self.line.lines, oldest)

    async def data_set(self) -> str:
        return " ".join(_replid(info) for info in await self.line.everywhere("INFO", "replication"))


def _replid(info: bytes) -> str:
    for row in info.decode().splitlines():
        if row.startswith("master_replid:"):
            return row.partition(":")[2].strip()
    raise PurseUnavailable("Redis tells no replication id")


def _living(at: list[bytes | None], info: bytes) -> int | None:
    n, fence = at
    return int(n) if n is not None and fence is not None and _text(fence) == _replid(info) else None


def _ending_keys(hold: HoldRef) -> list[str]:
    lane, n = hold.lane, hold.n
    key = keys.api_key(lane, n, hold.key_id)
    return [
        keys.epoch(lane),
        keys.hold(lane, n, hold.op),
        keys.log(lane),
        keys.voucher(lane, n, hold.voucher_id),
        key,
        key + ":tokens",
        keys.open_ops(lane, n, hold.gateway_id),
    ]


def _optional(number: int | None) -> int | str:
    return "" if number is None else number


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "")


def _epoch_refusal(reply: list[Any]) -> Vacant | OtherEpoch | None:
    if reply[0] == b"VACANT":
        return Vacant()
    return OtherEpoch(int(reply[1])) if reply[0] == b"OTHER" else None


def _reserve_outcome(reply: list[Any]) -> ReserveOutcome:
    word = reply[0]
    if word == b"OK":
        return Reserved(_text(reply[1]), int(reply[2]), int(reply[3]), int(reply[4]), int(reply[5]))
    if word == b"SHORT":
        return Short(_text(reply[1]), int(reply[2]), int(reply[3]))
    if word == b"NO_LOAN":
        return NoLoan(_text(reply[1]))
    if word == b"LIMITED":
        return Limited(_text(reply[1]), int(reply[2]))  # type: ignore[arg-type]
    if word == b"DAY":
        return KeyDayUnknown(int(reply[1]))
    if word == b"ENDED":
        return Ended()
    if word == b"OVER":
        return Over()
    refusal = _epoch_refusal(reply)
    assert refusal is not None, f"reserve answers one of its words, not {word!r}"
    return refusal


def _settle_outcome(reply: list[Any]) -> SettleOutcome | Gone:
    if reply[0] == b"OK":
        return Settled(_text(reply[1]), *(int(number or 0) for number in reply[2:]))
    if reply[0] == b"LATE":
        return Late(_text(reply[1]))
    return Gone()
