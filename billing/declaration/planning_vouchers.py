"""Vouchers laid over what is stored: whose, of which programme and share stays as it was made. Pure."""

from __future__ import annotations

from typing import Any

from billing.declaration import models
from billing.declaration.judge import Judge
from billing.declaration.reading import Entry
from billing.declaration.rows import ProgrammeRow, VoucherRow
from metering import shares
from metering.money import AMOUNT_MICRO_MAX, MICRO_PER_WON


def plan_voucher(judge: Judge, entry: Entry[models.Voucher]) -> None:
    declared = entry.declared
    before = judge.directory.vouchers.get(declared.id)
    given = declared.given()
    if "products" in given:
        given["products"] = judge.product_list(entry, declared.products)
    if before is not None:
        if before.state == "ended":
            judge.refuse(entry, "this voucher was ended by the office, for good")
            return
        if not judge.keeps(entry, "company", before.company_id, declared.company):
            return
        if not judge.keeps(entry, "programme", before.programme_id, declared.programme):
            return
    elif not _find_share(judge, entry, given):
        return
    after = judge.lay(entry, judge.directory.vouchers, judge.plan.vouchers, VoucherRow, given)
    if after is None:
        return
    if declared.id in judge.directory.settled_vouchers:  # it no longer minds its programme's days
        if after != before:
            judge.refuse(entry, "its settlement has begun, and it stays as it is")
        return
    _judge_capacity(judge, entry, after)
    programme = judge.directory.programmes.get(after.programme_id)
    if programme is not None and not judge.is_unjudged("programme", programme.id):
        _judge_period(judge, entry, after, programme)


def _find_share(judge: Judge, entry: Entry[models.Voucher], given: dict[str, Any]) -> bool:
    """The share of a voucher to be made, by its company's class."""
    declared = entry.declared
    if declared.company is None or declared.programme is None:
        return True  # lacking, which is said when it is laid over nothing
    company_known = judge.refers(entry, "company", declared.company, "company")
    if not judge.refers(entry, "programme", declared.programme, "programme") or not company_known:
        return False
    if declared.programme in judge.directory.closed_programmes:
        judge.refuse(entry, f"programme {declared.programme} is closed", "programme")
        return False
    class_name = judge.directory.companies[declared.company].class_name
    programme = judge.directory.programmes[declared.programme]
    share_ppm = programme.shares.get(class_name)
    if share_ppm is None:
        classes = ", ".join(programme.shares)
        reason = f"programme {programme.id} has no share for the class {class_name}, only for {classes}"
        judge.refuse(entry, reason, "company")
        return False
    given |= {"class_name": class_name, "share_ppm": share_ppm}
    return True


def _judge_period(
    judge: Judge, entry: Entry[models.Voucher], after: VoucherRow, programme: ProgrammeRow
) -> None:
    outside = False
    for name, day in (("starts_on", after.starts_on), ("ends_on", after.ends_on)):
        if day is not None and not programme.starts_on <= day <= programme.ends_on:
            outside = True
            period = f"{programme.starts_on} to {programme.ends_on}"
            judge.refuse(entry, f"must be within the programme's {period}", name)
    starts_on = programme.starts_on if after.starts_on is None else after.starts_on
    ends_on = programme.ends_on if after.ends_on is None else after.ends_on
    if starts_on > ends_on and not outside:
        judge.refuse(entry, "must not be before starts_on", "ends_on")


def _judge_capacity(judge: Judge, entry: Entry[models.Voucher], after: VoucherRow) -> None:
    capacity = shares.capacity(
        grant_micro=after.government_micro, deposit_micro=after.self_micro, share_ppm=after.share_ppm
    )
    if capacity.total_micro > AMOUNT_MICRO_MAX:
        reason = f"one voucher reaches at most {AMOUNT_MICRO_MAX // MICRO_PER_WON:,} won in all"
        judge.refuse(entry, reason, "government_krw")
