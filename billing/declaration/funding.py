"""The money side of a declaration: what a voucher's funds in the books must become.

The books know a voucher's money by its own row, which the treasury, the poster and this here change under its
lock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from billing.database import Connection
from billing.declaration.findings import Finding
from billing.declaration.plan import Change, Directory, Plan
from billing.declaration.rows import ProgrammeRow, VoucherRow
from billing.declaration.stored import vouchers_of
from billing.directory_time import period_ms
from billing.funds import BelowSpent, FundsChange, FundsFixed, set_capacity
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
    moved = {
        c.after.id: c.after
        for c in plan.programmes
        if c.before is not None and c.before.ends_on != c.after.ends_on
    }
    changed = set()
    for change, funds in _of_vouchers(plan, directory, moved.keys()):
        changed.add(funds.voucher_id)
        try:
            await _set(conn, funds)
        except BelowSpent as below:
            short.append(funds)
            findings.append(change.entry.finding(_below(below), "government_krw"))
        except FundsFixed as fixed:
            findings.append(change.entry.finding(str(fixed)))
    for voucher in await vouchers_of(conn, list(moved)) if moved else ():
        if voucher.id in changed:
            continue
        try:
            await _set(conn, _funds_change(voucher, moved[voucher.programme_id]))
        except FundsFixed:
            continue  # it has ended and been settled: new dates of its programme no longer concern it
    return findings, short


def _of_vouchers(
    plan: Plan, directory: Directory, moved: Collection[str]
) -> Iterator[tuple[Change[VoucherRow], FundsChange]]:
    for change in plan.vouchers:
        programme = directory.programmes[change.after.programme_id]
        funds = _funds_change(change.after, programme)
        before = None if change.before is None else _funds_change(change.before, programme)
        if funds != before or programme.id in moved:
            yield change, funds


async def _set(conn: Connection, funds: FundsChange) -> None:
    await set_capacity(
        conn,
        voucher_id=funds.voucher_id,
        company_id=funds.company_id,
        programme_id=funds.programme_id,
        government_micro=funds.government_micro,
        self_micro=funds.self_micro,
        share_ppm=funds.share_ppm,
        ends_ms=funds.ends_ms,
        state=funds.state,
    )


def _below(below: BelowSpent) -> str:
    return (
        f"{format_krw(below.spent_micro)} won are spent and {format_krw(below.held_micro)} won are held:"
        f" together more than the {format_krw(below.capacity_micro)} won the voucher would reach"
    )
