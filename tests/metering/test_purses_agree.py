"""One state machine drives the purse in memory and the scripts on a real server side by side.

Every answer is compared, and after every step every balance, hold and log. The laws that hold
after every step: spent + held <= limit, and what a voucher holds is the sum of its open holds.

More examples: PURSE_EXAMPLES=2000 pytest tests/metering/test_purses_agree.py
"""

from __future__ import annotations

import asyncio
import os
from typing import Any, ClassVar, Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from metering import keys
from metering.directory import KeyLimits
from metering.granting import DAY_MS
from metering.purse import HoldRef, Loan, Purse, Reserved, ReserveRequest
from tests.fakes.two_purses import Snapshot, TwoPurses

EXAMPLES: Final = int(os.getenv("PURSE_EXAMPLES", "10"))
STEPS: Final = 60

LANES: Final = (3, 40)
VOUCHERS: Final = ("v1", "v2", "v3")
GATEWAYS: Final = ("g1", "g2")
LARGE_MICRO: Final = 2**51  # three vouchers of it stay below 2^53 together

lanes = st.sampled_from((3, 3, 3, 3, 40))  # most in one lane, so that much happens to one hold
gateways = st.sampled_from(GATEWAYS)
most_vouchers = st.sampled_from(("v1", "v1", "v1", "v2", "v3"))
amounts = st.integers(0, 120) | st.sampled_from((0, 1, 1_000, 3 * 10**14, LARGE_MICRO))
limits_micro = st.integers(0, 600) | st.sampled_from((100, 100_000, 3 * 10**14, LARGE_MICRO))
tokens = st.integers(0, 40)
booleans = st.booleans()
back = st.sampled_from((0, 0, 0, 0, 0, 0, 1, 2, -1))  # how far the caller's n is behind the newest
key_limits = st.just(KeyLimits()) | st.builds(
    KeyLimits,
    requests_per_minute=st.none() | st.integers(0, 5),
    tokens_per_minute=st.none() | st.integers(0, 120),
    krw_per_day_micro=st.none() | st.integers(0, 400) | st.just(10_000),
    concurrent=st.none() | st.integers(0, 4),
)

seldom = st.integers(0, 4)  # what begins everything anew happens at 0 only
easy_limits = st.sampled_from(
    (
        KeyLimits(),
        KeyLimits(tokens_per_minute=60, krw_per_day_micro=300),
        KeyLimits(requests_per_minute=8, concurrent=6),
    )
)


