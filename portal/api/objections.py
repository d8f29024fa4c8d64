"""Objections: made by providers and companies, answered by the agency."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from billing.lifecycle import objection
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_COMPANY, OWN_PROVIDER
from billing.payables import objections
from portal.api import answers, bodies, payable_forms, show_payables, shown_payables
from portal.api.answers import Shown
from portal.api.desk import AtDesk, Desk
from portal.api.lists import Scope, add_list
from portal.api.part import Part
from portal.api.route import allow
from portal.api.statements import MonthPath, month_of_text
from portal.api.steps import IdPath, add_log, add_one, add_step

_READ: Final = (OPERATOR, AUDITOR, OWN_PROVIDER, OWN_COMPANY)


def router() -> APIRouter:
    made = Part("payables")
    add_list(
        made,
        "/objections",
        objections.FIND,
        lambda desk, row: show_payables.objection(row, to=desk.actor.role),
        _READ,
        shown_payables.ObjectionShown,
        scope=own_objections,
        filters={"state": "state", "provider": "provider_id", "company": "company_id", "month": "month"},
    )
    add_one(made, "/objections", "Read an objection", load_objection, _READ, shown_payables.ObjectionShown)
    for action, body in (
        ("uphold", payable_forms.Upholding),
        ("reject", bodies.Because),
        ("withdraw", bodies.Because),
    ):
        add_step(
            made,
            "/objections",
            objection.TABLE,
            action,
            body,
            _mover(action),
            load_objection,
            shown_payables.ObjectionShown,
        )
    add_log(made, "/objections", objection.TABLE, load_objection, _READ)
    _add_of_line(made)
    return made


def _add_of_line(made: APIRouter) -> None:
    @made.post(
        "/companies/{id}/statements/{month}/object",
        summary="Object to a line of one's own final statement",
        **allow(OWN_COMPANY, answer=shown_payables.ObjectionShown, method="POST", status=201),
    )
    async def object_to_line(
        desk: AtDesk, id: IdPath, month: MonthPath, body: payable_forms.LineObjection
    ) -> JSONResponse:
        desk.must_see(company=id)
        made_id = await objections.object_to_line(
            desk.conn, id, month_of_text(month), body.voucher, body.product, deed=desk.deed(body.reason)
        )
        now = await load_objection(desk, made_id)
        return answers.one(now, status=201, location=f"/api/objections/{made_id}")


def own_objections(desk: Desk) -> Scope:
    """A provider's own are those it made; of companies' it knows that there are some."""
    if desk.actor.role == "provider":
        return "provider_id = %s and company_id is null", [desk.actor.provider]
    return answers.own(desk, company="company_id")


async def load_objection(desk: Desk, objection_id: str) -> Shown:
    row = await objections.find(desk.conn, objection_id)
    desk.must_see(
        company=row["company_id"], provider=row["provider_id"] if row["company_id"] is None else None
    )
    return show_payables.objection(row, to=desk.actor.role)


def _mover(action: str) -> Any:
    async def run(desk: Desk, objection_id: str, body: Any) -> None:
        await objections.move(
            desk.conn,
            objection_id,
            action,
            deed=desk.deed(body.reason),
            correction_id=getattr(body, "correction", None),
        )

    return run
