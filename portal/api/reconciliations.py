"""Reconciliations: a provider's usage statement matched with the books, and the corrections that follow."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from billing.casework.rows import rows_of
from billing.lifecycle import correction as life
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_PROVIDER, Refused
from billing.reconciliation import store as reconciliations
from billing.reconciliation.reading import BadStatement
from portal.api import answers, bodies, money_forms, show_corrections, shown_money
from portal.api.answers import Shown
from portal.api.corrections import load_correction, own_provider
from portal.api.desk import AtDesk, Desk
from portal.api.lists import add_list
from portal.api.part import Part
from portal.api.route import allow
from portal.api.shown import Page
from portal.api.statements import month_of_text
from portal.api.steps import IdPath, add_one
from portal.problem import Problem

_READ: Final = (OPERATOR, AUDITOR, OWN_PROVIDER)
_STATEMENT_BYTES_MAX: Final = 16 * 1024 * 1024  # four million characters, escaped as JSON may


def router() -> APIRouter:
    made = Part("reconciliations")
    _add_runs(made)
    _add_what_follows(made)
    return made


def _add_runs(made: APIRouter) -> None:
    add_list(
        made,
        "/reconciliations",
        reconciliations.FIND,
        lambda desk, row: show_corrections.reconciliation(row, to=desk.actor.role),
        _READ,
        shown_money.ReconciliationShown,
        scope=own_provider,
        filters={"provider": "provider_id", "month": "month"},
    )

    @made.post(
        "/reconciliations",
        summary="Match a provider's usage statement with the books",
        **allow(
            *_READ,
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


def _add_what_follows(made: APIRouter) -> None:
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
        **allow(
            *life.TABLE.step("propose").allow,
            answer=shown_money.CorrectionShown,
            method="POST",
            status=201,
        ),
    )
    async def propose_counts(desk: AtDesk, id: IdPath, body: bodies.Because) -> JSONResponse:
        await _load_run(desk, id)
        made_id = await reconciliations.propose_counts(desk.conn, id, deed=desk.deed(body.reason))
        now = await load_correction(desk, made_id)
        return answers.one(now, status=201, location=f"/api/corrections/{made_id}")


def _problem(bad: BadStatement) -> Problem:
    """With the line and the column, for whoever has to mend the file."""
    at = f"line {bad.line}" + ("" if bad.column is None else f", {bad.column}")
    korean = f"{bad.line}행" + ("" if bad.column is None else f", {bad.column}")
    return Problem(422, "statement_unreadable", f"{at}: {bad.english}", korean=f"{korean}: {bad.korean}")


async def _load_run(desk: Desk, run_id: str) -> Shown:
    row = await reconciliations.find(desk.conn, run_id)
    desk.must_see(provider=row["provider_id"])
    return show_corrections.reconciliation(row, to=desk.actor.role)
