"""What must hold between payables, payments to providers and their accounts: a part of the trial balance.

Each query returns the rows that contradict the rule it is named after; `balances` has every account's.
"""

# ruff: noqa: S608 - all of it is constants

from __future__ import annotations

from typing import Final

_NOT_RETURNED: Final = (
    "not exists (select from payout_fact f where f.payout_id = o.id and f.word = 'returned')"
)
_PAID: Final = "exists (select from payout_fact f where f.payout_id = o.id and f.word = 'paid')"

# A sum that must be nothing: what the rows say, less the accounts of this name.
_AGAINST: Final = """
    select who, sum(micro) as differs from ({rows} union all
        select substr(account, 10, length(account) - 10 - length('{name}')), -balance from balances
        where account like 'provider/%/{name}') of_rows (who, micro)
    group by who having sum(micro) <> 0"""

CHECKS: Final[dict[str, str]] = {
    "a provider is owed another sum than calls cost, less what is withheld or handed on": _AGAINST.format(
        name="payable",
        rows=(
            "select provider_id, sum(d_charge_micro) from usage group by 1"
            " union all select provider_id, sum(holdback_won) * -1000000 from payable group by 1"
            " union all select provider_id, sum(amount_won) * -1000000 from payout o"
            f" where {_NOT_RETURNED} group by 1"
            " union all select o.provider_id, sum(b.amount_won) * 1000000 from payout_reversal b"
            " join payout o on o.id = b.payout_id group by 1"
        ),
    ),
    "what is withheld of a provider is not what its payables say": _AGAINST.format(
        name="holdback", rows="select provider_id, sum(holdback_won) * 1000000 from payable group by 1"
    ),
    "what is in payment to a provider is not its payments on their way": _AGAINST.format(
        name="in_payment",
        rows=(
            "select provider_id, sum(amount_won) * 1000000 from payout o"
            f" where {_NOT_RETURNED} and not {_PAID} group by 1"
        ),
    ),
    "what a rail paid out is not what arrived by it": f"""
        select rail, sum(micro) from (
            select rail, sum(amount_won) * 1000000 as micro from payout o
            where {_NOT_RETURNED} and {_PAID} group by 1
            union all select o.rail, sum(b.amount_won) * -1000000 from payout_reversal b
                join payout o on o.id = b.payout_id group by 1
            union all select split_part(account, '/', 2), -balance from balances
            where account like 'clearing/%/out') r
        group by rail having sum(micro) <> 0""",
    "a payable is not the supply value of its lines": """
        select p.id, p.lines_won, l.won from payable p left join lateral (
            select sum(government_won + self_won + own_won)::bigint as won from statement_line s
            where (s.month, s.provider_id) = (p.month, p.provider_id)) l on true
        where p.kind = 'month' and p.lines_won is distinct from l.won""",
    "a released holdback is not what was withheld": """
        select r.id from payable r join payable p on p.id = r.of_payable
        where r.kind = 'holdback' and r.holdback_won <> -p.holdback_won""",
    "what came back in part is not owed again by a payable of its own": """
        select b.payout_id, b.ref, r.id from payout_reversal b join payout o on o.id = b.payout_id
        full join (select * from payable where kind = 'reversal') r on r.id = b.payable_id
        where (r.of_payable, r.back_won) is distinct from (o.payable_id, b.amount_won)""",
    "more came back of a payment than was paid": """
        select o.id from payout o join payout_reversal b on b.payout_id = o.id
        group by o.id having sum(b.amount_won) > o.amount_won
            or exists (select from payout_fact f where f.payout_id = o.id and f.word = 'returned')""",
    "a carried payable is taken along with another amount": """
        select n.id from payable n join payable p on p.id = n.carried_from
        where n.carried_won <> p.amount_won""",
    "a payable's state is not its payment's": f"""
        select p.id, p.state, o.id from payable p join lateral (
            select * from payout o where o.payable_id = p.id order by o.id desc limit 1) o on true
        where (p.state in ('in_payment', 'paid')) <> ({_NOT_RETURNED})
            or p.state = 'paid' and not {_PAID} or p.state = 'in_payment' and {_PAID}""",
    "an entry of a payable without its key": """
        select id from entry e where kind in ('holdback', 'payout', 'paid_out')
            and not exists (select from payable_entry p where p.entry_id = e.id)""",
}
