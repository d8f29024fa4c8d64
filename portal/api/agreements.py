"""Agreements, their amendments, and the vouchers issued on them."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from billing.casework import agreements, amendments
from billing.casework.rows import lock_budget
from billing.lifecycle import agreement, amendment, voucher
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_COMPANY, Refused
from billing.payments.own_money import draw
from portal.api import answers, bodies, forms, show_casework, shown
from portal.api.answers import Shown
from portal.api.desk import AtDesk, Desk
from portal.api.lists import add_list, own_company
from portal.api.part import Part
from portal.api.route import allow
from portal.api.steps import IdPath, add_log, add_one, add_step

_READ: Final = (OPERATOR, AUDITOR, OWN_COMPANY)
_AMENDMENTS: Final = "select m.*, g.company_id from amendment m join agreement g on g.id = m.agreement_id"


def router() -> APIRouter:
    made = Part("agreements")
    _add_agreements(made)
    _add_steps(made)
    _add_amendments(made)
    _add_steps_of_amendments(made)
    return made


def _add_agreements(made: APIRouter) -> None:
    add_list(
        made,
        "/agreements",
        agreements.FIND,
        lambda _, row: show_casework.agreement(row),
        _READ,
        shown.AgreementShown,
        scope=own_company,
        filters={"programme": "programme_id", "company": "company_id", "state": "state"},
    )

    @made.post(
        "/agreements",
        summary="Offer an agreement",
        **allow(*agreement.TABLE.step("make").allow, answer=shown.AgreementShown, method="POST", status=201),
    )
    async def make_agreement(desk: AtDesk, body: forms.Agreement) -> JSONResponse:
        values = {name: value for name, value in bodies.given(body).items() if name != "application"}
        made_id = await agreements.make(desk.conn, body.application, _columns(values), deed=desk.deed())
        return answers.one(await _load(desk, made_id), status=201, location=f"/api/agreements/{made_id}")


def _add_steps(made: APIRouter) -> None:
    add_one(made, "/agreements", "Read an agreement", _load, _READ, shown.AgreementShown)
    table = agreement.TABLE
    for action, body in (
        ("sign", bodies.Nothing),
        ("decline", bodies.Because),
        ("revoke", bodies.Because),
        ("terminate", bodies.Because),
        ("complete", bodies.Nothing),
    ):
        add_step(made, "/agreements", table, action, body, _mover(action), _load, shown.AgreementShown)
    add_step(made, "/agreements", voucher.TABLE, "issue", forms.Issue, _issue, _load, shown.AgreementShown)
    add_log(made, "/agreements", table, _load, _READ)

    @made.get(
        "/agreements/{id}/terms",
        summary="An agreement's terms, version by version",
        **allow(*_READ, answer=shown.Page[shown.TermsShown]),
    )
    async def list_terms(desk: AtDesk, id: IdPath) -> dict[str, Any]:
        await _load(desk, id)
        found = await agreements.terms_of(desk.conn, id)
        versions = [{"version": one["version"], **show_casework.terms(one)} for one in found]
        return {"data": versions, "next_cursor": None}


def _add_amendments(made: APIRouter) -> None:
    add_list(
        made,
        "/amendments",
        amendments.FIND,
        lambda _, row: show_casework.amendment(row),
        _READ,
        shown.AmendmentShown,
        scope=own_company,
        filters={"agreement": "agreement_id", "company": "company_id", "state": "state"},
    )

    @made.post(
        "/agreements/{id}/amendments",
        summary="Ask for other terms",
        **allow(*amendment.TABLE.step("make").allow, answer=shown.AmendmentShown, method="POST", status=201),
    )
    async def make_amendment(desk: AtDesk, id: IdPath, body: forms.Amendment) -> JSONResponse:
        await _load(desk, id)
        changes = bodies.given(body)
        del changes["reason"]
        if any(value is None for name, value in changes.items() if name != "products"):
            raise Refused("invalid", "A term that changes has a value.", "변경할 값을 입력해 주세요.")
        made_id = await amendments.ask(desk.conn, id, _columns(changes), deed=desk.deed(body.reason))
        now = await _load_amendment(desk, made_id)
        return answers.one(now, status=201, location=f"/api/amendments/{made_id}")


def _add_steps_of_amendments(made: APIRouter) -> None:
    add_one(made, "/amendments", "Read an amendment", _load_amendment, _READ, shown.AmendmentShown)
    table = amendment.TABLE
    for action, body in (
        ("approve", bodies.Nothing),
        ("refuse", bodies.Because),
        ("withdraw", bodies.Nothing),
    ):
        add_step(
            made,
            "/amendments",
            table,
            action,
            body,
            _mover_of_amendment(action),
            _load_amendment,
            shown.AmendmentShown,
        )
    add_log(made, "/amendments", table, _load_amendment, _READ)


async def _load(desk: Desk, agreement_id: str) -> Shown:
    row = await agreements.find(desk.conn, agreement_id)
    desk.must_see(company=row["company_id"])
    return show_casework.agreement(row)


async def _load_amendment(desk: Desk, amendment_id: str) -> Shown:
    row = await amendments.find(desk.conn, amendment_id)
    desk.must_see(company=row["company_id"])
    return show_casework.amendment(row)


def _columns(values: dict[str, Any]) -> dict[str, Any]:
    found = {name.replace("_krw", "_micro"): value for name, value in values.items()}
    if found.get("products") == ["*"]:
        found["products"] = None
    return found


def _mover(action: str) -> Any:
    async def run(desk: Desk, agreement_id: str, body: Any) -> None:
        await agreements.move(desk.conn, agreement_id, action, deed=desk.deed(getattr(body, "reason", None)))

    return run


def _mover_of_amendment(action: str) -> Any:
    async def run(desk: Desk, amendment_id: str, body: Any) -> None:
        deed = desk.deed(getattr(body, "reason", None))
        await amendments.move(desk.conn, amendment_id, action, deed=deed)

    return run


async def _issue(desk: Desk, agreement_id: str, body: forms.Issue) -> None:
    if body.own_krw:
        await lock_budget(desk.conn)
        company_id = (await agreements.find(desk.conn, agreement_id))["company_id"]
        await draw(desk.conn, company_id, amount_micro=body.own_krw)
    deposit_micro = body.self_deposit_krw + body.own_krw
    await agreements.issue(
        desk.conn, agreement_id, voucher_id=body.id, deposit_micro=deposit_micro, deed=desk.deed()
    )
