"""Monthly statements of companies, providers and programmes; the closing of months."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from billing.casework.rows import rows_of
from billing.lifecycle import month as life
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_COMPANY, OWN_PROVIDER, Allow, Refused
from billing.statements import closing, store
from billing.statements.month import Month, NoMonth, month_named, month_of
from billing.statements.sheet import sheet_of
from billing.statements.statement import Subject, SubjectKind
from portal.api import answers, bodies, show_statement, shown_money
from portal.api.answers import Shown
from portal.api.desk import AtDesk, Desk
from portal.api.part import Part
from portal.api.route import allow
from portal.api.sheet_files import LINES_MAX, Format, file_answer, too_long, with_media
from portal.api.shown import Page
from portal.api.steps import IdPath, add_log, add_one, add_step

MonthPath = Annotated[str, Path(pattern=r"^[0-9]{4}-[0-9]{2}$")]
_READ: Final = (OPERATOR, AUDITOR)


def router() -> APIRouter:
    made = Part("statements")
    _add_statement(made, "company", "companies", (*_READ, OWN_COMPANY))
    _add_statement(made, "provider", "providers", (*_READ, OWN_PROVIDER))
    _add_statement(made, "programme", "programmes", _READ)
    _add_months(made)
    return made


def _add_statement(made: APIRouter, kind: SubjectKind, path: str, allowed: tuple[Allow, ...]) -> None:
    told = with_media(allow(*allowed, answer=shown_money.StatementShown))

    @made.get(f"/{path}/{{id}}/statements/{{month}}", summary=f"A {kind}'s statement of a month", **told)
    async def read_statement(
        desk: AtDesk,
        id: IdPath,
        month: MonthPath,
        form: Annotated[Format, Query(alias="format")] = "json",
        lang: Literal["ko", "en"] = "ko",
    ) -> Response:
        desk.must_see(company=id if kind == "company" else None, provider=id if kind == "provider" else None)
        await _must_exist(desk, kind, id)
        statement = await store.read_statement(desk.conn, Subject(kind, id), month_of_text(month))
        if len(statement.lines) > LINES_MAX:
            raise too_long()
        if form == "json":
            return answers.one(show_statement.statement(statement))
        return await file_answer(sheet_of(statement, lang), form, statement.number, made_at=desk.now)


async def _must_exist(desk: Desk, kind: SubjectKind, subject_id: str) -> None:
    found = await rows_of(desk.conn, f"select 1 from {kind} where id = %s", [subject_id])  # noqa: S608
    if not found:
        raise Refused("not_found", "There is nothing of this id.", "해당 항목이 없습니다.")


def month_of_text(text: str) -> Month:
    try:
        return month_named(text)
    except NoMonth:
        raise Refused(
            "invalid", "A month is written like 2026-10.", "월은 2026-10처럼 입력해 주세요."
        ) from None


def _add_months(made: APIRouter) -> None:
    @made.get(
        "/months",
        summary="The months of the books, and which are closed",
        **allow(*_READ, answer=Page[shown_money.MonthShown]),
    )
    async def list_months(desk: AtDesk) -> dict[str, Any]:
        return {"data": await _months(desk), "next_cursor": None}

    add_one(made, "/months", "Read a month", _load_month, _READ, shown_money.MonthShown)
    add_step(
        made, "/months", life.TABLE, "close", bodies.Because, _close, _load_month, shown_money.MonthShown
    )
    add_log(made, "/months", life.TABLE, _load_month, _READ)


async def _months(desk: Desk) -> list[Shown]:
    """Newest first: from the one that runs now back to the first of the books."""
    closed = {
        row["month"]: row for row in await rows_of(desk.conn, "select * from closed_month order by month")
    }
    first = await store.first_used(desk.conn)
    now = month_of(desk.now)
    named = {month_named(text) for text in closed} | {now}
    month = min(named if first is None else named | {first})
    months = []
    while month <= max(named):
        months.append(show_statement.month(month, closed.get(str(month))))
        month = month.after()
    return months[::-1]


async def _load_month(desk: Desk, month_id: str) -> Shown:
    month = month_of_text(month_id)
    rows = await rows_of(desk.conn, "select * from closed_month where month = %s", [str(month)])
    return show_statement.month(month, rows[0] if rows else None)


async def _close(desk: Desk, month_id: str, body: bodies.Because) -> None:
    month = month_of_text(month_id)
    unbooked = None if desk.api.unbooked is None else await desk.api.unbooked(month)
    await closing.close_month(desk.conn, month, holds_open=unbooked, deed=desk.deed(body.reason))