class PursesAgree(RuleBasedStateMachine):
    two: ClassVar[TwoPurses]

    holds: Bundle[HoldRef] = Bundle("holds")
    tickets: Bundle[tuple[int, str]] = Bundle("tickets")
    snapshots: Bundle[Snapshot] = Bundle("snapshots")

    def __init__(self) -> None:
        super().__init__()
        self.two.begin()
        self.n = dict.fromkeys(LANES, 0)
        self.nonces = 0
        self.calls = 0
        self.now_ms = self.two.now_ms()

    @initialize()
    def first_epochs(self) -> None:
        for lane in LANES:
            self.new_epoch(lane=lane, limits=(500, 3 * 10**14))

    # -- the gateway's verbs

    @rule(
        target=holds,
        lane=lanes,
        behind=back,
        op=st.integers(0, 30),
        vouchers=st.lists(st.sampled_from(VOUCHERS), min_size=1, max_size=3, unique=True),
        want=amounts,
        least=amounts,
        sliced=st.booleans(),
        limits=key_limits,
        key_id=st.sampled_from(("k1", "k2")),
        held_tokens=tokens,
        day_spent=st.none() | st.integers(0, 300),
        gateway_id=gateways,
    )
    def reserve(
        self,
        *,
        lane: int,
        behind: int,
        op: int,
        vouchers: list[str],
        want: int,
        least: int,
        sliced: bool,
        limits: KeyLimits,
        key_id: str,
        held_tokens: int,
        day_spent: int | None,
        gateway_id: str,
    ) -> Any:
        n = self.n[lane] - behind
        request = ReserveRequest(
            op=f"op{op}",
            lane=lane,
            n=n,
            gateway_id=gateway_id,
            vouchers=tuple(vouchers),
            want_micro=want,
            least_micro=min(want, least),
            key_id=key_id,
            tokens=held_tokens,
            limits=limits,
            meta=b'{"op":%d}' % op,
            sliced=sliced,
            day_spent_micro=day_spent,
        )
        answer = self.two.both(lambda purse: purse.reserve(request))
        if not isinstance(answer, Reserved):
            return multiple()
        record = self.two.memory.data.lane(lane).holds[n, request.op]  # an earlier caller's, if asked again
        key = record.key_id or key_id
        return HoldRef(lane, n, request.op, answer.voucher_id, key, record.gateway_id)

    @rule(
        target=holds,
        lane=lanes,
        voucher_id=st.sampled_from(("v1", "v1", "v2")),
        want=st.integers(0, 60),
        limits=easy_limits,
        sliced=st.booleans(),
    )
    def reserve_with_ease(
        self, lane: int, voucher_id: str, want: int, limits: KeyLimits, sliced: bool
    ) -> Any:
        """What is granted most of the time, so that there are holds to do something with."""
        self.calls += 1
        return self.reserve(
            lane=lane,
            behind=0,
            op=100 + self.calls,
            vouchers=[voucher_id],
            want=want,
            least=0,
            sliced=sliced,
            limits=limits,
            key_id="k1",
            held_tokens=3,
            day_spent=0,
            gateway_id="g1",
        )

    @rule(hold=holds, more=st.integers(0, 60), floor=st.integers(0, 60), charge=st.integers(0, 90))
    def extend_then_settle(self, hold: HoldRef, more: int, floor: int, charge: int) -> None:
        self.extend(hold=hold, want=more, least=0, floor=floor, output=floor)
        self.settle(hold=hold, charge=charge, used=charge)

    @rule(hold=holds, want=amounts, least=amounts, floor=st.integers(0, 150), output=tokens, first=booleans)
    def extend(
        self, hold: HoldRef, want: int, least: int, floor: int, output: int, first: bool = True
    ) -> None:
        amounts = {"want_micro": want, "least_micro": least, "floor_micro": floor}
        self.two.both(lambda purse: purse.extend(hold, **amounts, floor_output_tokens=output, first=first))

    @rule(hold=holds, charge=amounts, used=tokens)
    def settle(self, hold: HoldRef, charge: int, used: int) -> None:
        self.two.both(lambda purse: purse.settle(hold, charge_micro=charge, tokens=used, event=b'{"a":1}'))

    @rule(hold=holds, charge=amounts, n=st.integers(0, 9))
    def settle_under_another_epoch(self, hold: HoldRef, charge: int, n: int) -> None:
        other = HoldRef(hold.lane, n, hold.op, hold.voucher_id, hold.key_id, hold.gateway_id)
        if (n, hold.op) not in self.two.memory.data.lane(hold.lane).holds:
            self.two.both(lambda purse: purse.settle(other, charge_micro=charge, tokens=1, event=b"{}"))

    @rule(lane=lanes, behind=back, kind=st.sampled_from(("left", "gone", "drained", "settled")))
    def note(self, lane: int, behind: int, kind: Any) -> None:
        n = self.n[lane] - behind

        async def ask(purse: Purse) -> bool:
            return bool(await purse.note(lane=lane, kind=kind, op="o", n=n, event=b"{}"))

        self.two.both(ask)  # the ids are paired when the logs are compared

    @rule(hold=holds)
    def find_hold(self, hold: HoldRef) -> None:
        self.two.both(lambda purse: purse.find_hold(lane=hold.lane, n=hold.n, op=hold.op))

    @rule(gateway_id=gateways)
    def renew_lease(self, gateway_id: str) -> None:
        self.two.both(lambda purse: purse.renew_lease(gateway_id))
        self.two.both(lambda purse: purse.lease_alive(gateway_id))

    # -- the worker's verbs

    @rule(hold=holds)
    def sweep(self, hold: HoldRef) -> None:
        self.two.both(
            lambda purse: purse.sweep(lane=hold.lane, n=hold.n, op=hold.op, gateway_id=hold.gateway_id)
        )

    @rule(lane=lanes, op=st.integers(0, 30), gateway_id=gateways)
    def sweep_what_may_not_be(self, lane: int, op: int, gateway_id: str) -> None:
        n = self.n[lane] + 1
        self.two.both(lambda purse: purse.sweep(lane=lane, n=n, op=f"op{op}", gateway_id=gateway_id))

    @rule(lane=lanes, count=st.integers(0, 5), keep=st.integers(0, 2))
    def post(self, lane: int, count: int, keep: int) -> None:
        """Read from the log, acknowledge, delete all but the first `keep`."""
        data = self.two.memory.data.lane(lane)
        ours = [entry.entry_id for entry in data.log[keep : keep + count]]
        theirs = [self.two.theirs(entry_id) for entry_id in ours]
        ops = [entry.op for entry in data.log[:count] if entry.op]
        self.two.both(lambda purse: purse.push_acks(lane=lane, acks={"g1": ops, "g2": ops[:1]}))
        self.two.both(
            lambda purse: purse.delete_log(lane=lane, entry_ids=ours if purse is self.two.memory else theirs)
        )

    @rule(lane=lanes, gateway_id=gateways, count=st.integers(1, 3))
    def pop_acks(self, lane: int, gateway_id: str, count: int) -> None:
        self.two.both(lambda purse: purse.pop_acks(lane=lane, gateway_id=gateway_id, count=count))

    # -- the treasury's verbs

    @rule(lane=lanes, limits=st.tuples(limits_micro, limits_micro), chance=seldom)
    def another_epoch(self, lane: int, limits: tuple[int, int], chance: int) -> None:
        if chance == 0:
            self.new_epoch(lane=lane, limits=limits)

    def new_epoch(self, lane: int, limits: tuple[int, int]) -> None:
        """What the treasury does where the data set is vacant, or its epoch is not the current one."""
        ticket = self._vacate(lane, used=None, stale_n=self.n[lane])
        self.n[lane] += 1
        self._open(lane, self.n[lane], ticket)
        for voucher_id, limit in zip(VOUCHERS[:2], limits, strict=True):
            self.lend(
                lane=lane, behind=0, voucher_id=voucher_id, version=1, limit=limit, days=10, state="active"
            )

    @rule(target=tickets, lane=lanes, stale_n=st.integers(0, 9), used=st.none() | tickets)
    def vacate(self, lane: int, stale_n: int, used: tuple[int, str] | None) -> Any:
        ticket = self._vacate(lane, used=None if used is None else used[1], stale_n=stale_n)
        return (lane, ticket) if ticket is not None else multiple()

    @rule(ticket=tickets, newer=st.integers(0, 1))
    def open_with_any_ticket(self, ticket: tuple[int, str], newer: int) -> None:
        lane = ticket[0]
        self.n[lane] += newer
        self._open(lane, self.n[lane], ticket[1])

    def _vacate(self, lane: int, *, used: str | None, stale_n: int) -> str | None:
        self.nonces += 1
        nonce = f"t{self.nonces}"
        two = self.two
        theirs = None if used is None else two.theirs(used)
        ours_got: list[str | None] = []

        async def ask(purse: Purse) -> bool:
            ticket = await purse.vacate(
                lane=lane, nonce=nonce, used_ticket=used if purse is two.memory else theirs, stale_n=stale_n
            )
            ours_got.append(ticket)
            return ticket is not None

        two.both(ask)
        ours, other = ours_got
        if ours is not None and other is not None:
            assert ours.partition("@")[0] == other.partition("@")[0], (
                "another ticket than the one that is kept"
            )
            two.pair(ours, other)
        return ours

    def _open(self, lane: int, n: int, ticket: str | None) -> None:
        ours = ticket or "never@given"
        theirs = self.two.theirs(ours)
        self.two.both(
            lambda purse: purse.open(lane=lane, n=n, ticket=ours if purse is self.two.memory else theirs)
        )

    @rule(
        lane=lanes,
        behind=back,
        voucher_id=most_vouchers,
        version=st.integers(1, 6),
        limit=limits_micro,
        days=st.sampled_from((10, 10, 10, 1, -1)),
        state=st.sampled_from(("active", "active", "active", "suspended", "ended")),
    )
    def lend(
        self, *, lane: int, behind: int, voucher_id: str, version: int, limit: int, days: int, state: str
    ) -> None:
        ends_ms = self.now_ms + days * DAY_MS - DAY_MS // 2
        loan = Loan(voucher_id, version, limit, ends_ms, state, 7_000_000, 3_000_000, version * 10, version)
        self.two.both(lambda purse: purse.lend(lane=lane, n=self.n[lane] - behind, loan=loan))

    @rule(
        lane=lanes,
        behind=back,
        voucher_id=most_vouchers,
        version=st.integers(1, 8),
        down_to=limits_micro,
    )
    def recall(self, lane: int, behind: int, voucher_id: str, version: int, down_to: int) -> None:
        n = self.n[lane] - behind
        self.two.both(
            lambda purse: purse.recall(
                lane=lane, n=n, voucher_id=voucher_id, version=version, target_micro=down_to
            )
        )

    # -- what a server suffers

    @rule(target=snapshots)
    def snapshot(self) -> Snapshot:
        return self.two.snapshot()

    @rule(older=snapshots, chance=seldom)
    def restore(self, older: Snapshot, chance: int) -> None:
        if chance != 0:
            return
        self.two.restore(older)
        self.recover()

    @rule(flushed=st.booleans(), recovers=st.booleans(), chance=seldom)
    def lose_the_data_set(self, flushed: bool, recovers: bool, chance: int) -> None:
        if chance != 0:
            return
        if flushed:
            self.two.flush()
        else:
            self.two.restart()
        self.two.command("SCRIPT", "FLUSH")
        if recovers:
            self.recover()

    def recover(self) -> None:
        for lane in LANES:
            self.new_epoch(lane=lane, limits=(500, 3 * 10**14))

    @rule()
    def a_minute_passes(self) -> None:
        self.two.grow_older(ms=61_000)

    @rule()
    def a_day_passes(self) -> None:
        self.two.grow_older(days=1)

    # -- the laws

    @invariant()
    def logs_are_equal(self) -> None:
        for lane in LANES:
            self.two.both(lambda purse, lane=lane: purse.read_log(lane=lane, count=1000))  # type: ignore[misc]
        self.two.both(lambda purse: purse.log_lengths())

    @invariant()
    def epochs_are_equal(self) -> None:
        for lane in LANES:
            self.two.both(lambda purse, lane=lane: purse.epoch_here(lane))  # type: ignore[misc]
            for voucher_id in VOUCHERS:
                self.two.both(
                    lambda purse, lane=lane, voucher_id=voucher_id: purse.balance(  # type: ignore[misc]
                        lane=lane, n=self.n[lane], voucher_id=voucher_id
                    )
                )
            for gateway_id in GATEWAYS:
                self.two.both(
                    lambda purse, lane=lane, gateway_id=gateway_id: purse.open_ops(  # type: ignore[misc]
                        lane=lane, n=self.n[lane], gateway_id=gateway_id
                    )
                )

    @invariant()
    def balances_add_up(self) -> None:
        """Of every epoch, closed ones too, as the server has them."""
        for number, lane in self.two.memory.data.lanes.items():
            open_amounts: dict[tuple[int, str], int] = {}
            for (n, op), hold in lane.holds.items():
                state, amount = self.two.hash(keys.hold(number, n, op), "s", "a")
                assert (state, int(amount or -1)) == (hold.state, hold.amount)
                if hold.state == "open":
                    voucher_key = (n, hold.answer.voucher_id)
                    open_amounts[voucher_key] = open_amounts.get(voucher_key, 0) + hold.amount
            for (n, voucher_id), voucher in lane.vouchers.items():
                stored = self.two.hash(
                    keys.voucher(number, n, voucher_id), "ver", "limit", "spent", "held", "open", "usual"
                )
                version, limit, spent, held, running = (int(number or -1) for number in stored[:-1])
                assert int(stored[-1] or 0) == voucher.usual
                ours = (
                    voucher.loan.version,
                    voucher.loan.limit_micro,
                    voucher.spent,
                    voucher.held,
                    voucher.open,
                )
                assert (version, limit, spent, held, running) == ours
                assert held == open_amounts.get((n, voucher_id), 0)
                assert spent >= 0
                assert spent + held <= limit


@pytest.mark.law
def test_purses_agree(restless_url: str) -> None:
    with asyncio.Runner() as runner:
        PursesAgree.two = TwoPurses(runner, restless_url)
        try:
            run_state_machine_as_test(
                PursesAgree,
                settings=settings(
                    max_examples=EXAMPLES,
                    stateful_step_count=STEPS,
                    deadline=None,
                    phases=[Phase.explicit, Phase.generate, Phase.shrink],
                    suppress_health_check=list(HealthCheck),
                    database=None,
                ),
            )
        finally:
            PursesAgree.two.close()
