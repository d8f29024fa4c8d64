"""Payables of providers: made by the close of a month, moved by the agency, objected to by their provider."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from billing.casework.programmes import change_holdback
from billing.lifecycle import payable, programme
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_PROVIDER
from billing.payables import moving, objections, paying, rows
from billing.statements.month import month_named
from billing.statements.statement import Subject
from billing.statements.store import closed_lines
from portal.api import (
    answers,
    bodies,
    payable_forms,
    programmes,
    show_payables,
    show_statement,
    shown_payables,
)
from portal.api.answers import Shown
from portal.api.corrections import own_provider
from portal.api.desk import AtDesk, Desk
from portal.api.lists import add_list
from portal.api.objections import load_objection
from portal.api.part import Part
from portal.api.route import allow
from portal.api.steps import IdPath, add_log, add_one, add_step

READ: Final = (OPERATOR, AUDITOR, OWN_PROVIDER)
_BODIES: Final[dict[str, type[bodies.Body]]] = {
    "propose": bodies.Nothing,
    "send_back": bodies.Because,
    "approve": bodies.Nothing,
    "hold": payable_forms.Hold,
    "lift": bodies.Because,
    "retry": bodies.Because,
    "release": bodies.Because,
}


def router() -> APIRouter:
    made = Part("payables")
    add_list(
        made,
        "/payables",
        rows.FIND,
        lambda desk, row: show_payables.payable(row, to=desk.actor.role),
        READ,
        shown_payables.PayableShown,
        scope=own_provider,
        filters={"provider": "provider_id", "month": "month", "state": "state", "kind": "kind"},
    )
    add_one(made, "/payables", "Read a payable", load_payable, READ, shown_payables.PayableShown)
    _add_steps(made)
    add_log(made, "/payables", payable.TABLE, load_payable, READ)
    _add_lines(made)
    _add_objection(made)
    add_step(
        made,
        "/programmes",
        programme.TABLE,
        "change_holdback",
        payable_forms.HoldbackChange,
        _change_holdback,
        programmes.load,
        programmes.KIND.answer,
    )
    return made


def _add_steps(made: APIRouter) -> None:
    for action, body in _BODIES.items():
        add_step(
            made,
            "/payables",
            payable.TABLE,
            action,
            body,
            _mover(action),
            load_payable,
            shown_payables.PayableShown,
        )
    # By file a batch of them is paid at once: POST /payout_batches.
    add_step(
        made,
        "/payables",
        payable.TABLE,
        "pay",
        bodies.Nothing,
        _transfer,
        load_payable,
        shown_payables.PayableShown,
    )


def _add_lines(made: APIRouter) -> None:
    @made.get(
        "/payables/{id}/lines",
        summary="The lines that a payable is made of",
        **allow(*READ, answer=shown_payables.PayableLinesShown),
    )
    async def list_payable_lines(desk: AtDesk, id: IdPath) -> dict[str, Any]:
        shown = await load_payable(desk, id)
        found = await closed_lines(
            desk.conn, month_named(shown["month"]), subject=Subject("provider", shown["provider"])
        )
        lines = found if shown["kind"] == "month" else []
        return {
            "id": id,
            "provider": shown["provider"],
            "month": shown["month"],
            "supply_krw": show_payables.won(sum(line.won.supply for line in lines)),
            "lines": [show_statement.line(line) for line in lines],
        }


def _add_objection(made: APIRouter) -> None:
    @made.post(
        "/payables/{id}/object",
        summary="Object to a payable of one's own",
        **allow(OWN_PROVIDER, answer=shown_payables.ObjectionShown, method="POST", status=201),
    )
    async def object_to_payable(desk: AtDesk, id: IdPath, body: bodies.Because) -> JSONResponse:
        await load_payable(desk, id)
        made_id = await objections.object_to_payable(desk.conn, id, deed=desk.deed(body.reason))
        now = await load_objection(desk, made_id)
        return answers.one(now, status=201, location=f"/api/objections/{made_id}")


async def load_payable(desk: Desk, payable_id: str) -> Shown:
    row = await rows.find(desk.conn, payable_id)
    desk.must_see(provider=row["provider_id"])
    return show_payables.payable(row, to=desk.actor.role)


def _mover(action: str) -> Any:
    async def run(desk: Desk, payable_id: str, body: Any) -> None:
        deed = desk.deed(getattr(body, "reason", None))
        await moving.move(desk.conn, payable_id, action, deed=deed, case=getattr(body, "case", ""))

    return run


async def _transfer(desk: Desk, payable_id: str, _: bodies.Nothing) -> None:
    is_on = desk.api.transfers is not None
    await paying.pay_by_transfer(desk.conn, desk.api.secrets, payable_id, is_on=is_on, deed=desk.deed())


async def _change_holdback(desk: Desk, programme_id: str, body: payable_forms.HoldbackChange) -> None:
    await change_holdback(
        desk.conn,
        programme_id,
        from_month=body.from_,
        basis_points=body.basis_points,
        deed=desk.deed(body.reason),
    )
