"""The money side of a declaration: what a voucher's funds in the books must become.

The books know a voucher's money by its own row, which the treasury, the poster and this here change under its
lock.
"""

from __future__ import annotations

from billing.database import Connection
from billing.declaration.findings import Finding
from billing.declaration.plan import Change, Directory, Plan
from billing.declaration.rows import ProgrammeRow, VoucherRow
from billing.declaration.stored import vouchers_of
from billing.directory_time import period_ms
from billing.funds import BelowSpent, FundsChange, set_capacities
from metering.money import format_krw


def _funds_change(voucher: VoucherRow, programme: ProgrammeRow) -> FundsChange:
    _, ends_ms = period_ms(
        programme=(programme.starts_on, programme.ends_on), voucher=(voucher.starts_on, voucher.ends_on)
    )
    return FundsChange(
        voucher_id=voucher.id,
        company_id=voucher.company_id,
        programme_id=voucher.programme_id,
        government_micro=voucher.government_micro,
        self_micro=voucher.self_micro,
        share_ppm=voucher.share_ppm,
        ends_ms=ends_ms,
        state=voucher.state,
    )


async def change_funds(
    conn: Connection, plan: Plan, directory: Directory
) -> tuple[list[Finding], list[FundsChange]]:
    """-> what the books refuse, and the changes that need money back from the purse before they can be."""
    findings: list[Finding] = []
    short: list[FundsChange] = []
    wanted = await _wanted(conn, plan, directory)
    refused = await set_capacities(conn, [funds for _, funds in wanted.values()])
    for voucher_id, refusal in refused.items():
        change, funds = wanted[voucher_id]
        if isinstance(refusal, BelowSpent):
            assert change is not None, "new dates lower nothing"
            short.append(funds)
            findings.append(change.entry.finding(_below(refusal), "government_krw"))
        elif change is not None:
            # A voucher that has ended and been settled no longer minds new dates of its programme.
            findings.append(change.entry.finding(str(refusal)))
    return findings, short


async def _wanted(
    conn: Connection, plan: Plan, directory: Directory
) -> dict[str, tuple[Change[VoucherRow] | None, FundsChange]]:
    """By voucher: what its funds must become, and the entry that says so; None where its programme moved."""
    moved = {
        c.after.id: c.after
        for c in plan.programmes
        if c.before is not None and c.before.ends_on != c.after.ends_on
    }
    wanted: dict[str, tuple[Change[VoucherRow] | None, FundsChange]] = {
        voucher.id: (None, _funds_change(voucher, moved[voucher.programme_id]))
        for voucher in (await vouchers_of(conn, list(moved)) if moved else ())
    }
    for change in plan.vouchers:
        programme = directory.programmes[change.after.programme_id]
        funds = _funds_change(change.after, programme)
        before = None if change.before is None else _funds_change(change.before, programme)
        if funds != before or programme.id in moved:
            wanted[change.after.id] = (change, funds)
    return wanted


def _below(below: BelowSpent) -> str:
    return (
        f"{format_krw(below.spent_micro)} won are spent and {format_krw(below.held_micro)} won are held:"
        f" together more than the {format_krw(below.capacity_micro)} won the voucher would reach"
    )
