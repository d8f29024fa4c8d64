"""Ends of calls as the posting rules see them, and books of one voucher that they are applied to."""

from __future__ import annotations

from billing.posting_events import Charge
from billing.posting_state import BooksState, FundsState, LoanState
from tests.fakes.books_world import COMPANY, LANE, VOUCHER


def ended(
    op: str,
    micro: int,
    *,
    n: int = 1,
    kind: str = "settled",
    taken: int | None = None,
    gateway: str = "g1",
    started_ms: int = 1,
    counted: bool = True,
) -> Charge:
    return Charge(
        kind=kind,
        op=op,
        op_text=op,
        lane=LANE,
        n=n,
        voucher_id=VOUCHER,
        voucher_text=VOUCHER,
        company_id=COMPANY,
        provider_id="nuri",
        gateway_id=gateway,
        key_id="k",
        started_ms=started_ms,
        day=1,
        charge_micro=micro,
        taken_micro=taken,
        counted=counted,
        columns="",
    )


def books_of(*, free: int, lent: dict[int, tuple[int, str]], share_ppm: int = 750_000) -> BooksState:
    return BooksState(
        funds={VOUCHER: FundsState(VOUCHER, COMPANY, "p", share_ppm, free, 0, 0)},
        loans={
            (LANE, n, VOUCHER): LoanState(LANE, n, VOUCHER, amount, 0, 0, 0, epoch)
            for n, (amount, epoch) in lent.items()
        },
        epochs={(LANE, n): epoch for n, (_, epoch) in lent.items()},
        booked={},
        claimed={},
        gone=set(),
        uncounted=set(),
    )
