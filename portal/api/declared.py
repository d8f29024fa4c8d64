"""The kinds of the declarative file over the API: a request is a declaration of one entry.

So the office refuses what `apply` refuses, and gateways hear of a change in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from billing.casework.deeds import log_step
from billing.casework.rows import Row, lock_budget, row_of
from billing.declaration import ApplyReport, apply_entry
from billing.declaration.models import Declared
from billing.lifecycle.table import AUDITOR, OPERATOR, Allow, Refused
from portal.api import answers, bodies, shown
from portal.api.answers import Shown
from portal.api.desk import AtDesk, Desk
from portal.api.lists import Filter, Scope, add_list
from portal.api.route import allow
from portal.api.steps import Load, add_change, add_one

READERS = (OPERATOR, AUDITOR)


@dataclass(frozen=True, slots=True)
class Kind:
    """`query` has a column `id`; `company` and `provider` name its columns of whose a row is."""

    path: str
    model: type[Declared]
    query: str
    show: Callable[[Desk, Row], Shown]
    answer: type[shown.Shown]
    read: tuple[Allow, ...]
    make: tuple[Allow, ...] = (OPERATOR,)
    change: tuple[Allow, ...] = (OPERATOR,)
    company: str | None = None
    provider: str | None = None
    is_public: bool = False  # everybody who may read reads all
    scope: Callable[[Desk], Scope] | None = None  # of a kind that is public in part
    id_path: str = "{id}"
    filters: Mapping[str, str | Filter] = field(default_factory=dict)


def load_of(kind: Kind) -> Load:
    async def load(desk: Desk, thing_id: str) -> Shown:
        condition, parameters = kind.scope(desk) if kind.scope is not None else answers.EVERYTHING
        row = await row_of(
            desk.conn,
            f"select * from ({kind.query}) things where ({condition}) and id = %s",  # noqa: S608
            [*parameters, thing_id],
        )
        if not kind.is_public and kind.scope is None:
            desk.must_see(
                company=row[kind.company] if kind.company else None,
                provider=row[kind.provider] if kind.provider else None,
            )
        return kind.show(desk, row)

    return load


async def write(desk: Desk, declared: Declared) -> ApplyReport:
    return await apply_entry(
        desk.conn,
        declared,
        secrets=desk.api.secrets,
        allow_private=desk.api.allow_private,
        now=desk.now,
    )


async def note(
    desk: Desk,
    kind: Kind,
    action: str,
    thing_id: str,
    thing: Shown,
    *,
    before: str | None = None,
    **detail: Any,
) -> None:
    """`before`: the state it had, where that is another one now."""
    state = str(thing.get("state", "-"))
    await log_step(
        desk.conn,
        kind.model.KIND,
        action,
        deed=desk.deed(),
        thing_id=thing_id,
        before=None if action == "make" else before or state,
        after=state,
        detail=detail,
    )


async def must_be_new(desk: Desk, kind: Kind, thing_id: str) -> None:
    """Of two who make one thing at once, the second waits here and finds it."""
    await lock_budget(desk.conn)
    cursor = await desk.conn.execute(
        f"select 1 from ({kind.query}) things where id = %s".encode(),  # noqa: S608
        [thing_id],
    )
    if await cursor.fetchone() is not None:
        raise Refused(
            "id_taken",
            f"There is a {kind.model.KIND.replace('_', ' ')} of this id.",
            "이미 사용 중인 ID입니다.",
        )


def add_make(router: APIRouter, kind: Kind, body_model: type[BaseModel] | None = None) -> None:
    async def handle(desk: Any, body: Any) -> JSONResponse:
        declared = bodies.declared(kind.model, body)
        await must_be_new(desk, kind, declared.key)
        await write(desk, declared)
        made = await load_of(kind)(desk, declared.key)
        await note(desk, kind, "make", declared.key, made)
        return answers.one(made, status=201, location=f"/api/{kind.path}/{declared.key}")

    add_post(router, kind, handle, body_model or kind.model)


def add_post(
    router: APIRouter,
    kind: Kind,
    handle: Any,
    body_model: type[BaseModel],
    answer: type[shown.Shown] | None = None,
) -> None:
    handle.__annotations__ = {"desk": AtDesk, "body": body_model, "return": JSONResponse}
    handle.__name__ = f"make_{kind.path}"
    router.add_api_route(
        f"/{kind.path}",
        handle,
        methods=["POST"],
        summary=f"Make {_a(kind)}",
        **allow(*kind.make, answer=answer or kind.answer, method="POST", status=201),
    )


def _scope(kind: Kind, desk: Desk) -> Scope:
    if kind.scope is not None:
        return kind.scope(desk)
    if kind.is_public:
        return answers.EVERYTHING
    return answers.own(desk, company=kind.company, provider=kind.provider)


def add_read(router: APIRouter, kind: Kind) -> None:
    add_list(
        router,
        f"/{kind.path}",
        kind.query,
        kind.show,
        kind.read,
        kind.answer,
        scope=lambda desk: _scope(kind, desk),
        filters=kind.filters,
    )
    add_one(
        router,
        f"/{kind.path}",
        f"Read {_a(kind)}",
        load_of(kind),
        kind.read,
        kind.answer,
        id_path=kind.id_path,
    )


def add_patch(
    router: APIRouter, kind: Kind, body: type[bodies.Body], run: Any = None, load: Load | None = None
) -> None:
    async def change(desk: Desk, thing_id: str, body: bodies.Body) -> None:
        await write(desk, bodies.declared(kind.model, body, id=thing_id))
        await note(
            desk,
            kind,
            "change",
            thing_id,
            await load_of(kind)(desk, thing_id),
            fields=sorted(body.model_fields_set),
        )

    add_change(
        router,
        f"/{kind.path}",
        f"Change {_a(kind)}",
        body,
        run or change,
        load or load_of(kind),
        kind.change,
        kind.answer,
        id_path=kind.id_path,
    )


def _a(kind: Kind) -> str:
    word = kind.model.KIND.replace("_", " ")
    return f"an {word}" if word[0] == "a" else f"a {word}"
