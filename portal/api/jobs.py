"""Long jobs: asked for by the route of what they do, looked at, cancelled, and what they made fetched."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response, StreamingResponse

from billing.casework.rows import NOT_FOUND, rows_of
from billing.database import Pool
from billing.jobs import store
from billing.lifecycle import job as life
from billing.lifecycle.table import AUDITOR, OPERATOR, OWN_PROVIDER, Allow, Refused
from portal.api import answers, bodies, job_forms, show_jobs, shown_jobs
from portal.api.answers import Shown
from portal.api.corrections import own_provider
from portal.api.desk import AtDesk, Desk
from portal.api.lists import add_list
from portal.api.part import Part
from portal.api.route import allow
from portal.api.statements import month_of_text
from portal.api.steps import IdPath, add_log, add_one, add_step

_READ: Final = (OPERATOR, AUDITOR, OWN_PROVIDER)
_INSIDE: Final = (OPERATOR, AUDITOR)
_STATEMENT_BYTES_MAX: Final = 32 * 1024 * 1024


def router() -> APIRouter:
    made = Part("jobs")
    _add_jobs(made)
    _add_file(made)
    _add_of_months(made)
    _add_others(made)
    return made


def _add_jobs(made: APIRouter) -> None:
    add_list(
        made,
        "/jobs",
        store.FIND,
        lambda desk, row: show_jobs.job(row, to=desk.actor.role),
        _READ,
        shown_jobs.JobShown,
        scope=own_provider,
        filters={"kind": "kind", "state": "state", "provider": "provider_id"},
    )
    add_one(made, "/jobs", "Read a job: how far it is, what it made", load_job, _READ, shown_jobs.JobShown)
    add_step(made, "/jobs", life.TABLE, "cancel", bodies.Nothing, _cancel, load_job, shown_jobs.JobShown)
    add_log(made, "/jobs", life.TABLE, load_job, _READ)


async def load_job(desk: Desk, job_id: str) -> Shown:
    row = await store.find(desk.conn, job_id)
    desk.must_see(provider=row["provider_id"])
    return show_jobs.job(row, to=desk.actor.role)


async def _cancel(desk: Desk, job_id: str, _: bodies.Nothing) -> None:
    await store.cancel(desk.conn, job_id, deed=desk.deed())


def _add_file(made: APIRouter) -> None:
    told = allow(*_INSIDE, answer=None)
    told["responses"][200]["content"] = {"application/zip": {}}

    @made.get("/jobs/{id}/file", summary="What a job made, as a file", **told)
    async def read_file(desk: AtDesk, id: IdPath) -> Response:
        return await file_of(desk, id)


async def file_of(desk: Desk, job_id: str) -> Response:
    """As it is read: a piece at a time, each on a connection of its own, since who fetches it may be slow."""
    file = (await load_job(desk, job_id))["file"]
    if file is None:
        raise Refused(*NOT_FOUND)
    headers = {
        "Content-Disposition": f'attachment; filename="{file["name"]}"',
        "Content-Length": str(file["bytes"]),
        "Cache-Control": "no-store",
        "X-Content-SHA256": file["sha256"],
    }
    pieces = _pieces(desk.api.pool, job_id)
    return StreamingResponse(pieces, media_type="application/zip", headers=headers)


async def _pieces(pool: Pool, job_id: str) -> AsyncIterator[bytes]:
    for number in itertools.count():
        async with pool.connection() as conn:
            piece = await store.piece_of(conn, job_id, "file", number)
        if piece is None:
            return
        yield piece


def _add_of_months(made: APIRouter) -> None:
    async def close(desk: Desk, month: str, body: bodies.Because) -> str:
        return await store.ask(desk.conn, "close_month", month, {"month": month}, deed=desk.deed(body.reason))

    async def statements(desk: Desk, month: str, body: job_forms.StatementSet) -> str:
        arguments = {"month": month, "formats": sorted(set(body.formats)), "lang": body.lang}
        return await store.ask(desk.conn, "statements", month, arguments, deed=desk.deed())

    _add_of_month(made, "closings", "Close a month, as a job", bodies.Because, close, (OPERATOR,))
    _add_of_month(
        made,
        "statement_sets",
        "Make all statements of a month, as a job",
        job_forms.StatementSet,
        statements,
        _INSIDE,
    )


def _add_of_month(
    made: APIRouter,
    path: str,
    summary: str,
    model: type[bodies.Body],
    ask: Callable[[Desk, str, Any], Awaitable[str]],
    allowed: tuple[Allow, ...],
) -> None:
    async def handle(desk: Any, id: str, body: Any) -> JSONResponse:
        return await _asked(desk, await ask(desk, str(month_of_text(id)), body))

    handle.__annotations__ = {"desk": AtDesk, "id": IdPath, "body": model, "return": JSONResponse}
    handle.__name__ = f"ask_for_{path}"
    made.add_api_route(
        f"/months/{{id}}/{path}", handle, methods=["POST"], summary=summary, **_asking(*allowed)
    )


def _asking(*allowed: Allow, **more: Any) -> Mapping[str, Any]:
    return allow(*allowed, answer=shown_jobs.JobShown, method="POST", status=202, **more)


async def _asked(desk: Desk, job_id: str) -> JSONResponse:
    return answers.one(await load_job(desk, job_id), status=202, location=f"/api/jobs/{job_id}")


def _add_others(made: APIRouter) -> None:
    @made.post("/bundles", summary="Write the books as a signed bundle, as a job", **_asking(*_INSIDE))
    async def ask_for_bundle(desk: AtDesk, body: job_forms.Bundle) -> JSONResponse:
        subject = body.programme or ""
        arguments = {"programme": body.programme}
        return await _asked(desk, await store.ask(desk.conn, "bundle", subject, arguments, deed=desk.deed()))

    @made.post(
        "/statement_imports",
        summary="Match a large usage statement of a provider with the books, as a job",
        **_asking(*_READ, body_bytes_max=_STATEMENT_BYTES_MAX),
    )
    async def ask_for_import(desk: AtDesk, body: job_forms.LargeStatement) -> JSONResponse:
        desk.must_see(provider=body.provider)
        if not await rows_of(desk.conn, "select 1 from provider where id = %s", [body.provider]):
            raise Refused("provider_unknown", "There is no such provider.", "해당 공급기업이 없습니다.")
        month = str(month_of_text(body.month))
        job_id = await store.ask(
            desk.conn,
            "reconciliation",
            f"{body.provider}/{month}",
            {
                "provider": body.provider,
                "month": month,
                "file_name": body.file_name,
                "format": body.format,
            },
            deed=desk.deed(),
            provider=body.provider,
            given=body.content.encode(),
        )
        return await _asked(desk, job_id)
