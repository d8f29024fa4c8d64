"""Use that providers report, signed: the reports, and their lines with what is done to them."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from billing.casework.rows import row_of
from billing.lifecycle import report_line
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_COMPANY, OWN_PROVIDER
from billing.reports import intake, lines
from billing.reports.finding import LINES
from portal import problem
from portal.api import answers, bodies, report_forms, show_reports, shown_reports
from portal.api.answers import Shown
from portal.api.desk import AtDesk, Desk
from portal.api.lists import add_list
from portal.api.part import Part
from portal.api.reported_products import both, own_provider
from portal.api.route import allow
from portal.api.steps import add_log, add_one, add_step

_SELLER: Final = (OPERATOR, AUDITOR, OWN_PROVIDER)
_READ: Final = (OPERATOR, AUDITOR, OWN_COMPANY, OWN_PROVIDER)
_REPORT: Final = shown_reports.UsageReportShown
_LINE: Final = shown_reports.ReportLineShown


def router() -> APIRouter:
    made = Part("reported use")
    _add_reports(made)
    _add_lines(made)
    return made


def _add_reports(made: APIRouter) -> None:
    add_list(
        made,
        "/usage_reports",
        intake.FIND,
        lambda _, row: show_reports.report(row),
        _SELLER,
        _REPORT,
        scope=own_provider,
        filters={"provider": "provider_id", "report": "report_id", "outcome": "outcome"},
    )
    add_one(made, "/usage_reports", "Read a report of use", _load_report, _SELLER, _REPORT)

    @made.post(
        "/usage_reports",
        summary="Report use of products that no gateway proxies, signed",
        **allow(*report_line.TABLE.step("report").allow, answer=_REPORT, method="POST", status=201),
    )
    async def take_report(desk: AtDesk, body: report_forms.SignedReport) -> JSONResponse:
        taken = await intake.take_report(desk.conn, body.signed, deed=desk.deed())
        if taken.outcome == "contradicts":  # kept as it was signed, so it is no exception
            return problem.answer(
                problem.CONFLICT,
                "report_contradicts",
                f"A report of this id said something else before; this one is kept as {taken.id}.",
            )
        shown = await _load_report(desk, taken.id)
        return answers.one(shown, status=201, location=f"/api/usage_reports/{taken.id}")


async def _load_report(desk: Desk, report_id: str) -> Shown:
    row = await row_of(desk.conn, f"{intake.FIND} where r.id = %s", [report_id])
    desk.must_see(provider=row["provider_id"])
    return show_reports.report(row)


def _add_lines(made: APIRouter) -> None:
    add_list(
        made,
        "/report_lines",
        LINES,
        lambda _, row: show_reports.line(row),
        _READ,
        _LINE,
        scope=both,
        filters={
            "company": "company_id",
            "provider": "provider_id",
            "product": "product_id",
            "state": "state",
            "report": "report_id",
        },
    )
    add_one(made, "/report_lines", "Read a reported line", _load_line, _READ, _LINE)
    table = report_line.TABLE
    for action, body in (
        ("accept", bodies.Nothing),
        ("object", bodies.Because),
        ("reject", bodies.Because),
        ("withdraw", bodies.Because),
    ):
        add_step(made, "/report_lines", table, action, body, _mover(action), _load_line, _LINE)
    add_log(made, "/report_lines", table, _load_line, _READ)


async def _load_line(desk: Desk, line_id: str) -> Shown:
    row = await lines.find(desk.conn, line_id)
    desk.must_see(company=row["company_id"], provider=row["provider_id"])
    return show_reports.line(row)


def _mover(action: str) -> Any:
    async def run(desk: Desk, line_id: str, body: Any) -> None:
        await lines.move(desk.conn, line_id, action, deed=desk.deed(getattr(body, "reason", None)))

    return run
