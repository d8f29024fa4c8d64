"""What each kind of event posts, and where. Pure; amounts may be negative where an event is taken back."""

from __future__ import annotations

from dataclasses import dataclass, field

from billing.ledger import accounts
from billing.ledger.journal import Entry, EntryKind, postings


@dataclass(frozen=True, slots=True)
class VoucherRef:
    voucher_id: str
    company_id: str
    programme_id: str


def grant(voucher: VoucherRef, *, amount_micro: int) -> Entry:
    """The programme sets money aside for a voucher, or takes some of it back."""
    return _entry(
        "grant",
        voucher,
        {
            accounts.programme_budget(voucher.programme_id): -amount_micro,
            accounts.government(voucher.voucher_id): amount_micro,
        },
    )


def deposit(voucher: VoucherRef, *, amount_micro: int) -> Entry:
    """The company pays in towards its own share."""
    return _entry(
        "deposit",
        voucher,
        {
            accounts.company_deposits(voucher.company_id): -amount_micro,
            accounts.own_deposit(voucher.voucher_id): amount_micro,
        },
    )


def capacity(voucher: VoucherRef, *, amount_micro: int) -> Entry:
    """The line reaches further, or less far."""
    return _entry(
        "capacity",
        voucher,
        {
            accounts.line(voucher.voucher_id): -amount_micro,
            accounts.free(voucher.voucher_id): amount_micro,
        },
    )


def lend(voucher: VoucherRef, *, lane: int, n: int, amount_micro: int) -> Entry:
    return _entry(
        "lend",
        voucher,
        {
            accounts.free(voucher.voucher_id): -amount_micro,
            accounts.allotment(voucher.voucher_id, lane, n): amount_micro,
        },
        lane=lane,
        n=n,
    )


def give_back(voucher: VoucherRef, *, lane: int, n: int, amount_micro: int) -> Entry:
    """What an epoch did not use, or was asked to give up, is free again."""
    return _entry(
        "return",
        voucher,
        {
            accounts.allotment(voucher.voucher_id, lane, n): -amount_micro,
            accounts.free(voucher.voucher_id): amount_micro,
        },
        lane=lane,
        n=n,
    )


def expiry(voucher: VoucherRef, *, government_micro: int, self_micro: int, free_micro: int) -> Entry:
    """A voucher ended: what nobody used leaves it, and its line ends where it was charged to."""
    voucher_id = voucher.voucher_id
    return _entry(
        "expiry",
        voucher,
        {
            accounts.government(voucher_id): -government_micro,
            accounts.own_deposit(voucher_id): -self_micro,
            accounts.expired(voucher_id): government_micro + self_micro,
            accounts.free(voucher_id): -free_micro,
            accounts.line(voucher_id): free_micro,
        },
    )


@dataclass(slots=True)
class ChargeTotals:
    """What a batch charged for one voucher and provider, summed; the legs of one compound entry."""

    government_micro: int = 0
    self_micro: int = 0
    uncollected_micro: int = 0
    free_micro: int = 0
    allotments_micro: dict[tuple[int, int], int] = field(default_factory=dict)  # (lane, n) -> charged to it
    returns_micro: dict[tuple[int, int], int] = field(default_factory=dict)  # a closed epoch's, at once free


def charge(
    kind: EntryKind, voucher: VoucherRef, provider_id: str, *, lane: int, totals: ChargeTotals
) -> Entry:
    voucher_id = voucher.voucher_id
    from_allotments = sum(totals.allotments_micro.values())
    returned = sum(totals.returns_micro.values())
    amounts = {
        accounts.government(voucher_id): -totals.government_micro,
        accounts.own_deposit(voucher_id): -totals.self_micro,
        accounts.uncollected(voucher_id): -totals.uncollected_micro,
        accounts.provider_payable(provider_id): totals.government_micro
        + totals.self_micro
        + totals.uncollected_micro,
        accounts.line(voucher_id): from_allotments + totals.free_micro,
        accounts.free(voucher_id): returned - totals.free_micro,
    }
    for (at_lane, n), amount in totals.allotments_micro.items():
        amounts[accounts.allotment(voucher_id, at_lane, n)] = -amount
    for (at_lane, n), amount in totals.returns_micro.items():
        name = accounts.allotment(voucher_id, at_lane, n)
        amounts[name] = amounts.get(name, 0) - amount
    return _entry(kind, voucher, amounts, provider_id=provider_id, lane=lane)


def _entry(
    kind: EntryKind,
    voucher: VoucherRef,
    amounts: dict[str, int],
    *,
    provider_id: str | None = None,
    lane: int | None = None,
    n: int | None = None,
) -> Entry:
    return Entry(
        kind=kind,
        programme_id=voucher.programme_id,
        voucher_id=voucher.voucher_id,
        postings=postings(amounts),
        provider_id=provider_id,
        lane=lane,
        n=n,
    )
