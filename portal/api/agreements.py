"""Agreements, their amendments, and the vouchers issued on them."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from billing.casework import agreements
from billing.lifecycle import agreement, amendment, voucher
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_COMPANY, Refused
from portal.api import answers, bodies, show
from portal.api.answers import Shown
from portal.api.desk import AtDesk, Desk
from portal.api.route import OfficeRoute, allow
from portal.api.steps import IdPath, add_log, add_one, add_step

_READ: Final = (OPERATOR, AUDITOR, OWN_COMPANY)
_AMENDMENTS: Final = "select m.*, g.company_id from amendment m join agreement g on g.id = m.agreement_id"


def router() -> APIRouter:
    made = APIRouter(route_class=OfficeRoute, tags=["agreements"])
    _add_agreements(made)
    _add_amendments(made)
    return made


def _add_agreements(made: APIRouter) -> None:
    @made.get("/agreements", summary="List agreements", **allow(*_READ))
    async def list_agreements(
        desk: AtDesk, limit: answers.Limit = 50, cursor: answers.Cursor = None
    ) -> dict[str, Any]:
        scope = answers.own(desk, company="company_id")
        return await answers.listed(desk, agreements.FIND, scope, show.agreement, limit=limit, cursor=cursor)

    @made.post(
        "/agreements",
        summary="Offer an agreement",
        status_code=201,
        **allow(*agreement.TABLE.step("make").allow, method="POST"),
    )
    async def make_agreement(desk: AtDesk, body: bodies.Agreement) -> JSONResponse:
        values = {name: getattr(body, name) for name in bodies.Terms.model_fields}
        if body.government_krw is None:
            del values["government_krw"]
        made_id = await agreements.make(desk.conn, body.application, _columns(values), deed=desk.deed())
        return answers.one(await _load(desk, made_id), status=201, location=f"/api/agreements/{made_id}")

    add_one(made, "/agreements", "Read an agreement", _load, _READ)
    table = agreement.TABLE
    for action, body in (
        ("sign", bodies.Nothing),
        ("decline", bodies.Because),
        ("revoke", bodies.Because),
        ("terminate", bodies.Because),
        ("complete", bodies.Nothing),
    ):
        add_step(made, "/agreements", table, action, body, _mover(action), _load)
    add_step(made, "/agreements", voucher.TABLE, "issue", bodies.Issue, _issue, _load)
    add_log(made, "/agreements", table, _load, _READ)

    @made.get("/agreements/{id}/terms", summary="An agreement's terms, version by version", **allow(*_READ))
    async def list_terms(desk: AtDesk, id: IdPath) -> dict[str, Any]:
        await _load(desk, id)
        found = await agreements.terms_of(desk.conn, id)
        shown = [{"version": one["version"], **show.terms(one)} for one in found]
        return {"data": shown, "next_cursor": None}


def _add_amendments(made: APIRouter) -> None:
    @made.get("/amendments", summary="List amendments", **allow(*_READ))
    async def list_amendments(
        desk: AtDesk, limit: answers.Limit = 50, cursor: answers.Cursor = None
    ) -> dict[str, Any]:
        scope = answers.own(desk, company="company_id")
        return await answers.listed(
            desk, agreements.AMENDMENTS, scope, show.amendment, limit=limit, cursor=cursor
        )

    @made.post(
        "/agreements/{id}/amendments",
        summary="Ask for other terms",
        status_code=201,
        **allow(*amendment.TABLE.step("make").allow, method="POST"),
    )
    async def make_amendment(desk: AtDesk, id: IdPath, body: bodies.Amendment) -> JSONResponse:
        await _load(desk, id)
        changes = bodies.given(body)
        del changes["reason"]
        if any(value is None for name, value in changes.items() if name != "products"):
            raise Refused("invalid", "A term that changes has a value.", "변경할 값을 입력해 주세요.")
        made_id = await agreements.ask(desk.conn, id, _columns(changes), deed=desk.deed(body.reason))
        shown = await _load_amendment(desk, made_id)
        return answers.one(shown, status=201, location=f"/api/amendments/{made_id}")

    add_one(made, "/amendments", "Read an amendment", _load_amendment, _READ)
    table = amendment.TABLE
    for action, body in (
        ("approve", bodies.Nothing),
        ("refuse", bodies.Because),
        ("withdraw", bodies.Nothing),
    ):
        add_step(made, "/amendments", table, action, body, _mover_of_amendment(action), _load_amendment)
    add_log(made, "/amendments", table, _load_amendment, _READ)


async def _load(desk: Desk, agreement_id: str) -> Shown:
    row = await agreements.find(desk.conn, agreement_id)
    desk.must_see(company=row["company_id"])
    return show.agreement(row)


async def _load_amendment(desk: Desk, amendment_id: str) -> Shown:
    row = await agreements.find_amendment(desk.conn, amendment_id)
    desk.must_see(company=row["company_id"])
    return show.amendment(row)


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
        await agreements.move_amendment(desk.conn, amendment_id, action, deed=deed)

    return run


async def _issue(desk: Desk, agreement_id: str, body: bodies.Issue) -> None:
    await agreements.issue(
        desk.conn, agreement_id, voucher_id=body.id, deposit_micro=body.self_deposit_krw, deed=desk.deed()
    )
