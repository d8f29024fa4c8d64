"""Corrections of what calls cost: proposed by one person of the agency, approved by another."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from billing.corrections import store as corrections
from billing.directory_time import instant_ms
from billing.lifecycle import correction as life
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_PROVIDER
from portal.api import answers, bodies, money_forms, show_corrections, shown_money
from portal.api.answers import Shown
from portal.api.desk import AtDesk, Desk
from portal.api.lists import Scope, add_list
from portal.api.part import Part
from portal.api.route import allow
from portal.api.shown import Page
from portal.api.steps import IdPath, add_log, add_one, add_step

_READ: Final = (OPERATOR, AUDITOR, OWN_PROVIDER)


def router() -> APIRouter:
    made = Part("corrections")
    _add_corrections(made)
    _add_steps(made)
    return made


def own_provider(desk: Desk) -> Scope:
    return answers.own(desk, provider="provider_id")


def _add_corrections(made: APIRouter) -> None:
    add_list(
        made,
        "/corrections",
        corrections.FIND,
        lambda desk, row: show_corrections.correction(row, to=desk.actor.role),
        _READ,
        shown_money.CorrectionShown,
        scope=own_provider,
        filters={"provider": "provider_id", "state": "state", "reconciliation": "run_id"},
    )

    @made.post(
        "/corrections",
        summary="Propose what calls of a wrong price should have cost",
        **allow(
            *life.TABLE.step("propose").allow,
            answer=shown_money.CorrectionShown,
            method="POST",
            status=201,
        ),
    )
    async def propose_correction(desk: AtDesk, body: money_forms.PriceCorrection) -> JSONResponse:
        correction_id, _ = await corrections.propose_by_price(
            desk.conn,
            body.product,
            from_ms=instant_ms(body.from_at),
            until_ms=instant_ms(body.until),
            price_from=body.price_from,
            deed=desk.deed(body.reason),
        )
        now = await load_correction(desk, correction_id)
        return answers.one(now, status=201, location=f"/api/corrections/{correction_id}")


def _add_steps(made: APIRouter) -> None:
    add_one(made, "/corrections", "Read a correction", load_correction, _READ, shown_money.CorrectionShown)
    for action, body in (
        ("approve", bodies.Nothing),
        ("refuse", bodies.Because),
        ("withdraw", bodies.Because),
    ):
        add_step(
            made,
            "/corrections",
            life.TABLE,
            action,
            body,
            _mover(action),
            load_correction,
            shown_money.CorrectionShown,
        )
    add_log(made, "/corrections", life.TABLE, load_correction, (OPERATOR, AUDITOR))

    @made.get(
        "/corrections/{id}/calls",
        summary="The calls a correction changes",
        **allow(*_READ, answer=Page[shown_money.CorrectedCallShown]),
    )
    async def list_calls(desk: AtDesk, id: IdPath) -> dict[str, Any]:
        await load_correction(desk, id)
        calls = await corrections.calls_of(desk.conn, id)
        return {"data": [show_corrections.call(one) for one in calls], "next_cursor": None}


async def load_correction(desk: Desk, correction_id: str) -> Shown:
    row = await corrections.find(desk.conn, correction_id)
    desk.must_see(provider=row["provider_id"])
    return show_corrections.correction(row, to=desk.actor.role)


def _mover(action: str) -> Any:
    async def run(desk: Desk, correction_id: str, body: Any) -> None:
        deed = desk.deed(getattr(body, "reason", None))
        await corrections.move(desk.conn, correction_id, action, deed=deed)

    return run
