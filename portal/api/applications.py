"""Applications and their evaluations: written by their company, screened and scored by the agency."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from billing.casework import applications, sheets
from billing.casework.rows import row_of
from billing.lifecycle import application
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_COMPANY
from portal.api import answers, bodies, forms, show_casework, shown
from portal.api.answers import Shown
from portal.api.desk import AtDesk, Desk
from portal.api.lists import add_list, everything, own_company
from portal.api.part import Part
from portal.api.route import allow
from portal.api.steps import IdPath, add_change, add_log, add_one, add_step

_READ: Final = (OPERATOR, AUDITOR, OWN_COMPANY)
ApplicationChange: Final = bodies.some_of(forms.ApplicationFields, "ApplicationChange")
_EVALUATIONS: Final = "select id::text as id, application_id, evaluator, milli, comment, at from evaluation"
# Numbers as text sort by their length first, so that a cursor of text goes through them in order.
_NUMBERED: Final = "select lpad(id, 20, '0') as id, application_id, evaluator, milli, comment, at from ({}) e"


def router() -> APIRouter:
    made = Part("applications")
    _add_applications(made)
    _add_steps(made)
    _add_documents(made)
    _add_evaluations(made)
    return made


def _add_applications(made: APIRouter) -> None:
    add_list(
        made,
        "/applications",
        "select * from application",
        lambda desk, row: show_casework.application(row, to=desk.actor.role),
        _READ,
        shown.ApplicationShown,
        scope=own_company,
        filters={"round": "round_id", "company": "company_id", "state": "state"},
    )

    @made.post(
        "/applications",
        summary="Begin an application",
        **allow(
            *application.TABLE.step("make").allow, answer=shown.ApplicationShown, method="POST", status=201
        ),
    )
    async def make_application(desk: AtDesk, body: forms.Application) -> JSONResponse:
        company = desk.actor.company
        assert company is not None, "the route is for companies"
        values = {name: getattr(body, name) for name in forms.ApplicationFields.model_fields}
        made_id = await applications.make(desk.conn, body.round, company, _columns(values), deed=desk.deed())
        return answers.one(await _load(desk, made_id), status=201, location=f"/api/applications/{made_id}")


def _add_steps(made: APIRouter) -> None:
    table = application.TABLE
    add_one(made, "/applications", "Read an application", _load, _READ, shown.ApplicationShown)
    add_change(
        made,
        "/applications",
        "Amend an application",
        ApplicationChange,
        _change,
        _load,
        table.step("change").allow,
        shown.ApplicationShown,
    )
    for action, body in (
        ("submit", bodies.Nothing),
        ("withdraw", bodies.Because),
        ("reopen", bodies.Nothing),
        ("screen", forms.Screening),
        ("score", bodies.Nothing),
        ("reject", bodies.Because),
    ):
        add_step(made, "/applications", table, action, body, _mover(action), _load, shown.ApplicationShown)
    add_log(made, "/applications", table, _load, _READ)


def _add_documents(made: APIRouter) -> None:
    @made.get(
        "/applications/{id}/documents",
        summary="An application's documents",
        **allow(*_READ, answer=shown.Page[shown.DocumentShown]),
    )
    async def list_documents(desk: AtDesk, id: IdPath) -> dict[str, Any]:
        await _load(desk, id)
        found = await sheets.documents(desk.conn, id)
        return {"data": [show_casework.document(one) for one in found], "next_cursor": None}

    @made.post(
        "/applications/{id}/documents",
        summary="Name a document",
        **allow(OWN_COMPANY, answer=shown.DocumentShown, method="POST", status=201),
    )
    async def add_document(desk: AtDesk, id: IdPath, body: forms.Document) -> JSONResponse:
        await _load(desk, id)
        found = await sheets.add_document(desk.conn, id, body.model_dump(), deed=desk.deed())
        return answers.one(show_casework.document(found), status=201)


def _add_evaluations(made: APIRouter) -> None:
    add_list(
        made,
        "/evaluations",
        _NUMBERED.format(_EVALUATIONS),
        lambda _, row: show_casework.evaluation({**row, "id": int(row["id"])}),
        (OPERATOR, AUDITOR),
        shown.EvaluationShown,
        scope=everything,
        filters={"application": "application_id", "evaluator": "evaluator"},
    )

    @made.post(
        "/evaluations",
        summary="Score an application",
        **allow(
            *application.TABLE.step("evaluate").allow,
            answer=shown.EvaluationShown,
            method="POST",
            status=201,
        ),
    )
    async def make_evaluation(desk: AtDesk, body: forms.Evaluation) -> JSONResponse:
        made_id = await sheets.evaluate(
            desk.conn, body.application, body.points, body.comment, deed=desk.deed()
        )
        sheet = await _load_sheet(desk, str(made_id))
        return answers.one(sheet, status=201, location=f"/api/evaluations/{made_id}")

    add_one(
        made, "/evaluations", "Read a score sheet", _load_sheet, (OPERATOR, AUDITOR), shown.EvaluationShown
    )


async def _load_sheet(desk: Desk, sheet_id: str) -> Shown:
    row = await row_of(desk.conn, f"select * from ({_EVALUATIONS}) e where id = %s", [sheet_id])  # noqa: S608
    return show_casework.evaluation(row)


async def _load(desk: Desk, application_id: str) -> Shown:
    row = await row_of(desk.conn, "select * from application where id = %s", [application_id])
    desk.must_see(company=row["company_id"])
    return show_casework.application(row, to=desk.actor.role)


def _columns(values: dict[str, Any]) -> dict[str, Any]:
    found = {name.replace("_krw", "_micro"): value for name, value in values.items()}
    if found.get("products") == ["*"]:
        found["products"] = None
    if "bonuses" in found:
        found["bonuses"] = sorted(set(found["bonuses"]))
    return found


async def _change(desk: Desk, application_id: str, body: bodies.Body) -> None:
    await applications.change(desk.conn, application_id, _columns(bodies.given(body)), deed=desk.deed())


def _mover(action: str) -> Any:
    async def run(desk: Desk, application_id: str, body: Any) -> None:
        granted = body.bonuses if isinstance(body, forms.Screening) else None
        await applications.move(
            desk.conn,
            application_id,
            action,
            deed=desk.deed(getattr(body, "reason", None)),
            granted_bonuses=granted,
        )

    return run
