"""Vouchers: declared by the agency or issued on agreements, then suspended, extended, ended or taken back."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter

from billing.casework import vouchers
from billing.declaration import models
from billing.lifecycle import voucher
from billing.lifecycle.own_fund import PROGRAMME
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_COMPANY, Refused
from portal.api import bodies, declared, forms, show, shown
from portal.api.declared import Kind
from portal.api.desk import Desk
from portal.api.part import Part
from portal.api.steps import add_log, add_step

VOUCHERS: Final = Kind(
    path="vouchers",
    model=models.Voucher,
    query=vouchers.FIND,
    show=lambda desk, row: show.voucher(row, desk.now_ms),
    answer=shown.VoucherShown,
    read=(OPERATOR, AUDITOR, OWN_COMPANY),
    company="company_id",
    filters={"programme": "programme_id", "company": "company_id"},
)
_load: Final = declared.load_of(VOUCHERS)
# Its state is changed by steps, with a reason.
VoucherChange: Final = bodies.some_of(
    models.Voucher, "VoucherChange", without=frozenset({"id", "company", "programme", "state"})
)


def router() -> APIRouter:
    made = Part("vouchers")
    declared.add_read(made, VOUCHERS)
    declared.add_make(made, VOUCHERS)
    declared.add_patch(made, VOUCHERS, VoucherChange, _change)
    table = voucher.TABLE
    for action, body in (
        ("suspend", bodies.Because),
        ("resume", bodies.Because),
        ("end", bodies.Because),
        ("deposit", forms.Deposit),
        ("extend", forms.VoucherExtension),
        ("claw_back", forms.ClawBack),
    ):
        add_step(made, "/vouchers", table, action, body, _mover(action), _load, VOUCHERS.answer)
    add_log(made, "/vouchers", table, _load, (OPERATOR, AUDITOR, OWN_COMPANY))
    return made


async def _change(desk: Desk, voucher_id: str, body: bodies.Body) -> None:
    row = await vouchers.find(desk.conn, voucher_id)
    if row["programme_id"] == PROGRAMME:
        raise voucher.NO_OWN_FUND.refusal()
    if row["agreement_id"] is not None:
        raise voucher.WITHOUT_AGREEMENT.refusal()
    if vouchers.state_of(row, desk.now_ms) not in ("active", "suspended"):
        raise Refused("wrong_state", "The voucher has ended.", "이미 종료된 바우처입니다.")
    await declared.write(desk, bodies.declared(models.Voucher, body, id=voucher_id))
    now = await _load(desk, voucher_id)
    await declared.note(desk, VOUCHERS, "change", voucher_id, now, fields=sorted(body.model_fields_set))


def _mover(action: str) -> Any:
    async def run(desk: Desk, voucher_id: str, body: Any) -> None:
        await vouchers.move(
            desk.conn,
            voucher_id,
            action,
            deed=desk.deed(getattr(body, "reason", None)),
            amount_micro=getattr(body, "amount_krw", 0),
            new_ends_on=getattr(body, "ends_on", None),
        )

    return run
