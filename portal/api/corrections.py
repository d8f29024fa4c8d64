"""Corrections of what calls cost, and the reconciliations they may come from."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from billing.casework.rows import rows_of
from billing.corrections import store as corrections
from billing.directory_time import instant_ms
from billing.lifecycle import correction as life
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_PROVIDER, Refused
from billing.reconciliation import store as reconciliations
from billing.reconciliation.reading import BadStatement
from portal.api import answers, bodies, money_forms, show_corrections, shown_money
from portal.api.answers import Shown
from portal.api.desk import AtDesk, Desk
from portal.api.lists import Scope, add_list
from portal.api.route import OfficeRoute, allow
from portal.api.shown import Page
from portal.api.statements import month_of_text
from portal.api.steps import IdPath, add_log, add_one, add_step
from portal.problem import Problem

_READ: Final = (OPERATOR, AUDITOR, OWN_PROVIDER)
_STATEMENT_BYTES_MAX: Final = 16 * 1024 * 1024  # four million characters, escaped as JSON may


def router() -> APIRouter:
    made = APIRouter(route_class=OfficeRoute, tags=["corrections"])
    _add_corrections(made)
    _add_steps(made)
    _add_reconciliations(made)
    return made


def _own_provider(desk: Desk) -> Scope:
    return answers.own(desk, provider="provider_id")


def _add_corrections(made: APIRouter) -> None:
    add_list(
        made,
        "/corrections",
        corrections.FIND,
        lambda _, row: show_corrections.correction(row),
        _READ,
        shown_money.CorrectionShown,
        scope=_own_provider,
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
        now = await _load(desk, correction_id)
        return answers.one(now, status=201, location=f"/api/corrections/{correction_id}")


def _add_steps(made: APIRouter) -> None:
    add_one(made, "/corrections", "Read a correction", _load, _READ, shown_money.CorrectionShown)
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
            _load,
            shown_money.CorrectionShown,
        )
    add_log(made, "/corrections", life.TABLE, _load, (OPERATOR, AUDITOR))

    @made.get(
        "/corrections/{id}/calls",
        summary="The calls a correction changes",
        **allow(*_READ, answer=Page[shown_money.CorrectedCallShown]),
    )
    async def list_calls(desk: AtDesk, id: IdPath) -> dict[str, Any]:
        await _load(desk, id)
        calls = await corrections.calls_of(desk.conn, id)
        return {"data": [show_corrections.call(one) for one in calls], "next_cursor": None}


def _add_reconciliations(made: APIRouter) -> None:
    add_list(
        made,
        "/reconciliations",
        reconciliations.FIND,
        lambda _, row: show_corrections.reconciliation(row),
        _READ,
        shown_money.ReconciliationShown,
        scope=_own_provider,
        filters={"provider": "provider_id", "month": "month"},
    )

    @made.post(
        "/reconciliations",
        summary="Match a provider's usage statement with the books",
        **allow(
            OPERATOR,
            OWN_PROVIDER,
            answer=shown_money.ReconciliationShown,
            method="POST",
            status=201,
            body_bytes_max=_STATEMENT_BYTES_MAX,
        ),
    )
    async def reconcile(desk: AtDesk, body: money_forms.ProviderStatement) -> JSONResponse:
        desk.must_see(provider=body.provider)
        if not await rows_of(desk.conn, "select 1 from provider where id = %s", [body.provider]):
            raise Refused("provider_unknown", "There is no such provider.", "해당 공급기업이 없습니다.")
        try:
            run_id = await reconciliations.reconcile(
                desk.conn,
                body.provider,
                month_of_text(body.month),
                body.content,
                body.format,
                file_name=body.file_name,
                deed=desk.deed(),
            )
        except BadStatement as bad:
            raise _problem(bad) from None
        now = await _load_run(desk, run_id)
        return answers.one(now, status=201, location=f"/api/reconciliations/{run_id}")

    add_one(
        made, "/reconciliations", "Read a reconciliation", _load_run, _READ, shown_money.ReconciliationShown
    )

    @made.get(
        "/reconciliations/{id}/lines",
        summary="What does not match in a reconciliation",
        **allow(*_READ, answer=Page[shown_money.ReconciliationLineShown]),
    )
    async def list_lines(
        desk: AtDesk, id: IdPath, limit: answers.Limit = 50, cursor: answers.Cursor = None
    ) -> Shown:
        await _load_run(desk, id)
        scope = ("reconciliation_id = %s", [id])
        return await answers.listed(
            desk, reconciliations.LINES, scope, show_corrections.line, limit=limit, cursor=cursor
        )

    @made.post(
        "/reconciliations/{id}/propose",
        summary="Propose the provider's counts as a correction",
        **allow(OPERATOR, answer=shown_money.CorrectionShown, method="POST", status=201),
    )
    async def propose_counts(desk: AtDesk, id: IdPath, body: bodies.Because) -> JSONResponse:
        await _load_run(desk, id)
        made_id = await reconciliations.propose_counts(desk.conn, id, deed=desk.deed(body.reason))
        now = await _load(desk, made_id)
        return answers.one(now, status=201, location=f"/api/corrections/{made_id}")


def _problem(bad: BadStatement) -> Problem:
    """With the line and the column, for whoever has to mend the file."""
    at = f"line {bad.line}" + ("" if bad.column is None else f", {bad.column}")
    korean = f"{bad.line}행" + ("" if bad.column is None else f", {bad.column}")
    return Problem(422, "statement_unreadable", f"{at}: {bad.english}", korean=f"{korean}: {bad.korean}")


async def _load(desk: Desk, correction_id: str) -> Shown:
    row = await corrections.find(desk.conn, correction_id)
    desk.must_see(provider=row["provider_id"])
    return show_corrections.correction(row)


async def _load_run(desk: Desk, run_id: str) -> Shown:
    row = await reconciliations.find(desk.conn, run_id)
    desk.must_see(provider=row["provider_id"])
    return show_corrections.reconciliation(row)


def _mover(action: str) -> Any:
    async def run(desk: Desk, correction_id: str, body: Any) -> None:
        deed = desk.deed(getattr(body, "reason", None))
        await corrections.move(desk.conn, correction_id, action, deed=deed)

    return run
