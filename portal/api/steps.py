"""Routes for the steps of a state table: the table says who may, the casework does it, the thing answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse

from billing.casework.deeds import steps_of
from billing.casework.rows import lock_budget
from billing.lifecycle.table import Allow, Table
from portal.api import answers, show_casework
from portal.api.bodies import Body
from portal.api.desk import AtDesk, Desk
from portal.api.route import allow
from portal.api.shown import Page, Shown, StepShown

IdPath = Annotated[str, Path(max_length=200)]
Load = Callable[[Desk, str], Awaitable[dict[str, Any]]]


def add_step(  # noqa: PLR0913 - a route in one call
    router: APIRouter,
    path: str,
    table: Table[Any],
    action: str,
    body: type[Body],
    run: Callable[[Desk, str, Any], Awaitable[None]],
    load: Load,
    answer: type[Shown],
    *,
    id_path: str = "{id}",
) -> None:
    """POST {path}/{id}/{action}. `load` refuses what the person may not see, before anything is judged."""

    async def handle(desk: Any, id: str, body: Any) -> JSONResponse:
        await load(desk, id)
        await run(desk, id, body)
        return answers.one(await load(desk, id))

    handle.__annotations__ = {"desk": AtDesk, "id": IdPath, "body": body, "return": JSONResponse}
    handle.__name__ = f"{action}_{table.thing}"
    router.add_api_route(
        f"{path}/{id_path}/{action.replace('_', '-')}",
        handle,
        methods=["POST"],
        summary=f"{table.thing.capitalize().replace('_', ' ')}: {action.replace('_', ' ')}",
        **allow(*table.step(action).allow, answer=answer, method="POST"),
    )


def add_change(  # noqa: PLR0913 - a route in one call
    router: APIRouter,
    path: str,
    summary: str,
    body: type[Body],
    run: Callable[[Desk, str, Any], Awaitable[None]],
    load: Load,
    allowed: tuple[Allow, ...],
    answer: type[Shown],
    *,
    id_path: str = "{id}",
) -> None:
    """PATCH {path}/{id}, for whoever saw the version that is changed: of two at once the second did not."""

    async def handle(request: Any, desk: Any, id: str, body: Any) -> JSONResponse:
        await lock_budget(desk.conn)
        answers.must_match(request, await load(desk, id))
        await run(desk, id, body)
        return answers.one(await load(desk, id))

    handle.__annotations__ = {
        "request": Request,
        "desk": AtDesk,
        "id": IdPath,
        "body": body,
        "return": JSONResponse,
    }
    handle.__name__ = f"change_{path.strip('/')}"
    router.add_api_route(
        f"{path}/{id_path}",
        handle,
        methods=["PATCH"],
        summary=summary,
        **allow(*allowed, answer=answer, method="PATCH"),
    )


def add_one(
    router: APIRouter,
    path: str,
    summary: str,
    load: Load,
    allowed: tuple[Allow, ...],
    answer: type[Shown],
    *,
    id_path: str = "{id}",
) -> None:
    """GET {path}/{id}."""

    async def handle(desk: Any, id: str) -> JSONResponse:
        return answers.one(await load(desk, id))

    handle.__annotations__ = {"desk": AtDesk, "id": IdPath, "return": JSONResponse}
    handle.__name__ = f"read_{path.strip('/')}"
    router.add_api_route(
        f"{path}/{id_path}", handle, methods=["GET"], summary=summary, **allow(*allowed, answer=answer)
    )


def add_log(
    router: APIRouter,
    path: str,
    table: Table[Any],
    load: Load,
    allowed: tuple[Allow, ...],
    *,
    id_path: str = "{id}",
) -> None:
    """GET {path}/{id}/log: every step, with its person and reason."""

    async def handle(desk: Any, id: str) -> dict[str, Any]:
        await load(desk, id)
        steps = await steps_of(desk.conn, table.thing, id)
        shown = [show_casework.step(one, to=desk.actor.role) for one in steps]
        return {"data": [one for one in shown if one is not None], "next_cursor": None}

    handle.__annotations__ = {"desk": AtDesk, "id": IdPath, "return": dict[str, Any]}
    handle.__name__ = f"log_of_{table.thing}"
    router.add_api_route(
        f"{path}/{id_path}/log",
        handle,
        methods=["GET"],
        summary=f"{table.thing.capitalize().replace('_', ' ')}: its log",
        **allow(*allowed, answer=Page[StepShown]),
    )
