"""What a page says of money beside what the ledger says: each line is a figure twice, from two places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from billing.casework.rows import rows_of
from billing.database import Connection
from billing.ledger import accounts
from billing.payables import rows as payable_rows
from metering.money import MICRO_PER_WON
from portal.web.visit import Visit

# The directory's grants, the posted total and the rule of the share, against the accounts' balances.
_OF_VOUCHER: Final = (
    "select f.government_micro - floor(f.charged_micro::numeric * f.share_ppm / 1000000)::bigint"
    " - f.expired_government_micro as government_left, f.charged_micro as spent,"
    " f.self_micro - (f.charged_micro - floor(f.charged_micro::numeric * f.share_ppm / 1000000)::bigint)"
    " - f.expired_self_micro as self_left,"
    " (select coalesce(sum(d_government_micro + d_self_micro), 0)::bigint from usage u"
    "  where u.company_id = f.company_id and u.voucher_id = f.voucher_id) as calls"
    " from funds f where f.voucher_id = %s"
)

# What its lines come to, and what its entries took from what the provider is owed.
_OF_PAYABLE: Final = """
    select (select coalesce(sum(government_won + self_won + own_won), 0)::bigint * 1000000
            from statement_line l
            where p.kind = 'month' and (l.month, l.provider_id) = (p.month, p.provider_id)) as lines_micro,
           -coalesce(sum(g.amount_micro) filter (where e.kind = 'holdback'), 0)::bigint as withheld_micro,
           -coalesce(sum(g.amount_micro) filter (where e.kind = 'payout'), 0)::bigint as gone_micro
    from payable p left join payable_entry k on k.payable_id = p.id left join entry e on e.id = k.entry_id
    left join posting g on g.entry_id = e.id and g.account = 'provider/' || p.provider_id || '/payable'
    where p.id = %s group by p.id"""
SIDES: Final = ("government", "self")
FIGURES: Final = ("granted", "spent", "returned", "left")
_POSTED: Final = (
    "select e.kind, p.account = any(%s) as is_government, sum(p.amount_micro)::bigint as micro"
    " from posting p join entry e on e.id = p.entry_id where p.account = any(%s) group by 1, 2"
)
# What a kind of entry is at a voucher's account, and with which sign.
_FIGURE_OF: Final[Mapping[str, tuple[str, int]]] = {
    "grant": ("granted", 1),
    "deposit": ("granted", 1),
    "usage": ("spent", -1),
    "correction": ("spent", -1),
    "expiry": ("returned", -1),
}
Sums = dict[tuple[str, str], int]  # (figure, side) -> micro-won


@dataclass(frozen=True, slots=True)
class Compared:
    label: str
    shown_micro: int
    ledger_micro: int

    @property
    def difference_micro(self) -> int:
        return self.shown_micro - self.ledger_micro


async def against_the_ledger(kind: str, thing_id: str, visit: Visit) -> list[Compared]:
    """For the agency and auditors; of a payable, for its provider too."""
    if kind == "payables":
        return await _of_payable(thing_id, visit)
    if kind != "vouchers" or not visit.desk.sees_everything:
        return []
    found = await rows_of(visit.desk.conn, _OF_VOUCHER, [thing_id])
    if not found:
        return []
    row = found[0]
    return [
        Compared(
            "ledger.government_left",
            row["government_left"],
            await _balance(visit, accounts.government(thing_id)),
        ),
        Compared("ledger.self_left", row["self_left"], await _balance(visit, accounts.own_deposit(thing_id))),
        Compared("ledger.spent", row["spent"], row["calls"]),
    ]


async def _of_payable(payable_id: str, visit: Visit) -> list[Compared]:
    """Its lines; what the ledger did for it; and everything the provider is owed beside its account."""
    row = await payable_rows.find(visit.desk.conn, payable_id)
    [booked] = await rows_of(visit.desk.conn, _OF_PAYABLE, [payable_id])
    owed = await payable_rows.account_of(visit.desk.conn, row["provider_id"])
    provider_id = row["provider_id"]
    gone_won = row["amount_won"] - row["reversed_won"] if row["state"] in ("in_payment", "paid") else 0
    return [
        Compared("ledger.payable_lines", row["lines_won"] * MICRO_PER_WON, booked["lines_micro"]),
        Compared("ledger.payable_withheld", row["holdback_won"] * MICRO_PER_WON, booked["withheld_micro"]),
        Compared("ledger.payable_gone", gone_won * MICRO_PER_WON, booked["gone_micro"]),
        Compared(
            "ledger.provider_account",
            owed.total_micro,
            await _balance(visit, accounts.provider_payable(provider_id)),
        ),
    ]


async def _balance(visit: Visit, account: str) -> int:
    [row] = await rows_of(
        visit.desk.conn,
        "select coalesce(sum(amount_micro), 0)::bigint as micro from posting where account = %s",
        [account],
    )
    return int(row["micro"])


async def posted(conn: Connection, vouchers: Sequence[str]) -> Sums:
    """What the ledger has at the accounts of these vouchers."""
    government = [accounts.government(one) for one in vouchers]
    both = [*government, *(accounts.own_deposit(one) for one in vouchers)]
    sums = {(figure, side): 0 for figure in FIGURES for side in SIDES}
    for row in await rows_of(conn, _POSTED, [government, both]):
        side = "government" if row["is_government"] else "self"
        figure, sign = _FIGURE_OF[row["kind"]]
        sums[figure, side] += sign * row["micro"]
        sums["left", side] += row["micro"]
    return sums
