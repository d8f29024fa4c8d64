"""Own money that calls may spend: opted into by its company, with a limit, and given up again."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from billing.lifecycle import own_fund as life
from billing.payments import own_fund
from portal.api import answers, bodies, payment_forms, show_payments, shown_payments
from portal.api.answers import Shown
from portal.api.desk import AtDesk, Desk
from portal.api.lists import add_list, own_company
from portal.api.part import Part
from portal.api.payments import READ
from portal.api.route import allow
from portal.api.steps import add_log, add_one, add_step

_ANSWER: Final = shown_payments.OwnFundShown


def router() -> APIRouter:
    made = Part("own money")
    add_list(
        made,
        "/own_funds",
        own_fund.FIND,
        lambda _, row: show_payments.own_fund(row),
        READ,
        _ANSWER,
        scope=own_company,
        filters={"state": "state"},
    )

    @made.post(
        "/own_funds",
        summary="Let calls spend own money, up to a limit",
        **allow(*life.TABLE.step("opt_in").allow, answer=_ANSWER, method="POST", status=201),
    )
    async def opt_in(desk: AtDesk, body: payment_forms.OwnFund) -> JSONResponse:
        company = desk.actor.company
        assert company is not None, "the route is for companies"
        await own_fund.opt_in(desk.conn, company, body.limit_krw, deed=desk.deed())
        return answers.one(await _load(desk, company), status=201, location=f"/api/own_funds/{company}")

    add_one(made, "/own_funds", "Read what calls may spend of own money", _load, READ, _ANSWER)
    for action, body in (
        ("change", payment_forms.OwnFund),
        ("opt_out", bodies.Nothing),
        ("reopen", payment_forms.OwnFund),
    ):
        add_step(made, "/own_funds", life.TABLE, action, body, _mover(action), _load, _ANSWER)
    add_log(made, "/own_funds", life.TABLE, _load, READ)
    return made


async def _load(desk: Desk, company_id: str) -> Shown:
    row = await own_fund.find(desk.conn, company_id)
    desk.must_see(company=row["company_id"])
    return show_payments.own_fund(row)


def _mover(action: str) -> Any:
    async def run(desk: Desk, company_id: str, body: Any) -> None:
        limit = getattr(body, "limit_krw", None)
        await own_fund.move(desk.conn, company_id, action, deed=desk.deed(), limit_micro=limit)

    return run
