"""A conversation with both purses, in few words: one lane, one voucher, one key, unless said otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from metering.directory import KeyLimits
from metering.purse import (
    ExtendOutcome,
    Gone,
    HoldRef,
    Loan,
    OtherEpoch,
    Purse,
    Reserved,
    ReserveOutcome,
    ReserveRequest,
    SettleOutcome,
    Vacant,
    VoucherBalance,
)
from tests.fakes.two_purses import Refused, TwoPurses

LANE: Final = 3
VOUCHER: Final = "v"
FAR_MS: Final = 10**13  # in the year 2286
NO_LIMITS: Final = KeyLimits()


class PurseTalk:
    """Each word asks both purses; they must answer alike."""

    def __init__(self, two: TwoPurses) -> None:
        self.two = two

    def ticket(self, nonce: str, *, used: str | None = None, stale_n: int = 0) -> str | None:
        """`vacate`: ask the data set for a ticket. The memory purse's; `open` knows the other."""
        given: list[str | None] = []
        theirs = None if used is None else self.two.theirs(used)

        async def ask(purse: Purse) -> bool:
            mine = used if purse is self.two.memory else theirs
            given.append(await purse.vacate(lane=LANE, nonce=nonce, used_ticket=mine, stale_n=stale_n))
            return given[-1] is not None

        self.two.both(ask)
        ours, other = given
        if ours is not None and other is not None:
            assert ours.partition("@")[0] == other.partition("@")[0]
            self.two.pair(ours, other)
        return ours

    def open(self, n: int, ticket: str | None) -> bool | Refused:
        ours = ticket or ""
        theirs = self.two.theirs(ours)
        return self.two.both(
            lambda purse: purse.open(lane=LANE, n=n, ticket=ours if purse is self.two.memory else theirs)
        )

    def begin(self, n: int, *, limit: int | None = None) -> None:
        """A new epoch as the treasury makes one, with a first loan if a limit is named."""
        assert self.open(n, self.ticket(f"t{n}", stale_n=n - 1)) is True
        if limit is not None:
            assert self.lend(n, limit=limit) is True

    def lend(
        self,
        n: int,
        *,
        limit: int,
        version: int = 1,
        voucher: str = VOUCHER,
        state: str = "active",
        ends_ms: int = FAR_MS,
    ) -> bool | Vacant | OtherEpoch | Refused:
        loan = Loan(voucher, version, limit, ends_ms, state, 75, 25, 0, 0)
        return self.two.both(lambda purse: purse.lend(lane=LANE, n=n, loan=loan))

    def recall(self, n: int, *, version: int, target: int) -> int | Vacant | OtherEpoch | Refused | None:
        return self.two.both(
            lambda purse: purse.recall(
                lane=LANE, n=n, voucher_id=VOUCHER, version=version, target_micro=target
            )
        )

    def reserve(
        self,
        n: int,
        op: str,
        want: int,
        *,
        least: int | None = None,
        sliced: bool = False,
        vouchers: Sequence[str] = (VOUCHER,),
        limits: KeyLimits = NO_LIMITS,
        tokens: int = 0,
        day_spent: int | None = None,
        gateway: str = "g",
    ) -> ReserveOutcome | Refused:
        request = ReserveRequest(
            op=op,
            lane=LANE,
            n=n,
            gateway_id=gateway,
            vouchers=tuple(vouchers),
            want_micro=want,
            least_micro=want if least is None else least,
            key_id="k",
            tokens=tokens,
            limits=limits,
            meta=b"{}",
            sliced=sliced,
            day_spent_micro=day_spent,
        )
        return self.two.both(lambda purse: purse.reserve(request))

    def extend(
        self,
        n: int,
        op: str,
        want: int,
        *,
        least: int | None = None,
        floor: int = 0,
        output_tokens: int = 0,
        first: bool = True,
        gateway: str = "g",
    ) -> ExtendOutcome | Refused:
        return self.two.both(
            lambda purse: purse.extend(
                hold(n, op, gateway=gateway),
                want_micro=want,
                least_micro=want if least is None else least,
                floor_micro=floor,
                floor_output_tokens=output_tokens,
                first=first,
            )
        )

    def settle(
        self, n: int, op: str, charge: int, *, tokens: int = 0, voucher: str = VOUCHER, gateway: str = "g"
    ) -> SettleOutcome | Refused:
        return self.two.both(
            lambda purse: purse.settle(
                hold(n, op, voucher, gateway), charge_micro=charge, tokens=tokens, event=b"{}"
            )
        )

    def sweep(self, n: int, op: str, *, gateway: str = "g") -> SettleOutcome | Gone | Refused:
        return self.two.both(lambda purse: purse.sweep(lane=LANE, n=n, op=op, gateway_id=gateway))

    def balance(self, n: int, *, voucher: str = VOUCHER) -> tuple[int, int, int] | None:
        """(limit, spent, held)"""
        found = self.two.both(lambda purse: purse.balance(lane=LANE, n=n, voucher_id=voucher))
        if not isinstance(found, VoucherBalance):
            return None
        return found.limit_micro, found.spent_micro, found.held_micro

    def log(self) -> list[tuple[str, str, int]]:
        """(kind, op, n) of every entry."""
        entries = self.two.both(lambda purse: purse.read_log(lane=LANE, count=1000))
        assert not isinstance(entries, Refused)
        return [(entry.kind, entry.op, entry.n) for entry in entries]

    def open_ops(self, n: int, *, gateway: str = "g") -> list[str]:
        ops = self.two.both(lambda purse: purse.open_ops(lane=LANE, n=n, gateway_id=gateway))
        assert not isinstance(ops, Refused)
        return ops


def hold(n: int, op: str, voucher: str = VOUCHER, gateway: str = "g") -> HoldRef:
    return HoldRef(LANE, n, op, voucher, "k", gateway)


def granted(answer: object) -> int | None:
    return answer.granted_micro if isinstance(answer, Reserved) else None
