"""Where payments, corrections, reconciliations and months stand for a person."""

from __future__ import annotations

from billing.casework.deeds import Deed
from billing.casework.offers import House, Offered, made_of_it, open_steps
from billing.casework.rows import row_of
from billing.corrections import store as corrections
from billing.database import Connection
from billing.lifecycle import correction, month, own_fund, payment
from billing.payments import own_fund as own_funds
from billing.payments import rows as payments
from billing.reconciliation import store as reconciliations
from billing.settlements.found_lines import disallowed_in
from billing.statements import closing, store
from billing.statements.month import month_named

_CHANGED_SINCE = (
    "select count(*) as calls from correction_call l where l.correction_id = %s and exists ("
    " select from usage u where u.op = l.op and u.step > l.step)"
)


async def of_payment(conn: Connection, payment_id: str, deed: Deed, _: House) -> list[Offered]:
    row = await payments.find(conn, payment_id)
    facts = payment.Facts(paid_micro=row["paid_micro"], gone_micro=row["refunded_micro"] + row["lost_micro"])
    return open_steps(payment.TABLE, row["state"], facts, deed, company=row["company_id"])


async def of_own_fund(conn: Connection, company_id: str, deed: Deed, _: House) -> list[Offered]:
    row = await own_funds.find(conn, company_id)
    company = await row_of(conn, "select active from company where id = %s", [row["company_id"]])
    facts = own_fund.Facts(company["active"], limit_micro=row["limit_micro"], spent_micro=row["spent_micro"])
    return open_steps(own_fund.TABLE, row["state"], facts, deed, company=row["company_id"])


async def of_correction(conn: Connection, correction_id: str, deed: Deed, _: House) -> list[Offered]:
    row = await corrections.find(conn, correction_id)
    changed = await row_of(conn, _CHANGED_SINCE, [correction_id])
    facts = correction.Facts(
        calls=row["calls"],
        is_own=row["proposer"] == deed.actor.person,
        calls_changed=changed["calls"],
        disallowed=await disallowed_in(conn, correction_id),
    )
    return open_steps(correction.TABLE, row["state"], facts, deed, provider=row["provider_id"])


async def of_reconciliation(conn: Connection, run_id: str, deed: Deed, _: House) -> list[Offered]:
    """Its counts can be proposed where any of them differs."""
    row = await reconciliations.find(conn, run_id)
    facts = correction.Facts(
        calls=await reconciliations.counts_differing(conn, run_id),
        undecided=await corrections.undecided_of(conn, run_id),
    )
    return made_of_it(correction.TABLE, "propose", facts, deed, provider=row["provider_id"])


async def of_month(conn: Connection, month_id: str, deed: Deed, house: House) -> list[Offered]:
    one = month_named(month_id)
    closed = await store.closed_until(conn)
    state = "closed" if closed is not None and one <= closed else "open"
    if not month.TABLE.open_to(state, deed.actor, owns=False):
        return []
    unbooked = None if house.unbooked is None else await house.unbooked(one)
    facts = await closing.facts_of(conn, one, closed, unbooked, deed)
    return open_steps(month.TABLE, state, facts, deed)
