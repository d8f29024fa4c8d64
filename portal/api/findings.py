"""Auditors' findings: found, objected to, confirmed by the agency, paid back."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from billing.lifecycle import finding as life
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_COMPANY
from billing.settlements import findings
from portal.api import answers, bodies, ending_forms, show_ending, shown_ending
from portal.api.answers import Shown
from portal.api.desk import AtDesk, Desk
from portal.api.lists import add_list, own_company
from portal.api.part import Part
from portal.api.route import allow
from portal.api.steps import add_log, add_one, add_step

_READ: Final = (OPERATOR, AUDITOR, OWN_COMPANY)


def router() -> APIRouter:
    made = Part("findings")
    _add_findings(made)
    _add_steps(made)
    return made


def _add_findings(made: APIRouter) -> None:
    add_list(
        made,
        "/findings",
        findings.FIND,
        lambda desk, row: show_ending.finding(row, to=desk.actor.role),
        _READ,
        shown_ending.FindingShown,
        scope=own_company,
        filters={
            "agreement": "agreement_id",
            "voucher": "voucher_id",
            "company": "company_id",
            "state": "state",
        },
    )

    @made.post(
        "/findings",
        summary="Find that something was not to be spent",
        **allow(*life.TABLE.step("find").allow, answer=shown_ending.FindingShown, method="POST", status=201),
    )
    async def make_finding(desk: AtDesk, body: ending_forms.Finding) -> JSONResponse:
        lines = [
            {"call": one.call, "product": one.product, "month": one.month, "amount_micro": one.amount_krw}
            for one in body.lines
        ]
        made_id = await findings.make(
            desk.conn,
            lines,
            agreement_id=body.agreement,
            voucher_id=body.voucher,
            deed=desk.deed(body.reason),
        )
        now = await load_finding(desk, made_id)
        return answers.one(now, status=201, location=f"/api/findings/{made_id}")

    add_one(made, "/findings", "Read a finding", load_finding, _READ, shown_ending.FindingShown)


def _add_steps(made: APIRouter) -> None:
    for action, body in (
        ("object", bodies.Because),
        ("confirm", bodies.Because),
        ("dismiss", bodies.Because),
        ("offset", ending_forms.Offset),
        ("repay", bodies.Nothing),
    ):
        add_step(
            made,
            "/findings",
            life.TABLE,
            action,
            body,
            _mover(action),
            load_finding,
            shown_ending.FindingShown,
        )
    add_log(made, "/findings", life.TABLE, load_finding, _READ)


async def load_finding(desk: Desk, finding_id: str) -> Shown:
    row = await findings.find(desk.conn, finding_id)
    desk.must_see(company=row["company_id"])
    return show_ending.finding(row, await findings.lines_of(desk.conn, finding_id), to=desk.actor.role)


def _mover(action: str) -> Any:
    async def run(desk: Desk, finding_id: str, body: Any) -> None:
        await findings.move(
            desk.conn,
            finding_id,
            action,
            deed=desk.deed(getattr(body, "reason", None)),
            amount_micro=getattr(body, "amount_krw", 0),
        )

    return run
